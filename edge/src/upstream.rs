//! Requests to the origin. Says what came back or why nothing usable did; what that means for the caller is not decided here.
//! Redirects are left to the caller, bodies are not decoded, and no request waits for ever. The runtime keeps connections open, and
//! the origin may close one at the moment it is used again: a read whose connection broke is sent once more (RFC 9110 §9.2.2).

use std::fmt;
use std::time::Duration;

use js_sys::futures::JsFuture;
use js_sys::{ArrayBuffer, Promise, Reflect};
use kairos_protocol::api::headers;
use kairos_protocol::http::field::Fields;
use kairos_protocol::sync::generation::Generations;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{AbortController, Headers, Request, RequestInit, RequestRedirect, Response};

use crate::platform::{Body, read_fields, within, write_fields};
use crate::request::CacheRequest;
use crate::route::Lookup;

/// Longest wait for a response that everyone may share: a stored one or a plain retry stands behind it.
const FETCH_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest wait for the head of any other response: beyond the origin's own longest operation (20 s).
const FORWARD_TIMEOUT: Duration = Duration::from_secs(30);

/// The caller's fields that go along where everyone may share the response: none that it may depend on. Who asks is not among
/// them.
const SHARED_FIELDS: &[&str] = &["cf-connecting-ip", "traceparent", "tracestate"];

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(catch, js_name = fetch)]
    fn start_fetch(url: &str, init: &RequestInit) -> Result<Promise, JsValue>;
}

/// A response of the origin's.
pub(crate) struct OriginResponse {
    /// 200 to 599.
    pub(crate) status: u16,
    /// Its fields.
    pub(crate) fields: Fields,
    response: Response,
}

impl OriginResponse {
    /// Its body, as it arrives.
    #[must_use]
    pub(crate) fn body(&self) -> Body {
        self.response.body().map_or(Body::Empty, Body::Stream)
    }

    /// Reads the body whole; it must have `length` bytes.
    ///
    /// # Errors
    /// [`Failure`] when it breaks off, takes too long, or has another length.
    pub(crate) async fn bytes(&self, length: u32) -> Result<ArrayBuffer, Failure> {
        let reading = JsFuture::from(self.response.array_buffer().map_err(Failure::broken)?);
        let bytes = within(FETCH_TIMEOUT, reading).await.ok_or(Failure::TimedOut)?.map_err(Failure::broken)?;
        let bytes: ArrayBuffer = bytes.dyn_into().map_err(Failure::broken)?;
        if bytes.byte_length() == length {
            Ok(bytes)
        } else {
            Err(Failure::Broken(format!("{} bytes where {length} were announced", bytes.byte_length())))
        }
    }
}

/// Why there is no usable response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// No connection, or it broke.
    Broken(String),
    /// No response in time.
    TimedOut,
    /// A status that no response may have, or not this one.
    Status(u16),
}

impl Failure {
    fn broken(error: impl Into<JsValue>) -> Self {
        let error: JsValue = error.into();
        Self::Broken(
            error.dyn_ref::<js_sys::Error>().map_or_else(|| format!("{error:?}"), |e| String::from(e.message())),
        )
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken(why) => write!(f, "the connection to the origin failed: {why}"),
            Self::TimedOut => f.write_str("the origin did not answer in time"),
            Self::Status(status) => write!(f, "the origin answered with status {status}"),
        }
    }
}

/// The origin.
pub(crate) struct Upstream {
    base: String,
}

impl Upstream {
    /// `base` is its scheme and host, as in `ORIGIN_URL`.
    #[must_use]
    pub(crate) fn new(base: &str) -> Self {
        Self { base: base.trim_end_matches('/').to_owned() }
    }

    /// Forwards `request` as it is; only a read carries the `reported` generations in place of its own. Its body is streamed.
    ///
    /// # Errors
    /// [`Failure`]; whether the request took effect is then unknown.
    pub(crate) async fn forward(
        &self,
        request: &Request,
        head: &CacheRequest,
        reported: &Generations,
    ) -> Result<OriginResponse, Failure> {
        let fields = Headers::new_with_headers(&request.headers()).map_err(Failure::broken)?;
        let codings = head.accept_encoding.as_deref().filter(|codings| !codings.is_empty()).unwrap_or("identity");
        fields.set("accept-encoding", codings).map_err(Failure::broken)?;
        if head.is_safe() {
            replace(&fields, headers::KAIROS_MIN_GEN, &reported.to_string()).map_err(Failure::broken)?;
        }
        let init = RequestInit::new();
        init.set_method(&head.method);
        init.set_headers_headers(&fields);
        if let Some(body) = request.body() {
            init.set_body_opt_readable_stream(Some(&body));
        }
        let separator = if head.query.is_empty() { "" } else { "?" };
        self.fetch(&format!("{}{separator}{}", head.path, head.query), &init, FORWARD_TIMEOUT).await
    }

    /// Fetches a response that everyone may share: in one coding, without anything that tells who asks. `entity_tag` is that of
    /// the stored response to validate.
    ///
    /// # Errors
    /// [`Failure`].
    pub(crate) async fn fetch_shared(
        &self,
        lookup: &Lookup,
        request: &Request,
        reported: &Generations,
        entity_tag: Option<&str>,
    ) -> Result<OriginResponse, Failure> {
        let mut fields = Fields::default();
        for name in SHARED_FIELDS {
            if let Some(value) = request.headers().get(name).map_err(Failure::broken)? {
                fields.set(name, value);
            }
        }
        fields.set("accept-encoding", lookup.encoding.token());
        if !reported.is_empty() {
            fields.set(headers::KAIROS_MIN_GEN, reported.to_string());
        }
        if let Some(tag) = entity_tag {
            fields.set("if-none-match", tag);
        }
        let init = RequestInit::new();
        init.set_method(if lookup.is_head { "HEAD" } else { "GET" });
        init.set_headers_headers(&write_fields(&fields).map_err(Failure::broken)?);
        self.fetch(&lookup.target, &init, FETCH_TIMEOUT).await
    }

    async fn fetch(&self, target: &str, init: &RequestInit, timeout: Duration) -> Result<OriginResponse, Failure> {
        let controller = AbortController::new().map_err(Failure::broken)?;
        init.set_signal(Some(&controller.signal()));
        init.set_redirect(RequestRedirect::Manual);
        // No binding has this one: without it the runtime decodes the body.
        Reflect::set(init, &"encodeResponseBody".into(), &"manual".into()).map_err(Failure::broken)?;
        let url = format!("{}{target}", self.base);
        let send = || start_fetch(&url, init).map(JsFuture::from);
        let sending = async {
            match send()?.await {
                Err(_) if is_repeatable(init) => send()?.await,
                outcome => outcome,
            }
        };
        let Some(outcome) = within(timeout, sending).await else {
            controller.abort();
            return Err(Failure::TimedOut);
        };
        let response: Response = outcome.map_err(Failure::broken)?.dyn_into().map_err(Failure::broken)?;
        let status = response.status();
        // The runtime refuses to make a response with any other status.
        if !(200..=599).contains(&status) {
            return Err(Failure::Status(status));
        }
        let fields = read_fields(&response.headers()).map_err(Failure::broken)?;
        Ok(OriginResponse { status, fields, response })
    }
}

/// Whether sending it twice is as good as once, and possible: a read, without a body that is gone after the first time.
fn is_repeatable(init: &RequestInit) -> bool {
    let is_read = matches!(init.get_method().as_deref(), Some("GET" | "HEAD"));
    is_read && init.get_body().is_undefined()
}

/// Puts `value` in the place of what `name` has; an empty one leaves nothing.
fn replace(fields: &Headers, name: &str, value: &str) -> Result<(), JsValue> {
    if value.is_empty() { fields.delete(name) } else { fields.set(name, value) }
}
