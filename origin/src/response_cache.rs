//! The responses to reads, stored and used again: in process, then in Redis, else loaded from the store; and when the store is down,
//! a stale one, marked. This carries out what `reuse` decides. Not here: what a response says, or how generations are kept
//! ([`crate::cache`]).

mod body;
mod coalesce;
mod compress;
mod headers;
mod heads;
mod load;
mod lookup;
mod memory;
mod reuse;
mod stored_response;
mod tiers;

use std::future::Future;
use std::sync::Arc;

use axum::response::Response;
use kairos_protocol::UnixMillis;
use kairos_protocol::api::headers::ORIGIN_CACHE;
use kairos_protocol::api::problem::ProblemType;
use kairos_protocol::http::cache_status::{CacheStatus, Forward};
use serde::Serialize;

use crate::cache::Cache;
use crate::environment::Environment;
use crate::error::AppError;
use crate::store::Versioned;
use crate::telemetry::cache::{CacheMetrics, count};

use coalesce::Coalesced;
pub use headers::{ResponseScope, write_cache_headers};
use load::{Loaded, Loader, Miss, Source};
pub use lookup::{CacheRequest, Lookup};
use reuse::Reuse;
use stored_response::StoredResponse;
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
}

impl ResponseCache {
    /// Stores up to `capacity_bytes` in this process, and in Redis what `cache` shares.
    #[must_use]
    pub fn new(cache: Cache, environment: Environment, capacity_bytes: u64) -> Self {
        let tiers = Arc::new(Tiers::new(cache.clone(), capacity_bytes));
        let loader = Arc::new(Loader::new(cache.clone(), Arc::clone(&tiers)));
        Self { inner: Arc::new(Inner { cache, environment, tiers, loader, metrics: CacheMetrics::default() }) }
    }

    /// The response to `lookup`: a stored one, or one loaded by `load`, which is called at most once, on a task that runs to its end
    /// whether or not the caller waits. Errors are not stored. When the store is down and there is a stale response that is not
    /// older than what the caller has reported, that is served, marked `Kairos-Degraded: stale`.
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
        let key = lookup.cache_key();
        let stored = tiers.get(&key);
        match self.inner.reuse_or_load(&lookup, &key, stored.as_deref(), now, load).await {
            Err(error) if error.problem.status == ProblemType::Unavailable.status() => {
                self.inner.stale_if_error(&lookup, &key, stored.as_deref(), now).await.ok_or(error)
            }
            outcome => outcome,
        }
    }
}

impl Inner {
    async fn reuse_or_load<T, F>(
        &self,
        lookup: &Lookup,
        key: &str,
        stored: Option<&StoredResponse>,
        now: UnixMillis,
        load: impl FnOnce() -> F + Send,
    ) -> Result<Response, AppError>
    where
        T: Serialize + Send + 'static,
        F: Future<Output = Result<Versioned<T>, AppError>> + Send + 'static,
    {
        let namespaces = lookup.policy.namespaces(lookup.subject.as_ref());
        let current = self.cache.current(&namespaces, &lookup.request.reported).await?;
        let (request, lifetime) = (&lookup.request, lookup.policy.at_origin());
        let evaluate = |stored: &StoredResponse| reuse::evaluate(&stored.metadata, request, lifetime, &current, now);
        let reason = match stored.map(|stored| (stored, evaluate(stored))) {
            Some((stored, Reuse::Hit { ttl_secs })) => return Ok(hit(lookup, stored, "memory", ttl_secs.into())),
            Some((_, Reuse::Forward(reason))) => reason,
            None => reuse::why_forwarded(None, request),
        };
        let miss = Miss { lookup: lookup.clone(), key: key.into(), current, reason, now };
        let Coalesced { value: Loaded { response, source }, collapsed } = self.loader.load(&miss, load).await?;
        let Source::Store { is_stored: stored } = source else {
            return Ok(hit(lookup, &response, "redis", reuse::ttl_secs(&response.metadata, lifetime, now)));
        };
        count("store", lookup.policy, "miss");
        let status = CacheStatus::Forwarded { cache: ORIGIN_CACHE, reason, stored, collapsed, detail: None };
        Ok(headers::respond(&response, lookup.policy, request, &status, ResponseScope::Policy))
    }

    /// A response that is not stored: compressed for this caller only.
    async fn bypass<T, F>(&self, lookup: &Lookup, now: UnixMillis, loading: F) -> Result<Response, AppError>
    where
        T: Serialize + Send + 'static,
        F: Future<Output = Result<Versioned<T>, AppError>> + Send + 'static,
    {
        let response = self.loader.load_unstored(&lookup.request, now, loading).await?;
        let policy = lookup.policy_if_unstored();
        count("store", policy, "bypass");
        let (reason, detail) = (Forward::Bypass, None);
        let status = CacheStatus::Forwarded { cache: ORIGIN_CACHE, reason, stored: false, collapsed: false, detail };
        Ok(headers::respond(&response, policy, &lookup.request, &status, ResponseScope::Policy))
    }

    /// For when the store is down: what memory has `stored`, else what Redis has, if either may be served now.
    async fn stale_if_error(
        &self,
        lookup: &Lookup,
        key: &str,
        stored: Option<&StoredResponse>,
        now: UnixMillis,
    ) -> Option<Response> {
        let lifetime = lookup.policy.at_origin();
        let may_serve =
            |stored: &StoredResponse| reuse::serve_stale_if_error(&stored.metadata, &lookup.request, lifetime, now);
        if let Some((stored, ttl_secs)) = stored.and_then(|stored| Some((stored, may_serve(stored)?))) {
            return Some(stale(lookup, stored, "memory", ttl_secs));
        }
        let shared = self.tiers.load_shared(key).await?;
        may_serve(&shared).map(|ttl_secs| stale(lookup, &shared, "redis", ttl_secs))
    }
}

fn hit(lookup: &Lookup, stored: &StoredResponse, tier: &'static str, ttl_secs: i64) -> Response {
    count(tier, lookup.policy, "hit");
    let status = CacheStatus::Hit { cache: ORIGIN_CACHE, ttl_secs, detail: Some(tier) };
    headers::respond(stored, lookup.policy, &lookup.request, &status, ResponseScope::Policy)
}

fn stale(lookup: &Lookup, stored: &StoredResponse, tier: &'static str, ttl_secs: i64) -> Response {
    count(tier, lookup.policy, "stale");
    let status = CacheStatus::Hit { cache: ORIGIN_CACHE, ttl_secs, detail: Some(tier) };
    headers::respond(stored, lookup.policy, &lookup.request, &status, ResponseScope::Degraded)
}
