//! docs/REQUIREMENTS.md and docs/SECURITY.md lead somewhere: every row that code names is in the first, every threat of the second names a
//! test, and every test that they name is there. Not whether the test shows what the row asks for.

use std::collections::BTreeSet;

use crate::tidy::breach::Breach;
use crate::tidy::sources::Source;

const DOCUMENT: &str = "docs/REQUIREMENTS.md";
const THREATS: &str = "docs/SECURITY.md";

pub(crate) fn check(sources: &[Source]) -> Vec<Breach> {
    let Some(document) = sources.iter().find(|source| source.path == DOCUMENT) else { return Vec::new() };
    let rows: BTreeSet<&str> = document.lines().filter_map(|(_, line)| row(line)).collect();
    let unknown = sources.iter().filter(|source| source.is_code()).flat_map(|source| check_rows(source, &rows));
    let threats = sources.iter().filter(|source| source.path == THREATS);
    let threats = threats.flat_map(|source| check_threats(source).chain(check_tests(source, sources)));
    unknown.chain(check_tests(document, sources)).chain(threats).collect()
}

/// Each line of the table under "Threats and answers" names a test.
fn check_threats(document: &Source) -> impl Iterator<Item = Breach> + '_ {
    let lines = document.lines().skip_while(|(_, line)| !line.starts_with("| threat |")).skip(2);
    let rows = lines.take_while(|(_, line)| line.starts_with("| "));
    let untested = rows.filter(|(_, line)| !line.contains(".rs"));
    untested.map(|(number, _)| Breach::new(document, number, "a threat".to_owned(), "no test shows its answer"))
}

/// The row that a line of the table is about.
fn row(line: &str) -> Option<&str> {
    let (id, _) = line.strip_prefix("| ")?.split_once(" |")?;
    is_row(id).then_some(id)
}

fn is_row(text: &str) -> bool {
    let mut letters = text.chars();
    letters.next().is_some_and(|letter| letter.is_ascii_uppercase())
        && text.len() > 1
        && letters.all(|letter| letter.is_ascii_digit())
}

/// What stands after "row" and "rows" in a comment: `row Q1`, `rows C1 to C3`.
fn check_rows<'a>(source: &'a Source, rows: &'a BTreeSet<&str>) -> impl Iterator<Item = Breach> + 'a {
    let comments = source.lines().filter(|(_, line)| line.trim_start().starts_with("//"));
    comments.flat_map(move |(number, line)| {
        let named = line.split_once(" row").or_else(|| line.split_once("(row")).or_else(|| line.split_once("Row"));
        let words = named.map_or("", |(_, rest)| rest).split(|letter: char| !letter.is_ascii_alphanumeric());
        let unknown = words.filter(|word| is_row(word) && !rows.contains(word));
        unknown
            .map(move |word| Breach::new(source, number, format!("row {word}"), "docs/REQUIREMENTS.md has no such row"))
    })
}

/// Tests are named as `file` or `file::name`, between backticks.
fn check_tests<'a>(document: &'a Source, sources: &'a [Source]) -> impl Iterator<Item = Breach> + 'a {
    document.lines().flat_map(move |(number, line)| {
        let quoted = line
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|text| text.contains('/') && text.contains(".rs") || text.contains(".mjs"));
        let missing = quoted.filter(move |text| !is_there(text, sources));
        missing.map(move |text| Breach::new(document, number, format!("`{text}`"), "there is no such test"))
    })
}

fn is_there(reference: &str, sources: &[Source]) -> bool {
    let (path, name) = reference.split_once("::").unwrap_or((reference, ""));
    let source = sources.iter().find(|source| source.path == path);
    source.is_some_and(|source| name.is_empty() || source.text.contains(&format!("fn {name}(")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_tests_that_are_not_there_are_found() {
        let source = |path: &str, text: &str| Source { path: path.to_owned(), text: text.to_owned() };
        let table = "| Q1 | one query | `tests/a.rs::is_one`, `tests/a.rs::is_gone`, `tests/b.rs` |\n";
        let sources = [
            source(DOCUMENT, table),
            source("tests/a.rs", "// One query (row Q1).\n// Rows Q1 to Q2.\nfn is_one() {}\n"),
        ];
        let found: Vec<String> = check(&sources).into_iter().map(|breach| breach.what).collect();
        assert_eq!(found, ["row Q2", "`tests/a.rs::is_gone`", "`tests/b.rs`"]);
        let threats = "| threat | answer | shown by |\n| --- | --- | --- |\n| a | b | `tests/a.rs::is_one` |\n| c | d | |\n\n| e | |\n";
        let [_, code] = sources;
        let found = check(&[source(DOCUMENT, ""), code, source(THREATS, threats)]);
        let found: Vec<_> = found.iter().map(|breach| breach.what.as_str()).collect();
        assert_eq!(found, ["row Q1", "row Q1", "row Q2", "a threat"]);
    }
}
