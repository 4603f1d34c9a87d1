//! The modules: lists in their order, search, and writes, which change tags and the search index along with them.

use std::collections::BTreeSet;

use async_trait::async_trait;
use kairos_protocol::UnixMillis;
use kairos_protocol::api::catalog::{Module, ModuleSummary, Publication};
use kairos_protocol::api::ids::Slug;
use kairos_protocol::sync::generation::Namespace;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Result, named_params, params, params_from_iter};

use super::connection::is_duplicate;
use super::rows::{self, SUMMARY_COLUMNS, to_json};
use super::{SqliteStore, generations, statements};
use crate::store::catalog::{self, ModuleFilter, ModulePosition, Replaced};
use crate::store::words::{beginning, words_of};
use crate::store::{self, CatalogStore, Versioned};

#[async_trait]
impl CatalogStore for SqliteStore {
    async fn list_modules(
        &self,
        filter: &ModuleFilter,
        after: Option<&ModulePosition>,
        limit: u32,
    ) -> store::Result<Versioned<Vec<ModuleSummary>>> {
        let query = list_query(filter, after, limit);
        self.read_state("modules.list", vec![Namespace::Catalog], move |c| list(c, query)).await
    }

    async fn search_modules(&self, query: &str, limit: u32) -> store::Result<Versioned<Vec<ModuleSummary>>> {
        let query = query.to_owned();
        self.read_state("modules.search", vec![Namespace::Catalog], move |c| search(c, &query, limit)).await
    }

    async fn module(&self, slug: &Slug) -> store::Result<Versioned<Option<Module>>> {
        let slug = slug.clone();
        self.read_state("modules.find", catalog::namespaces_of([&slug]), move |c| find(c, &slug)).await
    }

    async fn published_among(&self, slugs: &BTreeSet<Slug>) -> store::Result<BTreeSet<Slug>> {
        let slugs = slugs.clone();
        self.readers.read("modules.published", move |c| published_among(c, &slugs)).await
    }

    async fn insert_module(&self, module: &Module, now: UnixMillis) -> store::Result<Versioned<Option<u64>>> {
        let module = module.clone();
        let insert = move |c: &Connection| {
            let version = insert_in_next_version(c, &module)?;
            let namespaces = catalog::namespaces_of([&module.summary.slug]);
            generations::commit(c, &namespaces, now, version.is_some(), version)
        };
        self.writer.write("modules.insert", insert).await
    }

    async fn replace_module(
        &self,
        module: &Module,
        expected: u64,
        now: UnixMillis,
    ) -> store::Result<Versioned<Replaced>> {
        let module = module.clone();
        let replace = move |c: &Connection| {
            let replaced = replace(c, &module, expected)?;
            let namespaces = catalog::namespaces_of([&module.summary.slug]);
            generations::commit(c, &namespaces, now, replaced == Replaced::Done, replaced)
        };
        self.writer.write("modules.replace", replace).await
    }

    async fn delete_module(&self, slug: &Slug, expected: u64, now: UnixMillis) -> store::Result<Versioned<Replaced>> {
        let slug = slug.clone();
        let delete = move |c: &Connection| {
            let deleted = delete(c, &slug, expected)?;
            generations::commit(c, &catalog::namespaces_of([&slug]), now, deleted == Replaced::Done, deleted)
        };
        self.writer.write("modules.delete", delete).await
    }

    async fn import_modules(&self, modules: &[Module], now: UnixMillis) -> store::Result<Versioned<u64>> {
        let wanted = modules.to_vec();
        let import = move |c: &Connection| {
            let written = import(c, &wanted)?;
            generations::commit(c, &catalog::namespaces_of(&written), now, !written.is_empty(), written.len() as u64)
        };
        self.writer.write("modules.import", import).await
    }
}

/// A list's query: its text and its values.
pub(super) struct ListQuery {
    pub(super) sql: String,
    pub(super) values: Vec<Value>,
}

/// Each combination of filters reads one index in the order of lists, from the place after `after`. A place is passed even for
/// the first page: nothing sorts before the empty subject.
pub(super) fn list_query(filter: &ModuleFilter, after: Option<&ModulePosition>, limit: u32) -> ListQuery {
    let text = |t: &str| Value::Text(t.to_owned());
    let mut values = Vec::new();
    let mut conditions = Vec::new();
    let ordered = if let Some(tag) = &filter.tag {
        conditions.push("o.tag = ?");
        values.push(text(tag));
        "module_tags AS o CROSS JOIN modules AS m ON m.slug = o.slug"
    } else {
        conditions.push("o.status = ?");
        values.push(text(Publication::Published.as_str()));
        "modules AS o"
    };
    let from_modules = if filter.tag.is_some() { "m" } else { "o" };
    let by_difficulty = format!("{from_modules}.difficulty = ?");
    if let Some(difficulty) = filter.difficulty {
        conditions.push(&by_difficulty);
        values.push(text(difficulty.as_str()));
    }
    if let Some(subject) = &filter.subject {
        conditions.push("o.subject = ?");
        values.push(text(subject));
    }
    if let Some(after) = after {
        conditions.push("(o.subject, o.position, o.slug) > (?, ?, ?)");
        values.extend([text(&after.subject), Value::Integer(after.position.into()), text(after.slug.as_str())]);
    }
    values.push(Value::Integer(limit.into()));
    let columns: Vec<_> = SUMMARY_COLUMNS.split(", ").map(|column| format!("{from_modules}.{column}")).collect();
    let sql = format!(
        "SELECT {} FROM {ordered} WHERE {} ORDER BY o.subject, o.position, o.slug LIMIT ?",
        columns.join(", "),
        conditions.join(" AND ")
    );
    ListQuery { sql, values }
}

pub(super) fn list(connection: &Connection, query: ListQuery) -> Result<Vec<ModuleSummary>> {
    let mut statement = connection.prepare_cached(&query.sql)?;
    statement.query_map(params_from_iter(query.values), rows::summary)?.collect()
}

pub(super) fn search(connection: &Connection, query: &str, limit: u32) -> Result<Vec<ModuleSummary>> {
    // Each word a string of FTS5: nothing in it is syntax. Any of them may match, as MongoDB's search has it.
    let words = query.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let any = words.map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(" OR ");
    if any.is_empty() {
        return Ok(Vec::new());
    }
    // The empty string of FTS5 begins nothing.
    let begun = beginning(query).map_or_else(|| "\"\"".to_owned(), |beginning| format!("\"{beginning}\" *"));
    let mut statement = connection.prepare_cached(&statements::SEARCH_MODULES)?;
    statement.query_map(params![any, begun, limit], rows::summary)?.collect()
}

pub(super) fn find(connection: &Connection, slug: &Slug) -> Result<Option<Module>> {
    connection.prepare_cached(&statements::FIND_MODULE)?.query_row([slug.as_str()], rows::module).optional()
}

pub(super) fn published_among(connection: &Connection, slugs: &BTreeSet<Slug>) -> Result<BTreeSet<Slug>> {
    let mut statement = connection.prepare_cached(statements::PUBLISHED_MODULE)?;
    let mut published = BTreeSet::new();
    for slug in slugs {
        if statement.exists([slug.as_str()])? {
            published.insert(slug.clone());
        }
    }
    Ok(published)
}

/// The version that a new module of this slug gets: above every one that the slug ever had.
fn next_version(connection: &Connection, slug: &Slug) -> Result<u64> {
    let mut find = connection.prepare_cached(statements::DELETED_VERSION)?;
    let last: Option<u64> = find.query_row([slug.as_str()], |row| row.get(0)).optional()?;
    Ok(last.unwrap_or(0) + 1)
}

pub(super) fn insert_in_next_version(connection: &Connection, module: &Module) -> Result<Option<u64>> {
    let version = next_version(connection, &module.summary.slug)?;
    let is_new = insert(connection, &Module { version, ..module.clone() })?;
    Ok(is_new.then_some(version))
}

fn insert(connection: &Connection, module: &Module) -> Result<bool> {
    let summary = &module.summary;
    let mut statement = connection.prepare_cached(statements::INSERT_MODULE)?;
    let inserted = statement.insert(named_params! {
        ":slug": summary.slug.as_str(),
        ":title": summary.title,
        ":subject": summary.subject,
        ":position": summary.position,
        ":difficulty": summary.difficulty.as_str(),
        ":tags": to_json(&summary.tags)?,
        ":language": summary.language,
        ":summary": summary.summary,
        ":content": module.content,
        ":duration_minutes": summary.duration_minutes,
        ":status": module.status.as_str(),
        ":version": module.version,
        ":created_at_ms": module.created_at_ms,
        ":updated_at_ms": summary.updated_at_ms,
    });
    match inserted {
        Ok(id) => index(connection, id, module).map(|()| true),
        Err(error) if is_duplicate(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

pub(super) fn replace(connection: &Connection, module: &Module, expected: u64) -> Result<Replaced> {
    let Some(present) = find(connection, &module.summary.slug)? else {
        return Ok(Replaced::Missing);
    };
    if present.version != expected {
        return Ok(Replaced::Conflict { version: present.version });
    }
    let next = Module { created_at_ms: present.created_at_ms, ..module.clone() };
    remove(connection, &module.summary.slug)?;
    insert(connection, &next)?;
    Ok(Replaced::Done)
}

pub(super) fn delete(connection: &Connection, slug: &Slug, expected: u64) -> Result<Replaced> {
    let Some(present) = find(connection, slug)? else {
        return Ok(Replaced::Missing);
    };
    if present.version != expected {
        return Ok(Replaced::Conflict { version: present.version });
    }
    remove(connection, slug)?;
    connection.prepare_cached(statements::INSERT_DELETED)?.execute(params![slug.as_str(), present.version])?;
    Ok(Replaced::Done)
}

fn remove(connection: &Connection, slug: &Slug) -> Result<()> {
    let mut delete = connection.prepare_cached(statements::DELETE_MODULE)?;
    let id: Option<i64> = delete.query_row([slug.as_str()], |row| row.get(0)).optional()?;
    if let Some(id) = id {
        connection.prepare_cached(statements::DELETE_TAGS)?.execute([slug.as_str()])?;
        connection.prepare_cached(statements::DELETE_WORDS)?.execute([id])?;
        connection.prepare_cached(statements::DELETE_BEGINNINGS)?.execute([id])?;
    }
    Ok(())
}

/// Returns the slugs of those that were added or changed.
pub(super) fn import(connection: &Connection, modules: &[Module]) -> Result<Vec<Slug>> {
    let mut written = Vec::new();
    for module in modules {
        let present = find(connection, &module.summary.slug)?;
        let Some(next) = module.imported_over(present.as_ref()) else { continue };
        match present {
            None => insert_in_next_version(connection, &next).map(drop)?,
            Some(_) => {
                remove(connection, &next.summary.slug)?;
                insert(connection, &next).map(drop)?;
            }
        }
        written.push(module.summary.slug.clone());
    }
    Ok(written)
}

/// Puts a published module where lists by tag and search find it.
fn index(connection: &Connection, id: i64, module: &Module) -> Result<()> {
    if module.status != Publication::Published {
        return Ok(());
    }
    let summary = &module.summary;
    let mut add_tag = connection.prepare_cached(statements::INSERT_TAG)?;
    for tag in &summary.tags {
        add_tag.execute(params![tag, summary.subject, summary.position, summary.slug.as_str()])?;
    }
    let mut add = connection.prepare_cached(statements::INSERT_WORDS)?;
    add.execute(params![id, summary.title, summary.tags.join(" "), summary.summary, module.content])?;
    let words = words_of(summary).into_iter().collect::<Vec<_>>().join(" ");
    connection.prepare_cached(statements::INSERT_BEGINNINGS)?.execute(params![id, words])?;
    Ok(())
}
