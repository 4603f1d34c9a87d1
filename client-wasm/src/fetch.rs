//! One HTTP request, and whether the response is from Kaïros at all. Something else may answer in its place: a captive portal, a
//! proxy's error page, another service on the port. Such a response counts as none. Not here: what is done with it.

use js_sys::{JsString, Promise};
use kairos_protocol::api::headers;
use kairos_protocol::api::problem::{self, Problem};
use kairos_protocol::http::cache_status;
use kairos_protocol::sync::generation::Generations;
use serde::de::DeserializeOwned;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, Headers, RequestCache, RequestCredentials, RequestInit, RequestRedirect, Response};

use crate::error::{Error, Result};
use crate::json;

/// How long a response may take, headers and body.
const TIMEOUT_MS: u32 = 20_000;
/// Largest body that browsers send on after the page has gone (Fetch Standard: 64 KiB for all of them together).
const KEEPALIVE_BYTES: usize = 32 * 1024;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(catch, js_name = fetch)]
    fn fetch(url: &str, init: &RequestInit) -> std::result::Result<Promise, JsValue>;
}

/// What is sent to Kaïros.
#[derive(Clone, Default)]
pub(crate) struct Request {
    /// `GET` when there is no body.
    pub(crate) body: Option<String>,
    /// Path and query.
    pub(crate) path: String,
    /// The bearer's access token.
    pub(crate) token: Option<String>,
    /// `If-None-Match`.
    pub(crate) etag: Option<String>,
    /// `Kairos-Min-Gen`.
    pub(crate) seen: Generations,
}

/// A response of Kaïros: 200-299, or 304 to a request with an entity tag.
pub(crate) struct ServerResponse {
    pub(crate) status: u16,
    /// JSON text; empty where there is none.
    pub(crate) body: JsString,
    /// `ETag`.
    pub(crate) etag: Option<String>,
    /// `Kairos-Gen`.
    pub(crate) generations: Generations,
    /// `Age`.
    pub(crate) age_secs: u32,
    /// `Kairos-Degraded`.
    pub(crate) degraded: Option<String>,
    /// Whether the edge answered from its cache.
    pub(crate) from_edge: bool,
    /// Whether `Cache-Control` says `no-store`.
    pub(crate) no_store: bool,
}

impl ServerResponse {
    /// The body as `T`; any other shape is not from Kaïros.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T> {
        json::read(&self.body).ok_or_else(|| Error::offline("the response does not have the expected shape"))
    }
}

/// Sends a request to `base_url`.
///
/// # Errors
/// `offline` when nothing of Kaïros answered in time, else the problem that it answered with.
pub(crate) async fn send(base_url: &str, request: &Request) -> Result<ServerResponse> {
    let init = init_of(request).map_err(|_| Error::new("invalid_argument", "the request cannot be made"))?;
    let network = |e: JsValue| {
        let message = json::get(&e, "message").as_string();
        Error::offline(message.unwrap_or_else(|| "the network failed".to_owned()))
    };
    let promise = fetch(&format!("{base_url}{}", request.path), &init).map_err(network)?;
    let response: Response = JsFuture::from(promise).await.map_err(network)?.unchecked_into();
    let text = JsFuture::from(response.text().map_err(network)?).await.map_err(network)?;
    let text = json::as_js_string(text).unwrap_or_else(|| "".into());
    interpret(&response, text, request)
}

fn init_of(request: &Request) -> std::result::Result<RequestInit, JsValue> {
    let headers = Headers::new()?;
    headers.set("accept", "application/json, application/problem+json")?;
    let init = RequestInit::new();
    if let Some(body) = &request.body {
        init.set_method("POST");
        init.set_body(&body.as_str().into());
        headers.set("content-type", "application/json")?;
        if body.len() <= KEEPALIVE_BYTES {
            js_sys::Reflect::set(&init, &"keepalive".into(), &JsValue::TRUE)?;
        }
    }
    if let Some(token) = &request.token {
        headers.set("authorization", &format!("Bearer {token}"))?;
    }
    if let Some(etag) = &request.etag {
        headers.set("if-none-match", etag)?;
    }
    if !request.seen.is_empty() {
        headers.set(headers::KAIROS_MIN_GEN, &request.seen.to_string())?;
    }
    init.set_headers_headers(&headers);
    init.set_cache(RequestCache::NoStore);
    init.set_credentials(RequestCredentials::Omit);
    // Kaïros never redirects; a captive portal does, and must not get a token.
    init.set_redirect(RequestRedirect::Error);
    if json::get(&json::get(&js_sys::global(), "AbortSignal"), "timeout").is_function() {
        init.set_signal(Some(&AbortSignal::timeout_with_u32(TIMEOUT_MS)));
    }
    Ok(init)
}

fn interpret(response: &Response, text: JsString, request: &Request) -> Result<ServerResponse> {
    let header = |name: &str| response.headers().get(name).ok().flatten();
    let media_type = header("content-type").unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let status = response.status();
    let reply = || ServerResponse {
        status,
        body: text.clone(),
        etag: header("etag"),
        generations: header(headers::KAIROS_GEN).map(|value| Generations::parse(&value)).unwrap_or_default(),
        age_secs: header("age").and_then(|age| age.trim().parse().ok()).unwrap_or(0),
        degraded: header(headers::KAIROS_DEGRADED),
        from_edge: header(headers::CACHE_STATUS).is_some_and(|value| cache_status::is_hit(&value, headers::EDGE_CACHE)),
        no_store: header("cache-control").is_some_and(|value| value.contains("no-store")),
    };
    match status {
        304 if request.etag.is_some() => return Ok(reply()),
        204 => return Ok(reply()),
        200..=299 if media_type == "application/json" && is_json(&text) => return Ok(reply()),
        200..=399 => return Err(Error::offline("something other than Kaïros answered")),
        _ => {}
    }
    let problem = (media_type == problem::CONTENT_TYPE).then(|| json::read::<Problem>(&text)).flatten();
    let mut error = problem
        .and_then(Error::from_problem)
        .ok_or_else(|| Error::offline(format!("something other than Kaïros answered, with status {status}")))?;
    error.retry_after_secs = header("retry-after").and_then(|secs| secs.trim().parse().ok());
    Err(error)
}

fn is_json(text: &JsString) -> bool {
    json::parse(text).is_ok()
}
