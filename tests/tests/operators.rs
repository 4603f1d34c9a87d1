//! What operators see of their database: each query named, explained and assessed (row Q5), the indexes, the rules of collections. Not
//! what the queries find (`store`).

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a failed check fails the test")]

mod operators {
    pub(crate) mod commands;
    pub(crate) mod explain;
    pub(crate) mod rules;
    pub(crate) mod slow;
}
