//! The modules: lists in their order, search, and the writes of authors and imports.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::{FutureExt, TryStreamExt};
use kairos_protocol::UnixMillis;
use kairos_protocol::api::catalog::{Module, ModuleSummary};
use kairos_protocol::api::ids::Slug;
use kairos_protocol::sync::generation::Namespace;
use mongodb::bson::{self, Document, doc};
use mongodb::error::Result;
use mongodb::{ClientSession, Collection};

use super::documents::{DELETED, MODULES, ModuleDocument, NOT_IN_LISTS, SummaryDocument, stored_version};
use super::transaction::{Outcome, Step};
use super::{MongoStore, OPERATION_TIMEOUT};
use crate::store::catalog::{ModuleFilter, ModulePosition, Replaced};
use crate::store::{self, CatalogStore, Versioned};

#[async_trait]
impl CatalogStore for MongoStore {
    async fn list_modules(
        &self,
        filter: &ModuleFilter,
        after: Option<&ModulePosition>,
        limit: u32,
    ) -> store::Result<Versioned<Vec<ModuleSummary>>> {
        let modules = self.in_snapshot::<SummaryDocument>(MODULES);
        let query = list_query(filter, after);
        self.read_state(Namespace::Catalog, move |session| {
            let (modules, query) = (modules.clone(), query.clone());
            async move {
                let found = modules
                    .find(query)
                    .sort(doc! { "subject": 1, "position": 1, "_id": 1 })
                    .projection(without(NOT_IN_LISTS))
                    .limit(limit.into())
                    .batch_size(limit + 1)
                    .max_time(OPERATION_TIMEOUT);
                found.session(&mut *session).await?.stream(session).map_ok(ModuleSummary::from).try_collect().await
            }
            .boxed()
        })
        .await
    }

    async fn search_modules(&self, query: &str, limit: u32) -> store::Result<Versioned<Vec<ModuleSummary>>> {
        let words = search_words(query);
        let modules = self.in_snapshot::<SummaryDocument>(MODULES);
        self.read_state(Namespace::Catalog, move |session| {
            let (modules, words) = (modules.clone(), words.clone());
            async move {
                if words.is_empty() {
                    return Ok(Vec::new());
                }
                let mut projection = without(NOT_IN_LISTS);
                projection.insert("score", doc! { "$meta": "textScore" });
                let found = modules
                    .find(doc! { "status": "published", "$text": { "$search": words } })
                    .sort(doc! { "score": { "$meta": "textScore" }, "_id": 1 })
                    .projection(projection)
                    .limit(limit.into())
                    .batch_size(limit + 1)
                    .max_time(OPERATION_TIMEOUT);
                found.session(&mut *session).await?.stream(session).map_ok(ModuleSummary::from).try_collect().await
            }
            .boxed()
        })
        .await
    }

    async fn module(&self, slug: &Slug) -> store::Result<Versioned<Option<Module>>> {
        let modules = self.in_snapshot::<ModuleDocument>(MODULES);
        let query = doc! { "_id": slug.as_str(), "status": { "$ne": DELETED } };
        self.read_state(Namespace::Catalog, move |session| {
            let (modules, query) = (modules.clone(), query.clone());
            async move {
                let found = modules.find_one(query).max_time(OPERATION_TIMEOUT).session(session).await?;
                Ok(found.map(Module::from))
            }
            .boxed()
        })
        .await
    }

    async fn published_among(&self, slugs: &BTreeSet<Slug>) -> store::Result<BTreeSet<Slug>> {
        let modules = self.collection::<Document>(MODULES);
        let count = u32::try_from(slugs.len()).unwrap_or(u32::MAX);
        let wanted: Vec<_> = slugs.iter().map(Slug::as_str).collect();
        let query = doc! { "_id": { "$in": wanted }, "status": "published" };
        let found: Vec<Document> = self
            .read(async move {
                let found = modules.find(query).projection(doc! { "_id": 1 }).batch_size(count.saturating_add(1));
                found.max_time(OPERATION_TIMEOUT).await?.try_collect().await
            })
            .await?;
        Ok(found.iter().filter_map(|d| d.get_str("_id").ok()).filter_map(|slug| Slug::new(slug).ok()).collect())
    }

    async fn insert_module(&self, module: &Module, now: UnixMillis) -> store::Result<Versioned<Option<u64>>> {
        let modules = self.collection::<Document>(MODULES);
        let module = module.clone();
        self.transact(Some(Namespace::Catalog), now, move |session| {
            let (modules, module) = (modules.clone(), module.clone());
            async move {
                let version = match last_version(&modules, session, &module.summary.slug).await? {
                    Last::Alive(_) => None,
                    last => Some(create(&modules, session, &module, last).await?),
                };
                Ok(Outcome::of_catalog(version, version.is_some()))
            }
            .boxed()
        })
        .await
    }

    async fn replace_module(
        &self,
        module: &Module,
        expected: u64,
        now: UnixMillis,
    ) -> store::Result<Versioned<Replaced>> {
        let document = ModuleDocument::from(module);
        self.change_version(module.summary.slug.clone(), expected, now, move |modules, query, session| {
            let change = changed_fields(&document).map(|fields| doc! { "$set": fields });
            async move { modules.update_one(query, change?).session(session).await.map(drop) }.boxed()
        })
        .await
    }

    /// What is left of a deleted module is its slug, its last version and a status that no query asks for.
    async fn delete_module(&self, slug: &Slug, expected: u64, now: UnixMillis) -> store::Result<Versioned<Replaced>> {
        self.change_version(slug.clone(), expected, now, move |modules, query, session| {
            let left = doc! { "status": DELETED, "version": stored_version(expected) };
            async move { modules.replace_one(query, left).session(session).await.map(drop) }.boxed()
        })
        .await
    }

    async fn import_modules(&self, modules: &[Module], now: UnixMillis) -> store::Result<Versioned<u64>> {
        let wanted: Arc<[Module]> = modules.into();
        let modules = self.collection::<Document>(MODULES);
        self.transact(Some(Namespace::Catalog), now, move |session| {
            let (modules, wanted) = (modules.clone(), Arc::clone(&wanted));
            async move {
                let mut written = 0;
                for module in wanted.iter() {
                    written += u64::from(put(&modules, session, module).await?);
                }
                Ok(Outcome::of_catalog(written, written > 0))
            }
            .boxed()
        })
        .await
    }
}

impl MongoStore {
    /// Runs `change` on the module's document if it has version `expected`.
    async fn change_version<C>(
        &self,
        slug: Slug,
        expected: u64,
        now: UnixMillis,
        change: C,
    ) -> store::Result<Versioned<Replaced>>
    where
        C: for<'s> Fn(Collection<Document>, Document, &'s mut ClientSession) -> Step<'s, ()> + Send + Sync + 'static,
    {
        let modules = self.collection::<Document>(MODULES);
        let change = Arc::new(change);
        self.transact(Some(Namespace::Catalog), now, move |session| {
            let (modules, slug, change) = (modules.clone(), slug.clone(), Arc::clone(&change));
            async move {
                let replaced = match last_version(&modules, session, &slug).await? {
                    Last::Alive(version) if version == expected => {
                        change(modules, doc! { "_id": slug.as_str() }, session).await?;
                        Replaced::Done
                    }
                    Last::Alive(version) => Replaced::Conflict { version },
                    Last::Deleted(_) | Last::None => Replaced::Missing,
                };
                Ok(Outcome::of_catalog(replaced, replaced == Replaced::Done))
            }
            .boxed()
        })
        .await
    }
}

/// What a slug was last used for.
enum Last {
    None,
    Alive(u64),
    Deleted(u64),
}

async fn last_version(modules: &Collection<Document>, session: &mut ClientSession, slug: &Slug) -> Result<Last> {
    let shown = doc! { "version": 1, "status": 1 };
    let found = modules.find_one(doc! { "_id": slug.as_str() }).projection(shown).session(session).await?;
    let version = |d: &Document| d.get_i64("version").ok().and_then(|v| u64::try_from(v).ok()).unwrap_or(0);
    Ok(match found {
        None => Last::None,
        Some(d) if d.get_str("status") == Ok(DELETED) => Last::Deleted(version(&d)),
        Some(d) => Last::Alive(version(&d)),
    })
}

/// Adds a module whose slug is free, in the version after the `last` one. Returns that.
async fn create(
    modules: &Collection<Document>,
    session: &mut ClientSession,
    module: &Module,
    last: Last,
) -> Result<u64> {
    let version = if let Last::Deleted(version) = last { version + 1 } else { 1 };
    let document = bson::to_document(&ModuleDocument::from(&Module { version, ..module.clone() }))?;
    match last {
        Last::None => modules.insert_one(document).session(session).await.map(drop)?,
        Last::Alive(_) | Last::Deleted(_) => {
            modules.replace_one(doc! { "_id": module.summary.slug.as_str() }, document).session(session).await?;
        }
    }
    Ok(version)
}

/// Brings one module of an import in. Returns whether there was anything to write.
async fn put(modules: &Collection<Document>, session: &mut ClientSession, wanted: &Module) -> Result<bool> {
    let slug = &wanted.summary.slug;
    let last = last_version(modules, session, slug).await?;
    if !matches!(last, Last::Alive(_)) {
        return create(modules, session, wanted, last).await.map(|_| true);
    }
    let query = doc! { "_id": slug.as_str() };
    let typed = modules.clone_with_type::<ModuleDocument>();
    let present = typed.find_one(query.clone()).session(&mut *session).await?.map(Module::from);
    let Some(next) = wanted.imported_over(present.as_ref()) else {
        return Ok(false);
    };
    typed.replace_one(query, ModuleDocument::from(&next)).session(session).await.map(|_| true)
}

/// What a replacement sets: everything but the id and when it was created.
fn changed_fields(document: &ModuleDocument) -> Result<Document> {
    let mut fields = bson::to_document(document)?;
    fields.remove("_id");
    fields.remove("created_at");
    Ok(fields)
}

/// Published modules that `filter` wants, from after `after`. Where a list goes on is told branch by branch, each one range of
/// the same index, so that the server seeks there instead of reading what came before.
fn list_query(filter: &ModuleFilter, after: Option<&ModulePosition>) -> Document {
    let mut fixed = doc! { "status": "published" };
    if let Some(difficulty) = filter.difficulty {
        fixed.insert("difficulty", difficulty.as_str());
    }
    if let Some(tag) = &filter.tag {
        fixed.insert("tags", tag);
    }
    if let Some(subject) = &filter.subject {
        fixed.insert("subject", subject);
    }
    let Some(after) = after else {
        return fixed;
    };
    // A place outside the wanted subject lies wholly before it or wholly after it.
    match filter.subject.as_ref().map(|wanted| wanted.cmp(&after.subject)) {
        Some(Ordering::Greater) => return fixed,
        Some(Ordering::Less) => return doc! { "_id": { "$in": [] } },
        Some(Ordering::Equal) | None => {}
    }
    let (subject, position, slug) = (&after.subject, after.position, after.slug.as_str());
    let branch = |more: Document| {
        let mut branch = fixed.clone();
        branch.extend(more);
        branch
    };
    let mut branches = vec![
        branch(doc! { "subject": subject, "position": position, "_id": { "$gt": slug } }),
        branch(doc! { "subject": subject, "position": { "$gt": position } }),
    ];
    if filter.subject.is_none() {
        branches.push(branch(doc! { "subject": { "$gt": subject } }));
    }
    doc! { "$or": branches }
}

/// The words of `query` alone: MongoDB would read a quote as a phrase and a hyphen before a word as "not".
fn search_words(query: &str) -> String {
    query.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// `{field: 0, …}` for each of `fields`.
fn without(fields: &[&str]) -> Document {
    fields.iter().fold(doc! {}, |mut projection, field| {
        projection.insert(*field, 0);
        projection
    })
}
