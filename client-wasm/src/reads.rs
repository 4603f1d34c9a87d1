//! `get`: the nearest response that may be used, and when to ask for a newer one. Memory first, then disk, then the network; what
//! is stored again when the network fails. Not here: fetching ([`crate::revalidate`]), or what the caller is given
//! ([`crate::query_result`]).

use std::rc::Rc;

use futures_util::future::{Either, select};
use kairos_protocol::api::ids::UserId;

use crate::core::Core;
use crate::documents::EVERYONE;
use crate::environment;
use crate::error::{Error, Result};
use crate::fetched::Fetched;
use crate::lookup::Lookup;
use crate::outbox::Outbox;
use crate::query_result::{QueryResult, Shown};
use crate::signed_in::PrivateData;
use crate::stored_response::{Base, Reuse, Source, StoredResponse};

/// How long the network may take when a stored response could be served instead.
const PATIENCE_WITH_STORED_MS: u32 = 3_000;
/// How long it may take when there is none.
const PATIENCE_MS: u32 = 30_000;

/// What is here already.
struct Found {
    stored: Option<Candidate>,
    /// The asking user's.
    outbox: Option<Outbox>,
}

/// A stored response, and whether it may be used.
struct Candidate {
    response: StoredResponse,
    source: Source,
    reuse: Reuse,
}

impl Found {
    fn shown(&self, stale: bool) -> Option<Shown> {
        let Candidate { response, source, .. } =
            self.stored.as_ref().filter(|stored| stored.reuse != Reuse::Expired)?;
        Some(Shown { response: response.clone(), source: *source, stale, base: Base::Known })
    }

    fn reuse(&self) -> Reuse {
        self.stored.as_ref().map_or(Reuse::Expired, |stored| stored.reuse)
    }

    fn response(&self) -> Option<StoredResponse> {
        self.stored.as_ref().map(|stored| stored.response.clone())
    }
}

impl Core {
    /// Answers a `GET`; see `KairosClient.get` in `kairos-client.d.ts`.
    pub(crate) async fn get(self: &Rc<Self>, path: &str, revalidate: Option<bool>) -> Result<QueryResult> {
        self.ensure_open()?;
        let lookup = Lookup::parse(path, self.user())?;
        let found = if lookup.is_storable() { self.find(&lookup).await? } else { Found { stored: None, outbox: None } };
        let reuse = found.reuse();
        let at_once = match revalidate {
            Some(true) => false,
            Some(false) => true,
            None => matches!(reuse, Reuse::Fresh | Reuse::StaleWhileRevalidate),
        };
        if let Some(shown) = found.shown(reuse != Reuse::Fresh).filter(|_| at_once) {
            if reuse == Reuse::StaleWhileRevalidate && revalidate.is_none() {
                drop(self.revalidation(&lookup, found.response()));
            }
            return Ok(self.query_result(&lookup, shown, found.outbox.as_ref()).await);
        }
        if revalidate == Some(false) {
            return self.serve_stale_if_error(&lookup, &found, Error::offline("no response is stored here")).await;
        }
        self.get_from_network(&lookup, found).await
    }

    async fn get_from_network(self: &Rc<Self>, lookup: &Lookup, found: Found) -> Result<QueryResult> {
        let has_stored = found.reuse() != Reuse::Expired;
        let patience = environment::sleep(if has_stored { PATIENCE_WITH_STORED_MS } else { PATIENCE_MS });
        let fetch = self.revalidation(lookup, found.response());
        let outcome = match select(fetch, std::pin::pin!(patience)).await {
            Either::Left((outcome, _)) => outcome,
            Either::Right(_) => Err(Error::offline("no response in time")),
        };
        match outcome {
            Ok(fetched) if has_stored && is_worse(&fetched, &found) => {
                self.serve_stale_if_error(lookup, &found, Error::offline("no current response")).await
            }
            Ok(fetched) => self.fetched_result(lookup, fetched).await,
            Err(error) if error.allows_stale() => self.serve_stale_if_error(lookup, &found, error).await,
            Err(error) => Err(error),
        }
    }

    async fn fetched_result(self: &Rc<Self>, lookup: &Lookup, fetched: Fetched) -> Result<QueryResult> {
        let outbox = match &lookup.user {
            // Signed out while the response was on its way: it is nobody's now.
            Some(user) => Some(self.read_as(user, None).await?.outbox),
            None => None,
        };
        let Fetched { response, source, is_current, base } = fetched;
        let stale = !is_current || response.metadata.degraded.is_some();
        let shown = Shown { response, source, stale, base };
        Ok(self.query_result(lookup, shown, outbox.as_ref()).await)
    }

    /// What is stored, marked stale; `error` when nothing is.
    async fn serve_stale_if_error(
        self: &Rc<Self>,
        lookup: &Lookup,
        found: &Found,
        error: Error,
    ) -> Result<QueryResult> {
        let outbox = match &lookup.user {
            // Sending may have confirmed operations since the look-up.
            Some(user) => Some(self.read_as(user, None).await?.outbox),
            None => None,
        };
        if let Some(shown) = found.shown(true) {
            return Ok(self.query_result(lookup, shown, outbox.as_ref()).await);
        }
        match &outbox {
            Some(outbox) => self.derived_result(lookup, outbox).await.ok_or(error),
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
        let (response, source) = match in_memory {
            Some(response) => (Some(response), Source::Memory),
            None => {
                let documents = self.storage.read(EVERYONE, Some(&lookup.path)).await.unwrap_or_default();
                self.catalog_seen.borrow_mut().raise(&documents.catalog_seen);
                self.promote(lookup, documents.response.as_ref());
                (documents.response, Source::Disk)
            }
        };
        let seen = self.catalog_seen.borrow().clone();
        let stored = response.map(|response| {
            let reuse = response.metadata.evaluate(lookup.policy, &seen, now);
            Candidate { response, source, reuse }
        });
        Found { stored, outbox: None }
    }

    /// The outbox is read from disk each time: another tab may have added to it.
    async fn find_private(self: &Rc<Self>, lookup: &Lookup, user: &UserId) -> Result<Found> {
        let now = environment::now();
        let in_memory = self.memory.borrow_mut().get(&lookup.key(), now);
        let PrivateData { outbox, response: on_disk } = self.read_as(user, Some(&lookup.path)).await?;
        let is_known_base = |response: &StoredResponse| outbox.reaches_back_to(response.metadata.applied_sequence);
        let on_disk = on_disk.filter(is_known_base);
        let in_memory = in_memory.filter(is_known_base);
        // Another tab may have fetched a newer one than this tab has; or the disk had no room for what this tab fetched.
        let newest_in_memory =
            in_memory.filter(|mine| on_disk.as_ref().is_none_or(|there| !there.metadata.supersedes(&mine.metadata)));
        let found = match newest_in_memory {
            Some(response) => Some((response, Source::Memory)),
            None => {
                self.promote(lookup, on_disk.as_ref());
                let source = if self.storage.is_durable() { Source::Disk } else { Source::Memory };
                on_disk.map(|response| (response, source))
            }
        };
        let stored = found.map(|(response, source)| {
            let reuse = response.metadata.evaluate(lookup.policy, &outbox.seen, now);
            Candidate { response, source, reuse }
        });
        Ok(Found { stored, outbox: Some(outbox) })
    }

    /// Puts into memory what was found on disk.
    fn promote(&self, lookup: &Lookup, on_disk: Option<&StoredResponse>) {
        if let Some(response) = on_disk {
            self.insert(lookup, response);
        }
    }
}

/// Whether what is stored should be shown rather than what was fetched: a default, something older, or something that may or may
/// not include the learner's own operations.
fn is_worse(fetched: &Fetched, found: &Found) -> bool {
    let metadata = &fetched.response.metadata;
    let is_default = metadata.degraded.as_deref() == Some("default");
    let is_older = !fetched.is_current
        && found
            .stored
            .as_ref()
            .is_some_and(|stored| stored.response.metadata.generations.satisfies(&metadata.generations));
    is_default || is_older || fetched.base == Base::Unknown
}
