//! `get`: the nearest answer that may be used, and when to ask for a newer one. Memory first, then disk, then the network; the
//! copy again when the network fails. Not here: fetching ([`crate::revalidate`]), or what is shown on top ([`crate::query_result`]).

use std::rc::Rc;

use futures_util::future::{Either, select};
use kairos_protocol::api::ids::UserId;

use crate::core::Core;
use crate::environment;
use crate::error::{Error, Result};
use crate::fetched::Fetched;
use crate::lookup::Lookup;
use crate::outbox::Outbox;
use crate::persistence::EVERYONE;
use crate::query_result::{Shown, View};
use crate::signed_in::Private;
use crate::stored_response::{Reuse, Source, StoredResponse};

/// How long the network may take when a copy could answer instead.
const PATIENCE_WITH_COPY_MS: u32 = 3_000;
/// How long it may take when there is none.
const PATIENCE_MS: u32 = 30_000;

/// What is here already.
struct Found {
    copy: Option<(StoredResponse, Source, Reuse)>,
    /// The asking user's.
    outbox: Option<Outbox>,
}

impl Found {
    fn shown(&self, stale: bool) -> Option<Shown> {
        let (answer, source, _) = self.copy.as_ref().filter(|(_, _, evaluate)| *evaluate != Reuse::Unusable)?;
        Some(Shown { answer: answer.clone(), source: *source, stale, is_base: true })
    }

    fn evaluate(&self) -> Reuse {
        self.copy.as_ref().map_or(Reuse::Unusable, |(_, _, evaluate)| *evaluate)
    }

    fn answer(&self) -> Option<StoredResponse> {
        self.copy.as_ref().map(|(answer, ..)| answer.clone())
    }
}

impl Core {
    /// Answers a `GET`; see `KairosClient.get` in `kairos-client.d.ts`.
    pub(crate) async fn get(self: &Rc<Self>, path: &str, revalidate: Option<bool>) -> Result<View> {
        self.ensure_open()?;
        let lookup = Lookup::parse(path, self.user())?;
        let found = if lookup.is_storable() { self.find(&lookup).await? } else { Found { copy: None, outbox: None } };
        let evaluate = found.evaluate();
        let at_once = match revalidate {
            Some(true) => false,
            Some(false) => true,
            None => matches!(evaluate, Reuse::Fresh | Reuse::WhileRevalidating),
        };
        if let Some(shown) = found.shown(evaluate != Reuse::Fresh).filter(|_| at_once) {
            if evaluate == Reuse::WhileRevalidating && revalidate.is_none() {
                drop(self.revalidation(&lookup, found.answer()));
            }
            return Ok(self.view(&lookup, shown, found.outbox.as_ref()).await);
        }
        if revalidate == Some(false) {
            return self.fall_back(&lookup, &found, Error::offline("there is no copy here")).await;
        }
        self.get_from_network(&lookup, found).await
    }

    async fn get_from_network(self: &Rc<Self>, lookup: &Lookup, found: Found) -> Result<View> {
        let has_copy = found.evaluate() != Reuse::Unusable;
        let patience = environment::sleep(if has_copy { PATIENCE_WITH_COPY_MS } else { PATIENCE_MS });
        let fetch = self.revalidation(lookup, found.answer());
        let outcome = match select(fetch, std::pin::pin!(patience)).await {
            Either::Left((outcome, _)) => outcome,
            Either::Right(_) => Err(Error::offline("no answer in time")),
        };
        match outcome {
            Ok(fetched) if has_copy && is_worse(&fetched, &found) => {
                self.fall_back(lookup, &found, Error::offline("no current answer")).await
            }
            Ok(fetched) => self.view_fetched(lookup, fetched).await,
            Err(error) if error.leaves_copies_valid() => self.fall_back(lookup, &found, error).await,
            Err(error) => Err(error),
        }
    }

    async fn view_fetched(self: &Rc<Self>, lookup: &Lookup, fetched: Fetched) -> Result<View> {
        let outbox = match &lookup.user {
            // Signed out while the answer was on its way: it is nobody's now.
            Some(user) => Some(self.read_as(user, None).await?.outbox),
            None => None,
        };
        let stale = !fetched.is_current || fetched.answer.metadata.degraded.is_some();
        let shown = Shown { answer: fetched.answer, source: fetched.source, stale, is_base: fetched.is_base };
        Ok(self.view(lookup, shown, outbox.as_ref()).await)
    }

    /// The copy, marked stale; `error` when there is none.
    async fn fall_back(self: &Rc<Self>, lookup: &Lookup, found: &Found, error: Error) -> Result<View> {
        let outbox = match &lookup.user {
            // Sending may have confirmed operations since the copy was looked up.
            Some(user) => Some(self.read_as(user, None).await?.outbox),
            None => None,
        };
        if let Some(shown) = found.shown(true) {
            return Ok(self.view(lookup, shown, outbox.as_ref()).await);
        }
        match &outbox {
            Some(outbox) => self.derived_view(lookup, outbox).await.ok_or(error),
            None => Err(error),
        }
    }

    async fn find(self: &Rc<Self>, lookup: &Lookup) -> Result<Found> {
        match &lookup.user {
            Some(user) => self.find_private(lookup, user).await,
            None => Ok(self.find_public(lookup).await),
        }
    }

    async fn find_public(&self, lookup: &Lookup) -> Found {
        let now = environment::now();
        let in_memory = self.memory.borrow_mut().get(&lookup.key(), now);
        let (answer, source) = match in_memory {
            Some(answer) => (Some(answer), Source::Memory),
            None => {
                let documents = self.storage.read(EVERYONE, Some(&lookup.path)).await.unwrap_or_default();
                let seen = documents.outbox.map(|outbox| outbox.seen).unwrap_or_default();
                self.catalog_seen.borrow_mut().raise(&seen);
                (documents.answer, Source::Disk)
            }
        };
        self.promote(lookup, answer.as_ref().filter(|_| source == Source::Disk));
        let seen = self.catalog_seen.borrow().clone();
        let copy = answer.map(|answer| {
            let evaluate = answer.metadata.evaluate(lookup.policy, &seen, now);
            (answer, source, evaluate)
        });
        Found { copy, outbox: None }
    }

    /// The outbox is read from disk each time: another tab may have added to it.
    async fn find_private(self: &Rc<Self>, lookup: &Lookup, user: &UserId) -> Result<Found> {
        let now = environment::now();
        let in_memory = self.memory.borrow_mut().get(&lookup.key(), now);
        let Private { outbox, answer: on_disk } = self.read_as(user, Some(&lookup.path)).await?;
        let is_base = |answer: &StoredResponse| outbox.reaches_back_to(answer.metadata.applied_sequence);
        let on_disk = on_disk.filter(is_base);
        let in_memory = in_memory.filter(is_base);
        // Another tab may have fetched a newer one than this tab remembers; or the disk had no room for what this tab fetched.
        let remembered =
            in_memory.filter(|mine| on_disk.as_ref().is_none_or(|there| !there.metadata.supersedes(&mine.metadata)));
        let found = match remembered {
            Some(answer) => Some((answer, Source::Memory)),
            None => {
                self.promote(lookup, on_disk.as_ref());
                on_disk.map(|answer| (answer, if self.storage.is_durable() { Source::Disk } else { Source::Memory }))
            }
        };
        let copy = found.map(|(answer, source)| {
            let evaluate = answer.metadata.evaluate(lookup.policy, &outbox.seen, now);
            (answer, source, evaluate)
        });
        Ok(Found { copy, outbox: Some(outbox) })
    }

    /// Keeps in memory what was found on disk.
    fn promote(&self, lookup: &Lookup, answer: Option<&StoredResponse>) {
        if let Some(answer) = answer {
            let expires_at = answer.metadata.expires_at(lookup.policy);
            self.memory.borrow_mut().put(lookup.key(), answer.clone(), expires_at);
        }
    }
}

/// Whether the copy should be shown rather than what was fetched: a default, something older, or something that may or may not
/// include the learner's own operations.
fn is_worse(fetched: &Fetched, found: &Found) -> bool {
    let is_default = fetched.answer.metadata.degraded.as_deref() == Some("default");
    let is_older = !fetched.is_current
        && found
            .copy
            .as_ref()
            .is_some_and(|(copy, ..)| copy.metadata.generations.satisfies(&fetched.answer.metadata.generations));
    is_default || is_older || !fetched.is_base
}
