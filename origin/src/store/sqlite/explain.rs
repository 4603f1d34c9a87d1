//! `EXPLAIN QUERY PLAN` of every statement on the file that is there. SQLite tells how it would find rows, not how many it read: the plan
//! alone is assessed. Not the statements ([`super::statements`]).

use kairos_protocol::api::catalog::Difficulty;
use rusqlite::{Connection, OptionalExtension, Result};

use super::statements::{Statement, lookups};
use super::{SqliteStore, catalog};
use crate::store;
use crate::store::catalog::{ModuleFilter, ModulePosition};
use crate::store::explain::{Assessment, Explained, Index, IndexState};

/// Search ranks what the full-text index found: that order is in no index.
const RANKED: &str = "every match is scored before the best are known";
/// Rows of the full-text index are found by their number.
const BY_ROWID: &str = "the full-text index finds a row by its number";

impl SqliteStore {
    /// Every statement that looks something up, lists in each of their forms.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn explain(&self) -> store::Result<Vec<Explained>> {
        self.readers.read("explain", explain_all).await
    }

    /// The indexes. All of them come with the tables: none can be missing.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn indexes(&self) -> store::Result<Vec<Index>> {
        self.readers.read("indexes", indexes).await
    }
}

/// The steps of the plan for `sql`, outermost first.
pub(super) fn plan(connection: &Connection, sql: &str) -> Result<Vec<String>> {
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
    let (mut rows, mut steps) = (statement.raw_query(), Vec::new());
    while let Some(row) = rows.next()? {
        steps.push(row.get(3)?);
    }
    Ok(steps)
}

/// What to think of a plan: every row by an index, and lists out of one in order (row Q3).
pub(super) fn evaluate(sql: &str, steps: &[String]) -> Assessment {
    let is_search = sql.contains("module_search MATCH");
    let is_by_rowid =
        ["module_search", "module_beginnings"].iter().any(|t| sql.starts_with(&format!("DELETE FROM {t}")));
    let is_bad = |step: &&String| {
        let is_ranking = step.contains("VIRTUAL TABLE INDEX") || is_of_found(step) || step.contains("TEMP B-TREE FOR");
        let is_excused = (is_search && is_ranking) || is_by_rowid;
        !is_excused && (step.starts_with("SCAN") || step.contains("TEMP B-TREE") || step.contains("AUTOMATIC"))
    };
    match steps.iter().find(is_bad) {
        Some(step) => {
            Assessment::Bad { advice: format!("{step}: the statement needs an index, which a release brings") }
        }
        None if is_search => Assessment::Excused { reason: RANKED },
        None if is_by_rowid => Assessment::Excused { reason: BY_ROWID },
        None => Assessment::Good,
    }
}

/// Whether it goes through what the full-text indexes found.
fn is_of_found(step: &str) -> bool {
    ["SCAN found", "SCAN matched", "SCAN ranked", "SCAN begun"].contains(&step)
}

fn explain_all(connection: &Connection) -> Result<Vec<Explained>> {
    let lookups = lookups().into_iter().map(|statement| {
        let Statement { name, table, purpose, sql } = statement;
        explain_one(connection, (name, String::new()), (table, purpose), sql)
    });
    let lists = list_forms().into_iter().map(|(form, sql)| {
        explain_one(connection, ("modules.list", form), ("modules", "a page of published modules, in order"), &sql)
    });
    lists.chain(lookups).collect()
}

fn explain_one(
    connection: &Connection,
    (shape, form): (&'static str, String),
    (collection, purpose): (&'static str, &'static str),
    sql: &str,
) -> Result<Explained> {
    let stages = plan(connection, sql)?;
    let index = |step: &String| {
        let (_, index) = step.split_once("INDEX ")?;
        Some(index.split([' ', '(']).next().unwrap_or(index).to_owned())
    };
    let indexes = stages.iter().filter_map(index).collect();
    let assessment = evaluate(sql, &stages);
    Ok(Explained { shape, form, collection, purpose, stages, indexes, counted: None, assessment })
}

/// Each combination of filters, on the first page and on the next. The values are bound later: any do.
pub(super) fn list_forms() -> Vec<(String, String)> {
    let place = kairos_protocol::api::ids::Slug::new("any").ok();
    let place = place.map(|slug| ModulePosition { subject: String::new(), position: 0, slug });
    let mut forms = Vec::new();
    for choice in 0..8 {
        let (by_subject, by_difficulty, by_tag) = (choice & 1 != 0, choice & 2 != 0, choice & 4 != 0);
        let filter = ModuleFilter {
            subject: by_subject.then(String::new),
            difficulty: by_difficulty.then_some(Difficulty::Beginner),
            tag: by_tag.then(String::new),
        };
        let names = [(by_subject, "subject"), (by_difficulty, "difficulty"), (by_tag, "tag")];
        let names = names.into_iter().filter(|(is_used, _)| *is_used).map(|(_, name)| name);
        for after in [None, place.as_ref()] {
            let name: Vec<&str> = names.clone().chain(after.map(|_| "next page")).collect();
            forms.push((name.join(", "), catalog::list_query(&filter, after, 1).sql));
        }
    }
    forms
}

fn indexes(connection: &Connection) -> Result<Vec<Index>> {
    let listed = "SELECT tbl_name, name FROM sqlite_schema WHERE type = 'index' ORDER BY tbl_name, name";
    let mut listed = connection.prepare(listed)?;
    let named: Vec<(String, String)> =
        listed.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_>>()?;
    let mut columns = connection.prepare("SELECT coalesce(name, 'rowid') FROM pragma_index_info(?) ORDER BY seqno")?;
    let describe = |(collection, name): (String, String)| {
        let keys: Vec<String> = columns.query_map([&name], |row| row.get(0))?.collect::<Result<_>>()?;
        let bytes = "SELECT sum(pgsize) FROM dbstat WHERE name = ?";
        // Not every build of SQLite has the table of sizes.
        let bytes = connection.query_row(bytes, [&name], |row| row.get(0)).optional().ok().flatten();
        let (keys, state) = (keys.join(", "), IndexState::Present);
        Ok(Index { collection, name, keys, state, bytes, uses: None, since: None })
    };
    named.into_iter().map(describe).collect()
}
