//! What the origin remembers so as not to ask the store again: the [`Cache`] trait and its two implementations, in this
//! process ([`local`]) and in Redis ([`redis`]). Not here: what an answer looks like ([`crate::answers`]), or the store.
//!
//! The protocol (design: "Generations"). Every namespace of data has a generation, a number that only grows.
//!
//! - A read takes the generations of its namespaces *first*. A stored entry names the generations it was made from and is
//!   used only while exactly these are the current ones; what is loaded after the look-up is kept under what was looked up.
//!   So a fill that comes late names generations that are gone, and nobody uses it. (The entry names them rather than its
//!   key: then an entry can be found again, and used stale and marked, when the store is down.)
//! - A write fences its namespaces *before* it touches the store and releases them after; both give new generations. While
//!   a namespace is fenced, reads go to the store and keep nothing. Only after the release is the write acknowledged.
//! - A caller may have `seen` generations that this cache has not (made by an instance that was cut off, or before Redis
//!   lost its data). That is proof of a write we did not hear of: see [`Claim`].

mod breaker;
mod ledger;
pub mod local;
pub mod redis;

use async_trait::async_trait;
use bytes::Bytes;
use kairos_protocol::UnixMillis;
use kairos_protocol::generation::{Generation, Generations, Namespace};

/// Whether what a read finds may be used, and what it loads be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Yes.
    Settled,
    /// No: a write is under way in one of the namespaces.
    Fenced,
    /// No: the caller has seen a generation that is not known here and was not adopted ([`Claim`]).
    Behind,
}

/// What a read must know before it looks anywhere else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// One per namespace asked for; what is loaded from the store after this is at least as new.
    pub generations: Generations,
    /// Whether entries may be used and kept.
    pub standing: Standing,
    /// While other instances' writes cannot be heard: entries older than this, in milliseconds, are not used. It bounds how
    /// old an answer can be then (I-BOUND).
    pub longest_use_ms: Option<UnixMillis>,
}

/// What a read asks a cache.
#[derive(Clone, Copy, Debug)]
pub struct Lookup<'a> {
    /// What the answer depends on.
    pub namespaces: &'a [Namespace],
    /// What the caller has seen.
    pub seen: &'a Generations,
    /// The answer's name.
    pub key: &'a str,
    /// The generations of the copy already at hand: if they are still the current ones, its bytes need not be sent again.
    pub held: Option<&'a Generations>,
}

/// What a cache answers to a [`Lookup`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The generations and what follows from them.
    pub snapshot: Snapshot,
    /// Bytes kept under the key for exactly these generations.
    pub value: Option<Bytes>,
}

/// A write under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fence {
    /// What it changes.
    pub namespaces: Vec<Namespace>,
    /// Tells it from other writes to the same namespaces.
    pub token: String,
}

/// Generations and finished answers shared by whoever reaches the same cache. No method fails: without its server a cache
/// answers from what this process knows, within 50 ms the first time and at once while the breaker is open.
#[async_trait]
pub trait Cache: Send + Sync + 'static {
    /// One round trip: the generations of the namespaces, and what is kept under the key for exactly these.
    async fn look_up(&self, lookup: Lookup<'_>) -> Found;

    /// What was last kept under `key`, whatever its generations: for when the store is down.
    async fn stale(&self, key: &str) -> Option<Bytes>;

    /// Keeps `value` under `key` for `ttl_secs`, unless `generations` are no longer the current ones. May be dropped.
    async fn keep(&self, key: &str, generations: &Generations, value: Bytes, ttl_secs: u32);

    /// Before a write: new generations for `namespaces`, and a fence for longer than any write takes
    /// ([`FENCE_MS`]), should this process die before it releases it.
    async fn fence(&self, namespaces: Vec<Namespace>) -> Fence;

    /// After a write, whether it succeeded or not: new generations once more, and the fence gone. Returns them: the writer
    /// answers with them.
    async fn release(&self, fence: Fence) -> Generations;

    /// After a write that nobody knows the end of: it may have happened, or may yet. The fence stays for [`FENCE_MS`] from now
    /// and then goes by itself.
    async fn let_expire(&self, fence: Fence);

    /// Whether the server that instances share is reached now; `None` where there is none.
    fn shared_is_reached(&self) -> Option<bool>;

    /// Makes everything in the namespaces old, without a write.
    async fn invalidate(&self, namespaces: &[Namespace]);

    /// Makes everything old. `false`: not in the shared server, so do it again.
    async fn invalidate_all(&self) -> bool;
}

/// How long a fence lasts that nobody releases: 5 s longer than the longest write (row C1: 20 s).
pub const FENCE_MS: UnixMillis = 25_000;

/// How old an entry may be and still be used while other instances' writes cannot be heard.
pub const CUT_OFF_USE_MS: UnixMillis = 2_000;

/// How far ahead of the clock a generation that a caller claims to have seen may be: clocks differ.
pub const SEEN_AHEAD_MS: UnixMillis = 60_000;

/// How much time lies at least between two adoptions in one namespace.
pub const ADOPTION_PAUSE_MS: UnixMillis = 1_000;

/// What to make of a generation that a caller claims to have seen and that is larger than the known one.
///
/// A caller can claim anything, and an adopted number makes every entry of its namespace old for everybody. So what lies far
/// ahead of the clock is not believed, and a namespace adopts at most once in [`ADOPTION_PAUSE_MS`]; a caller who comes in
/// between is passed by the cache. (Redis runs the same rule in `look_up.lua`, by its own clock.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It becomes the current generation: it is not ahead of the clock, so every later write's will be above it. What is loaded after this is at least as new as what the caller has seen.
    Adopted,
    /// It may be true, but is not adopted now: load for this caller alone, under the number it has seen. Nobody may store
    /// that: a later write may get a smaller number.
    Believed,
    /// It cannot be true: load for this caller alone, under the number that is known.
    Absurd,
}

impl Claim {
    /// Judges the claim to have `seen` a number larger than the known one, when the namespace's last adoption was at
    /// `adopted_at`.
    #[must_use]
    pub fn judge(seen: Generation, adopted_at: UnixMillis, now: UnixMillis) -> Self {
        if seen > Generation::at(now.saturating_add(SEEN_AHEAD_MS)) {
            Self::Absurd
        } else if seen > Generation::at(now) || now < adopted_at.saturating_add(ADOPTION_PAUSE_MS) {
            Self::Believed
        } else {
            Self::Adopted
        }
    }
}
