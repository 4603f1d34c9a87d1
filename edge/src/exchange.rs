//! One request that a stored response may answer: look up, evaluate, fetch, store. The decisions stand in [`crate::reuse`],
//! [`crate::order`] and [`crate::storability`]; this file only carries them out.

use js_sys::ArrayBuffer;
use kairos_protocol::UnixMillis;
use kairos_protocol::api::headers;
use kairos_protocol::http::cache_status::{CacheStatus, Forward};
use kairos_protocol::http::field::Fields;
use kairos_protocol::http::storability::NotStorable;
use kairos_protocol::sync::generation::Generations;
use web_sys::Request;
use worker::{console_error, console_warn};

use crate::cache_store::{self, Found};
use crate::order::{is_older_than_seen, reported_generations, supersedes};
use crate::platform::{Body, EdgeResponse};
use crate::request::CacheRequest;
use crate::response::{forwarded, hit, not_cached, origin_problem, problem_response, shared_response};
use crate::reuse::{Reuse, evaluate, serve_stale_if_error};
use crate::route::Lookup;
use crate::storability::{NotStored, StoreOutcome, check_storable, check_update_storable};
use crate::stored_response::StoredResponse;
use crate::upstream::{Failure, OriginResponse, Upstream};

/// Looks up `key`. A store that cannot be reached has nothing.
pub(crate) async fn look_up(key: &str) -> Option<Found> {
    cache_store::look_up(key).await.unwrap_or_else(|error| {
        console_error!("look-up of {key} failed: {error:?}");
        None
    })
}

/// Whether the origin failed, as far as a stored response may be served instead: an error, or the documented default.
fn is_failure(response: &OriginResponse) -> bool {
    response.status >= 500 || response.fields.get(headers::KAIROS_DEGRADED) == Some("default")
}

/// That the request was forwarded to the origin.
#[derive(Clone, Copy)]
struct Forwarded {
    reason: Forward,
    at: UnixMillis,
}

/// A request that a stored response may answer, on its way.
pub(crate) struct Exchange<'a> {
    /// The runtime's.
    pub(crate) request: &'a Request,
    /// What decisions read of it.
    pub(crate) head: &'a CacheRequest,
    /// What it looks up.
    pub(crate) lookup: &'a Lookup,
    /// Where that is stored.
    pub(crate) key: &'a str,
    /// What its caller has seen.
    pub(crate) reported: Generations,
    /// The origin.
    pub(crate) upstream: &'a Upstream,
    /// Gives the time.
    pub(crate) clock: fn() -> UnixMillis,
}

impl Exchange<'_> {
    /// Responds from what was `found`, or from the origin.
    pub(crate) async fn respond(&self, found: Option<Found>) -> EdgeResponse {
        let stored = found.as_ref().map(|found| &found.stored);
        match evaluate(stored, self.head, &self.reported, (self.clock)()) {
            Reuse::NotCached => not_cached(),
            Reuse::Forward(reason) => self.forward(found, reason).await,
            Reuse::Hit { ttl_secs } => match found {
                Some(found) => self.serve_stored(&found, ttl_secs),
                None => self.forward(None, Forward::UriMiss).await,
            },
        }
    }

    async fn forward(&self, found: Option<Found>, reason: Forward) -> EdgeResponse {
        let tag = found.as_ref().and_then(|found| found.stored.entity_tag());
        let sent = Forwarded { reason, at: (self.clock)() };
        match self.upstream.fetch_shared(self.lookup, self.request, &self.reported, tag).await {
            Err(failure) => self.without_origin(found, sent, &failure),
            Ok(response) => self.with_origin(found, sent, response).await,
        }
    }

    async fn with_origin(&self, found: Option<Found>, sent: Forwarded, response: OriginResponse) -> EdgeResponse {
        match (response.status, found) {
            (304, Some(found)) => self.freshen(found, sent, &response).await,
            // Nobody asked for it: there was no tag to compare with.
            (304, None) => self.without_origin(None, sent, &Failure::Status(304)),
            (_, Some(found)) if is_failure(&response) => match self.serve_stale(&found) {
                Some(stale) => stale,
                None => self.pass_on(Some(found), sent, response).await,
            },
            (200, Some(found)) if self.is_too_old(sent, &response, &found) => match self.serve_newer(&found) {
                Some(newer) => newer,
                None => self.pass_on(Some(found), sent, response).await,
            },
            (404 | 410, found) => {
                self.remove_all().await;
                self.pass_on(found, sent, response).await
            }
            (_, found) => self.pass_on(found, sent, response).await,
        }
    }

    /// Gives the origin's response to the caller, and stores it when that may be.
    async fn pass_on(&self, found: Option<Found>, sent: Forwarded, response: OriginResponse) -> EdgeResponse {
        let newest = StoredResponse::new(response.fields.clone(), sent.at);
        let reported = reported_generations(self.head, Some(&newest), (self.clock)());
        let (body, outcome) = match check_storable(response.status, &response.fields, self.lookup, self.head, &reported)
        {
            Err(reason) => (response.body(), StoreOutcome::NotStored(reason)),
            Ok(length) => {
                let body = match response.bytes(length).await {
                    Ok(body) => body,
                    Err(failure) => return self.without_origin(found, sent, &failure),
                };
                match self.store(&newest, &body, found.as_ref()).await {
                    Ok(outcome) => (Body::Bytes(body), outcome),
                    Err(newer) => return newer,
                }
            }
        };
        shared_response(self.head, response.status, response.fields, body, &forwarded(sent.reason, outcome))
    }

    /// The origin has confirmed the stored response by a 304 (RFC 9111 §4.3.4).
    async fn freshen(&self, found: Found, sent: Forwarded, response: &OriginResponse) -> EdgeResponse {
        let newest = found.stored.freshened(&response.fields, sent.at);
        if let Err(reason) = self.check_update(response, &found.stored, &newest) {
            let is_for_caller_alone = reason == NotStored::NotStorable(NotStorable::Directives);
            // For its caller alone it may be: that does not make it older than the origin says.
            let fields = if is_for_caller_alone { newest.fields().clone() } else { self.aged_fields(&found.stored) };
            let cache_status = forwarded(sent.reason, StoreOutcome::NotStored(reason));
            return self.confirmed(fields, response, found.body(), &cache_status);
        }
        let body = match found.bytes().await {
            Ok(body) => body,
            Err(error) => return self.without_origin(None, sent, &Failure::Broken(format!("{error:?}"))),
        };
        match self.store(&newest, &body, Some(&found)).await {
            Err(newer) => newer,
            Ok(outcome) => {
                let cache_status = forwarded(sent.reason, outcome);
                self.confirmed(newest.fields().clone(), response, Body::Bytes(body), &cache_status)
            }
        }
    }

    fn check_update(
        &self,
        response: &OriginResponse,
        stored: &StoredResponse,
        newest: &StoredResponse,
    ) -> Result<(), NotStored> {
        check_update_storable(&response.fields, newest)?;
        if self.is_superseded(newest, stored) { Err(NotStored::Older) } else { Ok(()) }
    }

    fn confirmed(
        &self,
        mut fields: Fields,
        response: &OriginResponse,
        body: Body,
        cache_status: &CacheStatus,
    ) -> EdgeResponse {
        for name in [headers::CACHE_STATUS, headers::KAIROS_DEGRADED] {
            if let Some(value) = response.fields.get(name) {
                fields.set(name, value);
            }
        }
        shared_response(self.head, 200, fields, body, cache_status)
    }

    /// Stores `newest` in place of what was `found` before the request was forwarded. If that is gone, it was removed for a reason:
    /// it is not put back.
    ///
    /// # Errors
    /// Something newer was stored meanwhile: what the caller is given instead.
    async fn store(
        &self,
        newest: &StoredResponse,
        body: &ArrayBuffer,
        found: Option<&Found>,
    ) -> Result<StoreOutcome, EdgeResponse> {
        match look_up(self.key).await {
            Some(newer) if supersedes(&newer.stored, newest, (self.clock)()) => {
                return self.serve_newer(&newer).map_or(Ok(StoreOutcome::NotStored(NotStored::Older)), Err);
            }
            None if found.is_some() => return Ok(StoreOutcome::NotStored(NotStored::Gone)),
            _ => {}
        }
        let store_secs = newest.store_secs((self.clock)());
        match cache_store::store(self.key, newest, body, store_secs).await {
            Ok(()) => Ok(StoreOutcome::Stored),
            Err(error) => {
                console_warn!("{} was not stored: {error:?}", self.key);
                Ok(StoreOutcome::NotStored(NotStored::Failed))
            }
        }
    }

    /// The origin has it no more. It is removed in every coding: no later failure of the origin may bring it back.
    async fn remove_all(&self) {
        for key in self.lookup.all_keys() {
            if let Err(error) = cache_store::remove(&key).await {
                console_warn!("{key} could not be removed: {error:?}");
            }
        }
    }

    fn is_too_old(&self, sent: Forwarded, response: &OriginResponse, found: &Found) -> bool {
        self.is_superseded(&StoredResponse::new(response.fields.clone(), sent.at), &found.stored)
    }

    /// Whether `response` is older than what is stored, or than what the caller has seen: then the stored one is served.
    fn is_superseded(&self, response: &StoredResponse, stored: &StoredResponse) -> bool {
        let now = (self.clock)();
        supersedes(stored, response, now) || is_older_than_seen(response, self.head, now)
    }

    fn without_origin(&self, found: Option<Found>, sent: Forwarded, failure: &Failure) -> EdgeResponse {
        console_error!("{}: {failure}", self.lookup.target);
        found.and_then(|found| self.serve_stale(&found)).unwrap_or_else(|| {
            let cache_status = forwarded(sent.reason, StoreOutcome::NotConsidered);
            problem_response(&origin_problem(self.head, failure), Some(&cache_status))
        })
    }

    fn serve_stored(&self, found: &Found, ttl_secs: i64) -> EdgeResponse {
        shared_response(self.head, 200, self.aged_fields(&found.stored), found.body(), &hit(ttl_secs))
    }

    fn serve_degraded(&self, found: &Found, ttl_secs: i64) -> EdgeResponse {
        let mut fields = self.aged_fields(&found.stored);
        fields.set(headers::KAIROS_DEGRADED, "stale");
        shared_response(self.head, 200, fields, found.body(), &hit(ttl_secs))
    }

    /// What is stored, marked, because the origin failed; `None` where it may not be served.
    fn serve_stale(&self, found: &Found) -> Option<EdgeResponse> {
        let ttl_secs = serve_stale_if_error(&found.stored, &self.reported, (self.clock)())?;
        Some(self.serve_degraded(found, ttl_secs))
    }

    /// What is stored, because the origin's response is older; marked if it is stale. `None` where it may not be served.
    fn serve_newer(&self, found: &Found) -> Option<EdgeResponse> {
        let ttl_secs = serve_stale_if_error(&found.stored, &self.reported, (self.clock)())?;
        Some(if ttl_secs > 0 { self.serve_stored(found, ttl_secs) } else { self.serve_degraded(found, ttl_secs) })
    }

    fn aged_fields(&self, stored: &StoredResponse) -> Fields {
        let mut fields = stored.fields().clone();
        fields.set("age", stored.age_secs((self.clock)()).to_string());
        fields
    }
}
