//! What a store says of its own queries and indexes, for `kairos-origin explain` and `kairos-origin indexes`. Not how it finds out, which
//! each does its own way: `mongo::explain`, `sqlite::explain`.

use serde::Serialize;

/// Row Q5: more examined than this for each one returned is bad.
const MOST_EXAMINED_PER_RETURNED: f64 = 1.2;

/// One query shape, tried on the data that is there.
#[derive(Clone, Debug, Serialize)]
pub struct Explained {
    /// The shape's name.
    pub shape: &'static str,
    /// Which of its forms: the filters of a list, or that it is not the first page. Empty when there is one form.
    pub form: String,
    /// The collection or table.
    pub collection: &'static str,
    /// What the query is for.
    pub purpose: &'static str,
    /// The steps of the plan, from what is returned down to what is read, in the database's own words.
    pub stages: Vec<String>,
    /// The indexes it uses.
    pub indexes: Vec<String>,
    /// What was done; `None` where the database does not count it (SQLite).
    pub counted: Option<Counted>,
    /// What to think of it.
    pub assessment: Assessment,
}

/// What a query did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Counted {
    /// Keys of indexes that were read.
    pub keys: u64,
    /// Documents that were read.
    pub documents: u64,
    /// Documents that were returned.
    pub returned: u64,
    /// Ranges of an index that were gone to: each costs one key that is not returned.
    pub ranges: u64,
}

impl Counted {
    /// Whether it examined hardly more than it returned (row Q5).
    #[must_use]
    pub fn is_tight(&self) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "counts of a page")]
        let allowed = self.returned as f64 * MOST_EXAMINED_PER_RETURNED + self.ranges as f64;
        #[expect(clippy::cast_precision_loss, reason = "counts of a page")]
        let examined = self.keys.max(self.documents) as f64;
        examined <= allowed
    }
}

/// What to think of a query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Assessment {
    /// Answered from an index, in its order, reading hardly more than it returns.
    Good,
    /// The plan is good; there was nothing to find yet, so that nothing is said of how much it reads.
    Untried,
    /// It reads more, and that is as it must be.
    Excused {
        /// Why.
        reason: &'static str,
    },
    /// It reads too much, or sorts by itself.
    Bad {
        /// What is wrong, and what to add.
        advice: String,
    },
}

/// One index.
#[derive(Clone, Debug, Serialize)]
pub struct Index {
    /// The collection or table.
    pub collection: String,
    /// Its name.
    pub name: String,
    /// What it is over, in order.
    pub keys: String,
    /// Whether it is there, and whether it should be.
    pub state: IndexState,
    /// Its size, if known.
    pub bytes: Option<u64>,
    /// How often it was used since `since`, by the server that was asked.
    pub uses: Option<u64>,
    /// From when on uses are counted: that server's start, or the index's.
    pub since: Option<String>,
}

/// Whether an index is there, and whether it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum IndexState {
    /// It is there and a query needs it.
    Present,
    /// A query needs it and it is not there.
    Missing,
    /// It is there, and none of this release's queries needs it.
    Unknown,
}
