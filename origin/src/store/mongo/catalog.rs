//! The modules: lists in their order, search, and the writes of authors and imports.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::FutureExt;
use kairos_protocol::UnixMillis;
use kairos_protocol::api::catalog::{Module, ModuleSummary};
use kairos_protocol::api::ids::Slug;
use kairos_protocol::sync::generation::Namespace;
use mongodb::bson::{self, Document, doc};
use mongodb::error::Result;
use mongodb::{ClientSession, Collection};

use super::MongoStore;
use super::documents::{DELETED, MODULES, ModuleDocument, SummaryDocument, stored_version};
use super::module_queries::{find_query, list_query, published_query, search_query, version_query, write_query};
use super::shapes::WRITE_MODULE;
use super::transaction::{Outcome, Step};
use crate::store::catalog::{ModuleFilter, ModulePosition, Replaced, namespaces_of};
use crate::store::{self, CatalogStore, Versioned};

#[async_trait]
impl CatalogStore for MongoStore {
    async fn list_modules(
        &self,
        filter: &ModuleFilter,
        after: Option<&ModulePosition>,
        limit: u32,
    ) -> store::Result<Versioned<Vec<ModuleSummary>>> {
        let this = self.for_large_documents();
        let modules = this.in_snapshot::<SummaryDocument>(MODULES);
        let query = list_query(filter, after, limit);
        this.read_state(Namespace::Catalog, move |session| {
            let (modules, query) = (modules.clone(), query.clone());
            async move { summaries(query.all_in(&modules, session).await?) }.boxed()
        })
        .await
    }

    async fn search_modules(&self, query: &str, limit: u32) -> store::Result<Versioned<Vec<ModuleSummary>>> {
        let this = self.for_large_documents();
        let query = search_query(query, limit);
        let modules = this.in_snapshot::<SummaryDocument>(MODULES);
        this.read_state(Namespace::Catalog, move |session| {
            let (modules, query) = (modules.clone(), query.clone());
            async move {
                match query {
                    Some(query) => summaries(query.all_in(&modules, session).await?),
                    None => Ok(Vec::new()),
                }
            }
            .boxed()
        })
        .await
    }

    async fn module(&self, slug: &Slug) -> store::Result<Versioned<Option<Module>>> {
        let this = self.for_large_documents();
        let modules = this.in_snapshot::<ModuleDocument>(MODULES);
        let query = find_query(slug);
        this.read_states(namespaces_of([slug]), move |session| {
            let (modules, query) = (modules.clone(), query.clone());
            async move { Ok(query.one_in(&modules, session).await?.map(Module::from)) }.boxed()
        })
        .await
    }

    async fn published_among(&self, slugs: &BTreeSet<Slug>) -> store::Result<BTreeSet<Slug>> {
        let modules = self.collection::<Document>(MODULES);
        let query = published_query(slugs.iter().map(Slug::as_str));
        let found: Vec<Document> = self.read(async move { query.all(&modules).await }).await?;
        Ok(found.iter().filter_map(|d| d.get_str("_id").ok()).filter_map(|slug| Slug::new(slug).ok()).collect())
    }

    async fn insert_module(&self, module: &Module, now: UnixMillis) -> store::Result<Versioned<Option<u64>>> {
        let this = self.for_large_documents();
        let modules = this.collection::<Document>(MODULES);
        let module = module.clone();
        this.transact(Some(Namespace::Catalog), now, move |session| {
            let (modules, module) = (modules.clone(), module.clone());
            async move {
                let version = match last_version(&modules, session, &module.summary.slug).await? {
                    Last::Alive(_) => None,
                    last => Some(create(&modules, session, &module, last).await?),
                };
                Ok(Outcome::of_modules(version, version.is_some().then_some(&module.summary.slug)))
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
        let this = self.for_large_documents();
        let document = ModuleDocument::from(module);
        this.change_version(module.summary.slug.clone(), expected, now, move |modules, query, session| {
            let change = changed_fields(&document).map(|fields| doc! { "$set": fields });
            async move {
                let update = modules.update_one(query, change?).comment(WRITE_MODULE.comment());
                WRITE_MODULE.timed(update.session(session)).await.map(drop)
            }
            .boxed()
        })
        .await
    }

    /// What is left of a deleted module is its slug, its last version and a status that no query asks for.
    async fn delete_module(&self, slug: &Slug, expected: u64, now: UnixMillis) -> store::Result<Versioned<Replaced>> {
        let this = self.for_large_documents();
        this.change_version(slug.clone(), expected, now, move |modules, query, session| {
            let left = doc! { "status": DELETED, "version": stored_version(expected) };
            async move { replace(&modules, query, left, session).await }.boxed()
        })
        .await
    }

    async fn import_modules(&self, modules: &[Module], now: UnixMillis) -> store::Result<Versioned<u64>> {
        let this = self.for_large_documents();
        let wanted: Arc<[Module]> = modules.into();
        let modules = this.collection::<Document>(MODULES);
        this.transact(Some(Namespace::Catalog), now, move |session| {
            let (modules, wanted) = (modules.clone(), Arc::clone(&wanted));
            async move {
                let mut written = Vec::new();
                for module in wanted.iter() {
                    if put(&modules, session, module).await? {
                        written.push(&module.summary.slug);
                    }
                }
                Ok(Outcome::of_modules(written.len() as u64, written))
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
                        change(modules, write_query(&slug).filter, session).await?;
                        Replaced::Done
                    }
                    Last::Alive(version) => Replaced::Conflict { version },
                    Last::Deleted(_) | Last::None => Replaced::Missing,
                };
                Ok(Outcome::of_modules(replaced, (replaced == Replaced::Done).then_some(&slug)))
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
    let found = version_query(slug).one_in(modules, session).await?;
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
            replace(modules, write_query(&module.summary.slug).filter, document, session).await?;
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
    let typed = modules.clone_with_type::<ModuleDocument>();
    let present = write_query(slug).one_in(&typed, session).await?.map(Module::from);
    let Some(next) = wanted.imported_over(present.as_ref()) else {
        return Ok(false);
    };
    replace(modules, write_query(slug).filter, bson::to_document(&ModuleDocument::from(&next))?, session).await?;
    Ok(true)
}

async fn replace(
    modules: &Collection<Document>,
    query: Document,
    document: Document,
    session: &mut ClientSession,
) -> Result<()> {
    let replace = modules.replace_one(query, document).comment(WRITE_MODULE.comment());
    WRITE_MODULE.timed(replace.session(session)).await.map(drop)
}

fn summaries(found: Vec<SummaryDocument>) -> Result<Vec<ModuleSummary>> {
    Ok(found.into_iter().map(ModuleSummary::from).collect())
}

/// What a replacement sets: everything but the id and when it was created.
fn changed_fields(document: &ModuleDocument) -> Result<Document> {
    let mut fields = bson::to_document(document)?;
    fields.remove("_id");
    fields.remove("created_at");
    Ok(fields)
}
