//! The Rust tests: `cargo test` over the workspace on the host, its result lines added up.

use std::collections::BTreeSet;
use std::fs;

use anyhow::Result;

use crate::test::counts::Counts;
use crate::test::world::World;
use crate::{process, workspace};

/// Runs them. A test that lacks a server passes at once and leaves a line `name: reason` in the file `KAIROS_SKIP_LOG`; here it counts
/// as skipped.
///
/// # Errors
/// cargo cannot be started, or an interruption.
pub(crate) fn run(world: &World, filter: Option<&str>, say: &dyn Fn(&str)) -> Result<Counts> {
    let log = tempfile::NamedTempFile::new()?;
    let mut cargo = workspace::cargo();
    cargo.args(["test", "--workspace", "--no-fail-fast"]).args(filter).current_dir(workspace::root());
    cargo.envs(world.environment()).env("KAIROS_SKIP_LOG", log.path());
    let mut counts = Counts::default();
    let status = process::run_lines("cargo test", &mut cargo, |line| {
        say(line);
        counts += parse_result(line).unwrap_or_default();
    })?;
    // A test that does not compile or dies has no result line.
    if !status.success() && counts.failed == 0 {
        counts.failed = 1;
    }
    take_out_skipped(&mut counts, &fs::read_to_string(log.path())?);
    Ok(counts)
}

fn take_out_skipped(counts: &mut Counts, log: &str) {
    let skips: BTreeSet<&str> = log.lines().filter(|line| !line.trim().is_empty()).collect();
    counts.passed = counts.passed.saturating_sub(skips.len());
    counts.skipped += skips.len();
    counts.skips.extend(skips.into_iter().map(str::to_owned));
}

/// `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s`
fn parse_result(line: &str) -> Option<Counts> {
    let (_, parts) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let count = |what: &str| {
        let part = parts.split("; ").find_map(|part| part.strip_suffix(what));
        part.and_then(|number| number.trim().parse().ok()).unwrap_or(0)
    };
    Some(Counts { passed: count(" passed"), failed: count(" failed"), skipped: count(" ignored"), skips: Vec::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_lines() {
        let line = "test result: FAILED. 13 passed; 2 failed; 1 ignored; 0 measured; 4 filtered out; finished in 0.17s";
        let expected = Counts { passed: 13, failed: 2, skipped: 1, skips: Vec::new() };
        assert_eq!(parse_result(line), Some(expected));
        assert_eq!(parse_result("test cache::reads_own_writes ... ok"), None);
    }

    #[test]
    fn a_skipped_test_is_not_a_passed_one() {
        let mut counts = Counts { passed: 5, ..Counts::default() };
        take_out_skipped(&mut counts, "store::mongo: no MongoDB\n\nstore::mongo: no MongoDB\ncache::redis: no Redis\n");
        assert_eq!((counts.passed, counts.skipped), (3, 2));
        assert_eq!(counts.skips, ["cache::redis: no Redis", "store::mongo: no MongoDB"]);
    }
}
