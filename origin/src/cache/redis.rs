//! The cache that several instances share: generations, fences and answers in Redis. Not here: the scripts that run there
//! (`scripts`), or how it is reached, lost and found again (`link`).
//!
//! What is promised, by state of Redis:
//! - reached: a read that begins after a write was acknowledged by any instance sees it;
//! - not reached: the same within this process; of other instances' writes, an answer is at most [`CUT_OFF_USE_MS`] older.
//!   A write that happens meanwhile is made known when Redis is back, before it is trusted; if this process dies before
//!   that, other instances that could reach Redis all along use what they have until its time is over;
//! - empty, flushed, restarted or fallen back to an older state: as reached. Numbers start from Redis's clock and from what
//!   each instance remembers, so none comes twice. (A fence that is lost with them is still heeded by the writer's own
//!   instance, and the release makes new numbers in any case.)
//! - failed over to a replica that lacks the last changes: what was written in that gap is seen when its time is over.
//!
//! One server, not a cluster: a script's keys lie together. Every key expires (entries after their time, numbers after two days
//! without a write), and whatever the server evicts before that only costs loads: give it `maxmemory` and `allkeys-lru`.

mod books;
mod link;
mod scripts;

use std::sync::Arc;
use std::time::Duration;

use ::redis::{RedisResult, Value};
use async_trait::async_trait;
use bytes::Bytes;
use kairos_protocol::UnixMillis;
use kairos_protocol::generation::{Generations, Namespace};
use tokio::time::Instant;

use super::{CUT_OFF_USE_MS, Cache, FENCE_MS, Fence, Found, Lookup, Snapshot, Standing};
use crate::machine::Machine;
use link::{Link, Unreached};

/// How Redis is reached.
#[derive(Clone, Debug)]
pub struct RedisConfig {
    /// `redis://[user:password@]host[:port][/database]`.
    pub url: String,
    /// All keys begin with it, so that several systems can share a server.
    pub key_prefix: String,
    /// How long a request waits for one answer before it goes on without Redis; after that, the breaker is open and
    /// requests do not wait at all.
    pub operation_timeout: Duration,
}

impl RedisConfig {
    /// Keeps the whole loss below 50 ms.
    pub const OPERATION_TIMEOUT: Duration = Duration::from_millis(40);

    /// `url` with the prefix `kairos:` and the usual timeout.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        let key_prefix = "kairos:".to_owned();
        Self { url: url.into(), key_prefix, operation_timeout: Self::OPERATION_TIMEOUT }
    }
}

/// See the module.
pub struct RedisCache {
    link: Arc<Link>,
    machine: Machine,
}

impl RedisCache {
    /// Reaches for Redis for up to half a second, and works without it until it is there.
    ///
    /// # Errors
    /// The URL cannot be read.
    pub async fn connect(config: RedisConfig, machine: Machine) -> RedisResult<Self> {
        let link = Link::open(config, machine.clone()).await?;
        Ok(Self { link, machine })
    }

    /// Whether Redis is reached now.
    #[must_use]
    pub fn is_reached(&self) -> bool {
        self.link.pass().is_ok()
    }

    async fn look_up_shared(&self, lookup: &Lookup<'_>) -> Result<Found, Unreached> {
        let pass = self.link.pass()?;
        let settling = Instant::now() < pass.settles_at;
        let namespaces = in_order(lookup.namespaces);
        let floors = self.link.ledger.floors(&namespaces);
        let command = self.link.scripts.look_up(&namespaces, &floors, lookup);
        let reply: Vec<Value> = self.link.ask_through(pass.clone(), &command).await?;
        let looked_up = scripts::read_look_up(&namespaces, reply).map_err(|error| {
            self.link.lose(&pass, &link::describe(&error));
            Unreached::Lost
        })?;
        if looked_up.standing != Standing::Behind {
            // Else they hold the caller's claim.
            self.link.ledger.learn(&looked_up.generations);
        }
        // Redis may have lost the fences of our own writes.
        let fenced = self.link.ledger.is_fenced(&namespaces, self.machine.now());
        let standing = if fenced { Standing::Fenced } else { looked_up.standing };
        let longest_use_ms = settling.then_some(CUT_OFF_USE_MS);
        let snapshot = Snapshot { generations: looked_up.generations, standing, longest_use_ms };
        Ok(Found { snapshot, value: looked_up.value })
    }

    async fn advance(
        &self,
        namespaces: &[Namespace],
        token: Option<&String>,
        lasts_ms: UnixMillis,
    ) -> Result<Generations, Unreached> {
        let floors = self.link.ledger.floors(namespaces);
        let command = self.link.scripts.advance(namespaces, &floors, token.into_iter(), lasts_ms);
        let generations = scripts::name(namespaces, self.link.ask(&command).await?);
        self.link.ledger.learn(&generations);
        Ok(generations)
    }
}

/// In their order, each once: as generations list them.
fn in_order(namespaces: &[Namespace]) -> Vec<Namespace> {
    let mut namespaces = namespaces.to_vec();
    namespaces.sort_unstable();
    namespaces.dedup();
    namespaces
}

#[async_trait]
impl Cache for RedisCache {
    async fn look_up(&self, lookup: Lookup<'_>) -> Found {
        self.look_up_shared(&lookup).await.unwrap_or_else(|_| {
            let snapshot = self.link.ledger.snapshot(lookup.namespaces, lookup.seen, self.machine.now());
            Found { snapshot: Snapshot { longest_use_ms: Some(CUT_OFF_USE_MS), ..snapshot }, value: None }
        })
    }

    async fn stale(&self, key: &str) -> Option<Bytes> {
        self.link.ask(&self.link.scripts.stale(key)).await.ok().flatten()
    }

    async fn keep(&self, key: &str, generations: &Generations, value: Bytes, ttl_secs: u32) {
        let ttl = Duration::from_secs(ttl_secs.into());
        let kept = self.link.ask::<bool>(&self.link.scripts.keep(key, generations, &value, ttl)).await;
        tracing::trace!(key, ?kept, "kept an answer in redis");
    }

    async fn fence(&self, namespaces: Vec<Namespace>) -> Fence {
        let fence = Fence { namespaces: in_order(&namespaces), token: self.machine.random_hex::<8>() };
        self.link.ledger.enter(&fence);
        if let Err(why) = self.advance(&fence.namespaces, Some(&fence.token), FENCE_MS).await {
            self.link.ledger.advance(&fence.namespaces, self.machine.now());
            self.link.note(|books| books.fence_failed(&fence, why == Unreached::Lost));
        }
        fence
    }

    async fn release(&self, fence: Fence) -> Generations {
        let released = self.advance(&fence.namespaces, Some(&fence.token), 0).await;
        let is_known = released.is_ok();
        let generations = released.unwrap_or_else(|_| self.link.ledger.advance(&fence.namespaces, self.machine.now()));
        self.link.ledger.leave(&fence);
        self.link.note(|books| if is_known { books.announced(&fence) } else { books.release_failed(&fence) });
        generations
    }

    async fn let_expire(&self, fence: Fence) {
        self.link.ledger.let_expire(&fence, self.machine.now());
        let renewed = self.advance(&fence.namespaces, Some(&fence.token), FENCE_MS).await;
        self.link.note(|books| match renewed {
            Ok(_) => books.announced(&fence),
            Err(_) => books.fence_failed(&fence, true),
        });
    }

    fn shared_is_reached(&self) -> Option<bool> {
        Some(self.is_reached())
    }

    async fn invalidate(&self, namespaces: &[Namespace]) {
        let namespaces = in_order(namespaces);
        if self.advance(&namespaces, None, 0).await.is_err() {
            self.link.ledger.advance(&namespaces, self.machine.now());
            self.link.note(|books| books.invalidation_failed(&namespaces));
        }
    }

    async fn invalidate_all(&self) -> bool {
        self.link.ledger.forget_all();
        self.link.ask::<Value>(&self.link.scripts.begin_epoch(&self.machine.random_hex::<8>())).await.is_ok()
    }
}
