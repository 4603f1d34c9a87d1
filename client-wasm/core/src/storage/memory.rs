//! Rows in memory, for where the browser has no disk, or not yet: the same transactions with the same meaning, at once. Nothing of it
//! survives the page, and no other tab sees it.

use std::rc::Rc;

use crate::order::sort;
use crate::storage::row::{Guard, Key, Range, Refusal, Row, Store, Transaction};

/// The rows, in no order that counts. Stored responses are not among them: the memory cache has those.
#[derive(Default)]
pub(crate) struct MemoryRows {
    rows: Vec<Row>,
    last_number: u64,
}

impl MemoryRows {
    /// What a disk would give for `ranges`.
    pub(crate) fn read(&self, ranges: &[Range]) -> Vec<Row> {
        let is_wanted = |row: &&Row| ranges.iter().any(|range| range.has(&row.key));
        self.rows.iter().filter(is_wanted).cloned().collect()
    }

    /// Does all of `transaction` or nothing; gives the numbers of the operations that it inserted.
    pub(crate) fn apply(&mut self, transaction: &Transaction) -> Result<Vec<u64>, Refusal> {
        if !transaction.guards.iter().all(|guard| self.holds(guard)) {
            return Err(Refusal::Conflict);
        }
        self.rows.retain(|row| !transaction.deletes.iter().any(|range| range.has(&row.key)));
        let mut numbers = Vec::new();
        for put in &transaction.puts {
            let mut row = put.row.clone();
            if row.key.store == Store::Responses || (put.if_newer && self.stamp(&row.key) > row.stamp) {
                continue;
            }
            if row.key.store == Store::Operations && row.key.number == 0 {
                self.last_number += 1;
                row.key.number = self.last_number;
                numbers.push(self.last_number);
            }
            self.rows.retain(|other| other.key != row.key);
            self.rows.push(row);
        }
        Ok(numbers)
    }

    /// What the origin has not applied, of whomever, oldest first.
    pub(crate) fn recorded(&self) -> Vec<Row> {
        let is_one = |row: &&Row| matches!(row.key.store, Store::Operations | Store::Rejected);
        let mut recorded: Vec<Row> = self.rows.iter().filter(is_one).cloned().collect();
        sort(&mut recorded, |one, other| one.key.number < other.key.number);
        recorded
    }

    /// Takes rows out that have moved elsewhere.
    pub(crate) fn remove(&mut self, moved: &[Row]) {
        self.rows.retain(|row| !moved.iter().any(|other| other.key == row.key));
    }

    fn stamp(&self, key: &Key) -> u64 {
        self.rows.iter().find(|row| row.key == *key).map_or(0, |row| row.stamp)
    }

    fn holds(&self, guard: &Guard) -> bool {
        match guard {
            Guard::Stamp(key, stamp) => self.stamp(key) == *stamp,
            Guard::Exists(key) => self.rows.iter().any(|row| row.key == *key),
            Guard::NoneOf(store, owner) => {
                let range = Range::OwnedBy(*store, Rc::clone(owner));
                !self.rows.iter().any(|row| range.has(&row.key))
            }
        }
    }
}
