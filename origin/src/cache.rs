//! How the origin knows whether a stored response still shows the current state: [`Cache`], over the store's generations, what this
//! process knows of them, and what Redis tells of other instances' writes. Not here: what a response looks like
//! ([`crate::response_cache`]).
//!
//! The protocol (design: "Generations"; checked by the model in `model/`). Every namespace of data has a generation, a number
//! that the store raises in the transaction that changes the data, and gives with whatever it reads, from the same snapshot:
//! **one number names one state.**
//!
//! - A read first learns the current number ([`Cache::current`]), by a look-up that begins after the request came. A stored
//!   response is used only if it was made from exactly that number; else one is loaded, and stored under the number that it came
//!   with.
//! - A write is committed, then announced in Redis ([`Cache::announce`]), then acknowledged.
//! - Where Redis does not know the number, and without Redis, the store is asked: one point query, shared by all who wait for it.
//! - A caller may report a larger number than is known here. Then the store is asked, and what it says is true.
//!
//! What Redis and this process know of the numbers may be old. Then somebody who has seen nothing newer may get an older state
//! for a bounded time ([`UNHEARD_USE`] without Redis); whoever has seen a newer one never does.

mod batch;
mod local_generations;
pub mod redis;
mod sampler;
mod watched;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kairos_protocol::UnixMillis;
use kairos_protocol::policy::Policy;
use kairos_protocol::sync::generation::{Generation, Generations, Namespace};
use tokio::time::{Instant, sleep};

use crate::store::{GenerationStore, Result, StoreError};
use batch::Batcher;
use local_generations::LocalGenerations;
pub(crate) use redis::{Lease, LeaseAttempt};
use redis::{Redis, Snapshot};
use sampler::Sampler;
pub use watched::Watch;
use watched::Watched;

/// How long a number is used that did not come from Redis: another instance's write may go unheard for that long.
pub const UNHEARD_USE: Duration = Duration::from_secs(2);

/// Namespaces that are looked up at once for those who watch them.
const WATCHED_AT_ONCE: usize = 1_000;

/// How long a reported generation waits before it is looked into, with all others that came meanwhile: callers can report anything.
const REPORTED_PAUSE: Duration = Duration::from_millis(50);

/// What is known of the generations, and the responses that instances share. Cheap to clone: all clones are one.
#[derive(Clone)]
pub struct Cache {
    inner: Arc<Inner>,
}

type LookUps = Batcher<Namespace, std::result::Result<Arc<Generations>, Arc<StoreError>>>;

struct Inner {
    local: LocalGenerations,
    /// At the store.
    look_ups: LookUps,
    /// At a server of the store that is surely not deposed.
    confirmed_look_ups: LookUps,
    redis: Option<Redis>,
    sampler: Option<Sampler>,
    watched: Arc<Watched>,
}

/// A module's own number, and the catalogue's in the same state.
pub(crate) struct ModuleState {
    pub(crate) catalog: Generations,
    pub(crate) number: Generation,
}

/// What came of a look-up.
enum Found {
    Current(Generations),
    /// The store must be asked; and what Redis had, to be confirmed with what that says.
    Unknown(Option<Arc<Snapshot>>),
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

    fn new(store: Arc<dyn GenerationStore>, redis: Option<Redis>) -> Self {
        let confirming = Arc::clone(&store);
        let look_ups = Batcher::new(move |namespaces: Vec<Namespace>| {
            let store = Arc::clone(&store);
            async move { store.generations(&namespaces).await.map(Arc::new).map_err(Arc::new) }
        });
        let confirmed_look_ups = Batcher::new(move |namespaces: Vec<Namespace>| {
            let store = Arc::clone(&confirming);
            async move {
                sleep(REPORTED_PAUSE).await;
                store.confirmed_generations(&namespaces).await.map(Arc::new).map_err(Arc::new)
            }
        });
        let local = LocalGenerations::default();
        let (sampler, watched) = (None, Arc::default());
        Self { inner: Arc::new(Inner { local, look_ups, confirmed_look_ups, redis, sampler, watched }) }
    }

    /// The same, which compares with the store one response in each `period` ([`Cache::sample`]), and none where that is zero. Only
    /// as long as nobody else has it.
    #[must_use]
    pub fn with_samples_every(mut self, period: Duration) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.inner) {
            inner.sampler = Sampler::new(period);
        }
        self
    }

    /// The current number of each of `namespaces`. With Redis: as of a moment after this was called. Without: at most
    /// [`UNHEARD_USE`] old. In either case not older than a write of this process that was acknowledged, and at least what the
    /// caller has `reported`, if the store ever gave that out.
    ///
    /// # Errors
    /// The store's, when it had to be asked.
    pub async fn current(&self, namespaces: &[Namespace], reported: &Generations) -> Result<Generations> {
        let snapshot = match self.look_up_here(namespaces, reported).await {
            Found::Current(numbers) => return Ok(numbers),
            Found::Unknown(snapshot) => snapshot,
        };
        let numbers = self.ask_store(namespaces, reported).await?;
        if let (Some(redis), Some(snapshot)) = (&self.inner.redis, snapshot) {
            redis.confirm(&snapshot, &numbers);
        }
        Ok(numbers)
    }

    /// The same, if it is known without asking the store.
    pub async fn current_if_known(&self, namespaces: &[Namespace], reported: &Generations) -> Option<Generations> {
        match self.look_up_here(namespaces, reported).await {
            Found::Current(numbers) => Some(numbers),
            Found::Unknown(_) => None,
        }
    }

    /// The current number of each of `namespaces`, as of a moment after this was called, and what Redis has under `key`, in one look-up;
    /// `None` where Redis is not reached, does not know, or knows less than somebody here: then one asks for each by itself.
    pub async fn read_shared(
        &self,
        key: &str,
        namespaces: &[Namespace],
        reported: &Generations,
    ) -> Option<(Generations, Option<Bytes>)> {
        let Inner { local, redis, .. } = self.inner.as_ref();
        let (numbers, response) = redis.as_ref()?.read(key, namespaces).await?;
        if !(numbers.satisfies(&local.known(namespaces)) && numbers.satisfies(reported)) {
            return None;
        }
        local.learn(&numbers);
        Some((numbers, response))
    }

    /// In Redis, and where that is not reached, in what this process knows.
    async fn look_up_here(&self, namespaces: &[Namespace], reported: &Generations) -> Found {
        let Inner { local, redis, .. } = self.inner.as_ref();
        if let Some(redis) = redis
            && let Some(snapshot) = redis.look_up(namespaces).await
        {
            let known = local.known(namespaces);
            let is_current = |numbers: &Generations| numbers.satisfies(&known) && numbers.satisfies(reported);
            let Some(numbers) = snapshot.numbers(namespaces).filter(is_current) else {
                return Found::Unknown(Some(snapshot));
            };
            local.learn(&numbers);
            return Found::Current(numbers);
        }
        let numbers = local.current(namespaces, Instant::now().checked_sub(UNHEARD_USE));
        numbers.filter(|numbers| numbers.satisfies(reported)).map_or(Found::Unknown(None), Found::Current)
    }

    /// The state of one module, and of the catalogue at the same moment, which is not before that of `current`: `None` if the store
    /// gives an older one, or says that all modules were purged. One point query, shared by all who wait for one. Only together do the two numbers say anything of each other;
    /// nothing keeps the module's.
    ///
    /// # Errors
    /// The store's.
    pub(crate) async fn module_state(&self, module: &Namespace, current: &Generations) -> Result<Option<ModuleState>> {
        let Inner { local, look_ups, watched, .. } = self.inner.as_ref();
        let (began, group) = (Instant::now(), Policy::CatalogModule.group());
        let numbers = look_up(look_ups, &[Namespace::Catalog, module.clone(), group.clone()]).await?;
        let of = |namespace: &Namespace| numbers.get(namespace).unwrap_or_default();
        let only = |namespace: &Namespace| Generations::from_iter([(namespace.clone(), of(namespace))]);
        let catalog = only(&Namespace::Catalog);
        let is_purged = watched.raise(&only(&group));
        if is_purged || !catalog.satisfies(current) {
            return Ok(None);
        }
        local.confirm(&catalog, began);
        Ok(Some(ModuleState { catalog, number: of(module) }))
    }

    /// What is known of the numbers, for a read that must load anyway: the load tells what a look-up at the store would. `None` where
    /// Redis tells it for less, or when the caller has `reported` more: then it is looked up.
    #[must_use]
    pub fn known_to_load(&self, namespaces: &[Namespace], reported: &Generations) -> Option<Generations> {
        if self.inner.redis.is_some() {
            return None;
        }
        let known = self.inner.local.known(namespaces);
        let is_enough = |namespace: &Namespace| known.get(namespace) >= reported.get(namespace);
        namespaces.iter().all(is_enough).then_some(known)
    }

    /// These numbers came with a load that `began` then, which no look-up came before: the store said so.
    pub fn learn_current(&self, numbers: &Generations, began: Instant) {
        self.inner.local.confirm(numbers, began);
    }

    /// These numbers came with what was read from the store.
    pub fn learn(&self, numbers: &Generations) {
        self.inner.local.learn(numbers);
    }

    /// A write that `began` then was committed, or refused, with these numbers and is about to be answered. After this, whoever
    /// reaches the same Redis, and every caller of this process, sees it. Never fails.
    pub async fn announce(&self, numbers: &Generations, began: Instant) {
        self.inner.local.confirm(numbers, began);
        self.inner.watched.raise(numbers);
        if let Some(redis) = &self.inner.redis {
            redis.announce(numbers).await;
        }
    }

    /// Something may have been written to `namespaces`, or may yet be: nobody is to rely on what is known of them.
    pub async fn invalidate(&self, namespaces: &[Namespace]) {
        self.inner.local.invalidate(namespaces);
        if let Some(redis) = &self.inner.redis {
            redis.invalidate(namespaces).await;
        }
    }

    /// Watches the number of `namespace` from now on: writes of this process, and whatever else comes to be known by
    /// [`Cache::look_up_watched`] and [`Cache::tell_watchers`].
    #[must_use]
    pub fn watch(&self, namespace: Namespace) -> Watch {
        self.inner.watched.watch(namespace)
    }

    /// These numbers are known.
    pub fn tell_watchers(&self, numbers: &Generations) {
        self.inner.watched.raise(numbers);
    }

    /// Looks up what is watched, a thousand at a time, and tells the watchers: in Redis, and in the store what that does not know. Costs
    /// nothing when nothing is watched.
    ///
    /// # Errors
    /// The store's, when it had to be asked. Then the rest is not looked up.
    pub async fn look_up_watched(&self) -> Result<()> {
        for namespaces in self.inner.watched.namespaces().chunks(WATCHED_AT_ONCE) {
            let numbers = match self.inner.redis {
                Some(_) => self.current(namespaces, &Generations::default()).await?,
                // What this process knows by itself is what its watchers were told.
                None => self.ask_store(namespaces, &Generations::default()).await?,
            };
            self.inner.watched.raise(&numbers);
        }
        Ok(())
    }

    /// What Redis has under `key`, whatever it was made from; nothing when it is not reached in time.
    pub async fn load(&self, key: &str) -> Option<Bytes> {
        self.inner.redis.as_ref()?.load(key).await
    }

    /// Puts a value into Redis under `key` for `ttl_secs`, in the background. May be left out; then it is not made either. A `lease`
    /// on it is given back after that.
    pub(crate) fn store(&self, key: &str, value: impl FnOnce() -> Bytes, ttl_secs: u32, lease: Option<Lease>) {
        if let Some(redis) = &self.inner.redis {
            redis.store(key, value, ttl_secs, lease);
        }
    }

    /// Tries to take the lease named `name` on loading the response under `key`, of which it has `seen` the first bytes. `None`
    /// where there is no Redis, or it is not reached in time: then one goes on without.
    pub(crate) async fn lease(&self, name: &str, key: &str, seen: &[u8]) -> Option<LeaseAttempt> {
        self.inner.redis.as_ref()?.lease(name, key, seen).await
    }

    /// A stored response made from `generations` was given to somebody at `now`. Now and then one is compared with what the store
    /// says of them, in the background: how old responses are is measured. Costs nothing when none is due.
    pub fn sample(&self, generations: &Generations, now: UnixMillis) {
        let Some(turn) = self.inner.sampler.as_ref().and_then(|sampler| sampler.turn(now)) else { return };
        let (inner, given) = (Arc::clone(&self.inner), generations.clone());
        tokio::spawn(async move {
            let namespaces: Vec<_> = given.iter().map(|(namespace, _)| namespace.clone()).collect();
            let stored = look_up(&inner.look_ups, &namespaces).await;
            turn.report(&given, stored.as_ref().ok(), now);
        });
    }

    /// Whether Redis is reached now; `None` where there is none.
    #[must_use]
    pub fn shared_is_reached(&self) -> Option<bool> {
        self.inner.redis.as_ref().map(Redis::is_reached)
    }

    /// Asks the store. Where somebody knows of a larger number than it says, only a server that is surely not deposed is believed.
    async fn ask_store(&self, namespaces: &[Namespace], reported: &Generations) -> Result<Generations> {
        let Inner { local, look_ups, confirmed_look_ups, .. } = self.inner.as_ref();
        let (known, began) = (local.known(namespaces), Instant::now());
        let numbers = look_up(look_ups, namespaces).await?;
        if numbers.satisfies(&known) && numbers.satisfies(reported) {
            local.confirm(&numbers, began);
            return Ok(numbers);
        }
        // What this says is true: a reported number above it was never given out.
        let numbers = look_up(confirmed_look_ups, namespaces).await?;
        if !numbers.satisfies(&known) {
            tracing::warn!(%numbers, %known, "the store was put back to an older state");
            local.remove(&known);
        }
        local.confirm(&numbers, began);
        Ok(numbers)
    }
}

/// The numbers of `namespaces`, out of a look-up that others share.
async fn look_up(look_ups: &LookUps, namespaces: &[Namespace]) -> Result<Generations> {
    let stopped = || StoreError::Corrupt("the query for generations panicked".to_owned());
    let found = look_ups.get(namespaces).await.ok_or_else(stopped)?;
    let all = found.map_err(|error| error.as_ref().clone())?;
    Ok(namespaces.iter().map(|n| (n.clone(), all.get(n).unwrap_or_default())).collect())
}
