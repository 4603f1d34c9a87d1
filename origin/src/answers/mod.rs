//! Answers `GET`s from what is remembered, or loads and remembers them: in process, then in the shared [`Cache`], then the
//! store; and when the store is down, what is stale, marked. Not here: what an answer says, or how generations are kept.

mod ask;
mod compress;
mod entry;
mod flight;
mod headers;

use std::future::Future;
use std::sync::Arc;

use axum::response::Response;
use kairos_protocol::UnixMillis;
use kairos_protocol::cache_status::{CacheStatus, Forward, ORIGIN};
use kairos_protocol::encoding::negotiate;
use kairos_protocol::freshness::{Freshness, judge};
use kairos_protocol::generation::Generations;
use kairos_protocol::policy::{Policy, Sharing};
use kairos_protocol::problem::ProblemType;
use serde::Serialize;
use tracing::Instrument;

use crate::cache::{Cache, Lookup, Snapshot, Standing};
use crate::error::AppError;
use crate::machine::Machine;

pub use ask::{Ask, Conditions};
use entry::Entry;
use flight::Flights;
pub use headers::{Reach, write_cache_headers};

/// Bytes that answers in process take at most, unless configured otherwise.
pub const DEFAULT_CAPACITY_BYTES: u64 = 64 * 1024 * 1024;

/// Gives answers. Cheap to clone: all clones are one.
#[derive(Clone)]
pub struct Answers {
    inner: Arc<Inner>,
}

struct Inner {
    cache: Arc<dyn Cache>,
    machine: Machine,
    memory: quick_cache::sync::Cache<Arc<str>, Arc<Entry>, ByWeight>,
    flights: Flights<FlightKey, Result<Arc<Entry>, AppError>>,
}

/// Whoever looked up the same generations may share a load: it began after them. A reload is shared among reloads only.
#[derive(Clone, PartialEq, Eq, Hash)]
struct FlightKey {
    key: Arc<str>,
    generations: Generations,
    reload: bool,
}

#[derive(Clone)]
struct ByWeight;

impl quick_cache::Weighter<Arc<str>, Arc<Entry>> for ByWeight {
    fn weight(&self, key: &Arc<str>, entry: &Arc<Entry>) -> u64 {
        entry.weight() + key.len() as u64
    }
}

/// A request that may be answered from what is kept, on its way.
struct Asking {
    ask: Ask,
    key: Arc<str>,
    held: Option<Arc<Entry>>,
    now: UnixMillis,
}

/// Guesses how many entries fit, for the first allocation only.
const TYPICAL_ENTRY_BYTES: u64 = 16 * 1024;

impl Answers {
    /// Remembers up to `capacity_bytes` in this process, and what `cache` keeps.
    #[must_use]
    pub fn new(cache: Arc<dyn Cache>, machine: Machine, capacity_bytes: u64) -> Self {
        let items = usize::try_from(capacity_bytes / TYPICAL_ENTRY_BYTES).unwrap_or(usize::MAX).max(16);
        let memory = quick_cache::sync::Cache::with_weighter(items, capacity_bytes, ByWeight);
        Self { inner: Arc::new(Inner { cache, machine, memory, flights: Flights::new() }) }
    }

    /// The answer to `ask`: remembered, or loaded by `load`, which is called at most once, on a task that runs to its end
    /// whether or not the caller waits. Errors are not remembered. When `load` fails with 503 and there is an older answer
    /// that is not older than what the caller has seen, that is given, marked `Kairos-Degraded: stale`.
    ///
    /// # Errors
    /// Those of `load`; a panic in it is [`ProblemType::Internal`].
    pub async fn answer<T, F>(&self, ask: Ask, load: impl FnOnce() -> F + Send) -> Result<Response, AppError>
    where
        T: Serialize + Send + 'static,
        F: Future<Output = Result<T, AppError>> + Send + 'static,
    {
        if !ask.may_keep() {
            return self.inner.pass(ask, load()).await;
        }
        let key: Arc<str> = ask.full_key().into();
        let held = self.inner.memory.get(&key);
        let asking = Asking { ask, key, held, now: self.inner.machine.now() };
        let (snapshot, kept) = self.inner.look_up(&asking).await;
        if let Some(entry) = asking.held.as_ref().filter(|entry| asking.may_use(entry, &snapshot)) {
            return Ok(asking.hit(entry, "memory", false));
        }
        if let Some(entry) = kept.filter(|entry| asking.may_use(entry, &snapshot)) {
            self.inner.remember(&asking.key, &entry);
            return Ok(asking.hit(&entry, "redis", false));
        }
        match self.inner.load(&asking, snapshot, load).await {
            Err(error) if error.problem.status == ProblemType::Unavailable.status() => {
                self.inner.stale(&asking).await.ok_or(error)
            }
            outcome => outcome,
        }
    }
}

impl Inner {
    /// An answer that is not kept: compressed for this caller only.
    async fn pass<T, F>(&self, ask: Ask, loading: F) -> Result<Response, AppError>
    where
        T: Serialize + Send + 'static,
        F: Future<Output = Result<T, AppError>> + Send + 'static,
    {
        let body = finish(loading).await?;
        let wanted = negotiate(ask.conditions.accept_encoding.as_deref(), compress::KEPT);
        let entry = Entry::make(body, compress::only(wanted), Generations::default(), self.machine.now()).await;
        // Fail closed: what only its subject may see, with no subject, is nobody's.
        let orphan = ask.policy.sharing() == Sharing::Subject && ask.subject.is_none();
        let policy = if orphan { Policy::NoStore } else { ask.policy };
        count("store", policy, "bypass");
        let status = forwarded(Forward::Bypass, false, false, None);
        Ok(headers::respond(&entry, policy, &ask.conditions, &status, Reach::Policy))
    }

    /// The generations, and the shared cache's copy if it is asked for one.
    async fn look_up(&self, asking: &Asking) -> (Snapshot, Option<Arc<Entry>>) {
        let fresh = asking.held.as_ref().filter(|entry| asking.is_fresh(entry));
        let lookup = Lookup {
            namespaces: &asking.ask.policy.namespaces(asking.ask.subject.as_ref()),
            seen: &asking.ask.conditions.seen,
            key: &asking.key,
            held: fresh.map(|entry| &entry.generations),
        };
        let found = self.cache.look_up(lookup).await;
        (found.snapshot, found.value.and_then(Entry::from_bytes).map(Arc::new))
    }

    /// Loads the answer, with whoever else asks for it now, and keeps it if the snapshot lets it.
    async fn load<T, F>(
        self: &Arc<Self>,
        asking: &Asking,
        snapshot: Snapshot,
        load: impl FnOnce() -> F,
    ) -> Result<Response, AppError>
    where
        T: Serialize + Send + 'static,
        F: Future<Output = Result<T, AppError>> + Send + 'static,
    {
        let (reason, detail) = asking.why_forwarded(snapshot.standing);
        let keeps = snapshot.standing == Standing::Settled && !asking.ask.conditions.cache_control.no_store;
        count("store", asking.ask.policy, detail.unwrap_or("miss"));
        let fetch = || {
            let (inner, loading) = (Arc::clone(self), load());
            let (key, policy) = (Arc::clone(&asking.key), asking.ask.policy);
            let (generations, now) = (snapshot.generations.clone(), asking.now);
            async move {
                let body = serialize(loading.await?)?;
                let entry = Arc::new(Entry::make(body, compress::KEPT, generations, now).await);
                if keeps {
                    inner.keep(&key, &entry, policy);
                }
                Ok(entry)
            }
        };
        // What is loaded while a write is under way may or may not show it: nobody may share it.
        let (entry, collapsed) = if keeps {
            let generations = snapshot.generations.clone();
            let reload = reason == Forward::Request;
            let flight = FlightKey { key: Arc::clone(&asking.key), generations, reload };
            let remembered = || self.memory.peek(&asking.key).filter(|entry| asking.may_use(entry, &snapshot)).map(Ok);
            let landing = self.flights.join(flight, remembered, fetch).await;
            (landing.value.unwrap_or_else(|| Err(stopped())), landing.collapsed)
        } else {
            (tokio::spawn(fetch().in_current_span()).await.unwrap_or_else(|_| Err(stopped())), false)
        };
        let status = forwarded(reason, keeps, collapsed, detail);
        // Of two answers under one generation, loaded while a write is under way, either may be the older.
        let reach = if snapshot.standing == Standing::Settled { Reach::Policy } else { Reach::Caller };
        Ok(headers::respond(&*entry?, asking.ask.policy, &asking.ask.conditions, &status, reach))
    }

    /// Remembers in process at once, and in the shared cache when it gets to it.
    fn keep(self: &Arc<Self>, key: &Arc<str>, entry: &Arc<Entry>, policy: Policy) {
        self.remember(key, entry);
        let (inner, key, entry) = (Arc::clone(self), Arc::clone(key), Arc::clone(entry));
        let window = policy.at_origin();
        let ttl_secs = window.fresh_secs.saturating_add(window.stale_if_error_secs);
        tokio::spawn(async move {
            inner.cache.keep(&key, &entry.generations, entry.to_bytes(), ttl_secs).await;
        });
    }

    /// Remembers in process, unless what is there is newer.
    fn remember(&self, key: &Arc<str>, entry: &Arc<Entry>) {
        if self.memory.peek(key).is_none_or(|there| there.made_at <= entry.made_at) {
            self.memory.insert(Arc::clone(key), Arc::clone(entry));
        }
    }

    /// An older answer, for when the store is down: not older than what the caller has seen (I-SESSION), nor than the policy
    /// lets it be.
    async fn stale(&self, asking: &Asking) -> Option<Response> {
        if let Some(entry) = asking.held.as_ref().filter(|entry| asking.may_use_stale(entry)) {
            return Some(asking.hit(entry, "memory", true));
        }
        let kept = self.cache.stale(&asking.key).await.and_then(Entry::from_bytes);
        kept.filter(|entry| asking.may_use_stale(entry)).map(|entry| asking.hit(&entry, "redis", true))
    }
}

impl Asking {
    /// Whether the entry's time is not over for this caller.
    fn is_fresh(&self, entry: &Entry) -> bool {
        matches!(self.judge(entry), Freshness::Fresh { .. })
    }

    /// Whether the entry is the current answer.
    fn may_use(&self, entry: &Entry, snapshot: &Snapshot) -> bool {
        let age_ms = entry.age_ms(self.now);
        snapshot.standing == Standing::Settled
            && entry.generations == snapshot.generations
            && snapshot.longest_use_ms.is_none_or(|longest| age_ms < longest)
            && self.is_fresh(entry)
    }

    /// Whether the entry is better than none.
    fn may_use_stale(&self, entry: &Entry) -> bool {
        entry.generations.satisfies(&self.ask.conditions.seen) && self.judge(entry) != Freshness::Expired
    }

    fn judge(&self, entry: &Entry) -> Freshness {
        judge(entry.age_secs(self.now), self.ask.policy.at_origin(), &self.ask.conditions.cache_control)
    }

    fn why_forwarded(&self, standing: Standing) -> (Forward, Option<&'static str>) {
        let directives = &self.ask.conditions.cache_control;
        match standing {
            Standing::Fenced => (Forward::Bypass, Some("fenced")),
            Standing::Behind => (Forward::Stale, Some("behind")),
            Standing::Settled if directives.no_cache || directives.no_store => (Forward::Request, None),
            Standing::Settled if self.held.is_some() => (Forward::Stale, None),
            Standing::Settled => (Forward::UriMiss, None),
        }
    }

    fn hit(&self, entry: &Entry, tier: &'static str, degraded: bool) -> Response {
        let left_secs = i64::from(self.ask.policy.at_origin().fresh_secs) - i64::from(entry.age_secs(self.now));
        let ttl_secs = if degraded { left_secs.min(0) } else { left_secs };
        count(tier, self.ask.policy, if degraded { "stale" } else { "hit" });
        let status = CacheStatus::Hit { cache: ORIGIN, ttl_secs, detail: Some(tier) };
        let reach = if degraded { Reach::Degraded } else { Reach::Policy };
        headers::respond(entry, self.ask.policy, &self.ask.conditions, &status, reach)
    }
}

fn forwarded(reason: Forward, stored: bool, collapsed: bool, detail: Option<&'static str>) -> CacheStatus {
    CacheStatus::Forwarded { cache: ORIGIN, reason, stored, collapsed, detail }
}

/// Runs `loading` to its end on a task of its own.
async fn finish<T, F>(loading: F) -> Result<Vec<u8>, AppError>
where
    T: Serialize + Send + 'static,
    F: Future<Output = Result<T, AppError>> + Send + 'static,
{
    let whole = async move { serialize(loading.await?) };
    tokio::spawn(whole.in_current_span()).await.unwrap_or_else(|_| Err(stopped()))
}

fn serialize(value: impl Serialize) -> Result<Vec<u8>, AppError> {
    serde_json::to_vec(&value).map_err(|error| defect(format!("the answer cannot be written as JSON: {error}")))
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
