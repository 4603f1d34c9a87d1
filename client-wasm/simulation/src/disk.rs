//! The browser's disk: rows, and transactions that are done whole or not at all. Not when, nor whether the tab hears of it.

use std::collections::BTreeMap;
use std::rc::Rc;

use kairos_client_core::{Guard, Key, Range, Refusal, Row, Store, Transaction};

/// A row's stamp and text.
type Value = (u64, Rc<str>);

/// The rows that all tabs share.
#[derive(Default)]
pub(crate) struct Disk {
    rows: BTreeMap<Key, Value>,
    last_number: u64,
}

/// What a transaction did.
#[derive(Default)]
pub(crate) struct Done {
    /// The numbers that it gave.
    pub(crate) numbers: Vec<u64>,
    /// What it deleted.
    pub(crate) deleted: Vec<Row>,
    /// What it put.
    pub(crate) put: Vec<Row>,
}

fn row(key: &Key, value: &Value) -> Row {
    Row { key: key.clone(), stamp: value.0, text: Rc::clone(&value.1) }
}

impl Disk {
    /// All rows.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Row> {
        self.rows.iter().map(|(key, value)| row(key, value))
    }

    /// The text of one row.
    #[must_use]
    pub(crate) fn text(&self, key: &Key) -> Option<&Rc<str>> {
        self.rows.get(key).map(|(_, text)| text)
    }

    /// The rows of these ranges.
    #[must_use]
    pub(crate) fn read(&self, ranges: &[Range]) -> Vec<Row> {
        let mut found = Vec::new();
        for range in ranges {
            match range {
                Range::One(key) => found.extend(self.rows.get(key).map(|value| row(key, value))),
                Range::OwnedBy(..) => {
                    let here = self.rows.iter().filter(|(key, _)| range.has(key));
                    found.extend(here.map(|(key, value)| row(key, value)));
                }
                Range::Index { after, limit } => {
                    let here = self.rows.iter().filter(|(key, _)| range.has(key));
                    let here = here.filter(|(key, _)| after.as_ref().is_none_or(|after| *key > after)).take(*limit);
                    found.extend(here.map(|(key, (stamp, text))| {
                        let head: String = text.chars().take(40).collect();
                        let text = format!("{}\n{head}", text.len()).into();
                        Row { key: key.clone(), stamp: *stamp, text }
                    }));
                }
            }
        }
        found
    }

    /// # Errors
    /// A guard does not hold.
    pub(crate) fn apply(&mut self, transaction: &Transaction) -> Result<Done, Refusal> {
        if !transaction.guards.iter().all(|guard| self.holds(guard)) {
            return Err(Refusal::Conflict);
        }
        let mut done = Done::default();
        for range in &transaction.deletes {
            let deleted: Vec<Key> = match range {
                Range::One(key) => vec![key.clone()],
                _ => self.rows.keys().filter(|key| range.has(key)).cloned().collect(),
            };
            for key in deleted {
                if let Some(value) = self.rows.remove(&key) {
                    done.deleted.push(row(&key, &value));
                }
            }
        }
        for put in &transaction.puts {
            let mut row = put.row.clone();
            if put.if_newer && self.rows.get(&row.key).is_some_and(|(stamp, _)| *stamp > row.stamp) {
                continue;
            }
            if row.key.store == Store::Operations && row.key.number == 0 {
                self.last_number += 1;
                row.key.number = self.last_number;
                done.numbers.push(self.last_number);
            }
            self.rows.insert(row.key.clone(), (row.stamp, Rc::clone(&row.text)));
            done.put.push(row);
        }
        Ok(done)
    }

    fn holds(&self, guard: &Guard) -> bool {
        match guard {
            Guard::Stamp(key, stamp) => self.rows.get(key).map_or(0, |(stamp, _)| *stamp) == *stamp,
            Guard::Exists(key) => self.rows.contains_key(key),
            Guard::NoneOf(store, owner) => {
                let range = Range::OwnedBy(*store, Rc::clone(owner));
                !self.rows.keys().any(|key| range.has(key))
            }
        }
    }
}
