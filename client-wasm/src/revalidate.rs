//! Fetches one answer and keeps it, if it may be kept: never in place of a newer one (I-SESSION), never for another user
//! (I-PRIVATE), and a learner's only if it is known which operations it includes. Not here: when to fetch ([`crate::reads`]).

use std::rc::Rc;

use futures_util::FutureExt;
use futures_util::future::{LocalBoxFuture, Shared};
use kairos_protocol::UnixMillis;
use kairos_protocol::account::Profile;
use kairos_protocol::generation::Generations;
use kairos_protocol::ids::UserId;
use kairos_protocol::page::Page;
use kairos_protocol::policy::Policy;
use kairos_protocol::problem::ProblemType;
use kairos_protocol::progress::{HistoryEntry, ProgressRecord, Statistics};
use wasm_bindgen_futures::spawn_local;

use crate::answer::{Answer, Facts};
use crate::core::Core;
use crate::database::Mode;
use crate::error::{Error, Result};
use crate::events::Event;
use crate::fetch::{Reply, Request};
use crate::json;
use crate::machine;
use crate::outbox::Outbox;
use crate::persistence::EVERYONE;
use crate::target::Target;
use crate::views::Source;

/// A request on its way; all who want its answer share it, and it goes on when they stop waiting.
pub(crate) type Revalidation = Shared<LocalBoxFuture<'static, Result<Fetched>>>;

/// What came.
#[derive(Clone)]
pub(crate) struct Fetched {
    /// The answer.
    pub(crate) answer: Answer,
    /// Who gave it.
    pub(crate) source: Source,
    /// Whether it is at least as new as everything seen before.
    pub(crate) is_current: bool,
    /// Whether its `as_of` says how far it reaches.
    pub(crate) is_base: bool,
}

/// How often a learner's answer is asked for when operations were sent meanwhile.
const ATTEMPTS: usize = 3;

impl Core {
    /// Asks for `target`, or joins who asks already. `known` is the copy to revalidate.
    pub(crate) fn revalidation(self: &Rc<Self>, target: &Target, known: Option<Answer>) -> Revalidation {
        let key = target.key();
        if let Some(running) = self.revalidations.borrow().get(&key) {
            return running.clone();
        }
        let (core, target) = (Rc::clone(self), target.clone());
        let fetch = async move {
            let outcome = core.fetch_and_keep(&target, known.as_ref()).await;
            core.revalidations.borrow_mut().remove(&target.key());
            match &outcome {
                Ok(fetched) if known.is_some_and(|known| known.body != fetched.answer.body) => {
                    core.emit(&Event::Changed { paths: vec![target.pathname.clone()] });
                }
                Err(error) if error.is(ProblemType::NotFound) => core.drop_copy(&target).await,
                _ => {}
            }
            outcome
        };
        let fetch = fetch.boxed_local().shared();
        self.revalidations.borrow_mut().insert(key, fetch.clone());
        spawn_local(fetch.clone().map(drop));
        fetch
    }

    async fn fetch_and_keep(self: &Rc<Self>, target: &Target, known: Option<&Answer>) -> Result<Fetched> {
        match &target.user {
            Some(user) => self.fetch_private(target, user, known).await,
            None => self.fetch_public(target, known).await,
        }
    }

    async fn fetch_public(self: &Rc<Self>, target: &Target, known: Option<&Answer>) -> Result<Fetched> {
        let depends = !target.policy.namespaces(None).is_empty();
        let seen = if depends { self.catalog_seen.borrow().clone() } else { Generations::default() };
        let etag = known.and_then(|known| known.facts.etag.clone());
        let request = Request { path: target.path.clone(), etag, seen: seen.clone(), ..Request::default() };
        let reply = self.send(request).await?;
        let answer = answer_of(&reply, known, &seen, 0)?;
        check_shape(target.policy, &answer)?;
        let is_current = answer.facts.generations.satisfies(&self.catalog_seen.borrow());
        if target.is_kept() && is_current && !reply.no_store {
            self.keep_public(target, &answer).await;
        }
        Ok(Fetched { answer, source: source_of(&reply), is_current, is_base: true })
    }

    async fn keep_public(&self, target: &Target, answer: &Answer) {
        let kept = self.storage.update(EVERYONE, Some(&target.path), Mode::Write, |documents| {
            documents.outbox_or_new().seen.raise(&answer.facts.generations);
            // Another tab may have kept a newer one.
            let newer = |there: &Answer| !answer.facts.generations.satisfies(&there.facts.generations);
            if !documents.answer.as_ref().is_some_and(newer) {
                documents.put_answer(Some(answer.clone()));
            }
            documents.outbox_or_new().seen.clone()
        });
        // With no room on disk the memory still has it.
        let seen = kept.await.unwrap_or_else(|_| answer.facts.generations.clone());
        self.tell_persistence();
        self.catalog_seen.borrow_mut().raise(&seen);
        self.remember(target, answer);
    }

    async fn fetch_private(self: &Rc<Self>, target: &Target, user: &UserId, known: Option<&Answer>) -> Result<Fetched> {
        let mut last = None;
        for _ in 0..ATTEMPTS {
            // First what waits: while an operation may or may not be in the answer, the answer is no base.
            let sent = if self.must_wait() { Err(Error::offline("told to wait")) } else { self.flush().await };
            let outbox = self.read_as(user, None).await?.outbox;
            let fetched = match &sent {
                Err(error) if outbox.in_doubt() && known.is_some() => return Err(error.about_something_else()),
                _ => self.fetch_as_of(target, user, known, outbox.sequence, &outbox.seen).await?,
            };
            // While sending fails, asking again would say the same.
            let is_final = sent.is_err() || fetched.answer.facts.degraded.is_some() || !fetched.is_current;
            if fetched.is_base || is_final {
                self.refresh_replica();
                return Ok(fetched);
            }
            last = Some(fetched);
        }
        last.ok_or_else(|| Error::offline("no answer came"))
    }

    async fn fetch_as_of(
        self: &Rc<Self>,
        target: &Target,
        user: &UserId,
        known: Option<&Answer>,
        as_of: u64,
        seen: &Generations,
    ) -> Result<Fetched> {
        let etag = known.and_then(|known| known.facts.etag.clone());
        let request = Request { path: target.path.clone(), etag, seen: seen.clone(), ..Request::default() };
        let reply = self.send_as(user, request).await?;
        let answer = answer_of(&reply, known, seen, as_of)?;
        check_shape(target.policy, &answer)?;
        let keepable = target.is_kept() && !reply.no_store && answer.facts.degraded.is_none();
        let path = Some(target.path.as_str());
        let kept = self.update_as(user, path, Mode::Write, |documents| {
            let kept = keep_private(documents.outbox_or_new(), &answer, &target.path, keepable);
            if kept.is_base {
                documents.put_answer(Some(answer.clone()));
            }
            kept
        });
        let Kept { is_current, is_base } = match kept.await {
            // With no room on disk the memory still has it.
            Err(error) if error.is_storage() => {
                let mut outbox = self.read_as(user, None).await?.outbox;
                let kept = keep_private(&mut outbox, &answer, &target.path, keepable);
                self.raise_seen(&outbox.seen);
                kept
            }
            kept => kept?,
        };
        if is_base {
            self.remember(target, &answer);
        }
        Ok(Fetched { answer, source: source_of(&reply), is_current, is_base })
    }

    fn remember(&self, target: &Target, answer: &Answer) {
        let expires_at = answer.facts.expires_at(target.policy);
        self.memory.borrow_mut().put(target.key(), answer.clone(), expires_at);
    }

    /// What is gone at the origin is gone here.
    async fn drop_copy(&self, target: &Target) {
        self.memory.borrow_mut().remove(&target.key());
        let dropped = self
            .storage
            .update(target.owner(), Some(&target.path), Mode::Write, |documents| documents.put_answer(None));
        dropped.await.ok();
    }
}

/// What a learner's answer is, as [`Fetched`] says.
struct Kept {
    is_current: bool,
    is_base: bool,
}

/// Takes note of a learner's answer, which is to be kept if it is a base.
fn keep_private(outbox: &mut Outbox, answer: &Answer, path: &str, keepable: bool) -> Kept {
    let facts = &answer.facts;
    let is_current = facts.generations.satisfies(&outbox.seen);
    if facts.degraded.is_none() {
        outbox.seen.raise(&facts.generations);
    }
    let is_base = keepable && is_current && outbox.accept(path, facts.as_of);
    Kept { is_current, is_base }
}

fn source_of(reply: &Reply) -> Source {
    if reply.from_edge { Source::Edge } else { Source::Origin }
}

fn answer_of(reply: &Reply, known: Option<&Answer>, seen: &Generations, as_of: u64) -> Result<Answer> {
    let made_at_ms = machine::now().saturating_sub(UnixMillis::from(reply.age_secs) * 1_000);
    if reply.status != 304 {
        let facts = Facts {
            status: reply.status,
            etag: reply.etag.clone(),
            generations: reply.generations.clone(),
            made_at_ms,
            degraded: reply.degraded.clone(),
            as_of,
        };
        return Ok(Answer { facts, body: reply.body.clone() });
    }
    let known = known.ok_or_else(|| Error::offline("a 304 to a question that was not asked"))?;
    let mut generations = known.facts.generations.clone();
    // Not modified, for one who has seen `seen`: the copy is as good as one made from that.
    generations.raise(if reply.generations.is_empty() { seen } else { &reply.generations });
    let facts = Facts {
        etag: reply.etag.clone().or_else(|| known.facts.etag.clone()),
        generations,
        made_at_ms,
        degraded: reply.degraded.clone(),
        as_of,
        ..known.facts.clone()
    };
    Ok(Answer { facts, body: known.body.clone() })
}

/// Whether the body is what this route answers; anything else is not from Kaïros.
fn check_shape(policy: Policy, answer: &Answer) -> Result<()> {
    let body = &answer.body;
    let field = |name: &str| json::parse(body).map(|body| json::get(&body, name)).unwrap_or_default();
    let fits = match policy {
        Policy::CatalogList | Policy::CatalogSearch => js_sys::Array::is_array(&field("items")),
        Policy::CatalogModule => field("slug").is_string(),
        Policy::Progress => json::read::<Page<ProgressRecord>>(body).is_some(),
        Policy::Statistics => json::read::<Statistics>(body).is_some(),
        Policy::History => json::read::<Page<HistoryEntry>>(body).is_some(),
        Policy::Profile => json::read::<Profile>(body).is_some(),
        Policy::Published | Policy::NoStore => true,
    };
    if fits { Ok(()) } else { Err(Error::offline("the answer does not have the expected shape")) }
}
