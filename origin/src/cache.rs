//! How the origin knows whether a stored answer is still true: [`Cache`], over the store's generations, what this process knows of
//! them, and what Redis tells of other instances' writes. Not here: what an answer looks like ([`crate::response_cache`]).
//!
//! The protocol (design: "Generations"; checked by the model in `model/`). Every namespace of data has a generation, a number
//! that the store raises in the transaction that changes the data, and gives with whatever it reads, from the same snapshot:
//! **one number names one state.**
//!
//! - A read first learns the current number ([`Cache::current`]), by a look-up that begins after the request came. A stored
//!   answer is used only if it was made from exactly that number; else the answer is loaded, and kept under the number that it
//!   came with.
//! - A write is committed, then announced in Redis ([`Cache::announce`]), then acknowledged.
//! - Where Redis does not know the number, and without Redis, the store is asked: one point query, shared by all who wait for it.
//! - A caller may have seen a larger number than is known here. Then the store is asked, and what it says is true.
//!
//! Redis and this process hold copies of the numbers. Were they wrong, somebody who has seen nothing newer could get an older
//! state for a bounded time ([`UNHEARD_USE`] without Redis); whoever has seen a newer one never does.

mod batch;
mod breaker;
mod local_generations;
pub mod redis;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kairos_protocol::sync::generation::{Generations, Namespace};
use tokio::time::{Instant, sleep};

use crate::store::{GenerationStore, Result, StoreError};
use batch::Batcher;
use local_generations::LocalGenerations;
use redis::Redis;

/// How long a number is used that Redis does not vouch for: another instance's write may go unheard for that long.
pub const UNHEARD_USE: Duration = Duration::from_secs(2);

/// How long a claim waits before it is looked into, with all others that came meanwhile: callers can claim anything.
const CLAIM_PAUSE: Duration = Duration::from_millis(50);

/// What is known of the generations, and the answers that instances share. Cheap to clone: all clones are one.
#[derive(Clone)]
pub struct Cache {
    inner: Arc<Inner>,
}

type Numbers = Batcher<Namespace, std::result::Result<Arc<Generations>, Arc<StoreError>>>;

struct Inner {
    known: LocalGenerations,
    stored: Numbers,
    confirmed: Numbers,
    shared: Option<Redis>,
}

impl Cache {
    /// For an instance that hears of others' writes from the store alone.
    #[must_use]
    pub fn local(store: Arc<dyn GenerationStore>) -> Self {
        Self::new(store, None)
    }

    /// For instances that share `redis`.
    #[must_use]
    pub fn shared(store: Arc<dyn GenerationStore>, redis: Redis) -> Self {
        Self::new(store, Some(redis))
    }

    fn new(store: Arc<dyn GenerationStore>, shared: Option<Redis>) -> Self {
        let confirming = Arc::clone(&store);
        let stored = Batcher::new(move |namespaces: Vec<Namespace>| {
            let store = Arc::clone(&store);
            async move { store.generations(&namespaces).await.map(Arc::new).map_err(Arc::new) }
        });
        let confirmed = Batcher::new(move |namespaces: Vec<Namespace>| {
            let store = Arc::clone(&confirming);
            async move {
                sleep(CLAIM_PAUSE).await;
                store.confirmed_generations(&namespaces).await.map(Arc::new).map_err(Arc::new)
            }
        });
        Self { inner: Arc::new(Inner { known: LocalGenerations::default(), stored, confirmed, shared }) }
    }

    /// The current number of each of `namespaces`. With Redis: as of a moment after this was called. Without: at most
    /// [`UNHEARD_USE`] old. In either case not older than a write of this process that was acknowledged, and at least what the
    /// caller has `seen`, if the store ever gave that out.
    ///
    /// # Errors
    /// The store's, when it had to be asked.
    pub async fn current(&self, namespaces: &[Namespace], seen: &Generations) -> Result<Generations> {
        let Inner { known, shared, .. } = self.inner.as_ref();
        if let Some(redis) = shared
            && let Some(view) = redis.look_up(namespaces).await
        {
            let floor = known.numbers(namespaces);
            let is_true = |numbers: &Generations| numbers.satisfies(&floor) && numbers.satisfies(seen);
            if let Some(numbers) = view.numbers(namespaces).filter(is_true) {
                known.given_out(&numbers);
                return Ok(numbers);
            }
            let numbers = self.ask_store(namespaces, seen).await?;
            redis.confirm(&view, &numbers);
            return Ok(numbers);
        }
        let numbers = known.current(namespaces, Instant::now().checked_sub(UNHEARD_USE));
        match numbers.filter(|numbers| numbers.satisfies(seen)) {
            Some(numbers) => Ok(numbers),
            None => self.ask_store(namespaces, seen).await,
        }
    }

    /// These numbers came with what was read from the store.
    pub fn learn(&self, numbers: &Generations) {
        self.inner.known.given_out(numbers);
    }

    /// A write that `began` then was committed, or refused, with these numbers and is about to be answered. After this, whoever
    /// reaches the same Redis, and every caller of this process, sees it. Never fails.
    pub async fn announce(&self, numbers: &Generations, began: Instant) {
        self.inner.known.stored(numbers, began);
        if let Some(redis) = &self.inner.shared {
            redis.announce(numbers).await;
        }
    }

    /// Something may have been written to `namespaces`, or may yet be: nobody is to rely on what is known of them.
    pub async fn invalidate(&self, namespaces: &[Namespace]) {
        self.inner.known.invalidate(namespaces);
        if let Some(redis) = &self.inner.shared {
            redis.invalidate(namespaces).await;
        }
    }

    /// What was last kept under `key`, whatever it was made from; nothing when Redis is not reached in time.
    pub async fn load(&self, key: &str) -> Option<Bytes> {
        self.inner.shared.as_ref()?.load(key).await
    }

    /// Keeps a value under `key` for `ttl_secs`, in the background. May be dropped; then it is not made either.
    pub fn store(&self, key: &str, value: impl FnOnce() -> Bytes, ttl_secs: u32) {
        if let Some(redis) = &self.inner.shared {
            redis.store(key, value, ttl_secs);
        }
    }

    /// Whether Redis is reached now; `None` where there is none.
    #[must_use]
    pub fn shared_is_reached(&self) -> Option<bool> {
        self.inner.shared.as_ref().map(Redis::is_reached)
    }

    /// Asks the store. Where somebody knows of a larger number than it says, only a server that is surely not deposed is believed.
    async fn ask_store(&self, namespaces: &[Namespace], seen: &Generations) -> Result<Generations> {
        let known = &self.inner.known;
        let (floor, began) = (known.numbers(namespaces), Instant::now());
        let numbers = pick(&self.inner.stored, namespaces).await?;
        if numbers.satisfies(&floor) && numbers.satisfies(seen) {
            known.stored(&numbers, began);
            return Ok(numbers);
        }
        // What this says is true: a claim above it was never given out.
        let numbers = pick(&self.inner.confirmed, namespaces).await?;
        if !numbers.satisfies(&floor) {
            tracing::warn!(%numbers, known = %floor, "the store was put back to an older state");
            known.lower(&floor);
        }
        known.stored(&numbers, began);
        Ok(numbers)
    }
}

/// Those of `namespaces` out of a batch's answer.
async fn pick(numbers: &Numbers, namespaces: &[Namespace]) -> Result<Generations> {
    let lost = || StoreError::Corrupt("the query for generations panicked".to_owned());
    let answer = numbers.get(namespaces).await.ok_or_else(lost)?;
    let all = answer.map_err(|error| error.as_ref().clone())?;
    Ok(namespaces.iter().map(|n| (n.clone(), all.get(n).unwrap_or_default())).collect())
}
