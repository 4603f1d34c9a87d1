//! The catalogue: reading it, and what authors do to it. Not here: who is an author.

use std::sync::Arc;

use kairos_protocol::UnixMillis;
use kairos_protocol::api::catalog::{Module, ModuleDraft, ModuleSummary, Publication};
use kairos_protocol::api::ids::Slug;
use kairos_protocol::api::page::Page;
use kairos_protocol::api::problem::{Problem, ProblemType};
use kairos_protocol::sync::generation::{Generations, Namespace};

use super::cursor;
use super::error::{DomainError, Result};
use crate::environment::Clock;
use crate::store::catalog::{ModuleFilter, ModulePosition, Replaced};
use crate::store::{CatalogStore, Versioned};
use crate::writes::Writes;

/// The modules. Reads take a share of it along, as they may outlive the request that they are for.
pub struct Catalog {
    store: Arc<dyn CatalogStore>,
    writes: Writes,
    clock: Arc<dyn Clock>,
}

impl Catalog {
    /// The modules in `store`.
    #[must_use]
    pub fn new(store: Arc<dyn CatalogStore>, writes: Writes, clock: Arc<dyn Clock>) -> Self {
        Self { store, writes, clock }
    }

    /// A page of published modules in the order (subject, position, slug).
    ///
    /// # Errors
    /// The store's.
    pub async fn list(
        self: Arc<Self>,
        filter: ModuleFilter,
        after: Option<ModulePosition>,
        limit: u32,
    ) -> Result<Versioned<Page<ModuleSummary>>> {
        let found = self.store.list_modules(&filter, after.as_ref(), limit + 1).await?;
        Ok(found.map(|modules| cursor::page(modules, limit, |last| ModulePosition::from(last))))
    }

    /// The published modules that fit `query` best, best first.
    ///
    /// # Errors
    /// The store's.
    pub async fn search(self: Arc<Self>, query: String, limit: u32) -> Result<Versioned<Page<ModuleSummary>>> {
        let found = self.store.search_modules(&query, limit).await?;
        Ok(found.map(|items| Page { items, next_cursor: None }))
    }

    /// One published module.
    ///
    /// # Errors
    /// [`ProblemType::NotFound`], also for a draft, or the store's.
    pub async fn show(self: Arc<Self>, slug: Slug) -> Result<Versioned<Module>> {
        let Versioned { value, generations } = self.store.module(&slug).await?;
        match value.filter(|module| module.status == Publication::Published) {
            Some(value) => Ok(Versioned { value, generations }),
            None => Err(DomainError::refused(missing(&slug), generations)),
        }
    }

    /// Adds the module that `draft` asks for.
    ///
    /// # Errors
    /// [`ProblemType::InvalidFields`], [`ProblemType::SlugTaken`], or the store's.
    pub async fn create(&self, draft: ModuleDraft) -> Result<Versioned<Module>> {
        let work = create(Arc::clone(&self.store), new_module(draft, self.clock.now())?);
        self.writes.commit(vec![Namespace::Catalog], work).await
    }

    /// Replaces the module at `slug` with the one that `draft` asks for, if it still has the version that the draft names.
    ///
    /// # Errors
    /// [`ProblemType::InvalidFields`], [`ProblemType::NotFound`], [`ProblemType::VersionConflict`], or the store's.
    pub async fn replace(&self, slug: &Slug, draft: ModuleDraft) -> Result<Versioned<Module>> {
        let (module, expected) = next_module(slug, draft, self.clock.now())?;
        self.writes.commit(vec![Namespace::Catalog], replace(Arc::clone(&self.store), module, expected)).await
    }

    /// Deletes version `expected` of a module. What learners did in it stays.
    ///
    /// # Errors
    /// [`ProblemType::NotFound`], [`ProblemType::VersionConflict`], or the store's.
    pub async fn delete(&self, slug: Slug, expected: u64) -> Result<Versioned<()>> {
        let work = delete(Arc::clone(&self.store), slug, expected, self.clock.now());
        self.writes.commit(vec![Namespace::Catalog], work).await
    }
}

fn new_module(draft: ModuleDraft, now: UnixMillis) -> Result<Module> {
    check(&draft, draft.version.map(|_| ("version", "must be absent: the origin chooses the first one".to_owned())))?;
    Ok(draft.into_module(now))
}

/// The module that `draft` asks for in place of the one at `slug`, and the version that it replaces.
fn next_module(slug: &Slug, draft: ModuleDraft, now: UnixMillis) -> Result<(Module, u64)> {
    let Some(expected) = draft.version else {
        let missing = ("version", "must be the version that this replaces".to_owned());
        return Err(ProblemType::InvalidFields.with_detail("").with_errors([missing]).into());
    };
    let renamed = (draft.slug != *slug).then(|| ("slug", "must be the one in the path: it never changes".to_owned()));
    check(&draft, renamed)?;
    Ok((Module { version: expected.saturating_add(1), ..draft.into_module(now) }, expected))
}

fn check(draft: &ModuleDraft, more: Option<(&'static str, String)>) -> Result<()> {
    let mut wrong = draft.violations();
    wrong.extend(more);
    if wrong.is_empty() { Ok(()) } else { Err(ProblemType::InvalidFields.with_detail("").with_errors(wrong).into()) }
}

async fn create(store: Arc<dyn CatalogStore>, module: Module) -> Result<Versioned<Module>> {
    let Versioned { value, generations } = store.insert_module(&module, module.created_at_ms).await?;
    match value {
        Some(version) => Ok(Versioned { value: Module { version, ..module }, generations }),
        None => {
            let detail = format!("There is a module `{}` already. Replace it with PUT.", module.summary.slug);
            Err(DomainError::refused(ProblemType::SlugTaken.with_detail(detail), generations))
        }
    }
}

async fn replace(store: Arc<dyn CatalogStore>, module: Module, expected: u64) -> Result<Versioned<Module>> {
    let slug = module.summary.slug.clone();
    let replaced = store.replace_module(&module, expected, module.summary.updated_at_ms).await?;
    let generations = done(replaced, &slug, expected)?;
    // Read again for the time it was created; that it was replaced is true without.
    let stored = store.module(&slug).await.ok().and_then(|found| found.value);
    Ok(Versioned { value: stored.filter(|m| m.version == module.version).unwrap_or(module), generations })
}

async fn delete(store: Arc<dyn CatalogStore>, slug: Slug, expected: u64, now: UnixMillis) -> Result<Versioned<()>> {
    let generations = done(store.delete_module(&slug, expected, now).await?, &slug, expected)?;
    Ok(Versioned { value: (), generations })
}

/// The generations from which on a replacement or deletion of version `expected` is seen, if it was one.
fn done(replaced: Versioned<Replaced>, slug: &Slug, expected: u64) -> Result<Generations> {
    let Versioned { value, generations } = replaced;
    let problem = match value {
        Replaced::Done => return Ok(generations),
        Replaced::Missing => missing(slug),
        Replaced::Conflict { version } => {
            let detail = format!("It has version {version} now, not {expected}. Read it again and repeat the change.");
            ProblemType::VersionConflict.with_detail(detail)
        }
    };
    Err(DomainError::refused(problem, generations))
}

fn missing(slug: &Slug) -> Problem {
    ProblemType::NotFound.with_detail(format!("There is no module `{slug}`."))
}
