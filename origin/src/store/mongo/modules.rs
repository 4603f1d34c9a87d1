//! The catalogue's queries: lists in their order, search, and the writes of authors and imports.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use futures_util::TryStreamExt;
use kairos_protocol::catalog::{Module, ModuleSummary};
use kairos_protocol::ids::Slug;
use mongodb::bson::{self, Document, doc};
use mongodb::error::Result;

use super::documents::{MODULES, ModuleDocument, NOT_IN_LISTS, SummaryDocument};
use super::{MongoStore, OPERATION_TIMEOUT, is_duplicate, without};
use crate::store;
use crate::store::records::{ModuleFilter, ModulePosition, Replaced};

impl MongoStore {
    pub(super) async fn modules_after(
        &self,
        filter: &ModuleFilter,
        after: Option<&ModulePosition>,
        limit: u32,
    ) -> store::Result<Vec<ModuleSummary>> {
        let modules = self.collection::<SummaryDocument>(MODULES);
        let query = list_query(filter, after);
        self.run(async move {
            let found = modules
                .find(query)
                .sort(doc! { "subject": 1, "position": 1, "_id": 1 })
                .projection(without(NOT_IN_LISTS))
                .limit(limit.into())
                .batch_size(limit + 1)
                .max_time(OPERATION_TIMEOUT);
            found.await?.map_ok(ModuleSummary::from).try_collect().await
        })
        .await
    }

    pub(super) async fn modules_matching(&self, query: &str, limit: u32) -> store::Result<Vec<ModuleSummary>> {
        let words = search_words(query);
        if words.is_empty() {
            return Ok(Vec::new());
        }
        let modules = self.collection::<SummaryDocument>(MODULES);
        self.run(async move {
            let mut projection = without(NOT_IN_LISTS);
            projection.insert("score", doc! { "$meta": "textScore" });
            let found = modules
                .find(doc! { "status": "published", "$text": { "$search": words } })
                .sort(doc! { "score": { "$meta": "textScore" }, "_id": 1 })
                .projection(projection)
                .limit(limit.into())
                .batch_size(limit + 1)
                .max_time(OPERATION_TIMEOUT);
            found.await?.map_ok(ModuleSummary::from).try_collect().await
        })
        .await
    }

    pub(super) async fn module_by_slug(&self, slug: &Slug) -> store::Result<Option<Module>> {
        let modules = self.collection::<ModuleDocument>(MODULES);
        let query = doc! { "_id": slug.as_str() };
        self.run(async move { Ok(modules.find_one(query).max_time(OPERATION_TIMEOUT).await?.map(Module::from)) }).await
    }

    pub(super) async fn published_slugs(&self, slugs: &BTreeSet<Slug>) -> store::Result<BTreeSet<Slug>> {
        let modules = self.collection::<Document>(MODULES);
        let count = u32::try_from(slugs.len()).unwrap_or(u32::MAX);
        let wanted: Vec<_> = slugs.iter().map(Slug::as_str).collect();
        let query = doc! { "_id": { "$in": wanted }, "status": "published" };
        let found: Vec<Document> = self
            .run(async move {
                let found = modules.find(query).projection(doc! { "_id": 1 }).batch_size(count.saturating_add(1));
                found.max_time(OPERATION_TIMEOUT).await?.try_collect().await
            })
            .await?;
        Ok(found.iter().filter_map(|d| d.get_str("_id").ok()).filter_map(|slug| Slug::new(slug).ok()).collect())
    }

    pub(super) async fn add_module(&self, module: &Module) -> store::Result<bool> {
        let modules = self.collection::<ModuleDocument>(MODULES);
        let document = ModuleDocument::from(module);
        self.run(async move {
            match modules.insert_one(document).await {
                Ok(_) => Ok(true),
                Err(error) if is_duplicate(&error) => Ok(false),
                Err(error) => Err(error),
            }
        })
        .await
    }

    pub(super) async fn swap_module(&self, module: &Module, expected: u64) -> store::Result<Replaced> {
        let modules = self.collection::<Document>(MODULES);
        let slug = module.summary.slug.as_str().to_owned();
        let expected = i64::try_from(expected).unwrap_or(i64::MAX);
        let document = ModuleDocument::from(module);
        self.run(async move {
            let change = doc! { "$set": changed_fields(&document)? };
            let swapped = modules.update_one(doc! { "_id": &slug, "version": expected }, change).await?;
            if swapped.matched_count > 0 {
                return Ok(Replaced::Done);
            }
            let other = modules.find_one(doc! { "_id": &slug }).projection(doc! { "version": 1 }).await?;
            let version = other.map(|d| d.get_i64("version").unwrap_or(0));
            Ok(version.map_or(Replaced::Missing, |v| Replaced::Conflict { version: u64::try_from(v).unwrap_or(0) }))
        })
        .await
    }

    pub(super) async fn remove_module(&self, slug: &Slug) -> store::Result<bool> {
        let modules = self.collection::<Document>(MODULES);
        let query = doc! { "_id": slug.as_str() };
        self.run(async move { Ok(modules.delete_one(query).await?.deleted_count > 0) }).await
    }

    pub(super) async fn put_modules(&self, wanted: &[Module]) -> store::Result<u64> {
        let modules = self.collection::<ModuleDocument>(MODULES);
        let wanted: Vec<_> = wanted.to_vec();
        self.run(async move {
            let slugs: Vec<_> = wanted.iter().map(|m| m.summary.slug.as_str()).collect();
            let found = modules.find(doc! { "_id": { "$in": slugs } }).await?.map_ok(Module::from);
            let present: BTreeMap<Slug, Module> =
                found.map_ok(|m| (m.summary.slug.clone(), m)).try_collect::<Vec<_>>().await?.into_iter().collect();
            let mut written = 0;
            for module in &wanted {
                if let Some(next) = module.imported_over(present.get(&module.summary.slug)) {
                    let document = ModuleDocument::from(&next);
                    modules.replace_one(doc! { "_id": next.summary.slug.as_str() }, document).upsert(true).await?;
                    written += 1;
                }
            }
            Ok(written)
        })
        .await
    }
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
