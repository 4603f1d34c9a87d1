//! Fetches one answer and keeps it, if it may be accepted: never in place of a newer one (I-SESSION), never for another user
//! (I-PRIVATE), and a learner's only if it is known which operations it includes. Not here: when to fetch ([`crate::reads`]).

use std::rc::Rc;

use futures_util::FutureExt;
use kairos_protocol::UnixMillis;
use kairos_protocol::api::account::Profile;
use kairos_protocol::api::history::HistoryEntry;
use kairos_protocol::api::ids::UserId;
use kairos_protocol::api::page::Page;
use kairos_protocol::api::problem::ProblemType;
use kairos_protocol::api::progress::{ProgressRecord, Statistics};
use kairos_protocol::policy::Policy;
use kairos_protocol::sync::generation::Generations;
use wasm_bindgen_futures::spawn_local;

use crate::core::Core;
use crate::database::Mode;
use crate::environment;
use crate::error::{Error, Result};
use crate::events::Event;
use crate::fetch::{Request, ServerResponse};
use crate::fetched::{Fetched, Revalidation};
use crate::json;
use crate::lookup::Lookup;
use crate::outbox::Outbox;
use crate::persistence::EVERYONE;
use crate::stored_response::{Metadata, Source, StoredResponse};

/// How often a learner's answer is asked for when operations were sent meanwhile.
const ATTEMPTS: usize = 3;

impl Core {
    /// Asks for `lookup`, or joins who asks already. `known` is the copy to revalidate.
    pub(crate) fn revalidation(self: &Rc<Self>, lookup: &Lookup, known: Option<StoredResponse>) -> Revalidation {
        let key = lookup.key();
        if let Some(running) = self.revalidations.borrow().get(&key) {
            return running.clone();
        }
        let (core, lookup) = (Rc::clone(self), lookup.clone());
        let fetch = async move {
            let outcome = core.fetch_and_store(&lookup, known.as_ref()).await;
            core.revalidations.borrow_mut().remove(&lookup.key());
            match &outcome {
                Ok(fetched) if known.is_some_and(|known| known.body != fetched.answer.body) => {
                    core.emit(&Event::Changed { paths: vec![lookup.pathname.clone()] });
                }
                Err(error) if error.is(ProblemType::NotFound) => core.evict(&lookup).await,
                _ => {}
            }
            outcome
        };
        let fetch = fetch.boxed_local().shared();
        self.revalidations.borrow_mut().insert(key, fetch.clone());
        spawn_local(fetch.clone().map(drop));
        fetch
    }

    async fn fetch_and_store(self: &Rc<Self>, lookup: &Lookup, known: Option<&StoredResponse>) -> Result<Fetched> {
        match &lookup.user {
            Some(user) => self.fetch_private(lookup, user, known).await,
            None => self.fetch_public(lookup, known).await,
        }
    }

    async fn fetch_public(self: &Rc<Self>, lookup: &Lookup, known: Option<&StoredResponse>) -> Result<Fetched> {
        let depends = !lookup.policy.namespaces(None).is_empty();
        let seen = if depends { self.catalog_seen.borrow().clone() } else { Generations::default() };
        let etag = known.and_then(|known| known.metadata.etag.clone());
        let request = Request { path: lookup.path.clone(), etag, seen: seen.clone(), ..Request::default() };
        let reply = self.send(request).await?;
        let answer = answer_of(&reply, known, &seen, 0)?;
        check_shape(lookup.policy, &answer)?;
        let is_current = answer.metadata.generations.satisfies(&self.catalog_seen.borrow());
        if lookup.is_storable() && is_current && !reply.no_store {
            self.store_public(lookup, &answer).await;
        }
        Ok(Fetched { answer, source: source_of(&reply), is_current, is_base: true })
    }

    async fn store_public(&self, lookup: &Lookup, answer: &StoredResponse) {
        let accepted = self.storage.update(EVERYONE, Some(&lookup.path), Mode::Write, |documents| {
            documents.outbox_or_new().seen.raise(&answer.metadata.generations);
            // Another tab may have accepted a newer one.
            let newer = |there: &StoredResponse| !answer.metadata.generations.satisfies(&there.metadata.generations);
            if !documents.answer.as_ref().is_some_and(newer) {
                documents.put_answer(Some(answer.clone()));
            }
            documents.outbox_or_new().seen.clone()
        });
        // With no room on disk the memory still has it.
        let seen = accepted.await.unwrap_or_else(|_| answer.metadata.generations.clone());
        self.tell_persistence();
        self.catalog_seen.borrow_mut().raise(&seen);
        self.insert(lookup, answer);
    }

    async fn fetch_private(
        self: &Rc<Self>,
        lookup: &Lookup,
        user: &UserId,
        known: Option<&StoredResponse>,
    ) -> Result<Fetched> {
        let mut last = None;
        for _ in 0..ATTEMPTS {
            // First what waits: while an operation may or may not be in the answer, the answer is no base.
            let sent = if self.must_wait() { Err(Error::offline("told to wait")) } else { self.flush().await };
            let outbox = self.read_as(user, None).await?.outbox;
            let fetched = match &sent {
                Err(error) if outbox.in_doubt() && known.is_some() => return Err(error.about_something_else()),
                _ => self.fetch_as_of(lookup, user, known, outbox.sequence, &outbox.seen).await?,
            };
            // While sending fails, asking again would say the same.
            let is_final = sent.is_err() || fetched.answer.metadata.degraded.is_some() || !fetched.is_current;
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
        lookup: &Lookup,
        user: &UserId,
        known: Option<&StoredResponse>,
        applied_sequence: u64,
        seen: &Generations,
    ) -> Result<Fetched> {
        let etag = known.and_then(|known| known.metadata.etag.clone());
        let request = Request { path: lookup.path.clone(), etag, seen: seen.clone(), ..Request::default() };
        let reply = self.send_as(user, request).await?;
        let answer = answer_of(&reply, known, seen, applied_sequence)?;
        check_shape(lookup.policy, &answer)?;
        let storable = lookup.is_storable() && !reply.no_store && answer.metadata.degraded.is_none();
        let path = Some(lookup.path.as_str());
        let accepted = self.update_as(user, path, Mode::Write, |documents| {
            let accepted = accept_private(documents.outbox_or_new(), &answer, &lookup.path, storable);
            if accepted.is_base {
                documents.put_answer(Some(answer.clone()));
            }
            accepted
        });
        let Acceptance { is_current, is_base } = match accepted.await {
            // With no room on disk the memory still has it.
            Err(error) if error.is_storage() => {
                let mut outbox = self.read_as(user, None).await?.outbox;
                let accepted = accept_private(&mut outbox, &answer, &lookup.path, storable);
                self.raise_seen(&outbox.seen);
                accepted
            }
            accepted => accepted?,
        };
        if is_base {
            self.insert(lookup, &answer);
        }
        Ok(Fetched { answer, source: source_of(&reply), is_current, is_base })
    }

    fn insert(&self, lookup: &Lookup, answer: &StoredResponse) {
        let expires_at = answer.metadata.expires_at(lookup.policy);
        self.memory.borrow_mut().put(lookup.key(), answer.clone(), expires_at);
    }

    /// What is gone at the origin is gone here.
    async fn evict(&self, lookup: &Lookup) {
        self.memory.borrow_mut().remove(&lookup.key());
        let dropped = self
            .storage
            .update(lookup.owner(), Some(&lookup.path), Mode::Write, |documents| documents.put_answer(None));
        dropped.await.ok();
    }
}

/// What a learner's answer is, as [`Fetched`] says.
struct Acceptance {
    is_current: bool,
    is_base: bool,
}

/// Takes note of a learner's answer, which is to be accepted if it is a base.
fn accept_private(outbox: &mut Outbox, answer: &StoredResponse, path: &str, storable: bool) -> Acceptance {
    let metadata = &answer.metadata;
    let is_current = metadata.generations.satisfies(&outbox.seen);
    if metadata.degraded.is_none() {
        outbox.seen.raise(&metadata.generations);
    }
    let is_base = storable && is_current && outbox.accept(path, metadata.applied_sequence);
    Acceptance { is_current, is_base }
}

fn source_of(reply: &ServerResponse) -> Source {
    if reply.from_edge { Source::Edge } else { Source::Origin }
}

fn answer_of(
    reply: &ServerResponse,
    known: Option<&StoredResponse>,
    seen: &Generations,
    applied_sequence: u64,
) -> Result<StoredResponse> {
    let made_at_ms = environment::now().saturating_sub(UnixMillis::from(reply.age_secs) * 1_000);
    if reply.status != 304 {
        let metadata = Metadata {
            status: reply.status,
            etag: reply.etag.clone(),
            generations: reply.generations.clone(),
            made_at_ms,
            degraded: reply.degraded.clone(),
            applied_sequence,
        };
        return Ok(StoredResponse { metadata, body: reply.body.clone() });
    }
    let known = known.ok_or_else(|| Error::offline("a 304 to a question that was not asked"))?;
    let mut generations = known.metadata.generations.clone();
    // Not modified, for one who has seen `seen`: the copy is as good as one made from that.
    generations.raise(if reply.generations.is_empty() { seen } else { &reply.generations });
    let metadata = Metadata {
        etag: reply.etag.clone().or_else(|| known.metadata.etag.clone()),
        generations,
        made_at_ms,
        degraded: reply.degraded.clone(),
        applied_sequence,
        ..known.metadata.clone()
    };
    Ok(StoredResponse { metadata, body: known.body.clone() })
}

/// Whether the body is what this route answers; anything else is not from Kaïros.
fn check_shape(policy: Policy, answer: &StoredResponse) -> Result<()> {
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
