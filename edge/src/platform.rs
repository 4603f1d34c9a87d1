//! The runtime's own objects (requests, responses, header fields, promises) turned into plain values and back. Besides this, only
//! [`crate::cache_store`] and [`crate::upstream`] touch JavaScript. It decides nothing.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use js_sys::{Array, ArrayBuffer, Reflect};
use kairos_protocol::api::headers;
use kairos_protocol::http::field::Fields;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Headers, ReadableStream, Request, Response, ResponseInit};
use worker::Delay;

use crate::request::CacheRequest;

/// The request fields that decisions read; the others are only forwarded.
const READ: &[&str] = &[
    "cache-control",
    "content-length",
    "if-match",
    "if-none-match",
    "if-unmodified-since",
    headers::KAIROS_MIN_GEN,
    "transfer-encoding",
];

/// Statuses whose responses have no body (Fetch standard §2.2.3).
const NULL_BODY: &[u16] = &[101, 204, 205, 304];

/// A response's body, not yet read, or read whole. Its bytes stay on the JavaScript side.
pub(crate) enum Body {
    /// None.
    Empty,
    /// As it arrives.
    Stream(ReadableStream),
    /// Complete.
    Bytes(ArrayBuffer),
    /// Written here.
    Text(String),
}

/// A response to the caller.
pub(crate) struct EdgeResponse {
    /// 200 to 599.
    pub(crate) status: u16,
    /// All its fields.
    pub(crate) fields: Fields,
    /// In the coding that `content-encoding` names.
    pub(crate) body: Body,
}

/// Reads what decisions need of `request`.
///
/// # Errors
/// The runtime's, which a request that came over HTTP does not cause.
pub(crate) fn read_head(request: &Request) -> Result<CacheRequest, JsValue> {
    let headers = request.headers();
    let mut fields = Fields::default();
    for name in READ {
        if let Some(value) = headers.get(name)? {
            fields.set(name, value);
        }
    }
    let url = request.url();
    let (path, query) = CacheRequest::split_url(&url);
    Ok(CacheRequest {
        method: request.method(),
        path: path.to_owned(),
        query: query.to_owned(),
        fields,
        accept_encoding: accepted_codings(request)?,
    })
}

/// The platform replaces `Accept-Encoding` by its own and puts the caller's into `request.cf`.
fn accepted_codings(request: &Request) -> Result<Option<String>, JsValue> {
    let platform = Reflect::get(request, &"cf".into())?;
    let original =
        if platform.is_object() { Reflect::get(&platform, &"clientAcceptEncoding".into())?.as_string() } else { None };
    original.map_or_else(|| request.headers().get("accept-encoding"), |codings| Ok(Some(codings)))
}

/// Reads all of `headers`.
///
/// # Errors
/// The runtime's.
pub(crate) fn read_fields(headers: &Headers) -> Result<Fields, JsValue> {
    let entries = headers.entries().into_iter().map(|entry| {
        let pair: Array = entry?.unchecked_into();
        Ok((pair.get(0).as_string().unwrap_or_default(), pair.get(1).as_string().unwrap_or_default()))
    });
    entries.collect()
}

/// Makes the runtime's header fields.
///
/// # Errors
/// A name or value that HTTP does not allow.
pub(crate) fn write_fields(fields: &Fields) -> Result<Headers, JsValue> {
    let headers = Headers::new()?;
    for (name, value) in fields.iter() {
        headers.append(name, value)?;
    }
    Ok(headers)
}

/// Makes the runtime's response. Bodies are sent as they are: their coding is never changed.
///
/// # Errors
/// A field that HTTP does not allow, or a status outside 200 to 599.
pub(crate) fn respond(response: EdgeResponse) -> Result<Response, JsValue> {
    let init = ResponseInit::new();
    init.set_status(response.status);
    init.set_headers_headers(&write_fields(&response.fields)?);
    Reflect::set(&init, &"encodeBody".into(), &"manual".into())?;
    match response.body {
        _ if NULL_BODY.contains(&response.status) => Response::new_with_opt_str_and_init(None, &init),
        Body::Empty => Response::new_with_opt_str_and_init(None, &init),
        Body::Stream(stream) => Response::new_with_opt_readable_stream_and_init(Some(&stream), &init),
        Body::Bytes(bytes) => Response::new_with_opt_buffer_source_and_init(Some(&bytes), &init),
        Body::Text(text) => Response::new_with_opt_str_and_init(Some(&text), &init),
    }
}

/// The outcome of `future`, or `None` when it takes longer than `limit`.
pub(crate) async fn within<T>(limit: Duration, future: impl Future<Output = T>) -> Option<T> {
    match select(pin!(future), pin!(Delay::from(limit))).await {
        Either::Left((outcome, _)) => Some(outcome),
        Either::Right(((), _)) => None,
    }
}
