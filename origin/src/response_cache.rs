//! The responses to reads, stored and used again: in process, then in Redis, else loaded from the store; and when the store is down
//! or slow, a stale one, marked. This carries out what `reuse` decides. Not here: what a response says, or how generations are kept
//! ([`crate::cache`]).

mod body;
mod coalesce;
mod compress;
mod early;
mod groups;
mod headers;
mod heads;
mod lag;
mod leases;
mod load;
mod lookup;
mod miss;
mod patience;
mod quick;
mod refresh;
mod report;
mod reuse;
mod stored_response;
mod tiers;
mod turns;
mod validate;

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Weak};

use axum::response::Response;
use kairos_protocol::UnixMillis;
use kairos_protocol::api::headers::ORIGIN_CACHE;
use kairos_protocol::api::problem::ProblemType;
use kairos_protocol::http::cache_control::CacheControl;
use kairos_protocol::http::cache_status::{CacheStatus, Forward};
use kairos_protocol::http::freshness::FreshnessLifetime;
use kairos_protocol::sync::generation::Generations;
use serde::Serialize;

use crate::cache::{Cache, Watch};
use crate::environment::Environment;
use crate::error::AppError;
use crate::store::{StoreError, Versioned};
use crate::telemetry::cache::{CacheMetrics, count_bypass};

use coalesce::Coalesced;
use groups::Groups;
pub(crate) use headers::write_policy;
pub use headers::{ResponseScope, write_cache_headers};
use load::{Loaded, Loader, Source};
pub use lookup::{CacheRequest, Lookup, NothingShared};
use miss::{Looked, Miss};
use patience::Patience;
pub(crate) use quick::Quick;
use refresh::Refresher;
use reuse::Reuse;
use stored_response::{Metadata, StoredResponse};
use tiers::Tiers;

/// MiB that stored responses take in process at most, unless configured otherwise.
pub const DEFAULT_CAPACITY_MIB: u32 = 64;

/// Answers reads. Cheap to clone: all clones are one.
#[derive(Clone)]
pub struct ResponseCache {
    inner: Arc<Inner>,
}

struct Inner {
    cache: Cache,
    environment: Environment,
    tiers: Arc<Tiers>,
    loader: Arc<Loader>,
    metrics: CacheMetrics,
    refresher: Refresher,
    groups: Groups,
}

impl ResponseCache {
    /// Stores up to `capacity_bytes` in this process, and in Redis what `cache` shares.
    #[must_use]
    pub fn new(cache: Cache, environment: Environment, capacity_bytes: u64) -> Self {
        let tiers = Arc::new(Tiers::new(cache.clone(), capacity_bytes));
        let loader = Arc::new(Loader::new(cache.clone(), Arc::clone(&tiers)));
        let (refresher, metrics) = (Refresher::new(), CacheMetrics::default());
        Self {
            inner: Arc::new(Inner { cache, environment, tiers, loader, refresher, metrics, groups: Groups::default() }),
        }
    }

    /// Learns which policies' responses were purged before, and from now on, as long as this is there and the watched numbers are looked up
    /// ([`Cache::look_up_watched`]). Needs a runtime.
    ///
    /// # Errors
    /// The store's: until this has succeeded, what was purged may be found.
    pub async fn follow_purges(&self) -> Result<(), StoreError> {
        let namespaces = self.inner.groups.namespaces();
        // Watched before they are looked up: a purge in between is heard of.
        let watches: Vec<_> = namespaces.iter().map(|group| self.inner.cache.watch(group.clone())).collect();
        self.drop_purged(&self.inner.cache.current(&namespaces, &Generations::default()).await?);
        for watch in watches {
            tokio::spawn(follow(Arc::downgrade(&self.inner), watch));
        }
        Ok(())
    }

    /// Uses nothing any more that was stored before the purges that `numbers` are of.
    pub fn drop_purged(&self, numbers: &Generations) {
        self.inner.drop_purged(numbers);
    }

    /// Whether this process has nothing stored, so that it could serve nothing without the store.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.inner.tiers.is_empty()
    }

    /// Shows in metrics what is stored now.
    pub fn report(&self) {
        self.inner.tiers.report();
    }

    /// The response to `lookup`: a stored one, or one loaded by `load`, which is called at most once, on a task that runs to its end
    /// whether or not the caller waits. Errors are not stored. When the store is down, or has not answered after
    /// [`SOFT_TIMEOUT`](patience::SOFT_TIMEOUT), and there is a stale response that is not older than what the caller has reported,
    /// that is served, marked `Kairos-Degraded: stale`; a slow load goes on and is stored.
    ///
    /// # Errors
    /// Those of `load`; a panic in it is [`ProblemType::Internal`].
    pub async fn get_or_load<T, F>(&self, lookup: Lookup, load: impl FnOnce() -> F + Send) -> Result<Response, AppError>
    where
        T: Serialize + Send + 'static,
        F: Future<Output = Result<Versioned<T>, AppError>> + Send + 'static,
    {
        let Inner { environment, tiers, .. } = self.inner.as_ref();
        let now = environment.now();
        if !lookup.is_storable() {
            return self.inner.bypass(&lookup, now, load()).await;
        }
        let key = self.inner.key_of(&lookup);
        let stored = tiers.get(&key);
        let read = Read { lookup, key, stored, now };
        match self.inner.reuse_or_load(&read, load).await {
            Err(error) if error.problem.status == ProblemType::Unavailable.status() => {
                self.inner.serve_stale(&read, reuse::serve_stale_if_error).await.ok_or(error)
            }
            outcome => outcome,
        }
    }
}

/// A look-up, and what memory has for it.
struct Read {
    lookup: Lookup,
    key: String,
    stored: Option<Arc<StoredResponse>>,
    /// When it began.
    now: UnixMillis,
}

/// Whether a stored response may be served stale: [`reuse`].
type MayServe = fn(&Metadata, &CacheRequest, FreshnessLifetime, UnixMillis) -> Option<i64>;

/// Hears of purges of one group, until `inner` is gone.
async fn follow(inner: Weak<Inner>, mut watch: Watch) {
    loop {
        watch.changed().await;
        let Some(inner) = inner.upgrade() else { return };
        let number = watch.newest();
        inner.drop_purged(&[(watch.namespace().clone(), number)].into_iter().collect());
    }
}

impl Inner {
    fn key_of(&self, lookup: &Lookup) -> String {
        lookup.cache_key(self.groups.number(lookup.policy))
    }

    fn drop_purged(&self, numbers: &Generations) {
        for policy in self.groups.raise(numbers) {
            tracing::info!(policy = policy.name(), "the stored responses of a policy were purged");
            self.tiers.drop_all_of(policy);
        }
    }

    async fn reuse_or_load<T, F>(
        self: &Arc<Self>,
        read: &Read,
        load: impl FnOnce() -> F + Send,
    ) -> Result<Response, AppError>
    where
        T: Serialize + Send + 'static,
        F: Future<Output = Result<Versioned<T>, AppError>> + Send + 'static,
    {
        let Read { lookup, stored, now, .. } = read;
        let (request, lifetime, mut patience) = (&lookup.request, lookup.policy.at_origin(), Patience::default());
        let namespaces = lookup.policy.namespaces(lookup.subject.as_ref());
        if let (None, Some(NothingShared { current })) = (stored, &lookup.nothing_shared) {
            let reason = reuse::why_forwarded(None, request);
            return self.load(read, current.clone(), reason, Looked::Up, patience, load).await;
        }
        let must_load = stored.is_none() || request.cache_control.no_cache;
        let known = if must_load { self.cache.known_to_load(&namespaces, &request.reported) } else { None };
        if let Some(known) = known {
            let reason = reuse::why_forwarded(stored.as_deref().map(|stored| &stored.metadata), request);
            return self.load(read, known, reason, Looked::NotUp, patience, load).await;
        }
        let mut looking_up = pin!(self.cache.current(&namespaces, &request.reported));
        let current = match patience.wait(looking_up.as_mut()).await {
            Some(current) => current?,
            None => match self.serve_stale(read, reuse::serve_stale_if_slow).await {
                Some(response) => {
                    self.refresh(read, "slow", None, load);
                    return Ok(response);
                }
                None => looking_up.await?,
            },
        };
        let evaluate = |stored: &StoredResponse| reuse::evaluate(&stored.metadata, request, lifetime, &current, *now);
        let reason = match stored.as_deref().map(|stored| (stored, evaluate(stored))) {
            Some((stored, Reuse::Hit { ttl_secs })) => {
                if early::is_due(&stored.metadata, lifetime, *now, self.environment.entropy.as_ref()) {
                    self.refresh(read, "early", Some(current), load);
                }
                return Ok(self.hit(read, stored, "memory", ttl_secs.into()));
            }
            Some((stored, Reuse::StaleWhileRevalidate)) => {
                self.refresh(read, "stale", Some(current), load);
                return Ok(self.hit(read, stored, "memory", reuse::ttl_secs(&stored.metadata, lifetime, *now)));
            }
            Some((_, Reuse::Forward(reason))) => reason,
            None => reuse::why_forwarded(None, request),
        };
        self.load(read, current, reason, Looked::Up, patience, load).await
    }

    /// What memory could not serve, when `current` are the generations, or what is known of them.
    async fn load<T, F>(
        &self,
        read: &Read,
        current: Generations,
        reason: Forward,
        looked: Looked,
        mut patience: Patience,
        load: impl FnOnce() -> F + Send,
    ) -> Result<Response, AppError>
    where
        T: Serialize + Send + 'static,
        F: Future<Output = Result<Versioned<T>, AppError>> + Send + 'static,
    {
        let Read { lookup, key, now, stored } = read;
        // Where nothing is stored, whoever is let in at first (`quick`) goes on: what was done for it would be lost.
        if let Some(refusal) = stored.as_ref().and_then(|_| self.loader.refusal()) {
            return Err(refusal);
        }
        let (request, lifetime) = (&lookup.request, lookup.policy.at_origin());
        let key = key.as_str().into();
        let miss = Miss { lookup: lookup.clone(), key, current, looked, reason, now: *now, replaces: None };
        let mut loading = pin!(self.loader.load(&miss, load));
        let loaded = match patience.wait(loading.as_mut()).await {
            Some(loaded) => loaded?,
            // It goes on by itself.
            None => match self.serve_stale(read, reuse::serve_stale_if_slow).await {
                Some(response) => return Ok(response),
                None => loading.await?,
            },
        };
        let Coalesced { value: Loaded { response, source }, collapsed } = loaded;
        let hit = |tier| self.hit(read, &response, tier, reuse::ttl_secs(&response.metadata, lifetime, *now));
        let stored = match source {
            Source::Memory => return Ok(hit("memory")),
            Source::Redis => return Ok(hit("redis")),
            Source::Store { is_stored } => is_stored,
        };
        self.metrics.add(lookup.policy, |metrics| &metrics.misses);
        let status = CacheStatus::Forwarded { cache: ORIGIN_CACHE, reason, stored, collapsed, detail: None };
        Ok(headers::respond(&response, lookup.policy, request, &status, ResponseScope::Policy))
    }

    /// Loads anew what was given to a `read`, behind it and for nobody in particular, because of `why`. `current` are the
    /// generations, where they were looked up.
    fn refresh<T, F>(
        self: &Arc<Self>,
        read: &Read,
        why: &'static str,
        current: Option<Generations>,
        load: impl FnOnce() -> F,
    ) where
        T: Serialize + Send + 'static,
        F: Future<Output = Result<Versioned<T>, AppError>> + Send + 'static,
    {
        let Read { lookup, key, stored, now } = read;
        let key: Arc<str> = key.as_str().into();
        let work = || {
            let (inner, key, now, loading) = (Arc::clone(self), Arc::clone(&key), *now, load());
            let mut lookup = lookup.clone();
            lookup.request.cache_control = CacheControl::default();
            lookup.nothing_shared = None;
            // Where nobody knows whether what is stored is current, it may be just that.
            let replaces = stored.as_ref().filter(|_| current.is_some()).map(|stored| stored.metadata.generated_at);
            async move {
                let namespaces = lookup.policy.namespaces(lookup.subject.as_ref());
                let current = match current {
                    Some(current) => Ok(current),
                    None => inner.cache.current(&namespaces, &lookup.request.reported).await,
                };
                let Ok(current) = current else { return };
                let miss = Miss { lookup, key, current, looked: Looked::Up, reason: Forward::Stale, now, replaces };
                // It is stored, or it is not; who reads next sees for themselves.
                let refreshed = inner.loader.load(&miss, || loading).await;
                tracing::trace!(is_refreshed = refreshed.is_ok(), key = &*miss.key, "refreshed");
            }
        };
        if self.refresher.start(&key, work) {
            let policy = lookup.policy.name();
            metrics::counter!("kairos_cache_refreshes_total", "policy" => policy, "why" => why).increment(1);
        }
    }

    /// A response that is not stored: compressed for this caller only.
    async fn bypass<T, F>(&self, lookup: &Lookup, now: UnixMillis, loading: F) -> Result<Response, AppError>
    where
        T: Serialize + Send + 'static,
        F: Future<Output = Result<Versioned<T>, AppError>> + Send + 'static,
    {
        let response = self.loader.load_unstored(&lookup.request, now, loading).await?;
        let policy = lookup.policy_if_unstored();
        count_bypass(policy);
        let (reason, detail) = (Forward::Bypass, None);
        let status = CacheStatus::Forwarded { cache: ORIGIN_CACHE, reason, stored: false, collapsed: false, detail };
        Ok(headers::respond(&response, policy, &lookup.request, &status, ResponseScope::Policy))
    }

    /// For when the store is down or slow: what memory has stored, else what Redis has, if either may be served now.
    async fn serve_stale(&self, read: &Read, may_serve: MayServe) -> Option<Response> {
        let Read { lookup, key, stored, now } = read;
        let lifetime = lookup.policy.at_origin();
        let ttl_secs = |stored: &StoredResponse| may_serve(&stored.metadata, &lookup.request, lifetime, *now);
        if let Some((stored, ttl_secs)) = stored.as_deref().and_then(|stored| Some((stored, ttl_secs(stored)?))) {
            return Some(self.stale(read, stored, "memory", ttl_secs));
        }
        let shared = self.tiers.load_shared(key).await?;
        ttl_secs(&shared).map(|ttl_secs| self.stale(read, &shared, "redis", ttl_secs))
    }

    fn hit(&self, read: &Read, stored: &StoredResponse, tier: &'static str, ttl_secs: i64) -> Response {
        let is_from_redis = tier == "redis";
        self.metrics.add(read.lookup.policy, |m| if is_from_redis { &m.redis_hits } else { &m.memory_hits });
        self.give(read, stored, tier, ttl_secs, ResponseScope::Policy)
    }

    fn stale(&self, read: &Read, stored: &StoredResponse, tier: &'static str, ttl_secs: i64) -> Response {
        let is_from_redis = tier == "redis";
        self.metrics
            .add(read.lookup.policy, |m| if is_from_redis { &m.stale_from_redis } else { &m.stale_from_memory });
        self.give(read, stored, tier, ttl_secs, ResponseScope::Degraded)
    }

    fn give(
        &self,
        read: &Read,
        stored: &StoredResponse,
        tier: &'static str,
        ttl_secs: i64,
        scope: ResponseScope,
    ) -> Response {
        self.cache.sample(&stored.metadata.generations, read.now);
        let status = CacheStatus::Hit { cache: ORIGIN_CACHE, ttl_secs, detail: Some(tier) };
        headers::respond(stored, read.lookup.policy, &read.lookup.request, &status, scope)
    }
}
