//! Fetches one response and stores it, if it may be: never in place of a newer one (I-SESSION), never for another user (I-PRIVATE),
//! and a learner's only if it is known which operations it includes. Not here: when to fetch ([`crate::reads`]).

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
use crate::documents::EVERYONE;
use crate::environment;
use crate::error::{Error, Result};
use crate::events::Event;
use crate::fetch::{Request, ServerResponse};
use crate::fetched::{Fetched, Revalidation};
use crate::json;
use crate::lookup::Lookup;
use crate::outbox::Outbox;
use crate::stored_response::{Base, Metadata, Source, StoredResponse};

/// How often a learner's response is asked for when operations were sent meanwhile.
const ATTEMPTS: usize = 3;

impl Core {
    /// Asks for `lookup`, or joins who asks already. `stored` is what is to be revalidated.
    pub(crate) fn revalidation(self: &Rc<Self>, lookup: &Lookup, stored: Option<StoredResponse>) -> Revalidation {
        let key = lookup.key();
        if let Some(running) = self.revalidations.borrow().get(&key) {
            return running.clone();
        }
        let (core, lookup) = (Rc::clone(self), lookup.clone());
        let fetch = async move {
            let outcome = core.fetch_and_store(&lookup, stored.as_ref()).await;
            core.revalidations.borrow_mut().remove(&lookup.key());
            match &outcome {
                Ok(fetched) if stored.is_some_and(|stored| stored.body != fetched.response.body) => {
                    core.emit(&Event::Changed { paths: vec![lookup.pathname.clone()] });
                }
                Err(error) if error.is(ProblemType::NotFound) => core.invalidate(&lookup).await,
                _ => {}
            }
            outcome
        };
        let fetch = fetch.boxed_local().shared();
        self.revalidations.borrow_mut().insert(key, fetch.clone());
        spawn_local(fetch.clone().map(drop));
        fetch
    }

    async fn fetch_and_store(self: &Rc<Self>, lookup: &Lookup, stored: Option<&StoredResponse>) -> Result<Fetched> {
        match &lookup.user {
            Some(user) => self.fetch_private(lookup, user, stored).await,
            None => self.fetch_public(lookup, stored).await,
        }
    }

    async fn fetch_public(self: &Rc<Self>, lookup: &Lookup, stored: Option<&StoredResponse>) -> Result<Fetched> {
        let depends = !lookup.policy.namespaces(None).is_empty();
        let seen = if depends { self.catalog_seen.borrow().clone() } else { Generations::default() };
        let etag = stored.and_then(|stored| stored.metadata.etag.clone());
        let request = Request { path: lookup.path.clone(), etag, seen: seen.clone(), ..Request::default() };
        let reply = self.send(request).await?;
        let response = response_of(&reply, stored, &seen, 0)?;
        check_shape(lookup.policy, &response)?;
        let is_current = response.metadata.generations.satisfies(&self.catalog_seen.borrow());
        if lookup.is_storable() && is_current && !reply.no_store {
            self.store_public(lookup, &response).await;
        }
        Ok(Fetched { response, source: source_of(&reply), is_current, base: Base::Known })
    }

    async fn store_public(&self, lookup: &Lookup, response: &StoredResponse) {
        let generations = &response.metadata.generations;
        let updated = self.storage.update(EVERYONE, Some(&lookup.path), Mode::Write, |documents| {
            documents.catalog_seen.raise(generations);
            // Another tab may have stored a newer one.
            let is_newer = |there: &StoredResponse| !generations.satisfies(&there.metadata.generations);
            if !documents.response.as_ref().is_some_and(is_newer) {
                documents.set_response(Some(response.clone()));
            }
            documents.catalog_seen.clone()
        });
        // With no room on disk the memory still has it.
        let seen = updated.await.unwrap_or_else(|_| generations.clone());
        self.tell_persistence();
        self.catalog_seen.borrow_mut().raise(&seen);
        self.insert(lookup, response);
    }

    async fn fetch_private(
        self: &Rc<Self>,
        lookup: &Lookup,
        user: &UserId,
        stored: Option<&StoredResponse>,
    ) -> Result<Fetched> {
        let mut last = None;
        for _ in 0..ATTEMPTS {
            // First what waits: while an operation may or may not be in the response, the response is no base.
            let sent = if self.must_wait() { Err(Error::offline("told to wait")) } else { self.flush().await };
            let outbox = self.read_as(user, None).await?.outbox;
            let fetched = match &sent {
                Err(error) if outbox.has_unconfirmed() && stored.is_some() => return Err(error.about_something_else()),
                _ => self.fetch_private_once(lookup, user, stored, &outbox).await?,
            };
            // While sending fails, asking again would say the same.
            let is_final = sent.is_err() || fetched.response.metadata.degraded.is_some() || !fetched.is_current;
            if fetched.base == Base::Known || is_final {
                self.refresh_replica();
                return Ok(fetched);
            }
            last = Some(fetched);
        }
        last.ok_or_else(|| Error::offline("no response came"))
    }

    /// `outbox` is the learner's before the request leaves.
    async fn fetch_private_once(
        self: &Rc<Self>,
        lookup: &Lookup,
        user: &UserId,
        stored: Option<&StoredResponse>,
        outbox: &Outbox,
    ) -> Result<Fetched> {
        let seen = &outbox.seen;
        let etag = stored.and_then(|stored| stored.metadata.etag.clone());
        let request = Request { path: lookup.path.clone(), etag, seen: seen.clone(), ..Request::default() };
        let reply = self.send_as(user, request).await?;
        let response = response_of(&reply, stored, seen, outbox.sequence)?;
        check_shape(lookup.policy, &response)?;
        let is_storable = lookup.is_storable() && !reply.no_store && response.metadata.degraded.is_none();
        let path = Some(lookup.path.as_str());
        let updated = self.update_as(user, path, Mode::Write, |documents| {
            let received = receive(documents.outbox_or_new(), &response, &lookup.path, is_storable);
            if received.base == Base::Known {
                documents.set_response(Some(response.clone()));
            }
            received
        });
        let Received { is_current, base } = match updated.await {
            // With no room on disk the memory still has it.
            Err(error) if error.is_storage() => {
                let mut outbox = self.read_as(user, None).await?.outbox;
                let received = receive(&mut outbox, &response, &lookup.path, is_storable);
                self.raise_seen(&outbox.seen);
                received
            }
            received => received?,
        };
        if base == Base::Known {
            self.insert(lookup, &response);
        }
        Ok(Fetched { response, source: source_of(&reply), is_current, base })
    }

    /// Puts a response into memory.
    pub(crate) fn insert(&self, lookup: &Lookup, response: &StoredResponse) {
        let expires_at = response.metadata.expires_at(lookup.policy);
        self.memory.borrow_mut().insert(lookup.key(), response.clone(), expires_at);
    }

    /// What is gone at the origin is gone here.
    async fn invalidate(&self, lookup: &Lookup) {
        self.memory.borrow_mut().remove(&lookup.key());
        let removed = self
            .storage
            .update(lookup.owner(), Some(&lookup.path), Mode::Write, |documents| documents.set_response(None));
        removed.await.ok();
    }
}

/// How far a learner's response can be relied on; see [`Fetched`].
struct Received {
    is_current: bool,
    base: Base,
}

/// Enters a learner's response into what their outbox knows of responses: what was seen, and whether this one is a base.
fn receive(outbox: &mut Outbox, response: &StoredResponse, path: &str, is_storable: bool) -> Received {
    let metadata = &response.metadata;
    let is_current = metadata.generations.satisfies(&outbox.seen);
    if metadata.degraded.is_none() {
        outbox.seen.raise(&metadata.generations);
    }
    let may_be_base = is_storable && is_current;
    let base = if may_be_base { outbox.set_base(path, metadata.applied_sequence) } else { Base::Unknown };
    Received { is_current, base }
}

fn source_of(reply: &ServerResponse) -> Source {
    if reply.from_edge { Source::Edge } else { Source::Origin }
}

/// The response to store. `stored` is what a 304 confirms, to a client that has seen `seen`.
fn response_of(
    reply: &ServerResponse,
    stored: Option<&StoredResponse>,
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
    let stored = stored.ok_or_else(|| Error::offline("a 304 to a request without an entity tag"))?;
    let mut generations = stored.metadata.generations.clone();
    // Not modified, for one who has seen `seen`: what is stored is as good as one made from that.
    generations.raise(if reply.generations.is_empty() { seen } else { &reply.generations });
    let metadata = Metadata {
        etag: reply.etag.clone().or_else(|| stored.metadata.etag.clone()),
        generations,
        made_at_ms,
        degraded: reply.degraded.clone(),
        applied_sequence,
        ..stored.metadata.clone()
    };
    Ok(StoredResponse { metadata, body: stored.body.clone() })
}

/// Whether the body is what this route gives; anything else is not from Kaïros.
fn check_shape(policy: Policy, response: &StoredResponse) -> Result<()> {
    let body = &response.body;
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
    if fits { Ok(()) } else { Err(Error::offline("the response does not have the expected shape")) }
}
