//! What handlers share: the parts of the service, put together once over the adapters that the process was started with. A handler takes
//! the parts that it needs and no others, each for the price of a reference count or two.

use std::sync::Arc;

use axum::extract::FromRef;
use kairos_protocol::api::problem::ProblemType;
use metrics_exporter_prometheus::PrometheusHandle;

use crate::app::App;
use crate::auth::keys::Keys;
use crate::auth::passwords::Passwords;
use crate::auth::refresh::Successors;
use crate::auth::tokens::Tokens;
use crate::cache::Cache;
use crate::domain::accounts::Accounts;
use crate::domain::catalog::Catalog;
use crate::domain::error::{DomainError, Result};
use crate::domain::progress::Progress;
use crate::domain::purge::Purges;
use crate::domain::readiness::Readiness;
use crate::domain::sessions::Sessions;
use crate::environment::Environment;
use crate::events::EventStreams;
use crate::limits::{RateLimitConfig, RateLimits};
use crate::response_cache::ResponseCache;
use crate::store::Store;
use crate::telemetry::requests::{RequestIds, RequestMetrics};
use crate::tutor::Tutor;
use crate::tutor::config::TutorConfig;
use crate::writes::Writes;

/// The service's state. Cheap to clone.
#[derive(Clone)]
pub struct AppState(Arc<Parts>);

struct Parts {
    accounts: Arc<Accounts>,
    catalog: Arc<Catalog>,
    progress: Arc<Progress>,
    sessions: Arc<Sessions>,
    tokens: Arc<Tokens>,
    readiness: Arc<Readiness>,
    tutor: Arc<Tutor>,
    limits: Arc<RateLimits>,
    events: Arc<EventStreams>,
    /// The learner's app, where it is served beside the API.
    app: Option<App>,
    /// Reads that may be answered from a cache.
    responses: ResponseCache,
    purges: Arc<Purges>,
    /// For readiness and reports alone: reads and writes have theirs.
    cache: Cache,
    environment: Environment,
    /// What `/metrics` shows, where the process records metrics.
    metrics: Option<PrometheusHandle>,
    observed: Observed,
}

/// What every request is given and counted by. Cheap to clone.
#[derive(Clone)]
pub struct Observed {
    /// Ids.
    pub ids: Arc<RequestIds>,
    /// Counts and times.
    pub metrics: Arc<RequestMetrics>,
}

/// What an operator chooses, beside store and cache.
#[derive(Debug, Default)]
pub struct Settings {
    /// Bytes that stored responses take in this process at most.
    pub memory_cache_bytes: u64,
    /// The tutor's models, if there are any, and its limits.
    pub tutor: TutorConfig,
    /// How often one may sign in and write.
    pub limits: RateLimitConfig,
    /// The learner's app, where it is served beside the API.
    pub app: Option<App>,
}

impl AppState {
    /// Puts the service together. Takes the signing keys from the store, making one if it has none.
    ///
    /// # Errors
    /// The store cannot be reached, or the tutor cannot use TLS.
    pub async fn assemble(
        store: Arc<dyn Store>,
        cache: Cache,
        environment: Environment,
        metrics: Option<PrometheusHandle>,
        settings: Settings,
    ) -> Result<Self> {
        let Settings { memory_cache_bytes, tutor, limits, app } = settings;
        let keys = Keys::new(store.clone(), environment.clone());
        let ring = keys.current().await?;
        let tokens = Arc::new(Tokens::new(&ring.keys, keys, environment.clone()));
        tokens.keep_current();
        let writes = Writes::new(cache.clone());
        let passwords = Passwords::new(environment.clone())?;
        let clock = || Arc::clone(&environment.clock);
        let accounts = Accounts::new(store.clone(), writes.clone(), passwords, environment.clone());
        let catalog = Catalog::new(store.clone(), writes.clone(), clock());
        let progress = Progress::new(store.clone(), store.clone(), writes, clock());
        let successors = Successors::new(&ring.refresh_secret)?;
        let sessions =
            Sessions::new(store.clone(), store.clone(), Arc::clone(&tokens), successors, environment.clone());
        let tutor = Tutor::new(tutor, store.clone(), &environment).map_err(|error| {
            DomainError::with_cause(ProblemType::Internal, format!("the tutor's models: {error:?}"))
        })?;
        let purges = Purges::new(store.clone(), Writes::new(cache.clone()), clock());
        let responses = ResponseCache::new(cache.clone(), environment.clone(), memory_cache_bytes);
        responses.follow_purges().await?;
        let observed = Observed { ids: Arc::new(RequestIds::new(&environment)), metrics: Arc::default() };
        Ok(Self(Arc::new(Parts {
            accounts: Arc::new(accounts),
            catalog: Arc::new(catalog),
            progress: Arc::new(progress),
            sessions: Arc::new(sessions),
            tokens,
            readiness: Arc::new(Readiness::new(store, clock())),
            tutor: Arc::new(tutor),
            limits: Arc::new(RateLimits::new(limits)),
            events: EventStreams::new(cache.clone()),
            app,
            responses,
            purges: Arc::new(purges),
            cache,
            environment,
            metrics,
            observed,
        })))
    }
}

/// Lets a handler take a part: `State(catalog): State<Arc<Catalog>>`.
macro_rules! parts {
    ($($part:ident: $kind:ty,)*) => {$(
        impl FromRef<AppState> for $kind {
            fn from_ref(state: &AppState) -> Self {
                state.0.$part.clone()
            }
        }
    )*};
}

parts! {
    accounts: Arc<Accounts>,
    catalog: Arc<Catalog>,
    progress: Arc<Progress>,
    sessions: Arc<Sessions>,
    tokens: Arc<Tokens>,
    readiness: Arc<Readiness>,
    tutor: Arc<Tutor>,
    limits: Arc<RateLimits>,
    events: Arc<EventStreams>,
    app: Option<App>,
    responses: ResponseCache,
    purges: Arc<Purges>,
    cache: Cache,
    environment: Environment,
    metrics: Option<PrometheusHandle>,
    observed: Observed,
}
