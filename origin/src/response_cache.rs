//! ResponseCache `GET`s from what is remembered, or loads and remembers them: in process, then in the shared [`Cache`], then the
//! store; and when the store is down, what is stale, marked. Not here: what an answer says, or how generations are kept.

mod coalesce;
mod compress;
mod headers;
mod lookup;
mod stored_response;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::response::Response;
use kairos_protocol::UnixMillis;
use kairos_protocol::api::headers::ORIGIN_CACHE;
use kairos_protocol::api::problem::ProblemType;
use kairos_protocol::http::cache_status::{CacheStatus, Forward};
use kairos_protocol::http::encoding::negotiate;
use kairos_protocol::http::freshness::{Freshness, evaluate};
use kairos_protocol::policy::{Policy, Sharing};
use kairos_protocol::sync::generation::{Generations, Namespace};
use serde::Serialize;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tracing::Instrument;

use crate::cache::Cache;
use crate::environment::Environment;
use crate::error::AppError;
use crate::store::Versioned;

use coalesce::Coalescer;
use compress::Compressor;
pub use headers::{ResponseScope, write_cache_headers};
pub use lookup::{CacheRequest, Lookup};
use stored_response::StoredResponse;

/// Bytes that answers in process take at most, unless configured otherwise.
pub const DEFAULT_CAPACITY_BYTES: u64 = 64 * 1024 * 1024;

/// Gives answers. Cheap to clone: all clones are one.
#[derive(Clone)]
pub struct ResponseCache {
    inner: Arc<Inner>,
}

struct Inner {
    cache: Cache,
    environment: Environment,
    memory: quick_cache::sync::Cache<Arc<str>, Arc<StoredResponse>, ByWeight>,
    coalescer: Coalescer<CoalescingKey, Result<Loaded, AppError>>,
    loads: Semaphore,
    compressor: Compressor,
}

/// Whoever knows the same numbers to be current may share a load: it shows at least the state that they name. A reload is shared
/// among reloads only, and what is not to be stored among those who asked for that.
#[derive(Clone, PartialEq, Eq, Hash)]
struct CoalescingKey {
    key: Arc<str>,
    generations: Generations,
    reload: bool,
    no_store: bool,
}

/// What came of a load.
#[derive(Clone)]
struct Loaded {
    entry: Arc<StoredResponse>,
    from: From,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum From {
    Redis,
    /// The store.
    Store {
        kept: bool,
    },
}

#[derive(Clone)]
struct ByWeight;

impl quick_cache::Weighter<Arc<str>, Arc<StoredResponse>> for ByWeight {
    fn weight(&self, key: &Arc<str>, entry: &Arc<StoredResponse>) -> u64 {
        entry.weight() + key.len() as u64
    }
}

/// A request that may be answered from what is kept, on its way.
#[derive(Clone)]
struct Asking {
    lookup: Arc<Lookup>,
    key: Arc<str>,
    namespaces: Arc<[Namespace]>,
    held: Option<Arc<StoredResponse>>,
    now: UnixMillis,
}

/// Guesses how many entries fit, for the first allocation only.
const TYPICAL_ENTRY_BYTES: u64 = 16 * 1024;

/// Loads under way at once. More would only wait for the same store, each with its answer in memory.
const MAX_LOADS: usize = 64;
/// How long a load waits for its turn.
const LOAD_TURN_TIMEOUT: Duration = Duration::from_secs(5);

impl ResponseCache {
    /// Remembers up to `capacity_bytes` in this process, and what `cache` keeps.
    #[must_use]
    pub fn new(cache: Cache, environment: Environment, capacity_bytes: u64) -> Self {
        let items = usize::try_from(capacity_bytes / TYPICAL_ENTRY_BYTES).unwrap_or(usize::MAX).max(16);
        let memory = quick_cache::sync::Cache::with_weighter(items, capacity_bytes, ByWeight);
        let (loads, compressor) = (Semaphore::new(MAX_LOADS), Compressor::default());
        Self { inner: Arc::new(Inner { cache, environment, memory, coalescer: Coalescer::new(), loads, compressor }) }
    }

    /// The answer to `ask`: remembered, or loaded by `load`, which is called at most once, on a task that runs to its end
    /// whether or not the caller waits. Errors are not remembered. When the store is down and there is an older answer that is
    /// not older than what the caller has seen, that is given, marked `Kairos-Degraded: stale`.
    ///
    /// # Errors
    /// Those of `load`; a panic in it is [`ProblemType::Internal`].
    pub async fn get_or_load<T, F>(&self, lookup: Lookup, load: impl FnOnce() -> F + Send) -> Result<Response, AppError>
    where
        T: Serialize + Send + 'static,
        F: Future<Output = Result<Versioned<T>, AppError>> + Send + 'static,
    {
        if !lookup.is_storable() {
            return self.inner.pass(lookup, load()).await;
        }
        let key: Arc<str> = lookup.cache_key().into();
        let held = self.inner.memory.get(&key);
        let namespaces = lookup.policy.namespaces(lookup.subject.as_ref()).into();
        let asking = Asking { lookup: Arc::new(lookup), key, namespaces, held, now: self.inner.environment.now() };
        match self.inner.answer(&asking, load).await {
            Err(error) if error.problem.status == ProblemType::Unavailable.status() => {
                self.inner.stale(&asking).await.ok_or(error)
            }
            outcome => outcome,
        }
    }
}

impl Inner {
    async fn answer<T, F>(
        self: &Arc<Self>,
        asking: &Asking,
        load: impl FnOnce() -> F + Send,
    ) -> Result<Response, AppError>
    where
        T: Serialize + Send + 'static,
        F: Future<Output = Result<Versioned<T>, AppError>> + Send + 'static,
    {
        let current = self.cache.current(&asking.namespaces, &asking.lookup.request.seen).await?;
        if let Some(entry) = asking.held.as_ref().filter(|entry| asking.may_use(entry, &current)) {
            return Ok(asking.hit(entry, "memory", ResponseScope::Policy));
        }
        let directives = &asking.lookup.request.cache_control;
        let coalescing_key = CoalescingKey {
            key: Arc::clone(&asking.key),
            generations: current.clone(),
            reload: directives.no_cache,
            no_store: directives.no_store,
        };
        let finished = || {
            let entry = self.memory.peek(&asking.key).filter(|entry| asking.may_use(entry, &current))?;
            Some(Ok(Loaded { entry, from: From::Store { kept: true } }))
        };
        let fetch = || Arc::clone(self).fetch_or_load(asking.clone(), current.clone(), load());
        let coalesced = self.coalescer.join(coalescing_key, finished, fetch).await;
        let Loaded { entry, from } = coalesced.value.unwrap_or_else(|| Err(stopped()))?;
        match from {
            From::Redis => Ok(asking.hit(&entry, "redis", ResponseScope::Policy)),
            From::Store { kept } => {
                count("store", asking.lookup.policy, "miss");
                let status = forwarded(asking.why_forwarded(), kept, coalesced.collapsed);
                Ok(headers::respond(
                    &entry,
                    asking.lookup.policy,
                    &asking.lookup.request,
                    &status,
                    ResponseScope::Policy,
                ))
            }
        }
    }

    /// An answer that is not kept: compressed for this caller only.
    async fn pass<T, F>(&self, lookup: Lookup, loading: F) -> Result<Response, AppError>
    where
        T: Serialize + Send + 'static,
        F: Future<Output = Result<Versioned<T>, AppError>> + Send + 'static,
    {
        let body = finish(loading).await?;
        let wanted = negotiate(lookup.request.accept_encoding.as_deref(), compress::KEPT);
        let codings = compress::only(wanted);
        let entry = self.compressor.entry(body, codings, Generations::default(), self.environment.now()).await;
        // Fail closed: what only its subject may see, with no subject, is nobody's.
        let orphan = lookup.policy.sharing() == Sharing::Subject && lookup.subject.is_none();
        let policy = if orphan { Policy::NoStore } else { lookup.policy };
        count("store", policy, "bypass");
        let status = forwarded(Forward::Bypass, false, false);
        Ok(headers::respond(&entry, policy, &lookup.request, &status, ResponseScope::Policy))
    }

    /// Looks into Redis, then loads; keeps what may be kept.
    async fn fetch_or_load<T, F>(
        self: Arc<Self>,
        asking: Asking,
        before: Generations,
        loading: F,
    ) -> Result<Loaded, AppError>
    where
        T: Serialize + Send + 'static,
        F: Future<Output = Result<Versioned<T>, AppError>> + Send + 'static,
    {
        let found = if asking.wants_stored() { self.cache.load(&asking.key).await } else { None };
        let found = found.and_then(StoredResponse::from_bytes).map(Arc::new);
        if let Some(entry) = found.filter(|entry| asking.may_use(entry, &before)) {
            self.insert(&asking.key, &entry);
            return Ok(Loaded { entry, from: From::Redis });
        }
        let turn = timeout(LOAD_TURN_TIMEOUT, self.loads.acquire()).await;
        let _turn = turn.ok().and_then(Result::ok).ok_or_else(too_busy)?;
        let Versioned { value, generations } = loading.await?;
        if !generations.satisfies(&before) {
            // A server that was deposed and does not know it yet: what it gave may be older than what somebody has seen.
            return Err(AppError::with_cause(
                ProblemType::Unavailable,
                format!("the store fell back to {generations}"),
            ));
        }
        self.cache.learn(&generations);
        let kept = !asking.lookup.request.cache_control.no_store;
        let wanted = negotiate(asking.lookup.request.accept_encoding.as_deref(), compress::KEPT);
        let codings = if kept { compress::KEPT } else { compress::only(wanted) };
        let entry = Arc::new(self.compressor.entry(serialize(value)?, codings, generations, asking.now).await);
        if kept {
            self.insert(&asking.key, &entry);
            let lifetime = asking.lookup.policy.at_origin();
            let ttl_secs = lifetime.fresh_secs.saturating_add(lifetime.stale_if_error_secs);
            self.cache.store(&asking.key, || entry.to_bytes(), ttl_secs);
        }
        Ok(Loaded { entry, from: From::Store { kept } })
    }

    /// Remembers in process, unless what is there is newer.
    fn insert(&self, key: &Arc<str>, entry: &Arc<StoredResponse>) {
        if self.memory.peek(key).is_none_or(|there| entry.generations.satisfies(&there.generations)) {
            self.memory.insert(Arc::clone(key), Arc::clone(entry));
        }
    }

    /// An older answer, for when the store is down: not older than what the caller has seen (I-SESSION), nor than the policy
    /// lets it be.
    async fn stale(&self, asking: &Asking) -> Option<Response> {
        if let Some(entry) = asking.held.as_ref().filter(|entry| asking.may_use_stale(entry)) {
            return Some(asking.hit(entry, "memory", ResponseScope::Degraded));
        }
        let kept = self.cache.load(&asking.key).await.and_then(StoredResponse::from_bytes);
        kept.filter(|entry| asking.may_use_stale(entry))
            .map(|entry| asking.hit(&entry, "redis", ResponseScope::Degraded))
    }
}

impl Asking {
    /// Whether the entry is the current answer, and its time is not over for this caller.
    fn may_use(&self, entry: &StoredResponse, current: &Generations) -> bool {
        entry.generations == *current && matches!(self.evaluate(entry), Freshness::Fresh { .. })
    }

    /// Whether the entry is better than none.
    fn may_use_stale(&self, entry: &StoredResponse) -> bool {
        entry.generations.satisfies(&self.lookup.request.seen) && self.evaluate(entry) != Freshness::Expired
    }

    /// An entry from the future was made before the clock was set back: nobody knows how old it is.
    fn evaluate(&self, entry: &StoredResponse) -> Freshness {
        if entry.made_at > self.now {
            return Freshness::Expired;
        }
        evaluate(entry.age_secs(self.now), self.lookup.policy.at_origin(), &self.lookup.request.cache_control)
    }

    fn wants_stored(&self) -> bool {
        let directives = &self.lookup.request.cache_control;
        !directives.no_cache && !directives.no_store
    }

    fn why_forwarded(&self) -> Forward {
        match &self.held {
            _ if !self.wants_stored() => Forward::Request,
            Some(_) => Forward::Stale,
            None => Forward::UriMiss,
        }
    }

    fn hit(&self, entry: &StoredResponse, tier: &'static str, scope: ResponseScope) -> Response {
        let is_degraded = scope == ResponseScope::Degraded;
        let left_secs = i64::from(self.lookup.policy.at_origin().fresh_secs) - i64::from(entry.age_secs(self.now));
        let ttl_secs = if is_degraded { left_secs.min(0) } else { left_secs };
        count(tier, self.lookup.policy, if is_degraded { "stale" } else { "hit" });
        let status = CacheStatus::Hit { cache: ORIGIN_CACHE, ttl_secs, detail: Some(tier) };
        headers::respond(entry, self.lookup.policy, &self.lookup.request, &status, scope)
    }
}

fn forwarded(reason: Forward, stored: bool, collapsed: bool) -> CacheStatus {
    CacheStatus::Forwarded { cache: ORIGIN_CACHE, reason, stored, collapsed, detail: None }
}

/// Runs `loading` to its end on a task of its own.
async fn finish<T, F>(loading: F) -> Result<Vec<u8>, AppError>
where
    T: Serialize + Send + 'static,
    F: Future<Output = Result<Versioned<T>, AppError>> + Send + 'static,
{
    let whole = async move { serialize(loading.await?.value) };
    tokio::spawn(whole.in_current_span()).await.unwrap_or_else(|_| Err(stopped()))
}

fn serialize(value: impl Serialize) -> Result<Vec<u8>, AppError> {
    serde_json::to_vec(&value).map_err(|error| defect(format!("the answer cannot be written as JSON: {error}")))
}

fn too_busy() -> AppError {
    let problem = ProblemType::Unavailable.with_detail("Too many answers are being made. Try again in a few seconds.");
    AppError::logged(problem, format!("no turn to load within {} s", LOAD_TURN_TIMEOUT.as_secs()))
}

fn stopped() -> AppError {
    defect("the load panicked".to_owned())
}

fn defect(cause: String) -> AppError {
    AppError::with_cause(ProblemType::Internal, cause)
}

/// One request answered: by which tier, under which policy, and how.
fn count(tier: &'static str, policy: Policy, result: &'static str) {
    metrics::counter!("kairos_cache_requests_total", "tier" => tier, "policy" => policy.name(), "result" => result)
        .increment(1);
}
