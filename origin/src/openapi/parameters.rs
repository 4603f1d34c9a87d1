//! What each query parameter means. Which route takes which stands in [`kairos_protocol::api::paths`].

use aide::generate::in_context;
use aide::openapi::Operation;
use aide::operation::ParamLocation;
use kairos_protocol::api::cache::MAX_PATTERN_CHARS;
use kairos_protocol::api::catalog::{Difficulty, MAX_SEARCH_CHARS, MAX_SUBJECT_CHARS, MAX_TAG_CHARS, MAX_VERSION};
use kairos_protocol::api::ids::UserId;
use kairos_protocol::api::page::{DEFAULT_LIMIT, MAX_CURSOR_CHARS, MAX_LIMIT};
use kairos_protocol::api::schema::{BASE64URL, NOT_BLANK};
use schemars::JsonSchema;

use crate::extract::describe_parameters;

/// Every query parameter there is.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is wanted: queries are read one parameter at a time")]
struct QueryParameters {
    /// Items on a page.
    #[schemars(range(min = 1, max = MAX_LIMIT), extend("default" = DEFAULT_LIMIT))]
    limit: Option<u32>,
    /// `next_cursor` of the page before, as it is; any other text is a 400.
    #[schemars(length(min = 1, max = MAX_CURSOR_CHARS), regex(pattern = BASE64URL))]
    cursor: Option<String>,
    /// Modules of exactly this subject.
    #[schemars(length(min = 1, max = MAX_SUBJECT_CHARS), regex(pattern = NOT_BLANK))]
    subject: Option<String>,
    /// Modules exactly this hard.
    difficulty: Option<Difficulty>,
    /// Modules that have this tag.
    #[schemars(length(min = 1, max = MAX_TAG_CHARS), regex(pattern = NOT_BLANK))]
    tag: Option<String>,
    /// Words to search for; all of it is text.
    #[schemars(length(min = 1, max = MAX_SEARCH_CHARS), regex(pattern = NOT_BLANK))]
    q: String,
    /// The version that the author has seen: it is deleted, and no other.
    #[schemars(range(min = 1, max = MAX_VERSION))]
    version: u64,
    /// A path whose responses are stored, with its query.
    #[schemars(length(min = 1, max = MAX_PATTERN_CHARS), regex(pattern = r"^/v1/(me|modules)"))]
    path: Option<String>,
    /// Whose response it is, where it is one's own.
    user: Option<UserId>,
}

/// Describes the parameters that are `known` to the operation, in this order.
pub(super) fn add_query(operation: &mut Operation, known: &[&str]) {
    in_context(|context| {
        describe_parameters::<QueryParameters>(context, operation, ParamLocation::Query, |name| known.contains(&name));
    });
}
