//! One concept, one name: words that were once used here for what the field has a term for. The terms, with their sources, stand in
//! docs/ARCHITECTURE.md, "Vocabulary". Not names that say nothing: those are `words`' affair.

use crate::tidy::breach::Breach;
use crate::tidy::sources::Source;

/// Identifiers that are not used any more, in code and in text, and the term.
const IDENTIFIERS: &[(&[&str], &str)] = &[
    (&["Ask", "Asking", "Question", "Conditions"], "`CacheRequest` or `Lookup`"),
    (&["Answer", "Answers", "Facts", "StoredAnswer"], "`ResponseCache`, `StoredResponse`, `Metadata`"),
    (&["Verdict", "Verdicts", "judge_copy", "Usability"], "`Reuse`, `evaluate`, `OperationOutcome`"),
    (&["NotKept", "NoStoreReason"], "`NotStored`"),
    (&["stands_in", "stand_in"], "`serve_stale_if_error`"),
    (&["Standing", "Settled", "Settling", "Fenced", "Behind"], "a state by its name, confirmation"),
    (&["Ledger", "Books"], "`LocalGenerations`, log"),
    (&["Reach"], "`ResponseScope`"),
    (&["Claim"], "reported generation"),
    (&["Flights", "Landing", "Departure"], "`Coalescer`, `Coalesced`"),
    (&["Machine", "machine_now"], "`Environment`"),
    (&["foreign_version", "take_note"], "`data_version`, `apply_snapshot`"),
    (&["as_of", "is_base"], "`applied_sequence`, `Base`"),
];

/// Types that are not declared any more; as others' names, such as a parser's `Link`, they are right.
const TYPES: &[(&[&str], &str)] = &[(&["Link", "Pass"], "`RedisConnection`, `Permit`")];

/// Names of functions that are not used any more: between `fn ` and the parameters.
const FUNCTIONS: &[(&[&str], &str)] = &[
    (&["admit", "judge"], "check_storable, evaluate"),
    (&["keep", "remember", "lift", "recall"], "store, insert, promote, load"),
    (&["owe", "pay", "settle", "doubt", "distrust"], "invalidate, confirm"),
];

/// Words in comments and documents, in any case, and the term.
const PROSE: &[(&[&str], &str)] = &[
    (&["verdict", "verdicts"], "decision, outcome"),
    (&["admission", "admitted"], "storability, storable"),
    (&["copy", "copies"], "stored response"),
    (&["landing", "landings", "departure", "departures"], "coalesced load"),
    (&["debt", "debts", "owes", "owed", "ledger", "ledgers"], "pending invalidation, log"),
    (&["homeless", "orphan", "orphans"], "without a subject, undeclared"),
    (&["remembers", "remembered", "recalled", "lifted"], "stored, inserted, loaded, promoted"),
    (&["judge", "judges", "judged"], "evaluate"),
    (&["vouches", "vouched"], "confirms"),
];

pub(crate) fn check(sources: &[Source]) -> Vec<Breach> {
    sources.iter().filter(|source| is_ours(&source.path)).flat_map(check_source).collect()
}

/// The sample catalogue teaches in its own words, and this file names what it forbids.
fn is_ours(path: &str) -> bool {
    !path.starts_with("catalog/") && path != "xtask/src/tidy/vocabulary.rs"
}

fn check_source(source: &Source) -> impl Iterator<Item = Breach> + '_ {
    source.lines().flat_map(move |(number, line)| {
        let comment = if source.path.ends_with(".md") { Some(line) } else { comment_of(source, line) };
        // In a sentence only what is set as code is an identifier: `Answer` is one, to answer is not.
        let code = match comment {
            Some(text) => text.split('`').skip(1).step_by(2).collect::<Vec<_>>().join(" "),
            // A string may hold what was once written to a disk.
            None if source.is_code() => line.split('"').step_by(2).collect::<Vec<_>>().join(" "),
            None => String::new(),
        };
        let identifiers = find(IDENTIFIERS, move |word| has_word(&code, word));
        let types = find(TYPES, move |name| source.is_code() && declares(line, &["struct ", "enum ", "class "], name));
        let functions = find(FUNCTIONS, move |name| source.is_code() && declares(line, &["fn ", "function "], name));
        let prose = find(PROSE, move |word| comment.is_some_and(|text| has_word(&text.to_lowercase(), word)));
        identifiers.chain(types).chain(functions).chain(prose).map(move |(word, term)| {
            Breach::new(source, number, format!("`{word}` has another name here: {term}"), "take the field's term")
        })
    })
}

fn find<'a>(
    table: &'static [(&[&str], &str)],
    is_found: impl Fn(&str) -> bool + 'a,
) -> impl Iterator<Item = (&'static str, &'static str)> + 'a {
    table.iter().filter_map(move |(words, term)| Some((*words.iter().find(|word| is_found(word))?, *term)))
}

/// What of a line of code is for people.
fn comment_of<'a>(source: &Source, line: &'a str) -> Option<&'a str> {
    let line = line.trim_start();
    let begins = ["//", "/*", "* "].iter().any(|mark| line.starts_with(mark));
    (source.is_code() && begins).then_some(line)
}

fn declares(line: &str, keywords: &[&str], name: &str) -> bool {
    keywords.iter().any(|keyword| {
        let rest = line.split_once(keyword).and_then(|(_, rest)| rest.strip_prefix(name));
        rest.is_some_and(|rest| !rest.starts_with(|letter: char| letter.is_alphanumeric() || letter == '_'))
    })
}

fn has_word(line: &str, word: &str) -> bool {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line.get(..at).and_then(|before| before.chars().next_back());
        let after = line.get(at + word.len()..).and_then(|after| after.chars().next());
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_have_another_name_are_found_where_they_are_used() {
        for (path, text, is_found) in [
            ("edge/src/a.rs", "let a = Verdict::Hit;", true),
            ("edge/src/a.rs", "let a = MyVerdict::Hit;", false),
            ("edge/src/a.rs", "/// Answers one request.", false),
            ("edge/src/a.rs", "/// One of [`Answers`].", true),
            ("edge/src/a.rs", "rename(\"as_of\")", false),
            ("edge/src/a.rs", "    fn keep(&self) {}", true),
            ("edge/src/a.rs", "    fn keep_alive(&self) {}", false),
            ("edge/src/a.rs", "pub(super) struct Link {", true),
            ("edge/src/a.rs", "Event::Start(Tag::Link { .. }) => {", false),
            ("edge/src/a.rs", "/// Gives the stored copy.", true),
            ("edge/src/a.rs", "#[derive(Clone, Copy)]", false),
            ("edge/src/a.rs", "let copied = list.copy();", false),
            ("docs/A.md", "An older copy is not used.", true),
            ("catalog/a.md", "An older copy is not used.", false),
        ] {
            let source = Source { path: path.to_owned(), text: text.to_owned() };
            assert_eq!(!check(&[source]).is_empty(), is_found, "{text}");
        }
    }
}
