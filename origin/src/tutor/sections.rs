//! Cuts the content of a module into pieces short enough to be a passage, each under its heading. Not which of them fit a question.

use kairos_protocol::api::tutor::MAX_PASSAGE_BYTES;

/// Most bytes of a module's content that are looked at: what comes after is in no passage.
const MAX_CONTENT_BYTES: usize = 128 * 1024;

/// A piece of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Section<'m> {
    /// The heading that it stands under; empty before the first one.
    pub(super) heading: &'m str,
    /// Its text, at most [`MAX_PASSAGE_BYTES`] long.
    pub(super) text: &'m str,
}

/// The pieces of `content`, in order: the text under each heading, cut between paragraphs where it is too long, else where it must.
pub(super) fn cut(content: &str) -> Vec<Section<'_>> {
    let mut sections = Vec::new();
    for (heading, text) in under_headings(prefix(content, MAX_CONTENT_BYTES)) {
        let mut rest = text.trim();
        while !rest.is_empty() {
            let piece = first_piece(rest);
            sections.push(Section { heading, text: piece.trim() });
            rest = rest.get(piece.len()..).unwrap_or_default().trim_start();
        }
    }
    sections
}

/// Each heading with the text under it. What looks like a heading within a fence is none.
fn under_headings(content: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let (mut heading, mut starts, mut at, mut in_fence) = ("", 0, 0, false);
    for line in content.split_inclusive('\n') {
        let text = line.trim();
        if text.starts_with("```") || text.starts_with("~~~") {
            in_fence = !in_fence;
        } else if let Some(next) = heading_of(text).filter(|_| !in_fence) {
            found.push((heading, content.get(starts..at).unwrap_or_default()));
            (heading, starts) = (next, at + line.len());
        }
        at += line.len();
    }
    found.push((heading, content.get(starts..).unwrap_or_default()));
    found
}

/// Most bytes of a heading: a longer one is text like any other.
const MAX_HEADING_BYTES: usize = 200;

/// The text of an ATX heading (CommonMark §4.2).
fn heading_of(line: &str) -> Option<&str> {
    let text = line.trim_start_matches('#');
    let level = line.len() - text.len();
    let is_heading = (1..=6).contains(&level) && (text.is_empty() || text.starts_with([' ', '\t']));
    let heading = text.trim().trim_end_matches('#').trim_end();
    (is_heading && heading.len() <= MAX_HEADING_BYTES).then_some(heading)
}

/// The start of `text` that makes a passage: whole paragraphs if the first one fits, else whole words.
fn first_piece(text: &str) -> &str {
    if text.len() <= MAX_PASSAGE_BYTES {
        return text;
    }
    let fits = prefix(text, MAX_PASSAGE_BYTES);
    let end = fits.rfind("\n\n").or_else(|| fits.rfind(char::is_whitespace)).filter(|end| *end > 0);
    fits.get(..end.unwrap_or(fits.len())).unwrap_or(fits)
}

/// At most `bytes` of `text`, cut between characters.
pub(super) fn prefix(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_stands_under_its_heading_and_fences_have_none() {
        let content = "Before.\n\n# One #\nText of one.\n\n```sh\n# a comment\n```\n\n## Two\n\n#no heading\n";
        let found: Vec<_> = cut(content).into_iter().map(|section| (section.heading, section.text)).collect();
        let one = "Text of one.\n\n```sh\n# a comment\n```";
        assert_eq!(found, [("", "Before."), ("One", one), ("Two", "#no heading")]);
    }

    #[test]
    fn a_heading_that_is_too_long_is_text() {
        let content = format!("# One\n# {}\nText.", "é".repeat(101));
        let found = cut(&content);
        assert_eq!((found.len(), found[0].heading), (1, "One"));
        assert!(found[0].text.starts_with("# é") && found[0].text.ends_with("é\nText."));
    }

    #[test]
    fn long_text_is_cut_between_paragraphs_or_words() {
        let paragraph = "word ".repeat(150);
        let content = format!("# Long\n{paragraph}\n\n{paragraph}\n\n{}", "x".repeat(3_000));
        let sections = cut(&content);
        assert_eq!(sections.len(), 5);
        assert!(sections.iter().all(|section| section.heading == "Long"));
        assert_eq!(sections[0].text, paragraph.trim());
        assert_eq!(sections[1].text, paragraph.trim());
    }

    proptest! {
        #[test]
        fn no_word_is_lost_and_none_is_too_long(content in "([a-zé#`~ ]{0,40}\n{0,2}){0,60}") {
            let sections = cut(&content);
            prop_assert!(sections.iter().all(|section| section.text.len() <= MAX_PASSAGE_BYTES && !section.text.is_empty()));
            let letters = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).count();
            let headings: usize = under_headings(&content).iter().map(|(heading, _)| letters(heading)).sum();
            let texts: usize = sections.iter().map(|section| letters(section.text)).sum();
            prop_assert_eq!(headings + texts, letters(&content));
        }
    }
}
