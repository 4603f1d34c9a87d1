//! One request, from the route to the reply: look up, decide, fetch, store. The decisions stand in [`crate::route`],
//! [`crate::verdict`], [`crate::order`] and [`crate::admission`]; this file only carries them out.

use js_sys::ArrayBuffer;
use kairos_protocol::UnixMillis;
use kairos_protocol::cache_status::{CacheStatus, Forward};
use kairos_protocol::generation::Generations;
use kairos_protocol::headers;
use kairos_protocol::problem::ProblemType;
use wasm_bindgen::JsValue;
use web_sys::Request;
use worker::{console_error, console_warn};

use crate::admission::{NoStore, admit, admit_update};
use crate::cache_store::{self, Found};
use crate::fields::Fields;
use crate::order::{believed, is_older_than_seen, outranks};
use crate::platform::{Body, Reply, question};
use crate::reply::{forwarded, hit, not_cached, origin_problem, problem_reply, shared_reply};
use crate::route::{Question, Route, Shared, route};
use crate::stored::StoredAnswer;
use crate::upstream::{Answer, Failure, Upstream};
use crate::verdict::{Verdict, judge_copy, stands_in};

/// Answers one request.
///
/// # Errors
/// The runtime's, when it cannot even be read.
pub(crate) async fn handle(
    request: &Request,
    upstream: &Upstream,
    clock: fn() -> UnixMillis,
) -> Result<Reply, JsValue> {
    let question = question(request)?;
    match route(&question) {
        Route::Absent => Ok(problem_reply(&ProblemType::NotFound.with_detail("There is no such route."), None)),
        Route::NotCached => Ok(not_cached()),
        Route::Through(reason) => {
            let claims = believed(&question, None, clock());
            Ok(pass_through(request, &question, &claims, upstream, reason).await)
        }
        Route::Shared(shared) => {
            let key = shared.key();
            let found = look_up(&key).await;
            let claims = believed(&question, found.as_ref().map(|found| &found.answer), clock());
            let exchange =
                Exchange { request, question: &question, shared: &shared, key: &key, claims, upstream, clock };
            Ok(exchange.answer(found).await)
        }
    }
}

async fn pass_through(
    request: &Request,
    question: &Question,
    claims: &Generations,
    upstream: &Upstream,
    reason: Forward,
) -> Reply {
    let member = forwarded(reason, false, None);
    match upstream.pass_on(request, question, claims).await {
        Ok(answer) => {
            let body = answer.body();
            let mut fields = answer.fields;
            fields.append(headers::CACHE_STATUS, &member.to_string());
            Reply { status: answer.status, fields, body }
        }
        Err(failure) => {
            console_error!("{} {}: {failure}", question.method, question.path);
            problem_reply(&origin_problem(question, matches!(failure, Failure::Status(_))), Some(&member))
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
fn is_failure(answer: &Answer) -> bool {
    answer.status >= 500 || answer.fields.get(headers::KAIROS_DEGRADED) == Some("default")
}

/// That the origin was asked.
#[derive(Clone, Copy)]
struct Asked {
    reason: Forward,
    at: UnixMillis,
}

/// Why an answer that may be stored was not.
enum NotKept {
    /// Something newer was stored while it was on its way.
    Overtaken(Found),
    Refused(NoStore),
}

impl NotKept {
    const fn reason(&self) -> NoStore {
        match self {
            Self::Overtaken(_) => NoStore::Older,
            Self::Refused(why) => *why,
        }
    }
}

/// A request that the store may answer, on its way.
struct Exchange<'a> {
    request: &'a Request,
    question: &'a Question,
    shared: &'a Shared,
    key: &'a str,
    claims: Generations,
    upstream: &'a Upstream,
    clock: fn() -> UnixMillis,
}

impl Exchange<'_> {
    async fn answer(&self, found: Option<Found>) -> Reply {
        let copy = found.as_ref().map(|found| &found.answer);
        match judge_copy(copy, self.question, &self.claims, (self.clock)()) {
            Verdict::NotCached => not_cached(),
            Verdict::Ask(reason) => self.ask(found, reason).await,
            Verdict::Hit { ttl_secs } => match found {
                Some(found) => self.serve_copy(&found, ttl_secs, None),
                None => self.ask(None, Forward::UriMiss).await,
            },
        }
    }

    async fn ask(&self, found: Option<Found>, reason: Forward) -> Reply {
        let tag = found.as_ref().and_then(|found| found.answer.entity_tag());
        let asked = Asked { reason, at: (self.clock)() };
        match self.upstream.ask(self.shared, self.request, &self.claims, tag).await {
            Err(failure) => self.without_origin(found, asked, &failure),
            Ok(answer) => self.with_origin(found, asked, answer).await,
        }
    }

    async fn with_origin(&self, found: Option<Found>, asked: Asked, answer: Answer) -> Reply {
        match (answer.status, found) {
            (304, Some(found)) => self.refresh(found, asked, &answer).await,
            // Nobody asked for it: there was no tag to compare with.
            (304, None) => self.without_origin(None, asked, &Failure::Status(304)),
            (_, Some(found)) if is_failure(&answer) => match self.stand_in(&found) {
                Some(reply) => reply,
                None => self.take(Some(found), asked, answer).await,
            },
            (200, Some(found)) if self.is_too_old(asked, &answer, &found) => match self.prefer(&found) {
                Some(reply) => reply,
                None => self.take(Some(found), asked, answer).await,
            },
            (404 | 410, found) => {
                self.forget().await;
                self.take(found, asked, answer).await
            }
            (_, found) => self.take(found, asked, answer).await,
        }
    }

    /// Gives the origin's answer on, and keeps it when it may.
    async fn take(&self, found: Option<Found>, asked: Asked, answer: Answer) -> Reply {
        let newest = StoredAnswer::new(answer.fields.clone(), asked.at);
        let claims = believed(self.question, Some(&newest), (self.clock)());
        let length = match admit(answer.status, &answer.fields, self.shared, self.question, &claims) {
            Ok(length) => length,
            Err(why) => {
                let member = forwarded(asked.reason, false, Some(why.token()));
                let body = answer.body();
                return shared_reply(self.question, answer.status, answer.fields, body, &member);
            }
        };
        let body = match answer.bytes(length).await {
            Ok(body) => body,
            Err(failure) => return self.without_origin(found, asked, &failure),
        };
        let kept = self.keep(&newest, &body, found.is_some()).await;
        if let Err(NotKept::Overtaken(newer)) = &kept
            && let Some(reply) = self.prefer(newer)
        {
            return reply;
        }
        let member = forwarded(asked.reason, kept.is_ok(), kept.err().map(|why| why.reason().token()));
        shared_reply(self.question, answer.status, answer.fields, Body::Bytes(body), &member)
    }

    /// The origin says that the copy is still right.
    async fn refresh(&self, found: Found, asked: Asked, answer: &Answer) -> Reply {
        let newest = found.answer.refreshed(&answer.fields, asked.at);
        if let Err(why) = self.check_update(answer, &found.answer, &newest) {
            let member = forwarded(asked.reason, false, Some(why.token()));
            // For its caller alone it may be: that does not make it older than the origin says.
            let fields =
                if why == NoStore::Directives { newest.fields().clone() } else { self.aged_fields(&found.answer) };
            return self.validated(fields, answer, found.body(), &member);
        }
        let body = match found.bytes().await {
            Ok(body) => body,
            Err(error) => return self.without_origin(None, asked, &Failure::Broken(format!("{error:?}"))),
        };
        let kept = self.keep(&newest, &body, true).await;
        if let Err(NotKept::Overtaken(newer)) = &kept
            && let Some(reply) = self.prefer(newer)
        {
            return reply;
        }
        let member = forwarded(asked.reason, kept.is_ok(), kept.err().map(|why| why.reason().token()));
        self.validated(newest.fields().clone(), answer, Body::Bytes(body), &member)
    }

    fn check_update(&self, answer: &Answer, copy: &StoredAnswer, newest: &StoredAnswer) -> Result<(), NoStore> {
        admit_update(&answer.fields, newest)?;
        if self.is_outdone(newest, copy) { Err(NoStore::Older) } else { Ok(()) }
    }

    fn validated(&self, mut fields: Fields, answer: &Answer, body: Body, member: &CacheStatus) -> Reply {
        for name in [headers::CACHE_STATUS, headers::KAIROS_DEGRADED] {
            if let Some(value) = answer.fields.get(name) {
                fields.set(name, value);
            }
        }
        shared_reply(self.question, 200, fields, body, member)
    }

    /// Stores `newest`, if nothing newer has come meanwhile. What was `found` when the origin was asked, and is gone, was
    /// forgotten for a reason: it is not put back.
    async fn keep(&self, newest: &StoredAnswer, body: &ArrayBuffer, found: bool) -> Result<(), NotKept> {
        match look_up(self.key).await {
            Some(there) if outranks(&there.answer, newest, (self.clock)()) => return Err(NotKept::Overtaken(there)),
            None if found => return Err(NotKept::Refused(NoStore::Gone)),
            _ => {}
        }
        let keep_secs = newest.keep_secs((self.clock)());
        cache_store::store(self.key, newest, body, keep_secs).await.map_err(|error| {
            console_warn!("{} was not stored: {error:?}", self.key);
            NotKept::Refused(NoStore::Failed)
        })
    }

    /// It is gone, in every coding: no later failure of the origin may bring it back.
    async fn forget(&self) {
        for key in self.shared.all_keys() {
            if let Err(error) = cache_store::forget(&key).await {
                console_warn!("{key} could not be forgotten: {error:?}");
            }
        }
    }

    fn is_too_old(&self, asked: Asked, answer: &Answer, copy: &Found) -> bool {
        self.is_outdone(&StoredAnswer::new(answer.fields.clone(), asked.at), &copy.answer)
    }

    /// Whether the answer is older than the copy, or than what the caller has seen: then the copy is given in its place.
    fn is_outdone(&self, answer: &StoredAnswer, copy: &StoredAnswer) -> bool {
        let now = (self.clock)();
        outranks(copy, answer, now) || is_older_than_seen(answer, self.question, now)
    }

    fn without_origin(&self, found: Option<Found>, asked: Asked, failure: &Failure) -> Reply {
        console_error!("{}: {failure}", self.shared.target);
        found.and_then(|found| self.stand_in(&found)).unwrap_or_else(|| {
            let problem = origin_problem(self.question, matches!(failure, Failure::Status(_)));
            problem_reply(&problem, Some(&forwarded(asked.reason, false, None)))
        })
    }

    /// The copy in place of an origin that failed, if it may.
    fn stand_in(&self, found: &Found) -> Option<Reply> {
        let ttl_secs = stands_in(&found.answer, &self.claims, (self.clock)())?;
        Some(self.serve_copy(found, ttl_secs, Some("stale")))
    }

    /// The copy in place of an answer that is older, if it may.
    fn prefer(&self, found: &Found) -> Option<Reply> {
        let ttl_secs = stands_in(&found.answer, &self.claims, (self.clock)())?;
        Some(self.serve_copy(found, ttl_secs, (ttl_secs <= 0).then_some("stale")))
    }

    fn serve_copy(&self, found: &Found, ttl_secs: i64, degraded: Option<&'static str>) -> Reply {
        let mut fields = self.aged_fields(&found.answer);
        if let Some(degraded) = degraded {
            fields.set(headers::KAIROS_DEGRADED, degraded);
        }
        shared_reply(self.question, 200, fields, found.body(), &hit(ttl_secs, None))
    }

    fn aged_fields(&self, copy: &StoredAnswer) -> Fields {
        let mut fields = copy.fields().clone();
        fields.set("age", copy.age_secs((self.clock)()).to_string());
        fields
    }
}
