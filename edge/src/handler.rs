//! One request, from the route to the reply: look up, decide, fetch, store. The decisions stand in [`crate::route`],
//! [`crate::verdict`] and [`crate::admission`]; this file only carries them out.

use js_sys::ArrayBuffer;
use kairos_protocol::UnixMillis;
use kairos_protocol::cache_status::{CacheStatus, Forward};
use kairos_protocol::headers;
use kairos_protocol::problem::ProblemType;
use wasm_bindgen::JsValue;
use web_sys::Request;
use worker::{console_error, console_warn};

use crate::admission::{NoStore, admit, admit_update, lags_behind};
use crate::cache_store::{self, Found};
use crate::fields::Fields;
use crate::platform::{Body, Reply, question};
use crate::reply::{forwarded, hit, origin_problem, problem_reply, shared_reply};
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
        Route::Through(reason) => Ok(pass_through(request, &question, upstream, reason).await),
        Route::Shared(shared) => {
            let key = shared.key();
            Ok(Exchange { request, question: &question, shared: &shared, key: &key, upstream, clock }.answer().await)
        }
    }
}

async fn pass_through(request: &Request, question: &Question, upstream: &Upstream, reason: Forward) -> Reply {
    let member = forwarded(reason, false, None);
    match upstream.pass_on(request, question).await {
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

/// Whether the origin's answer is worse than a copy that may stand in for it: an error, the documented default, or one made
/// from older generations.
fn is_worse(status: u16, fields: &Fields, copy: &StoredAnswer) -> bool {
    let is_default = fields.get(headers::KAIROS_DEGRADED) == Some("default");
    status >= 500 || is_default || (status == 200 && lags_behind(fields, copy))
}

/// A request that the store may answer, on its way.
struct Exchange<'a> {
    request: &'a Request,
    question: &'a Question,
    shared: &'a Shared,
    key: &'a str,
    upstream: &'a Upstream,
    clock: fn() -> UnixMillis,
}

impl Exchange<'_> {
    async fn answer(&self) -> Reply {
        let found = cache_store::look_up(self.key).await.unwrap_or_else(|error| {
            console_error!("look-up of {} failed: {error:?}", self.key);
            None
        });
        match judge_copy(found.as_ref().map(|found| &found.answer), self.question, (self.clock)()) {
            Verdict::Ask(reason) => self.ask(found, reason).await,
            Verdict::Hit { ttl_secs } => match found {
                Some(found) => self.serve_copy(&found.answer, found.body(), ttl_secs, None),
                None => self.ask(None, Forward::UriMiss).await,
            },
        }
    }

    async fn ask(&self, found: Option<Found>, reason: Forward) -> Reply {
        let tag = found.as_ref().and_then(|found| found.answer.entity_tag());
        let minimum = self.question.minimum();
        match self.upstream.ask(self.shared, self.request, &minimum, tag).await {
            Err(failure) => self.without_origin(found, reason, &failure),
            Ok(answer) => self.with_origin(found, reason, answer).await,
        }
    }

    async fn with_origin(&self, found: Option<Found>, reason: Forward, answer: Answer) -> Reply {
        match (answer.status, found) {
            (304, Some(found)) => self.refresh(found, reason, &answer).await,
            // Nobody asked for it: there was no tag to compare with.
            (304, None) => self.without_origin(None, reason, &Failure::Status(304)),
            (status, Some(found)) if is_worse(status, &answer.fields, &found.answer) => match self.stand_in(&found) {
                Some(reply) => reply,
                None => self.take(Some(found), reason, answer).await,
            },
            (404 | 410, Some(found)) => {
                // It is gone: no later failure of the origin may bring it back.
                if let Err(error) = cache_store::forget(self.key).await {
                    console_warn!("{} could not be forgotten: {error:?}", self.key);
                }
                self.take(Some(found), reason, answer).await
            }
            (_, found) => self.take(found, reason, answer).await,
        }
    }

    /// Gives the origin's answer on, and keeps it when it may.
    async fn take(&self, found: Option<Found>, reason: Forward, answer: Answer) -> Reply {
        let copy = found.as_ref().map(|found| &found.answer);
        let length = match admit(answer.status, &answer.fields, self.shared, self.question, copy) {
            Ok(length) => length,
            Err(why) => {
                let member = forwarded(reason, false, Some(why.token()));
                let body = answer.body();
                return shared_reply(self.question, answer.status, answer.fields, body, &member);
            }
        };
        let body = match answer.bytes(length).await {
            Ok(body) => body,
            Err(failure) => return self.without_origin(found, reason, &failure),
        };
        let newest = StoredAnswer::new(answer.fields.clone(), (self.clock)());
        let kept = self.keep(&newest, &body).await;
        let member = forwarded(reason, kept.is_ok(), kept.err().map(NoStore::token));
        shared_reply(self.question, answer.status, answer.fields, Body::Bytes(body), &member)
    }

    /// The origin says that the copy is still right.
    async fn refresh(&self, found: Found, reason: Forward, answer: &Answer) -> Reply {
        let newest = found.answer.refreshed(&answer.fields, (self.clock)());
        if let Err(why) = admit_update(&answer.fields, &found.answer, &newest) {
            let member = forwarded(reason, false, Some(why.token()));
            // For its caller alone it may be: that does not make it older than the origin says.
            let confirmed = if why == NoStore::Directives { &newest } else { &found.answer };
            return self.validated(confirmed, answer, found.body(), &member);
        }
        let body = match found.bytes().await {
            Ok(body) => body,
            Err(error) => return self.without_origin(None, reason, &Failure::Broken(format!("{error:?}"))),
        };
        let kept = self.keep(&newest, &body).await;
        let member = forwarded(reason, kept.is_ok(), kept.err().map(NoStore::token));
        self.validated(&newest, answer, Body::Bytes(body), &member)
    }

    fn validated(&self, copy: &StoredAnswer, answer: &Answer, body: Body, member: &CacheStatus) -> Reply {
        let mut fields = copy.fields().clone();
        for name in [headers::CACHE_STATUS, headers::KAIROS_DEGRADED] {
            if let Some(value) = answer.fields.get(name) {
                fields.set(name, value);
            }
        }
        shared_reply(self.question, 200, fields, body, member)
    }

    async fn keep(&self, answer: &StoredAnswer, body: &ArrayBuffer) -> Result<(), NoStore> {
        let keep_secs = answer.keep_secs((self.clock)());
        cache_store::store(self.key, answer, body, keep_secs).await.map_err(|error| {
            console_warn!("{} was not stored: {error:?}", self.key);
            NoStore::Failed
        })
    }

    fn without_origin(&self, found: Option<Found>, reason: Forward, failure: &Failure) -> Reply {
        console_error!("{}: {failure}", self.shared.target);
        found.and_then(|found| self.stand_in(&found)).unwrap_or_else(|| {
            let problem = origin_problem(self.question, matches!(failure, Failure::Status(_)));
            problem_reply(&problem, Some(&forwarded(reason, false, None)))
        })
    }

    /// The copy in place of an origin that failed, if it may.
    fn stand_in(&self, found: &Found) -> Option<Reply> {
        let ttl_secs = stands_in(&found.answer, self.question, (self.clock)())?;
        Some(self.serve_copy(&found.answer, found.body(), ttl_secs, Some("stale")))
    }

    fn serve_copy(&self, copy: &StoredAnswer, body: Body, ttl_secs: i64, degraded: Option<&'static str>) -> Reply {
        let mut fields = copy.fields().clone();
        fields.set("age", copy.age_secs((self.clock)()).to_string());
        if let Some(degraded) = degraded {
            fields.set(headers::KAIROS_DEGRADED, degraded);
        }
        shared_reply(self.question, 200, fields, body, &hit(ttl_secs, None))
    }
}
