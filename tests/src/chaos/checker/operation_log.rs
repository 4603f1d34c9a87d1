//! Every operation that was sent, and whether it was acknowledged: what each learner must have in the end (I-ONCE).

use std::collections::{BTreeMap, HashMap};

use super::{Kind, Violation};
use crate::chaos::event::{Audit, OperationName, Sent};

#[derive(Default)]
pub(super) struct OperationLog(BTreeMap<usize, HashMap<OperationName, LoggedOperation>>);

struct LoggedOperation {
    sent: Sent,
    acknowledged: bool,
}

/// Names that are printed of many.
const SHOWN: usize = 5;

impl OperationLog {
    pub(super) fn send(&mut self, operations: &[Sent]) {
        for sent in operations {
            let logged = self.0.entry(sent.operation.learner).or_default();
            logged.entry(sent.operation).or_insert(LoggedOperation { sent: *sent, acknowledged: false });
        }
    }

    pub(super) fn acknowledge<'a>(&mut self, operations: impl Iterator<Item = &'a OperationName>) {
        for operation in operations {
            let sent = self.0.get_mut(&operation.learner).and_then(|logged| logged.get_mut(operation));
            sent.into_iter().for_each(|logged| logged.acknowledged = true);
        }
    }

    /// Acknowledged, and not.
    pub(super) fn operations(&self) -> (u64, u64) {
        let all = self.0.values().map(|logged| logged.len() as u64).sum::<u64>();
        let logged = self.0.values().flat_map(HashMap::values);
        let acknowledged = logged.filter(|one| one.acknowledged).count() as u64;
        (acknowledged, all - acknowledged)
    }

    /// Compares what a learner has with what was acknowledged. What never was may or may not count, once.
    pub(super) fn audit(&mut self, audit: &Audit) -> Vec<Violation> {
        let empty = HashMap::new();
        let logged = self.0.get(&audit.learner).unwrap_or(&empty);
        let mut times: BTreeMap<OperationName, u64> = BTreeMap::new();
        audit.history.iter().for_each(|operation| *times.entry(*operation).or_default() += 1);
        let lost = logged.values().filter(|one| one.acknowledged && !times.contains_key(&one.sent.operation));
        let lost: Vec<OperationName> = lost.map(|one| one.sent.operation).collect();
        let doubled: Vec<OperationName> =
            times.iter().filter(|(_, times)| **times > 1).map(|(name, _)| *name).collect();
        let foreign: Vec<OperationName> = times.keys().filter(|name| !logged.contains_key(name)).copied().collect();
        let learner = audit.learner;
        let found = [
            (Kind::Lost, lost, "the history lacks"),
            (Kind::Doubled, doubled, "the history has twice"),
            (Kind::Crossed, foreign, "the history has, though they never sent it,"),
        ];
        let named = found.into_iter().filter(|(_, names, _)| !names.is_empty()).map(|(kind, names, what)| {
            let shown: Vec<String> = names.iter().take(SHOWN).map(ToString::to_string).collect();
            let what = format!("learner {learner}: {what} {} ({} in all)", shown.join(", "), names.len());
            Violation::counted(kind, names.len() as u64, what)
        });
        named.chain(check_sums(audit, logged, &times)).collect()
    }
}

/// The statistics are those of the operations in the history: the two are written in different steps.
fn check_sums(
    audit: &Audit,
    logged: &HashMap<OperationName, LoggedOperation>,
    times: &BTreeMap<OperationName, u64>,
) -> Option<Violation> {
    let counting = times.keys().filter_map(|name| logged.get(name));
    let (attempts, seconds) =
        counting.fold((0, 0), |(attempts, seconds), one| (attempts + one.sent.attempts, seconds + one.sent.seconds));
    let kind = match (audit.attempts.cmp(&attempts), audit.seconds.cmp(&seconds)) {
        (std::cmp::Ordering::Equal, std::cmp::Ordering::Equal) => return None,
        (std::cmp::Ordering::Less, _) | (_, std::cmp::Ordering::Less) => Kind::Lost,
        _ => Kind::Doubled,
    };
    let has = format!("{} attempts and {} s", audit.attempts, audit.seconds);
    let what = format!("learner {}: statistics of {has}, a history of {attempts} and {seconds} s", audit.learner);
    Some(Violation::counted(kind, 1, what))
}
