//! Pages of a list: how many items one has, and its envelope. Not how a cursor is read: that is the origin's secret.

use serde::{Deserialize, Serialize};

/// Items on a page when the caller does not say (row A3).
pub const DEFAULT_LIMIT: u32 = 50;
/// Most items on a page (row A3).
pub const MAX_LIMIT: u32 = 100;
/// No cursor that is given out is longer.
pub const MAX_CURSOR_CHARS: usize = 1_024;

/// One page of a list in a stable order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(inline))]
pub struct Page<T> {
    /// As many as `limit` says at most.
    #[cfg_attr(feature = "openapi", schemars(length(max = MAX_LIMIT)))]
    pub items: Vec<T>,
    /// Opaque: sent back as `cursor` it gives the next page. Absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next_cursor: Option<String>,
}
