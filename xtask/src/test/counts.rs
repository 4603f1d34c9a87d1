//! What tests came to: counts, the reasons of those that were skipped, and the table at the end.

use std::fmt;
use std::ops::AddAssign;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::error::Interrupted;

/// The outcome of some tests. `skips` has a line `name: reason` for each skipped one whose reason is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    pub(crate) skipped: usize,
    pub(crate) skips: Vec<String>,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
        self.skips.extend(other.skips);
    }
}

/// The closing line, which programs read.
impl fmt::Display for Counts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

/// Suites that ran, in order.
#[derive(Default)]
pub(crate) struct Report {
    rows: Vec<(&'static str, Counts, Duration)>,
}

impl AddAssign for Report {
    fn add_assign(&mut self, other: Self) {
        self.rows.extend(other.rows);
    }
}

impl Report {
    /// Runs a suite and keeps its counts. One that cannot be run at all counts as one failed test.
    ///
    /// # Errors
    /// Only an interruption.
    pub(crate) fn measure(&mut self, suite: &'static str, run: impl FnOnce() -> Result<Counts>) -> Result<()> {
        let started = Instant::now();
        let counts = match run() {
            Err(error) if error.is::<Interrupted>() => return Err(error),
            Err(error) => {
                println!("the {suite} tests could not run: {error:#}");
                Counts { failed: 1, ..Counts::default() }
            }
            Ok(counts) => counts,
        };
        self.rows.push((suite, counts, started.elapsed()));
        Ok(())
    }

    pub(crate) fn total(&self) -> Counts {
        let mut total = Counts::default();
        self.rows.iter().for_each(|(_, counts, _)| total += counts.clone());
        total
    }

    /// The table, and each skipped test with its reason.
    pub(crate) fn print(&self) {
        println!("\n{:<10}{:>8}{:>8}{:>9}{:>10}", "suite", "passed", "failed", "skipped", "seconds");
        for (suite, Counts { passed, failed, skipped, .. }, took) in &self.rows {
            println!("{suite:<10}{passed:>8}{failed:>8}{skipped:>9}{:>10.1}", took.as_secs_f64());
        }
        for (suite, counts, _) in &self.rows {
            counts.skips.iter().for_each(|skip| println!("skipped ({suite}): {skip}"));
        }
        println!();
    }
}
