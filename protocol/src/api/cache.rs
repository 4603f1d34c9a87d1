//! Wire types of the origin's caches, for admins: what is stored, and what is to be stored no longer. Not the rules of either.

use serde::{Deserialize, Serialize};

use crate::api::health::RedisHealth;

/// Most characters in a pattern of paths.
pub const MAX_PATTERN_CHARS: usize = 1_000;

/// Body of `POST /v1/admin/cache/purge`: which stored responses are not to be used any more. Exactly one of these.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PurgeRequest {
    /// All that depends on `catalog`, or on `user.<id>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The module of this slug, and the lists and searches that may show it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// All of one policy, by its name, or of several: `catalog`, `learner`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// All of each policy whose paths, with their queries, may begin like this; what comes after the first `*` does not matter. Without one:
    /// of the policy of this path, or the module of this path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(length(max = MAX_PATTERN_CHARS)))]
    pub path: Option<String>,
}

/// What was purged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Purged {
    /// The namespaces that have new generations: at once for this instance and for all that reach the same Redis, else within 2 s.
    pub namespaces: Vec<String>,
    /// The policies of which nothing is used any more that was stored before: at once by this instance, within 3 s by others.
    pub policies: Vec<String>,
}

/// What one origin stores: response of `GET /v1/admin/cache`. It counts from the start of the process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CacheReport {
    /// The memory of the process that answers.
    pub memory: MemoryReport,
    /// Whether Redis is reached.
    pub redis: RedisHealth,
    /// One for each policy that is stored at all.
    pub policies: Vec<PolicyReport>,
    /// What is stored for the path that was asked about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stored: Option<PathReport>,
}

/// Stored responses in one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(inline))]
#[serde(deny_unknown_fields)]
pub struct MemoryReport {
    /// How many.
    pub entries: u64,
    /// What they take, roughly.
    pub bytes: u64,
    /// What they may take.
    pub capacity_bytes: u64,
}

/// How reads under one policy were answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PolicyReport {
    /// Its name.
    pub policy: String,
    /// What purges it.
    pub tags: Vec<String>,
    /// From memory.
    pub memory_hits: u64,
    /// From Redis.
    pub redis_hits: u64,
    /// Loaded from the store.
    pub misses: u64,
    /// Stale, and marked, as the store was down or slow.
    pub stale: u64,
}

/// What is stored for one path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PathReport {
    /// The path and query in their canonical form.
    pub target: String,
    /// The policy of the path.
    pub policy: String,
    /// The current generations of what it depends on, as in `Kairos-Gen`; absent if that is not known without asking the store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<String>,
    /// Where a response is stored, memory first.
    pub tiers: Vec<TierReport>,
}

/// A stored response.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TierReport {
    /// Where it is.
    pub tier: Tier,
    /// What it was made from, as in `Kairos-Gen`.
    pub generations: String,
    /// The own number of the module that it shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module_generation: Option<u64>,
    /// Seconds since the read began that it was generated for.
    pub age_secs: i64,
    /// Seconds until it is stale; negative once it is.
    pub fresh_for_secs: i64,
    /// Bytes of its bodies, in all codings together.
    pub bytes: u64,
    /// The codings that it is stored in.
    pub codings: Vec<String>,
}

/// A cache of the origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(inline))]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// The process that answers.
    Memory,
    /// All instances.
    Redis,
}
