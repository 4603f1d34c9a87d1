//! What a run comes to: a line now and then while it goes on, and the closing lines. Not what is checked.

use std::fmt;
use std::path::PathBuf;

use super::checker::{Checker, Counts, Kind};

/// The result of a run.
#[derive(Clone, Debug)]
pub struct Report {
    seed: u64,
    system: String,
    counts: Counts,
    acknowledged: u64,
    unacknowledged: u64,
    secs: f64,
    history: Option<PathBuf>,
    /// What stopped it from being a test: servers that did not come back, a history that could not be written.
    troubles: Vec<String>,
}

const KINDS: [Kind; 7] =
    [Kind::Older, Kind::TwoStates, Kind::Lost, Kind::Doubled, Kind::Crossed, Kind::Internal, Kind::Hung];

fn count(counts: &Counts, kind: Kind) -> u64 {
    counts.violations.get(&kind).copied().unwrap_or_default()
}

fn server_errors(counts: &Counts) -> u64 {
    counts.statuses.range(500..).map(|(_, count)| count).sum()
}

/// The state of a run that goes on.
pub(super) fn status_line(secs: f64, checker: &Checker) -> String {
    let counts = checker.counts();
    let [older, states, lost, doubled, crossed, internal, hung] = KINDS.map(|kind| count(counts, kind));
    let (acknowledged, _) = checker.operations();
    let (reads, writes) = (counts.reads, counts.writes);
    let per_second = reads as f64 / secs.max(0.001);
    let failed = server_errors(counts) + counts.unanswered;
    format!(
        "{secs:6.1} s  {reads} reads ({per_second:.0}/s), {writes} writes, {acknowledged} operations; {older} older, \
         {states} of two states, {} others; {failed} failed",
        lost + doubled + crossed + internal + hung
    )
}

impl Report {
    pub(super) fn new(
        seed: u64,
        system: String,
        secs: f64,
        checker: &Checker,
        history: Option<PathBuf>,
        troubles: Vec<String>,
    ) -> Self {
        let (acknowledged, unacknowledged) = checker.operations();
        Self { seed, system, counts: checker.counts().clone(), acknowledged, unacknowledged, secs, history, troubles }
    }

    /// How many invariants were broken, each time counted.
    #[must_use]
    pub fn violations(&self) -> u64 {
        self.counts.violations.values().sum()
    }

    /// Whether it ran to its end and nothing was broken.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.violations() == 0 && self.troubles.is_empty()
    }

    /// Reads that were checked.
    #[must_use]
    pub fn reads(&self) -> u64 {
        self.counts.reads
    }

    /// Operations that were acknowledged.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.acknowledged
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = &self.counts;
        let mut line = |what: &str, value: String| writeln!(f, "{what:<24} {value}");
        line("seed", self.seed.to_string())?;
        line("system", self.system.clone())?;
        line("time", format!("{:.1} s, {} faults", self.secs, counts.faults))?;
        line("reads checked", format!("{} ({} handed over between sessions)", counts.reads, counts.handovers))?;
        line("writes acknowledged", counts.writes.to_string())?;
        let unacknowledged = if self.unacknowledged > 0 {
            format!(", {} never acknowledged", self.unacknowledged)
        } else {
            String::new()
        };
        line("operations", format!("{} acknowledged{unacknowledged}", self.acknowledged))?;
        for kind in KINDS {
            line(kind.name(), count(counts, kind).to_string())?;
        }
        line("two states, no-store", format!("{} (allowed)", counts.two_states_unstorable))?;
        let statuses: Vec<String> =
            counts.statuses.iter().map(|(status, count)| format!("{count} × {status}")).collect();
        line("statuses", statuses.join(", "))?;
        line("without a response", counts.unanswered.to_string())?;
        let of = format!("{} of {}", counts.unexplained, server_errors(counts) + counts.unanswered);
        line("failed for no fault", of)?;
        line("longest wait", format!("{:.1} s", counts.longest_wait_us as f64 / 1e6))?;
        let [origins, edges] = counts.longest_lag_us.map(|us| us as f64 / 1e6);
        line(
            "longest unseen write",
            format!("{origins:.2} s at origins, {edges:.2} s at edges, by who knew nothing of it"),
        )?;
        let tiers: Vec<String> = counts.tiers.iter().map(|(tier, count)| format!("{count} {tier}")).collect();
        line("served by", tiers.join(", "))?;
        if let Some(path) = &self.history {
            line("history", path.display().to_string())?;
        }
        self.troubles.iter().try_for_each(|trouble| line("trouble", trouble.clone()))?;
        line("result", if self.is_sound() { "sound".to_owned() } else { format!("{} violations", self.violations()) })
    }
}
