//! The JavaScript tests: the files `*.test.mjs` of one folder of `tests/`, run by Node's own runner, counted from its TAP report.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::test::counts::Counts;
use crate::{process, workspace};

/// No single test takes longer than this, in milliseconds: one that hangs fails, and the rest is run.
const TEST_TIMEOUT_MS: &str = "--test-timeout=300000";
/// How Node 20 marks a test that the filter left out.
const FILTERED_OUT: &str = "test name does not match pattern";

/// Runs `tests/<suite>`, one file at a time: each drives servers and a browser of its own.
///
/// # Errors
/// Node cannot be started, or an interruption.
pub(crate) fn run(
    suite: &str,
    environment: &[(String, String)],
    filter: Option<&str>,
    say: &dyn Fn(&str),
) -> Result<Counts> {
    let report = tempfile::NamedTempFile::new()?;
    let mut node = Command::new("node");
    node.args([
        "--test",
        "--test-concurrency=1",
        TEST_TIMEOUT_MS,
        "--test-reporter=spec",
        "--test-reporter-destination=stdout",
    ]);
    node.arg("--test-reporter=tap").arg(format!("--test-reporter-destination={}", report.path().display()));
    node.args(filter.map(|name| format!("--test-name-pattern={}", escape_pattern(name)))).args(test_files(suite)?);
    node.envs(environment.iter().cloned()).current_dir(workspace::root());
    let status = process::run_lines("node --test", &mut node, |line| say(line))?;
    let mut counts = parse_tap(&fs::read_to_string(report.path())?);
    if !status.success() && counts.failed == 0 {
        counts.failed = 1;
    }
    Ok(counts)
}

/// Counts every test of `tests/<suite>` as skipped for `reason`.
///
/// # Errors
/// The folder cannot be read.
pub(crate) fn skip_all(suite: &str, reason: &str) -> Result<Counts> {
    let mut counts = Counts::default();
    for file in test_files(suite)? {
        let text = fs::read_to_string(&file)?;
        counts.skipped += text.lines().filter(|line| is_test_call(line)).count();
        counts.skips.push(format!("{}: {reason}", file.file_name().unwrap_or_default().display()));
    }
    Ok(counts)
}

fn is_test_call(line: &str) -> bool {
    ["test(", "it("].iter().any(|call| line.trim_start().starts_with(call))
}

fn test_files(suite: &str) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    collect_test_files(&workspace::root().join("tests").join(suite), &mut files)?;
    if files.is_empty() {
        // Without a file Node would look for tests everywhere.
        bail!("tests/{suite} has no file *.test.mjs");
    }
    files.sort();
    Ok(files)
}

fn collect_test_files(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            collect_test_files(&path, files)?;
        } else if path.to_string_lossy().ends_with(".test.mjs") {
            files.push(path);
        }
    }
    Ok(())
}

/// The filter is a part of a name, Node wants a regular expression.
fn escape_pattern(name: &str) -> String {
    let special = |letter: char| r"\.+*?()|[]{}^$".contains(letter);
    name.chars().flat_map(|letter| special(letter).then_some('\\').into_iter().chain([letter])).collect()
}

fn parse_tap(report: &str) -> Counts {
    let total = |what: &str| {
        let last = report.lines().rev().find_map(|line| line.strip_prefix("# ")?.strip_prefix(what));
        last.and_then(|number| number.trim().parse().ok()).unwrap_or(0)
    };
    let reasons = report.lines().filter_map(|line| {
        let (name, reason) = line.trim_start().strip_prefix("ok ")?.split_once(" # SKIP")?;
        let name = name.split_once(" - ").map_or(name, |(_, name)| name);
        Some((name.to_owned(), reason.trim().to_owned()))
    });
    let (filtered, skipped): (Vec<_>, Vec<_>) = reasons.partition(|(_, reason)| reason == FILTERED_OUT);
    Counts {
        passed: total("pass "),
        failed: total("fail ") + total("cancelled "),
        skipped: (total("skipped ") + total("todo ")).saturating_sub(filtered.len()),
        skips: skipped.into_iter().map(|(name, reason)| format!("{name}: {reason}")).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_a_tap_report() {
        let report = "TAP version 13\n# Subtest: a\nok 1 - a\n    ok 1 - inner # SKIP no Chromium\nok 2 - b # SKIP test name does not match pattern\n\
            not ok 3 - c\n# tests 5\n# suites 0\n# pass 1\n# fail 1\n# cancelled 1\n# skipped 2\n# todo 0\n# duration_ms 3\n";
        let expected = Counts { passed: 1, failed: 2, skipped: 1, skips: vec!["inner: no Chromium".to_owned()] };
        assert_eq!(parse_tap(report), expected);
    }

    #[test]
    fn a_filter_is_taken_literally() {
        assert_eq!(escape_pattern("304 (not modified)"), r"304 \(not modified\)");
    }
}
