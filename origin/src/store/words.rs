//! Words as they are compared by their beginning: in lower case and without marks over the letters, the same on every store. Not how whole
//! words are found, which the stores do by their stems.

use std::collections::BTreeSet;

use kairos_protocol::api::catalog::ModuleSummary;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// With one letter alone nearly everything begins.
const MIN_BEGINNING_CHARS: usize = 2;

/// The words of its title, tags and summary: some 2,200 characters at most. Its content is too long to be found by half a word.
pub(super) fn words_of(module: &ModuleSummary) -> BTreeSet<String> {
    let texts = [&module.title, &module.summary].into_iter().chain(&module.tags);
    texts.flat_map(|text| words(text)).collect()
}

/// What the last word of `query`, which may be half typed, begins with; `None` when that is too short to tell anything.
pub(super) fn beginning(query: &str) -> Option<String> {
    words(query).pop().filter(|word| word.chars().count() >= MIN_BEGINNING_CHARS)
}

fn words(text: &str) -> Vec<String> {
    let folded: String = text.nfd().filter(|c| !is_combining_mark(*c)).collect::<String>().to_lowercase();
    let words = folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(|word| word.nfc().collect()).collect()
}
