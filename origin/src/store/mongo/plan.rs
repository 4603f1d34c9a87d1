//! What the server's reply to `explain` says. Its form differs with the release, and behind `mongos`: looked up here by the names of its
//! fields, wherever they stand.

use mongodb::bson::{Bson, Document};
use mongodb::error::{Error, ErrorKind, Result};

use crate::store::explain::Counted;

/// A plan, and what it did.
pub(super) struct Plan {
    pub(super) stages: Vec<String>,
    pub(super) indexes: Vec<String>,
    pub(super) counted: Counted,
    is_refused: bool,
}

/// What is not part of the plan that was chosen, or says the same again.
const ELSEWHERE: [&str; 4] = ["rejectedPlans", "allPlansExecution", "executionStats", "slotBasedPlan"];

pub(super) const SEVERAL_SHARDS: &str = "it goes to several shards";

impl Plan {
    pub(super) fn read(reply: &Document) -> Self {
        let (mut stages, mut indexes) = (Vec::new(), Vec::new());
        walk(reply, &ELSEWHERE, &mut |document| {
            if let Ok(stage) = document.get_str("stage") {
                stages.push(stage.to_owned());
            }
            match (document.get_str("indexName"), document.get_str("stage")) {
                (Ok(name), _) if !indexes.iter().any(|known| known == name) => indexes.push(name.to_owned()),
                (Err(_), Ok("IDHACK")) => indexes.push("_id_".to_owned()),
                _ => {}
            }
            true
        });
        if let Ok(shards) = reply.get_document("shards") {
            // So an aggregation tells it.
            stages.insert(0, if shards.len() == 1 { "SINGLE_SHARD" } else { "SHARD_MERGE" }.to_owned());
        }
        let mut counted = Counted { keys: 0, documents: 0, returned: 0, ranges: 0 };
        walk(reply, &["rejectedPlans", "allPlansExecution"], &mut |document| {
            counted.ranges += number(document, "seeks");
            true
        });
        walk(reply, &["rejectedPlans", "allPlansExecution"], &mut |document| {
            if !document.contains_key("totalKeysExamined") {
                return true;
            }
            counted.keys += number(document, "totalKeysExamined");
            counted.documents += number(document, "totalDocsExamined");
            counted.returned += number(document, "nReturned");
            // What follows tells the same shard by shard.
            false
        });
        Self { stages, indexes, counted, is_refused: false }
    }

    /// Of a query that the server does not take without its index, as a search without a text index.
    pub(super) fn refused(error: Error) -> Result<Self> {
        const INDEX_NOT_FOUND: i32 = 27;
        match *error.kind {
            ErrorKind::Command(ref e) if e.code == INDEX_NOT_FOUND => {
                let counted = Counted { keys: 0, documents: 0, returned: 0, ranges: 0 };
                Ok(Self { stages: Vec::new(), indexes: Vec::new(), counted, is_refused: true })
            }
            _ => Err(error),
        }
    }

    fn has(&self, stage: &str) -> bool {
        self.stages.iter().any(|one| one == stage)
    }

    pub(super) fn sorts(&self) -> bool {
        self.has("SORT")
    }

    /// What no reason excuses.
    pub(super) fn fault(&self) -> Option<&'static str> {
        if self.is_refused {
            return Some("the server refuses it without its index");
        }
        if self.has("COLLSCAN") {
            return Some("it reads the whole collection");
        }
        self.has("SHARD_MERGE").then_some(SEVERAL_SHARDS)
    }
}

/// Shows `see` each document in `document`, from the outside in, as long as that wants to see what is within.
fn walk(document: &Document, without: &[&str], see: &mut impl FnMut(&Document) -> bool) {
    fn values(value: &Bson, without: &[&str], see: &mut impl FnMut(&Document) -> bool) {
        match value {
            Bson::Document(document) => walk(document, without, see),
            Bson::Array(items) => items.iter().for_each(|item| values(item, without, see)),
            _ => {}
        }
    }
    if see(document) {
        let within = document.iter().filter(|(name, _)| !without.contains(&name.as_str()));
        within.for_each(|(_, value)| values(value, without, see));
    }
}

/// Counts come as whatever number they fit in.
fn number(document: &Document, field: &str) -> u64 {
    let number = document.get(field).and_then(|value| value.as_i64().or_else(|| value.as_i32().map(i64::from)));
    number.and_then(|number| u64::try_from(number).ok()).unwrap_or(0)
}
