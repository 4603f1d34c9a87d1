//! The modules: [`CatalogStore`], and what goes into and comes out of it besides what is on the wire. Not here: who may change one.

use std::collections::BTreeSet;

use async_trait::async_trait;
use kairos_protocol::UnixMillis;
use kairos_protocol::api::catalog::{Difficulty, Module, ModuleSummary};
use kairos_protocol::api::ids::Slug;
use kairos_protocol::sync::generation::Namespace;
use serde::{Deserialize, Serialize};

use super::error::Result;
use super::generations::Versioned;

/// Which published modules to list. Absent means any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModuleFilter {
    /// Exactly this subject.
    pub subject: Option<String>,
    /// Exactly this difficulty.
    pub difficulty: Option<Difficulty>,
    /// Has this tag.
    pub tag: Option<String>,
}

/// A module's place in the order of lists; also what a cursor holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModulePosition {
    /// First by subject,
    pub subject: String,
    /// then by position,
    pub position: u32,
    /// then by slug.
    pub slug: Slug,
}

impl From<&ModuleSummary> for ModulePosition {
    fn from(module: &ModuleSummary) -> Self {
        Self { subject: module.subject.clone(), position: module.position, slug: module.slug.clone() }
    }
}

/// What became of a replacement, or of a deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replaced {
    /// Done.
    Done,
    /// There is no such module.
    Missing,
    /// It has another version by now.
    Conflict {
        /// The one it has.
        version: u64,
    },
}

/// What changes when `modules` do: the catalogue, and each by itself.
pub(super) fn namespaces_of<'m>(modules: impl IntoIterator<Item = &'m Slug>) -> Vec<Namespace> {
    std::iter::once(Namespace::Catalog).chain(modules.into_iter().cloned().map(Namespace::Module)).collect()
}

/// The modules. Every method is one round trip. What changes a module gives it and the catalogue their next numbers, and returns the
/// catalogue's.
#[async_trait]
pub trait CatalogStore: Send + Sync + 'static {
    /// Published modules in the order (subject, position, slug), from after `after`, at most `limit`; without content.
    async fn list_modules(
        &self,
        filter: &ModuleFilter,
        after: Option<&ModulePosition>,
        limit: u32,
    ) -> Result<Versioned<Vec<ModuleSummary>>>;

    /// Published modules that match the words of `query`, best first, at most `limit`; without content. Title counts more
    /// than tags, summary and content, in that order. Words are stemmed; all of `query` is text, never syntax.
    async fn search_modules(&self, query: &str, limit: u32) -> Result<Versioned<Vec<ModuleSummary>>>;

    /// One module, whatever its status, with its own number beside the catalogue's.
    async fn module(&self, slug: &Slug) -> Result<Versioned<Option<Module>>>;

    /// Which of `slugs` name a published module.
    async fn published_among(&self, slugs: &BTreeSet<Slug>) -> Result<BTreeSet<Slug>>;

    /// Adds a module, in the first version that its slug never had: a slug's versions never come twice, also over a deletion.
    /// Returns that version; `None` when the slug is taken.
    async fn insert_module(&self, module: &Module, now: UnixMillis) -> Result<Versioned<Option<u64>>>;

    /// Replaces the module of the same slug if it still has version `expected`; `created_at_ms` stays what it was.
    async fn replace_module(&self, module: &Module, expected: u64, now: UnixMillis) -> Result<Versioned<Replaced>>;

    /// Deletes the module if it still has version `expected`. Progress and history in it stay, and so does its last version.
    async fn delete_module(&self, slug: &Slug, expected: u64, now: UnixMillis) -> Result<Versioned<Replaced>>;

    /// Adds or overwrites modules by slug, for imports. An unchanged module (all but version and times equal) is not touched;
    /// a changed one gets the next version, a new one what [`CatalogStore::insert_module`] would give it. Returns how many were
    /// added or changed.
    async fn import_modules(&self, modules: &[Module], now: UnixMillis) -> Result<Versioned<u64>>;
}
