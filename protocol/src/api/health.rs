//! What the service says of its own state. Not how it finds out.

use serde::{Deserialize, Serialize};

/// Response of the two paths for health checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Health {
    /// What was asked for, and is so.
    pub status: HealthStatus,
    /// Whether the store takes writes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<StoreHealth>,
    /// Whether Redis is reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redis: Option<RedisHealth>,
    /// Whether the tutor's model answers; absent where the origin has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tutor: Option<TutorHealth>,
}

/// What can be said of the service when it answers at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(inline))]
#[serde(rename_all = "snake_case")]
pub enum HealthStatus {
    /// The process runs.
    Live,
    /// Everything that the origin was started with is reached.
    Ready,
    /// Requests are answered, and something is missing: reads may be stale and writes refused (`store`), or all is slower (`redis`), or the
    /// tutor only names passages (`tutor`). Other instances are no better off: it is no reason to send requests elsewhere.
    Degraded,
}

/// What can be said of the store. Without it, stored responses are served, marked, and writes are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(inline))]
pub enum StoreHealth {
    /// It takes writes.
    #[serde(rename = "reached")]
    Reached,
    /// It does not.
    #[serde(rename = "not reached")]
    NotReached,
}

/// What can be said of Redis. Without it the service is slower, not unready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(inline))]
pub enum RedisHealth {
    /// The origin was started without.
    #[serde(rename = "not used")]
    NotUsed,
    /// It answers.
    #[serde(rename = "reached")]
    Reached,
    /// It does not.
    #[serde(rename = "not reached")]
    NotReached,
}

impl RedisHealth {
    /// Where it is reached or not, or there is none.
    #[must_use]
    pub const fn of(is_reached: Option<bool>) -> Self {
        match is_reached {
            None => Self::NotUsed,
            Some(true) => Self::Reached,
            Some(false) => Self::NotReached,
        }
    }
}

/// What can be said of the tutor. Without its model it answers from passages: that is less, and no reason to be called unready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(inline))]
#[serde(rename_all = "snake_case")]
pub enum TutorHealth {
    /// The model answers, as far as is known.
    Reached,
    /// It failed of late and is left alone for a while.
    Degraded,
}
