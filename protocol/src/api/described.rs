//! Bodies that have a name in the API's description and are no types of their own. Nothing reads or writes them: they are described only.

use schemars::{JsonSchema, Schema};
use serde_json::Value;

use crate::api::catalog::{ModuleDraft, ModuleSummary};
use crate::api::history::HistoryEntry;
use crate::api::page::Page;
use crate::api::progress::ProgressRecord;
use crate::api::schema::require;

macro_rules! named {
    ($($(#[$attribute:meta])* $name:ident = $of:ty;)*) => {$(
        #[derive(JsonSchema)]
        $(#[$attribute])*
        pub struct $name(#[expect(dead_code, reason = "only its schema is wanted")] $of);
    )*};
}

named! {
    /// Body of `POST /v1/modules`.
    #[schemars(transform = without_version)]
    NewModule = ModuleDraft;
    /// Body of `PUT /v1/modules/{slug}`.
    #[schemars(transform = with_version)]
    ModuleReplacement = ModuleDraft;
    /// One page of modules, without their content.
    ModulePage = Page<ModuleSummary>;
    /// One page of a learner's records.
    ProgressPage = Page<ProgressRecord>;
    /// One page of a learner's history.
    HistoryPage = Page<HistoryEntry>;
}

fn without_version(schema: &mut Schema) {
    if let Some(properties) = schema.ensure_object().get_mut("properties").and_then(Value::as_object_mut) {
        properties.remove("version");
    }
}

fn with_version(schema: &mut Schema) {
    require(schema.ensure_object(), "version");
}
