//! `import --oulad DIR`: the Open University Learning Analytics Dataset (Kuzilek, Hlosta, Zdrahal 2017). Assessments become
//! modules, students become learners who cannot sign in, and each submission becomes one operation, hence one line of history
//! and its part of a progress record.
//!
//! Ids are made from the data set's own, so a second run finds everything applied.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use kairos_protocol::UnixMillis;
use kairos_protocol::api::account::Role;
use kairos_protocol::api::catalog::{Difficulty, Module, ModuleSummary, Publication};
use kairos_protocol::api::ids::{OperationId, Slug, UserId};
use kairos_protocol::api::operation::{Action, MAX_SCORE, Operation};
use kairos_protocol::sync::generation::Namespace;

use super::rows::{Row, Table};
use super::{ImportError, Report, Target};
use crate::store::accounts::Account;
use crate::store::progress::FingerprintedOperation;

const ROWS_PER_BATCH: usize = 2_000;
/// Days between a submission and the start of its presentation, at most: ten years.
const MOST_DAYS: i64 = 3_653;
const DAY_MS: UnixMillis = 24 * 3_600 * 1_000;

/// An assessment that went in: what its submissions need to know.
struct Assessment {
    slug: Slug,
    /// Midnight of the day its presentation started.
    starts_at_ms: UnixMillis,
}

type Assessments = BTreeMap<String, Assessment>;
type Submission = (UserId, FingerprintedOperation);

/// Imports `assessments.csv` and `studentAssessment.csv` of `dir`. A bad row is reported and left out.
///
/// # Errors
/// A file cannot be read or lacks a column, or the store fails; see [`ImportError`].
pub async fn import_oulad(target: &Target<'_>, dir: &Path) -> Result<Report, ImportError> {
    let submissions = open_submissions(dir)?;
    let mut report = Report::default();
    target.bar.set_length(submissions.len() as u64);
    let assessments = import_assessments(target, dir, &mut report).await?;

    let mut learners = BTreeSet::new();
    let mut records = BTreeSet::new();
    let mut batch = Vec::with_capacity(ROWS_PER_BATCH);
    for row in submissions.rows() {
        let line = row.as_ref().map_or(0, |row| row.line);
        let read = row.and_then(|row| submission(&row, &assessments).map_err(|why| submissions.bad(row.line, why)));
        match read {
            Ok((user, operation)) if records.insert((user.clone(), operation.operation.module.clone())) => {
                let unscored = operation.operation.action == Action::Submit { score: None };
                report.unscored += u64::from(unscored);
                batch.push((user, operation));
            }
            Ok(_) => report.bad_rows.push(submissions.bad(line, "the student has handed this in before".to_owned())),
            Err(bad) => report.bad_rows.push(bad),
        }
        if batch.len() == ROWS_PER_BATCH {
            import_batch(target, &std::mem::take(&mut batch), &mut learners, &mut report).await?;
        }
        target.bar.inc(1);
    }
    import_batch(target, &batch, &mut learners, &mut report).await?;
    report.learners = learners.len() as u64;
    report.progress_records = records.len() as u64;
    Ok(report)
}

fn open_submissions(dir: &Path) -> Result<Table, ImportError> {
    Table::read(dir.join("studentAssessment.csv"), &["id_assessment", "id_student", "date_submitted", "score"])
}

async fn import_assessments(target: &Target<'_>, dir: &Path, report: &mut Report) -> Result<Assessments, ImportError> {
    let columns = ["code_module", "code_presentation", "id_assessment", "assessment_type", "date", "weight"];
    let table = Table::read(dir.join("assessments.csv"), &columns)?;
    let mut assessments = Assessments::new();
    let mut modules = Vec::new();
    let mut counts = BTreeMap::new();
    for row in table.rows() {
        match row.and_then(|row| assessment(&row, &mut counts, target.now).map_err(|why| table.bad(row.line, why))) {
            Ok((id, assessment, module)) => {
                if assessments.insert(id, assessment).is_none() {
                    modules.push(module);
                }
            }
            Err(bad) => report.bad_rows.push(bad),
        }
    }
    report.modules = modules.len() as u64;
    let written = target.store.import_modules(&modules, target.now);
    report.modules_written = target.write(vec![Namespace::Catalog], written).await?;
    Ok(assessments)
}

/// Numbers of the assessments seen so far, by presentation and by presentation and type.
type Counts = BTreeMap<String, u32>;

fn assessment(row: &Row, counts: &mut Counts, now: UnixMillis) -> Result<(String, Assessment, Module), String> {
    let [course, presentation, id, kind, date, weight] = row.fields.as_slice() else {
        return Err("lacks a column".to_owned());
    };
    let starts_at_ms = presentation_start(presentation)
        .ok_or_else(|| format!("`{presentation}` is no presentation such as 2013J or 2014B"))?;
    if id.is_empty() || !id.bytes().all(|b| b.is_ascii_digit()) {
        return Err(format!("id_assessment `{id}` is no number"));
    }
    let slug = Slug::new(format!("oulad-{id}")).map_err(|error| format!("id_assessment `{id}` {error}"))?;
    let subject = format!("{course} {presentation}");
    let mut next = |key: String| {
        let count = counts.entry(key).or_insert(0);
        *count += 1;
        *count
    };
    let number = next(format!("{subject} {kind}"));
    let position = next(subject.clone()) - 1;
    let title =
        if kind == "Exam" { format!("{subject}: exam {number}") } else { format!("{subject}: {kind} {number}") };
    let due = if date == "?" { "at the end of the presentation".to_owned() } else { format!("on day {date}") };
    let summary = format!("{kind} {number} of {subject}, due {due}, worth {weight} % of its part of the mark.");
    let content = format!("# {title}\n\n{summary}\n");
    let tags = vec![kind.to_lowercase(), course.to_lowercase()];
    let module = Module {
        summary: ModuleSummary {
            slug: slug.clone(),
            title,
            subject,
            position,
            difficulty: if kind == "Exam" { Difficulty::Advanced } else { Difficulty::Intermediate },
            tags,
            language: "en".to_owned(),
            summary,
            duration_minutes: 60,
            updated_at_ms: now,
        },
        content,
        status: Publication::Published,
        version: 1,
        created_at_ms: now,
    };
    Ok((id.clone(), Assessment { slug, starts_at_ms }, module))
}

/// Midnight UTC of the first of February (`B`) or October (`J`) of the year, as the data set defines its presentations.
fn presentation_start(presentation: &str) -> Option<UnixMillis> {
    let (year, term) = presentation.split_at_checked(4)?;
    let year: i64 = year.bytes().all(|b| b.is_ascii_digit()).then(|| year.parse().ok())??;
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let before = year - 1;
    let days_before_year = before * 365 + before / 4 - before / 100 + before / 400 - 719_162;
    let day_of_year = match term {
        "B" => 31,
        "J" => 273 + i64::from(is_leap),
        _ => return None,
    };
    Some((days_before_year + day_of_year) * DAY_MS)
}

fn submission(row: &Row, assessments: &Assessments) -> Result<Submission, String> {
    let [id, student, date, score] = row.fields.as_slice() else {
        return Err("lacks a column".to_owned());
    };
    let assessment = assessments.get(id).ok_or_else(|| format!("there is no assessment `{id}`"))?;
    if student.is_empty() || !student.bytes().all(|b| b.is_ascii_digit()) {
        return Err(format!("id_student `{student}` is no number"));
    }
    let user = UserId::new(format!("oulad-{student}")).map_err(|error| format!("id_student `{student}` {error}"))?;
    let days = date.parse().ok().filter(|days: &i64| days.abs() <= MOST_DAYS);
    let days = days.ok_or_else(|| format!("date_submitted `{date}` is no number of days near the presentation"))?;
    let operation = Operation {
        id: OperationId::new(format!("oulad-{id}-{student}"))
            .map_err(|error| format!("the submission's id {error}"))?,
        module: assessment.slug.clone(),
        at_ms: assessment.starts_at_ms.saturating_add(days * DAY_MS).max(0),
        action: Action::Submit { score: parse_score(score)? },
    };
    Ok((user, FingerprintedOperation::new(operation)))
}

/// Reads a score in percent; empty or `?` is none.
fn parse_score(text: &str) -> Result<Option<u8>, String> {
    if text.is_empty() || text == "?" {
        return Ok(None);
    }
    let score = text.parse().ok().filter(|score| *score <= MAX_SCORE);
    score.map(Some).ok_or_else(|| format!("score `{text}` is no whole number from 0 to {MAX_SCORE}"))
}

/// Writes one batch: first the learners that are new in this run, then their submissions.
async fn import_batch(
    target: &Target<'_>,
    batch: &[Submission],
    known: &mut BTreeSet<UserId>,
    report: &mut Report,
) -> Result<(), ImportError> {
    let users: BTreeSet<&UserId> = batch.iter().map(|(user, _)| user).collect();
    let new: Vec<Account> = users.iter().filter(|u| !known.contains(**u)).map(|u| account(u, target.now)).collect();
    known.extend(new.iter().map(|account| account.id.clone()));
    let namespaces = users.into_iter().cloned().map(Namespace::User).collect();
    report.learners_added += target.store.import_accounts(&new).await?;
    let applied = target.store.import_operations(batch, target.now);
    report.operations_applied += target.write(namespaces, applied).await?;
    Ok(())
}

fn account(user: &UserId, now: UnixMillis) -> Account {
    let number = user.as_str().trim_start_matches("oulad-");
    Account {
        id: user.clone(),
        email: format!("{user}@learners.invalid"),
        display_name: format!("Student {number}"),
        hashed_password: None,
        roles: vec![Role::Learner],
        created_at_ms: now,
    }
}
