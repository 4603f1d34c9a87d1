//! The queries for what learners did. Not what is done with what they find (`progress`, `operations`).

use std::collections::BTreeSet;

use kairos_protocol::UnixMillis;
use kairos_protocol::api::ids::{OperationId, Slug, UserId};
use mongodb::bson::{Document, doc};

use super::documents::{date, progress_id};
use super::query::{Pipeline, Query};
use super::shapes::{KNOWN_OPERATIONS, LIST_HISTORY, LIST_PROGRESS, LOAD_RECORDS, STATISTICS, WRITE_RECORD};

/// One `$group` over a learner's records (row Q1). Sums are 64-bit from the first record on.
pub(super) fn statistics_query(user: &UserId) -> Pipeline {
    let count_if = |condition: Document| doc! { "$sum": { "$cond": [condition, 1_i64, 0_i64] } };
    let status_is = |status: &str| count_if(doc! { "$eq": ["$status", status] });
    let stages = vec![
        doc! { "$match": { "user_id": user.as_str() } },
        doc! { "$group": {
            "_id": null,
            "modules": { "$sum": 1_i64 },
            "completed": status_is("completed"),
            "in_progress": status_is("in_progress"),
            "time_spent_secs": { "$sum": "$time_spent_secs" },
            "attempts": { "$sum": { "$toLong": "$attempts" } },
            "scored": count_if(doc! { "$gte": ["$best_score", 0] }),
            "score_sum": { "$sum": { "$toLong": "$best_score" } },
        } },
    ];
    Pipeline { shape: &STATISTICS, stages }
}

/// Branch by branch, each one range of the same index.
pub(super) fn history_query(user: &UserId, after: Option<&(UnixMillis, OperationId)>, limit: u32) -> Query {
    let user = user.as_str();
    let wanted = match after {
        None => doc! { "user_id": user },
        Some((at, operation)) => doc! { "$or": [
            { "user_id": user, "at": date(*at), "operation": { "$lt": operation.as_str() } },
            { "user_id": user, "at": { "$lt": date(*at) } },
        ] },
    };
    Query::new(&LIST_HISTORY, wanted).sort(doc! { "at": -1, "operation": -1 }).page(limit)
}

pub(super) fn list_query(user: &UserId, after: Option<&Slug>, limit: u32) -> Query {
    let mut wanted = doc! { "user_id": user.as_str() };
    if let Some(after) = after {
        wanted.insert("module", doc! { "$gt": after.as_str() });
    }
    Query::new(&LIST_PROGRESS, wanted).sort(doc! { "module": 1 }).page(limit)
}

/// `ids`: as they are stored, with whose they are.
pub(super) fn known_query(ids: impl IntoIterator<Item = String>) -> Query {
    Query::by_ids(&KNOWN_OPERATIONS, ids)
}

/// The records of these learners in these modules. Whose they are stands beside the ids for the sake of shards, which hold learners.
pub(super) fn load_query<'k>(records: impl IntoIterator<Item = (&'k UserId, &'k Slug)>) -> Query {
    let (users, ids): (BTreeSet<&str>, Vec<String>) =
        records.into_iter().map(|(user, module)| (user.as_str(), progress_id(user, module))).unzip();
    let users: Vec<&str> = users.into_iter().collect();
    Query::by_ids(&LOAD_RECORDS, ids).and(doc! { "user_id": { "$in": users } })
}

pub(super) fn write_query(user: &UserId, id: &str) -> Query {
    Query::by_id(&WRITE_RECORD, id).and(doc! { "user_id": user.as_str() })
}
