//! The queries for modules. Not what is done with what they find (`catalog`).

use std::cmp::Ordering;

use kairos_protocol::api::ids::Slug;
use mongodb::bson::{Document, doc};

use super::documents::{DELETED, NOT_IN_LISTS};
use super::query::Query;
use super::shapes::{FIND_MODULE, LIST_MODULES, MODULE_VERSION, PUBLISHED_MODULES, SEARCH_MODULES, WRITE_MODULE};
use crate::store::catalog::{ModuleFilter, ModulePosition};
use crate::store::words::beginning;

/// Published modules that `filter` wants, from after `after`.
pub(super) fn list_query(filter: &ModuleFilter, after: Option<&ModulePosition>, limit: u32) -> Query {
    Query::new(&LIST_MODULES, wanted(filter, after))
        .sort(doc! { "subject": 1, "position": 1, "_id": 1 })
        .projection(without(NOT_IN_LISTS))
        .page(limit)
}

/// Where a list goes on is told branch by branch, each one range of the same index, so that the server seeks there instead of
/// reading what came before.
fn wanted(filter: &ModuleFilter, after: Option<&ModulePosition>) -> Document {
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

/// What has any of the words, by their stems, or begins as the last one, after all the others. Nothing when there is no word in `query`.
pub(super) fn search_query(query: &str, limit: u32) -> Option<Query> {
    let words = search_words(query);
    let score = doc! { "$meta": "textScore" };
    let mut projection = without(NOT_IN_LISTS);
    projection.insert("score", &score);
    let has_words = doc! { "status": "published", "$text": { "$search": &words } };
    let filter = match beginning(query) {
        Some(from) => {
            // One element in the whole range: else one above its start and another below its end would do.
            let until = format!("{from}{}", char::MAX);
            let begins = doc! { "status": "published", "words": { "$elemMatch": { "$gte": from, "$lt": until } } };
            doc! { "$or": [has_words, begins] }
        }
        None => has_words,
    };
    let query = Query::new(&SEARCH_MODULES, filter);
    let query = query.sort(doc! { "score": score, "_id": 1 }).projection(projection).page(limit);
    (!words.is_empty()).then_some(query)
}

pub(super) fn find_query(slug: &Slug) -> Query {
    Query::by_id(&FIND_MODULE, slug.as_str()).and(doc! { "status": { "$ne": DELETED } })
}

pub(super) fn published_query<'s>(slugs: impl IntoIterator<Item = &'s str>) -> Query {
    Query::by_ids(&PUBLISHED_MODULES, slugs).and(doc! { "status": "published" }).projection(doc! { "_id": 1 })
}

pub(super) fn version_query(slug: &Slug) -> Query {
    Query::by_id(&MODULE_VERSION, slug.as_str()).projection(doc! { "version": 1, "status": 1 })
}

pub(super) fn write_query(slug: &Slug) -> Query {
    Query::by_id(&WRITE_MODULE, slug.as_str())
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
