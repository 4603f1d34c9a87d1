//! Which pieces of modules fit a question: those that share its rarer words. Not where the pieces come from.

use std::collections::{BTreeMap, BTreeSet};

use super::sections::Section;

/// Words of a question that count, at most.
const MAX_WORDS: usize = 40;
/// A shorter word says little.
const MIN_WORD_CHARS: usize = 3;
/// How much more a word counts in a heading.
const HEADING_FACTOR: f64 = 2.0;

/// The stems of the words of `question`.
pub(super) fn stems(question: &str) -> BTreeSet<String> {
    words(question).map(|word| stem(&word)).take(MAX_WORDS).collect()
}

/// How well each of `sections` fits: the sum of its words' rarity among them (the idf of tf-idf). 0 where no word is shared.
pub(super) fn scores(sections: &[Section<'_>], stems: &BTreeSet<String>) -> Vec<f64> {
    let shared: Vec<_> = sections.iter().map(|section| shared_stems(section, stems)).collect();
    let mut counts = BTreeMap::<&str, u32>::new();
    for stem in shared.iter().flat_map(BTreeMap::keys) {
        *counts.entry(stem).or_default() += 1;
    }
    let all = f64::from(u32::try_from(sections.len()).unwrap_or(u32::MAX));
    let rarity = |stem: &str| (1.0 + all / f64::from(counts.get(stem).copied().unwrap_or(1))).ln();
    let score = |found: &BTreeMap<&str, f64>| found.iter().map(|(stem, factor)| rarity(stem) * factor).sum();
    shared.iter().map(score).collect()
}

/// Those of `stems` that `section` has a word of, and how much each counts.
fn shared_stems<'s>(section: &Section<'_>, stems: &'s BTreeSet<String>) -> BTreeMap<&'s str, f64> {
    let mut found = BTreeMap::new();
    for (text, factor) in [(section.text, 1.0), (section.heading, HEADING_FACTOR)] {
        for stem in words(text).filter_map(|word| stems.get(&stem(&word))) {
            found.insert(stem.as_str(), factor);
        }
    }
    found
}

fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    let words = text.split(|letter: char| !letter.is_alphanumeric());
    words.filter(|word| word.chars().count() >= MIN_WORD_CHARS).map(str::to_lowercase)
}

/// `word` without the commonest endings of English: enough to find `caches` for `caching`.
fn stem(word: &str) -> String {
    let endings = ["ing", "es", "ed", "s", "e"];
    let stem = endings.iter().find_map(|ending| word.strip_suffix(ending)).filter(|stem| stem.chars().count() >= 3);
    stem.unwrap_or(word).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rarer_words_and_headings_count_more() {
        let section = |heading, text| Section { heading, text };
        let sections = [
            section("", "The cache is a cache, and caches the rest."),
            section("", "The cache asks for the etag."),
            section("Etag", "The cache has others."),
            section("", "Nothing of all that: is, and."),
        ];
        let scores = scores(&sections, &stems("When is caching done by ETag?"));
        assert!(scores[2] > scores[1] && scores[1] > scores[0] && scores[0] > scores[3], "{scores:?}");
        assert!(scores[3].abs() < f64::EPSILON, "{scores:?}");
    }
}
