//! Loads what no stored response in memory could be used for: from Redis, else from the store, once for all who miss it together.
//! Not here: the decision that it is a miss (`reuse`), or what is sent.

use std::future::Future;
use std::sync::Arc;

use kairos_protocol::UnixMillis;
use kairos_protocol::api::problem::ProblemType;
use kairos_protocol::http::cache_status::Forward;
use kairos_protocol::http::encoding::negotiate;
use kairos_protocol::sync::generation::Generations;
use serde::Serialize;
use tokio::time::Instant;
use tracing::Instrument;

use super::body::EncodedBody;
use super::coalesce::{Coalesced, Coalescer};
use super::compress::{self, Compressor};
use super::leases::{Leased, take_lease};
use super::lookup::CacheRequest;
use super::miss::{CoalescingKey, Looked, Miss};
use super::stored_response::{Metadata, StoredResponse};
use super::tiers::Tiers;
use super::turns::Turns;
use super::validate::Validator;
use crate::cache::{Cache, Lease};
use crate::error::{AppError, Result};
use crate::store::Versioned;

/// Loads responses.
pub(super) struct Loader {
    cache: Cache,
    tiers: Arc<Tiers>,
    coalescer: Coalescer<CoalescingKey, Result<Loaded>>,
    turns: Turns,
    compressor: Compressor,
    started: Instant,
}

/// What came of a load.
#[derive(Clone)]
pub(super) struct Loaded {
    pub(super) response: Arc<StoredResponse>,
    pub(super) source: Source,
}

/// Where a response came from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// It was there, and is current though its generations are not.
    Memory,
    /// Another instance stored it.
    Redis,
    /// The store's data; and whether it is stored now.
    Store { is_stored: bool },
}

impl Loader {
    pub(super) fn new(cache: Cache, tiers: Arc<Tiers>) -> Self {
        let (turns, compressor) = (Turns::new(), Compressor::default());
        Self { cache, tiers, coalescer: Coalescer::new(), turns, compressor, started: Instant::now() }
    }

    /// Why nothing is to be loaded now, if so: the process is late with all that it does.
    pub(super) fn refusal(&self) -> Option<AppError> {
        self.turns.refuse_if_late().then(too_busy)
    }

    /// What `miss` is about, by `load` if need be, which is called at most once and runs on a task to its end.
    ///
    /// # Errors
    /// Those of `load`; [`ProblemType::Unavailable`] when too many loads wait for their turn, or when the store gave an older state
    /// than the current one; [`ProblemType::Internal`] when it panicked.
    pub(super) async fn load<T, F>(
        self: &Arc<Self>,
        miss: &Miss,
        load: impl FnOnce() -> F + Send,
    ) -> Result<Coalesced<Loaded>>
    where
        T: Serialize + Send + 'static,
        F: Future<Output = Result<Versioned<T>>> + Send + 'static,
    {
        let finished = || {
            let response = self.tiers.peek(&miss.key).filter(|stored| miss.may_use(stored))?;
            Some(Ok(Loaded { response, source: Source::Store { is_stored: true } }))
        };
        let fetch = || Arc::clone(self).load_shared_or_generate(miss.clone(), load());
        let Coalesced { value, collapsed } =
            self.coalescer.join(miss.coalescing_key(self.started.elapsed()), finished, fetch).await;
        Ok(Coalesced { value: value.unwrap_or_else(|| Err(stopped()))?, collapsed })
    }

    /// A response for one caller alone, which is stored nowhere.
    ///
    /// # Errors
    /// Those of `loading`; a panic in it is [`ProblemType::Internal`].
    pub(super) async fn load_unstored<T, F>(
        &self,
        request: &CacheRequest,
        now: UnixMillis,
        loading: F,
    ) -> Result<StoredResponse>
    where
        T: Serialize + Send + 'static,
        F: Future<Output = Result<Versioned<T>>> + Send + 'static,
    {
        let _turn = self.turns.take().await.ok_or_else(too_busy)?;
        let whole = async move { to_json(loading.await?.value) };
        let json = tokio::spawn(whole.in_current_span()).await.unwrap_or_else(|_| Err(stopped()))?;
        let body = self.encode_for(request, json).await;
        let metadata =
            Metadata { generations: Generations::default(), module: None, generated_at: now, load_micros: 0 };
        Ok(StoredResponse::new(metadata, body))
    }

    async fn load_shared_or_generate<T, F>(self: Arc<Self>, miss: Miss, loading: F) -> Result<Loaded>
    where
        T: Serialize,
        F: Future<Output = Result<Versioned<T>>>,
    {
        let mut validator = Validator::new(&self.cache, &miss);
        if let Some(stored) = self.tiers.peek(&miss.key)
            && let Some(response) = validator.validate(&stored).await?
        {
            self.tiers.promote(&miss.key, &response);
            return Ok(Loaded { response, source: Source::Memory });
        }
        // Whoever wants what is new need not look for what is stored; nor who has looked.
        let need_not_look = miss.reason == Forward::Request || miss.lookup.nothing_shared.is_some();
        let shared = if need_not_look { None } else { self.tiers.load_shared(&miss.key).await };
        let leased = match shared {
            Some(stored) if miss.may_use(&stored) => Leased::Shared(Arc::new(stored)),
            None => take_lease(&self.tiers, &miss, None).await,
            Some(stored) => match validator.validate(&stored).await? {
                Some(response) => Leased::Shared(response),
                None => take_lease(&self.tiers, &miss, Some(stored)).await,
            },
        };
        match leased {
            Leased::Load(lease) => self.generate(miss, loading, lease).await,
            Leased::Shared(response) => {
                self.tiers.promote(&miss.key, &response);
                Ok(Loaded { response, source: Source::Redis })
            }
        }
    }

    async fn generate<T, F>(&self, miss: Miss, loading: F, lease: Option<Lease>) -> Result<Loaded>
    where
        T: Serialize,
        F: Future<Output = Result<Versioned<T>>>,
    {
        let _turn = self.turns.take().await.ok_or_else(too_busy)?;
        let began = Instant::now();
        let Versioned { value, generations: numbers } = loading.await?;
        let module = miss.lookup.module().and_then(|module| numbers.get(&module));
        let generations = numbers.without_modules();
        if !generations.satisfies(&miss.current) {
            // A server that was deposed and does not know it yet: what it gave may be older than what somebody has seen.
            let cause = format!("the store fell back to {generations}");
            return Err(AppError::with_cause(ProblemType::Unavailable, cause));
        }
        if miss.looked == Looked::Up {
            self.cache.learn(&generations);
        }
        let mut metadata = Metadata { generations, module, generated_at: miss.now, load_micros: 0 };
        let json = to_json(value)?;
        if miss.lookup.request.cache_control.no_store {
            let body = self.encode_for(&miss.lookup.request, json).await;
            let response = Arc::new(StoredResponse::new(metadata, body));
            return Ok(Loaded { response, source: Source::Store { is_stored: false } });
        }
        let body = self.compressor.encode(json, compress::STORED_CODINGS).await;
        metadata.load_micros = u32::try_from(began.elapsed().as_micros()).unwrap_or(u32::MAX);
        let response = Arc::new(StoredResponse::new(metadata, body));
        self.tiers.store(&miss.key, &response, miss.lookup.policy.at_origin(), lease);
        // Once it is stored: who knows this number finds it there, and need not load it again.
        if miss.looked == Looked::NotUp {
            self.cache.learn_current(&response.metadata.generations, began);
        }
        Ok(Loaded { response, source: Source::Store { is_stored: true } })
    }

    /// `json` in the one coding that suits a caller best.
    async fn encode_for(&self, request: &CacheRequest, json: Vec<u8>) -> EncodedBody {
        let wanted = negotiate(request.accept_encoding.as_deref(), compress::STORED_CODINGS);
        self.compressor.encode(json, compress::only(wanted)).await
    }
}

fn to_json(value: impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(&value).map_err(|error| defect(format!("the response cannot be written as JSON: {error}")))
}

/// Not logged: there may be thousands a second. They are counted.
fn too_busy() -> AppError {
    ProblemType::Unavailable.with_detail("Too many requests wait for the database. Try again in a few seconds.").into()
}

fn stopped() -> AppError {
    defect("the load panicked".to_owned())
}

fn defect(cause: String) -> AppError {
    AppError::with_cause(ProblemType::Internal, cause)
}
