//! The wire types that the core must read and write, in `protocol`'s types: operations, grants, results, problems, records. What
//! protocol's own readers do through serde, in a tenth of the code. Not what is done with them.

use std::rc::Rc;

use kairos_protocol::api::history::HistoryEntry;
use kairos_protocol::api::ids::{OperationId, Slug};
use kairos_protocol::api::operation::{Action, Operation};
use kairos_protocol::api::progress::{LastScore, ProgressRecord, ProgressStatus, Statistics};

use crate::json::reader::{array, get, integer, object, string};
use crate::json::writer::Writer;

/// What a grant gives.
pub(crate) struct Grant {
    pub(crate) user: Rc<str>,
    /// The profile as it came.
    pub(crate) profile: Rc<str>,
    pub(crate) access_token: Rc<str>,
    pub(crate) refresh_token: Rc<str>,
    pub(crate) expires_in_secs: i64,
}

/// What the origin says of one operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OperationOutcome {
    Applied,
    /// With the problem, as JSON.
    Rejected(Rc<str>),
    /// Something that this client does not know.
    Unknown,
}

type Members<'a> = Vec<(&'a str, &'a str)>;

fn text(members: &Members<'_>, name: &str) -> Option<Rc<str>> {
    string(get(members, name)?).map(Rc::from)
}

fn whole<T: TryFrom<i64>>(members: &Members<'_>, name: &str) -> Option<T> {
    T::try_from(integer(get(members, name)?)?).ok()
}

/// A member that may be absent: `None` when it is there and has another shape.
#[expect(clippy::option_option, reason = "absent and ill-formed are told apart")]
fn optional<T>(members: &Members<'_>, name: &str, read: impl FnOnce(&str) -> Option<T>) -> Option<Option<T>> {
    match get(members, name) {
        None | Some("null") => Some(None),
        Some(value) => read(value).map(Some),
    }
}

pub(crate) fn grant(body: &str) -> Option<Grant> {
    let members = object(body)?;
    let profile = get(&members, "profile")?;
    Some(Grant {
        user: profile_id(profile)?,
        profile: profile.into(),
        access_token: text(&members, "access_token")?,
        refresh_token: text(&members, "refresh_token")?,
        expires_in_secs: whole(&members, "expires_in_secs")?,
    })
}

pub(crate) fn profile_id(profile: &str) -> Option<Rc<str>> {
    let id = text(&object(profile)?, "id")?;
    kairos_protocol::api::ids::UserId::new(&*id).is_ok().then_some(id)
}

/// The last part of a problem's type.
pub(crate) fn problem_type(body: &str) -> Option<Rc<str>> {
    let uri = text(&object(body)?, "type")?;
    uri.strip_prefix("urn:kairos:problem:").map(Rc::from)
}

/// Ids and what became of each.
pub(crate) fn results(body: &str) -> Option<Vec<(Rc<str>, OperationOutcome)>> {
    let members = object(body)?;
    let results = array(get(&members, "results")?)?;
    let result = |result: &str| {
        let members = object(result)?;
        let id = text(&members, "id")?;
        let problem = get(&members, "problem").filter(|problem| problem_type(problem).is_some());
        let outcome = match (string(get(&members, "outcome")?)?.as_ref(), problem) {
            ("applied" | "duplicate", _) => OperationOutcome::Applied,
            ("rejected", Some(problem)) => OperationOutcome::Rejected(problem.into()),
            _ => OperationOutcome::Unknown,
        };
        Some((id, outcome))
    };
    Some(results.into_iter().filter_map(result).collect())
}

fn action(value: &str) -> Option<Action> {
    let members = object(value)?;
    Some(match string(get(&members, "kind")?)?.as_ref() {
        "open" => Action::Open {},
        "study" => Action::Study { seconds: whole(&members, "seconds")? },
        "submit" => Action::Submit { score: optional(&members, "score", |score| u8::try_from(integer(score)?).ok())? },
        "complete" => Action::Complete {},
        _ => return None,
    })
}

pub(crate) fn operation(value: &str) -> Option<Operation> {
    let members = object(value)?;
    Some(Operation {
        id: OperationId::new(&*text(&members, "id")?).ok()?,
        module: Slug::new(&*text(&members, "module")?).ok()?,
        at_ms: whole(&members, "at_ms")?,
        action: action(get(&members, "action")?)?,
    })
}

pub(crate) fn write_operation(writer: &mut Writer, operation: &Operation) {
    writer.begin('{').name("id").string(operation.id.as_str()).name("module").string(operation.module.as_str());
    writer.name("at_ms").integer(operation.at_ms).name("action").begin('{');
    writer.name("kind").string(operation.action.kind());
    match &operation.action {
        Action::Study { seconds } => drop(writer.name("seconds").integer((*seconds).into())),
        Action::Submit { score: Some(score) } => drop(writer.name("score").integer((*score).into())),
        _ => {}
    }
    writer.end('}').end('}');
}

pub(crate) fn entry(value: &str) -> Option<HistoryEntry> {
    let Operation { id, module, at_ms, action } = operation(value)?;
    Some(HistoryEntry { id, module, at_ms, action })
}

pub(crate) fn record(value: &str) -> Option<ProgressRecord> {
    let members = object(value)?;
    let last = |last: &str| {
        let members = object(last)?;
        Some(LastScore {
            at_ms: whole(&members, "at_ms")?,
            operation: OperationId::new(&*text(&members, "operation")?).ok()?,
            score: whole(&members, "score")?,
        })
    };
    Some(ProgressRecord {
        module: Slug::new(&*text(&members, "module")?).ok()?,
        status: ProgressStatus::parse(&text(&members, "status")?)?,
        best_score: optional(&members, "best_score", |score| u8::try_from(integer(score)?).ok())?,
        last_score: optional(&members, "last_score", last)?,
        time_spent_secs: whole(&members, "time_spent_secs")?,
        attempts: whole(&members, "attempts")?,
        updated_at_ms: whole(&members, "updated_at_ms")?,
        completed_at_ms: optional(&members, "completed_at_ms", integer)?,
    })
}

pub(crate) fn write_record(writer: &mut Writer, record: &ProgressRecord) {
    writer.begin('{').name("module").string(record.module.as_str()).name("status").string(record.status.as_str());
    if let Some(score) = record.best_score {
        writer.name("best_score").integer(score.into());
    }
    if let Some(last) = &record.last_score {
        writer.name("last_score").begin('{').name("at_ms").integer(last.at_ms);
        writer.name("operation").string(last.operation.as_str()).name("score").integer(last.score.into()).end('}');
    }
    writer.name("time_spent_secs").unsigned(record.time_spent_secs).name("attempts").integer(record.attempts.into());
    writer.name("updated_at_ms").integer(record.updated_at_ms);
    if let Some(at_ms) = record.completed_at_ms {
        writer.name("completed_at_ms").integer(at_ms);
    }
    writer.end('}');
}

/// The sums; the average follows from them.
pub(crate) fn statistics(body: &str) -> Option<Statistics> {
    let members = object(body)?;
    Some(Statistics {
        modules: whole(&members, "modules")?,
        completed: whole(&members, "completed")?,
        in_progress: whole(&members, "in_progress")?,
        time_spent_secs: whole(&members, "time_spent_secs")?,
        attempts: whole(&members, "attempts")?,
        scored: whole(&members, "scored")?,
        score_sum: whole(&members, "score_sum")?,
        average_score: None,
    })
}

pub(crate) fn write_statistics(writer: &mut Writer, statistics: &Statistics) {
    writer.begin('{');
    for (name, sum) in [
        ("modules", statistics.modules),
        ("completed", statistics.completed),
        ("in_progress", statistics.in_progress),
        ("time_spent_secs", statistics.time_spent_secs),
        ("attempts", statistics.attempts),
        ("scored", statistics.scored),
        ("score_sum", statistics.score_sum),
    ] {
        writer.name(name).unsigned(sum);
    }
    if statistics.scored > 0 {
        writer.name("average_score").quotient(statistics.score_sum, statistics.scored);
    }
    writer.end('}');
}

/// A page: its items as they are written, and the cursor of the next one, as JSON.
pub(crate) fn page(body: &str) -> Option<(Vec<&str>, Option<&str>)> {
    let members = object(body)?;
    let cursor = get(&members, "next_cursor").filter(|cursor| *cursor != "null");
    Some((array(get(&members, "items")?)?, cursor))
}

/// A page of what `write` writes.
pub(crate) fn write_page<T>(items: &[T], cursor: Option<&str>, write: impl Fn(&mut Writer, &T)) -> String {
    let mut writer = Writer::default();
    writer.begin('{').name("items").begin('[');
    for item in items {
        write(&mut writer, item);
    }
    writer.end(']');
    if let Some(cursor) = cursor {
        writer.name("next_cursor").value(cursor);
    }
    writer.end('}');
    writer.into_text()
}
