//! Sending one request and reading its response, whatever comes. Not what is asked, nor what the body says.

use std::sync::Arc;
use std::time::Duration;

use kairos_protocol::api::headers::{CACHE_STATUS, KAIROS_DEGRADED, KAIROS_GEN, KAIROS_MIN_GEN};
use kairos_protocol::http::cache_control::CacheControl;
use kairos_protocol::sync::generation::Generations;
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderMap, IF_NONE_MATCH};

use super::Session;
use crate::chaos::cluster::{Health, Target};
use crate::chaos::event::{Exchange, Observed};

/// Longer than any request may take, an origin's longest pause included.
const PATIENCE: Duration = Duration::from_secs(70);
/// How soon most clients turn elsewhere when a server stands still.
const SHORT_PATIENCE: Duration = Duration::from_millis(400);

/// What is asked.
#[derive(Default)]
pub(crate) struct Request {
    pub(crate) method: Method,
    /// With its query.
    pub(crate) path: String,
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) token: Option<Arc<str>>,
    /// Name the tag of what is stored.
    pub(crate) revalidates: bool,
    /// `Cache-Control: no-cache`.
    pub(crate) no_cache: bool,
}

/// What came.
pub(crate) struct Reply {
    pub(crate) exchange: Exchange,
    pub(crate) body: Vec<u8>,
    pub(crate) etag: Option<String>,
}

impl Request {
    /// A read.
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self { path: path.into(), ..Self::default() }
    }
}

impl Session {
    /// Sends `request` to a target drawn from the seed. Nothing is reported yet: the caller reads the body first.
    pub(super) async fn send(&mut self, request: Request) -> Reply {
        let context = Arc::clone(&self.context);
        let (to_edge, at, is_stubborn) = (self.random.percent(30), self.random.index(1 << 16), self.random.percent(8));
        let of_kind = if to_edge && !context.edges().is_empty() { context.edges() } else { context.origins() };
        let around = of_kind.iter().cycle().skip(at % of_kind.len().max(1)).take(of_kind.len());
        // Whoever knows that a server is away asks another, but for a few.
        let target = around.clone().find(|t| is_stubborn || *t.health.borrow() == Health::Up).or(around.clone().next());
        let Some(target) = target else { return Reply::none("no target") };
        let tag = self.stored.get(&request.path).filter(|_| request.revalidates).map(|(tag, _)| tag.clone());
        let described = describe(&request, tag.is_some());
        let sending = self.build(target, request, tag);
        let at_us = context.now_us();
        let mut reply = tokio::select! {
            reply = tokio::time::timeout(PATIENCE, send_and_read(sending)) => reply.unwrap_or_else(|_| Reply::none("gave up waiting")),
            () = turned_away(target, is_stubborn) => Reply::none("turned elsewhere"),
        };
        let took_us = context.now_us() - at_us;
        let (name, origin, session) = (Arc::clone(&target.name), target.origin, self.number);
        let exchange = reply.exchange;
        reply.exchange = Exchange {
            session,
            target: name,
            origin,
            through_edge: target.is_edge,
            request: described,
            at_us,
            took_us,
            sent: self.seen.clone(),
            ..exchange
        };
        if reply.exchange.status.is_none() {
            // A server that is gone refuses at once: asking it again at once helps nobody.
            context.rest(if *target.health.borrow() == Health::Down { 50 } else { 5 }).await;
        }
        reply
    }

    fn build(&self, target: &Target, request: Request, tag: Option<String>) -> reqwest::RequestBuilder {
        let url = format!("{}{}", target.url, request.path);
        let mut building = self.context.client.request(request.method, url);
        if !self.seen.is_empty() {
            building = building.header(KAIROS_MIN_GEN, self.seen.to_string());
        }
        if let Some(token) = request.token {
            building = building.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        if let Some(tag) = tag {
            building = building.header(IF_NONE_MATCH, tag);
        }
        if request.no_cache {
            building = building.header(CACHE_CONTROL, "no-cache");
        }
        match request.body {
            Some(body) => building.header(CONTENT_TYPE, "application/json").body(body),
            None => building,
        }
    }
}

impl Reply {
    fn none(why: &str) -> Self {
        let failure = Some(why.to_owned());
        Self {
            exchange: Exchange { failure, observed: Observed::Nothing, ..Exchange::default() },
            body: Vec::new(),
            etag: None,
        }
    }
}

fn describe(request: &Request, has_tag: bool) -> String {
    let tag = if has_tag { " if-none-match" } else { "" };
    let no_cache = if request.no_cache { " no-cache" } else { "" };
    format!("{} {}{tag}{no_cache}", request.method, request.path)
}

/// Resolves some time after the target began to stand still.
async fn turned_away(target: &Target, is_stubborn: bool) {
    let mut health = target.health.clone();
    if is_stubborn || health.wait_for(|health| *health == Health::Paused).await.is_err() {
        return std::future::pending().await;
    }
    tokio::time::sleep(SHORT_PATIENCE).await;
}

async fn send_and_read(sending: reqwest::RequestBuilder) -> Reply {
    let response = match sending.send().await {
        Ok(response) => response,
        Err(error) => return Reply::none(&reason(&error)),
    };
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = match response.bytes().await {
        Ok(body) => body.to_vec(),
        Err(error) => return Reply::none(&reason(&error)),
    };
    let text = |name: &str| text(&headers, name).unwrap_or_default();
    let directives = CacheControl::parse(&text(CACHE_CONTROL.as_str()));
    let exchange = Exchange {
        status: Some(status),
        received: Generations::parse(&text(KAIROS_GEN)),
        storable: !directives.no_store,
        degraded: headers.contains_key(KAIROS_DEGRADED),
        cache_status: text(CACHE_STATUS),
        ..Exchange::default()
    };
    Reply { exchange, body, etag: self::text(&headers, ETAG.as_str()) }
}

/// All lines of a field as one.
fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    let lines: Vec<&str> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    (!lines.is_empty()).then(|| lines.join(", "))
}

/// The innermost cause: what is around it says only that a request failed.
fn reason(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = std::error::Error::source(cause) {
        cause = inner;
    }
    cause.to_string()
}
