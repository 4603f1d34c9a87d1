//! Wire types of a learner's history. Not how long it is retained: that is the store's.

use serde::{Deserialize, Serialize};

use crate::UnixMillis;
use crate::api::ids::{OperationId, Slug};
use crate::api::operation::Action;

/// One thing a learner did: an applied operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct HistoryEntry {
    /// The operation's id.
    pub id: OperationId,
    /// The module it was done in.
    pub module: Slug,
    /// When.
    #[cfg_attr(feature = "openapi", schemars(with = "crate::api::schema::Millis"))]
    pub at_ms: UnixMillis,
    /// What.
    pub action: Action,
}
