//! One request, from the route to the reply: look up, decide, fetch, store. The decisions stand in [`crate::route`],
//! [`crate::reuse`], [`crate::order`] and [`crate::storability`]; this file only carries them out.

use js_sys::ArrayBuffer;
use kairos_protocol::UnixMillis;
use kairos_protocol::api::headers;
use kairos_protocol::api::problem::ProblemType;
use kairos_protocol::http::cache_status::{CacheStatus, Forward};
use kairos_protocol::sync::generation::Generations;
use wasm_bindgen::JsValue;
use web_sys::Request;
use worker::{console_error, console_warn};

use crate::cache_store::{self, Found};
use crate::fields::Fields;
use crate::order::{is_older_than_seen, reported_generations, supersedes};
use crate::platform::{Body, EdgeResponse, read_head};
use crate::response::{forwarded, hit, not_cached, origin_problem, problem_response, shared_response};
use crate::reuse::{Reuse, evaluate, serve_stale_if_error};
use crate::route::{CacheRequest, Lookup, Route, route};
use crate::storability::{NotStored, check_storable, check_update_storable};
use crate::stored_response::StoredResponse;
use crate::upstream::{Failure, OriginResponse, Upstream};

/// Answers one request.
///
/// # Errors
/// The runtime's, when it cannot even be read.
pub(crate) async fn handle(
    request: &Request,
    upstream: &Upstream,
    clock: fn() -> UnixMillis,
) -> Result<EdgeResponse, JsValue> {
    let head = read_head(request)?;
    match route(&head) {
        Route::Absent => Ok(problem_response(&ProblemType::NotFound.with_detail("There is no such route."), None)),
        Route::NotCached => Ok(not_cached()),
        Route::Through(reason) => {
            let reported = reported_generations(&head, None, clock());
            Ok(pass_through(request, &head, &reported, upstream, reason).await)
        }
        Route::Lookup(lookup) => {
            let key = lookup.key();
            let found = look_up(&key).await;
            let reported = reported_generations(&head, found.as_ref().map(|found| &found.answer), clock());
            let exchange = Exchange { request, head: &head, lookup: &lookup, key: &key, reported, upstream, clock };
            Ok(exchange.answer(found).await)
        }
    }
}

async fn pass_through(
    request: &Request,
    head: &CacheRequest,
    reported: &Generations,
    upstream: &Upstream,
    reason: Forward,
) -> EdgeResponse {
    let member = forwarded(reason, false, None);
    match upstream.pass_on(request, head, reported).await {
        Ok(answer) => {
            let body = answer.body();
            let mut fields = answer.fields;
            fields.append(headers::CACHE_STATUS, &member.to_string());
            EdgeResponse { status: answer.status, fields, body }
        }
        Err(failure) => {
            console_error!("{} {}: {failure}", head.method, head.path);
            problem_response(&origin_problem(head, matches!(failure, Failure::Status(_))), Some(&member))
        }
    }
}

/// A store that cannot be reached has nothing.
async fn look_up(key: &str) -> Option<Found> {
    cache_store::look_up(key).await.unwrap_or_else(|error| {
        console_error!("look-up of {key} failed: {error:?}");
        None
    })
}

/// Whether the origin failed, as far as a copy may stand in for its answer: an error, or the documented default.
fn is_failure(answer: &OriginResponse) -> bool {
    answer.status >= 500 || answer.fields.get(headers::KAIROS_DEGRADED) == Some("default")
}

/// That the origin was asked.
#[derive(Clone, Copy)]
struct Forwarded {
    reason: Forward,
    at: UnixMillis,
}

/// Why an answer that may be stored was not.
enum Discarded {
    /// Something newer was stored while it was on its way.
    Overtaken(Found),
    Refused(NotStored),
}

impl Discarded {
    const fn reason(&self) -> NotStored {
        match self {
            Self::Overtaken(_) => NotStored::Older,
            Self::Refused(why) => *why,
        }
    }
}

/// A request that the store may answer, on its way.
struct Exchange<'a> {
    request: &'a Request,
    head: &'a CacheRequest,
    lookup: &'a Lookup,
    key: &'a str,
    reported: Generations,
    upstream: &'a Upstream,
    clock: fn() -> UnixMillis,
}

impl Exchange<'_> {
    async fn answer(&self, found: Option<Found>) -> EdgeResponse {
        let copy = found.as_ref().map(|found| &found.answer);
        match evaluate(copy, self.head, &self.reported, (self.clock)()) {
            Reuse::NotCached => not_cached(),
            Reuse::Ask(reason) => self.ask(found, reason).await,
            Reuse::Hit { ttl_secs } => match found {
                Some(found) => self.serve_copy(&found, ttl_secs, None),
                None => self.ask(None, Forward::UriMiss).await,
            },
        }
    }

    async fn ask(&self, found: Option<Found>, reason: Forward) -> EdgeResponse {
        let tag = found.as_ref().and_then(|found| found.answer.entity_tag());
        let asked = Forwarded { reason, at: (self.clock)() };
        match self.upstream.ask(self.lookup, self.request, &self.reported, tag).await {
            Err(failure) => self.without_origin(found, asked, &failure),
            Ok(answer) => self.with_origin(found, asked, answer).await,
        }
    }

    async fn with_origin(&self, found: Option<Found>, asked: Forwarded, answer: OriginResponse) -> EdgeResponse {
        match (answer.status, found) {
            (304, Some(found)) => self.refresh(found, asked, &answer).await,
            // Nobody asked for it: there was no tag to compare with.
            (304, None) => self.without_origin(None, asked, &Failure::Status(304)),
            (_, Some(found)) if is_failure(&answer) => match self.serve_stale(&found) {
                Some(reply) => reply,
                None => self.take(Some(found), asked, answer).await,
            },
            (200, Some(found)) if self.is_too_old(asked, &answer, &found) => match self.prefer(&found) {
                Some(reply) => reply,
                None => self.take(Some(found), asked, answer).await,
            },
            (404 | 410, found) => {
                self.evict().await;
                self.take(found, asked, answer).await
            }
            (_, found) => self.take(found, asked, answer).await,
        }
    }

    /// Gives the origin's answer on, and keeps it when it may.
    async fn take(&self, found: Option<Found>, asked: Forwarded, answer: OriginResponse) -> EdgeResponse {
        let newest = StoredResponse::new(answer.fields.clone(), asked.at);
        let reported = reported_generations(self.head, Some(&newest), (self.clock)());
        let length = match check_storable(answer.status, &answer.fields, self.lookup, self.head, &reported) {
            Ok(length) => length,
            Err(why) => {
                let member = forwarded(asked.reason, false, Some(why.token()));
                let body = answer.body();
                return shared_response(self.head, answer.status, answer.fields, body, &member);
            }
        };
        let body = match answer.bytes(length).await {
            Ok(body) => body,
            Err(failure) => return self.without_origin(found, asked, &failure),
        };
        let kept = self.keep(&newest, &body, found.is_some()).await;
        if let Err(Discarded::Overtaken(newer)) = &kept
            && let Some(reply) = self.prefer(newer)
        {
            return reply;
        }
        let member = forwarded(asked.reason, kept.is_ok(), kept.err().map(|why| why.reason().token()));
        shared_response(self.head, answer.status, answer.fields, Body::Bytes(body), &member)
    }

    /// The origin says that the copy is still right.
    async fn refresh(&self, found: Found, asked: Forwarded, answer: &OriginResponse) -> EdgeResponse {
        let newest = found.answer.refreshed(&answer.fields, asked.at);
        if let Err(why) = self.check_update(answer, &found.answer, &newest) {
            let member = forwarded(asked.reason, false, Some(why.token()));
            // For its caller alone it may be: that does not make it older than the origin says.
            let fields =
                if why == NotStored::Directives { newest.fields().clone() } else { self.aged_fields(&found.answer) };
            return self.validated(fields, answer, found.body(), &member);
        }
        let body = match found.bytes().await {
            Ok(body) => body,
            Err(error) => return self.without_origin(None, asked, &Failure::Broken(format!("{error:?}"))),
        };
        let kept = self.keep(&newest, &body, true).await;
        if let Err(Discarded::Overtaken(newer)) = &kept
            && let Some(reply) = self.prefer(newer)
        {
            return reply;
        }
        let member = forwarded(asked.reason, kept.is_ok(), kept.err().map(|why| why.reason().token()));
        self.validated(newest.fields().clone(), answer, Body::Bytes(body), &member)
    }

    fn check_update(
        &self,
        answer: &OriginResponse,
        copy: &StoredResponse,
        newest: &StoredResponse,
    ) -> Result<(), NotStored> {
        check_update_storable(&answer.fields, newest)?;
        if self.is_superseded(newest, copy) { Err(NotStored::Older) } else { Ok(()) }
    }

    fn validated(&self, mut fields: Fields, answer: &OriginResponse, body: Body, member: &CacheStatus) -> EdgeResponse {
        for name in [headers::CACHE_STATUS, headers::KAIROS_DEGRADED] {
            if let Some(value) = answer.fields.get(name) {
                fields.set(name, value);
            }
        }
        shared_response(self.head, 200, fields, body, member)
    }

    /// Stores `newest`, if nothing newer has come meanwhile. What was `found` when the origin was asked, and is gone, was
    /// forgotten for a reason: it is not put back.
    async fn keep(&self, newest: &StoredResponse, body: &ArrayBuffer, found: bool) -> Result<(), Discarded> {
        match look_up(self.key).await {
            Some(there) if supersedes(&there.answer, newest, (self.clock)()) => {
                return Err(Discarded::Overtaken(there));
            }
            None if found => return Err(Discarded::Refused(NotStored::Gone)),
            _ => {}
        }
        let keep_secs = newest.keep_secs((self.clock)());
        cache_store::store(self.key, newest, body, keep_secs).await.map_err(|error| {
            console_warn!("{} was not stored: {error:?}", self.key);
            Discarded::Refused(NotStored::Failed)
        })
    }

    /// It is gone, in every coding: no later failure of the origin may bring it back.
    async fn evict(&self) {
        for key in self.lookup.all_keys() {
            if let Err(error) = cache_store::evict(&key).await {
                console_warn!("{key} could not be forgotten: {error:?}");
            }
        }
    }

    fn is_too_old(&self, asked: Forwarded, answer: &OriginResponse, copy: &Found) -> bool {
        self.is_superseded(&StoredResponse::new(answer.fields.clone(), asked.at), &copy.answer)
    }

    /// Whether the answer is older than the copy, or than what the caller has seen: then the copy is given in its place.
    fn is_superseded(&self, answer: &StoredResponse, copy: &StoredResponse) -> bool {
        let now = (self.clock)();
        supersedes(copy, answer, now) || is_older_than_seen(answer, self.head, now)
    }

    fn without_origin(&self, found: Option<Found>, asked: Forwarded, failure: &Failure) -> EdgeResponse {
        console_error!("{}: {failure}", self.lookup.target);
        found.and_then(|found| self.serve_stale(&found)).unwrap_or_else(|| {
            let problem = origin_problem(self.head, matches!(failure, Failure::Status(_)));
            problem_response(&problem, Some(&forwarded(asked.reason, false, None)))
        })
    }

    /// The copy in place of an origin that failed, if it may.
    fn serve_stale(&self, found: &Found) -> Option<EdgeResponse> {
        let ttl_secs = serve_stale_if_error(&found.answer, &self.reported, (self.clock)())?;
        Some(self.serve_copy(found, ttl_secs, Some("stale")))
    }

    /// The copy in place of an answer that is older, if it may.
    fn prefer(&self, found: &Found) -> Option<EdgeResponse> {
        let ttl_secs = serve_stale_if_error(&found.answer, &self.reported, (self.clock)())?;
        Some(self.serve_copy(found, ttl_secs, (ttl_secs <= 0).then_some("stale")))
    }

    fn serve_copy(&self, found: &Found, ttl_secs: i64, degraded: Option<&'static str>) -> EdgeResponse {
        let mut fields = self.aged_fields(&found.answer);
        if let Some(degraded) = degraded {
            fields.set(headers::KAIROS_DEGRADED, degraded);
        }
        shared_response(self.head, 200, fields, found.body(), &hit(ttl_secs, None))
    }

    fn aged_fields(&self, copy: &StoredResponse) -> Fields {
        let mut fields = copy.fields().clone();
        fields.set("age", copy.age_secs((self.clock)()).to_string());
        fields
    }
}
