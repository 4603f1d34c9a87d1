//! The catalogue: reading it, and what authors do to it.

use std::sync::Arc;

use kairos_protocol::UnixMillis;
use kairos_protocol::catalog::{Module, ModuleDraft, ModuleSummary, Publication};
use kairos_protocol::ids::Slug;
use kairos_protocol::page::Page;
use kairos_protocol::problem::ProblemType;

use super::cursor;
use crate::error::Result;
use crate::store::Store;
use crate::store::records::{ModuleFilter, ModulePosition, Replaced};

/// A page of published modules in the order (subject, position, slug).
///
/// # Errors
/// The store's.
pub async fn list(
    store: Arc<dyn Store>,
    filter: ModuleFilter,
    after: Option<ModulePosition>,
    limit: u32,
) -> Result<Page<ModuleSummary>> {
    let found = store.list_modules(&filter, after.as_ref(), limit + 1).await?;
    Ok(cursor::page(found, limit, |last| ModulePosition::from(last)))
}

/// The published modules that fit `query` best, best first.
///
/// # Errors
/// The store's.
pub async fn search(store: Arc<dyn Store>, query: String, limit: u32) -> Result<Page<ModuleSummary>> {
    Ok(Page { items: store.search_modules(&query, limit).await?, next_cursor: None })
}

/// One published module.
///
/// # Errors
/// [`ProblemType::NotFound`], also for a draft, or the store's.
pub async fn show(store: Arc<dyn Store>, slug: Slug) -> Result<Module> {
    let found = store.module(&slug).await?.filter(|module| module.status == Publication::Published);
    found.ok_or_else(|| ProblemType::NotFound.with_detail(format!("There is no module `{slug}`.")).into())
}

/// Adds a module.
///
/// # Errors
/// [`ProblemType::InvalidFields`], [`ProblemType::SlugTaken`], or the store's.
pub async fn create(store: Arc<dyn Store>, draft: ModuleDraft, now: UnixMillis) -> Result<Module> {
    check(&draft, draft.version.map(|_| ("version", "must be absent: a new module starts at 1".to_owned())))?;
    let module = draft.into_module(now);
    if store.insert_module(&module).await? {
        return Ok(module);
    }
    let detail = format!("There is a module `{}` already. Replace it with PUT.", module.summary.slug);
    Err(ProblemType::SlugTaken.with_detail(detail).into())
}

/// Replaces the version of a module that the author has seen.
///
/// # Errors
/// [`ProblemType::InvalidFields`], [`ProblemType::NotFound`], [`ProblemType::VersionConflict`], or the store's.
pub async fn replace(store: Arc<dyn Store>, slug: Slug, draft: ModuleDraft, now: UnixMillis) -> Result<Module> {
    let renamed = (draft.slug != slug).then(|| ("slug", "must be the one in the path: it never changes".to_owned()));
    let missing = || ("version", "must be the version that this replaces".to_owned());
    let Some(expected) = draft.version else {
        return Err(ProblemType::InvalidFields.with_detail("").with_errors([missing()]).into());
    };
    check(&draft, renamed)?;
    let mut module = draft.into_module(now);
    module.version = expected.saturating_add(1);
    match store.replace_module(&module, expected).await? {
        // Read again for the time it was created.
        Replaced::Done => Ok(store.module(&slug).await?.filter(|m| m.version == module.version).unwrap_or(module)),
        Replaced::Missing => Err(ProblemType::NotFound.with_detail(format!("There is no module `{slug}`.")).into()),
        Replaced::Conflict { version } => {
            let detail = format!("It has version {version} now, not {expected}. Read it again and repeat the change.");
            Err(ProblemType::VersionConflict.with_detail(detail).into())
        }
    }
}

/// Deletes a module. What learners did in it stays.
///
/// # Errors
/// [`ProblemType::NotFound`], or the store's.
pub async fn delete(store: Arc<dyn Store>, slug: Slug) -> Result<()> {
    if store.delete_module(&slug).await? {
        return Ok(());
    }
    Err(ProblemType::NotFound.with_detail(format!("There is no module `{slug}`.")).into())
}

fn check(draft: &ModuleDraft, more: Option<(&'static str, String)>) -> Result<()> {
    let mut wrong = draft.violations();
    wrong.extend(more);
    if wrong.is_empty() { Ok(()) } else { Err(ProblemType::InvalidFields.with_detail("").with_errors(wrong).into()) }
}
