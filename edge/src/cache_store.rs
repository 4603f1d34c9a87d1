//! Where responses are stored: the platform's Cache API, which reaches one data centre. It holds them as opaque bytes with one
//! private header; it never sees their codings or directives, so it can neither recompress nor reinterpret them. Decides
//! nothing about freshness: its own expiry only says when a stored response is of no use any more.

use std::time::Duration;

use js_sys::ArrayBuffer;
use js_sys::futures::JsFuture;
use kairos_protocol::http::field::Fields;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Cache, Response};

use crate::platform::{Body, EdgeResponse, respond, within};
use crate::stored_response::StoredResponse;

/// Carries the [`StoredResponse`] beside the body.
const STORED: &str = "kairos-stored";

/// Longest that storing may hold up the caller.
const STORE_TIMEOUT: Duration = Duration::from_secs(1);

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(thread_local_v2, js_namespace = caches, js_name = default)]
    static CACHE: Cache;
}

/// What a look-up found.
pub(crate) struct Found {
    /// The stored response, without its body.
    pub(crate) stored: StoredResponse,
    response: Response,
}

impl Found {
    /// Its body, unread.
    #[must_use]
    pub(crate) fn body(&self) -> Body {
        self.response.body().map_or(Body::Empty, Body::Stream)
    }

    /// Reads its body whole.
    ///
    /// # Errors
    /// The store lost it meanwhile.
    pub(crate) async fn bytes(&self) -> Result<ArrayBuffer, JsValue> {
        JsFuture::from(self.response.array_buffer()?).await?.dyn_into()
    }
}

/// Looks up `key`. What cannot be read, as another version of this worker may have stored it, is not found.
///
/// # Errors
/// The store cannot be reached.
pub(crate) async fn look_up(key: &str) -> Result<Option<Found>, JsValue> {
    let found = JsFuture::from(CACHE.with(|cache| cache.match_with_str(key))).await?;
    let Ok(response) = found.dyn_into::<Response>() else {
        return Ok(None);
    };
    let described = response.headers().get(STORED)?;
    let stored = described.and_then(|text| serde_json::from_str(&text).ok());
    Ok(stored.map(|stored| Found { stored, response }))
}

/// Stores `response` with its body for `store_secs`, in place of what was there.
///
/// # Errors
/// The store cannot be reached, refuses, or takes longer than a second.
pub(crate) async fn store(
    key: &str,
    response: &StoredResponse,
    body: &ArrayBuffer,
    store_secs: u32,
) -> Result<(), JsValue> {
    let described = serde_json::to_string(response).map_err(|error| JsValue::from_str(&error.to_string()))?;
    let fields: Fields = [
        ("cache-control", format!("max-age={store_secs}")),
        ("content-type", "application/octet-stream".to_owned()),
        (STORED, described),
    ]
    .into_iter()
    .collect();
    let response = respond(EdgeResponse { status: 200, fields, body: Body::Bytes(body.clone()) })?;
    let put = JsFuture::from(CACHE.with(|cache| cache.put_with_str(key, &response)));
    within(STORE_TIMEOUT, put).await.unwrap_or_else(|| Err("the store took too long".into())).map(|_| ())
}

/// Removes what is stored under `key`, if anything is.
///
/// # Errors
/// The store cannot be reached.
pub(crate) async fn remove(key: &str) -> Result<(), JsValue> {
    JsFuture::from(CACHE.with(|cache| cache.delete_with_str(key))).await.map(|_| ())
}
