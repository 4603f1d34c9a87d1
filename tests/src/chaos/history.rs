//! The history of a run: all of it in a file if one is wanted, and in memory the last of it, to show what surrounded a violation.

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};

use super::checker::Violation;
use super::event::{Event, Exchange, FaultEvent, Observed, Phase};

/// Bytes that a history's file takes at most.
const LONGEST_FILE: u64 = 1 << 30;
/// Exchanges of a session, writes, and faults that are in memory.
const OF_A_SESSION: usize = 8;
const WRITES: usize = 24;
const FAULTS: usize = 12;

/// The history of a run.
pub(crate) struct History {
    file: Option<BufWriter<File>>,
    bytes: u64,
    by_session: HashMap<usize, VecDeque<Arc<Exchange>>>,
    writes: VecDeque<Arc<Exchange>>,
    faults: VecDeque<FaultEvent>,
}

impl History {
    /// Writes into the file at `path`, if any, which is emptied first.
    pub(crate) fn open(path: Option<&Path>) -> Result<Self> {
        let create = |path: &Path| File::create(path).with_context(|| format!("cannot write {}", path.display()));
        let file = path.map(create).transpose()?.map(BufWriter::new);
        let (by_session, writes, faults) = Default::default();
        Ok(Self { file, bytes: 0, by_session, writes, faults })
    }

    /// Adds `event`.
    pub(crate) fn record(&mut self, event: &Event) -> Result<()> {
        match event {
            Event::Exchange(exchange) => {
                push(self.by_session.entry(exchange.session).or_default(), Arc::clone(exchange), OF_A_SESSION);
                if matches!(exchange.observed, Observed::Written { .. } | Observed::Acknowledged { .. }) {
                    push(&mut self.writes, Arc::clone(exchange), WRITES);
                }
            }
            Event::Fault(fault) => push(&mut self.faults, fault.clone(), FAULTS),
            Event::Handover { .. } | Event::Sending { .. } | Event::Audit(_) => {}
        }
        let Some(file) = self.file.as_mut().filter(|_| self.bytes < LONGEST_FILE) else { return Ok(()) };
        let mut line = serde_json::to_vec(event)?;
        line.push(b'\n');
        self.bytes += line.len() as u64;
        file.write_all(&line)?;
        if self.bytes >= LONGEST_FILE {
            writeln!(file, r#"{{"event":"cut_off"}}"#)?;
        }
        Ok(())
    }

    /// Writes what is not in the file yet.
    pub(crate) fn finish(mut self) -> Result<()> {
        Ok(self.file.as_mut().map_or(Ok(()), BufWriter::flush)?)
    }

    /// What came before `violation`: the exchanges of its session, writes to the same data, and faults.
    pub(crate) fn around(&self, violation: &Violation) -> String {
        let Some(shown) = &violation.exchange else { return String::new() };
        let of_session = self.by_session.get(&shown.session).into_iter().flatten();
        let writes = self.writes.iter().filter(|write| concerns(write, shown));
        let mut lines: Vec<(u64, String)> = of_session.chain(writes).map(|e| (e.at_us, e.to_string())).collect();
        lines.extend(self.faults.iter().map(|fault| (fault.at_us, describe(fault))));
        lines.sort();
        lines.dedup();
        lines.into_iter().map(|(_, line)| format!("    {line}\n")).collect()
    }
}

fn push<T>(queue: &mut VecDeque<T>, item: T, most: usize) {
    queue.push_back(item);
    if queue.len() > most {
        queue.pop_front();
    }
}

fn concerns(write: &Exchange, shown: &Exchange) -> bool {
    match (&write.observed, &shown.observed) {
        (Observed::Written { module, .. }, Observed::Modules { editions, .. }) => {
            editions.iter().any(|(listed, _)| listed == module)
        }
        (
            Observed::Acknowledged { learner: of, .. },
            Observed::Progress { learner, .. }
            | Observed::Statistics { learner, .. }
            | Observed::History { learner, .. },
        ) => of == learner,
        _ => false,
    }
}

/// A fault's beginning or end as a line for people.
pub(crate) fn describe(event: &FaultEvent) -> String {
    let phase = if event.phase == Phase::Begins { "begins" } else { "is over" };
    format!("{:10.4} s  {} {phase}", event.at_us as f64 / 1e6, event.fault)
}
