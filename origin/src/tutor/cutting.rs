//! What can be given of an answer that did not come to its end. Not why it did not.

/// Fewest bytes of whole sentences that are worth giving.
const MIN_BYTES: usize = 60;

/// The whole sentences at the beginning of `text`, if they are enough to be an answer.
pub(super) fn whole_sentences(text: &str) -> Option<&str> {
    let mut end = 0;
    let mut letters = text.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        let is_followed_by_space = letters.peek().is_some_and(|(_, next)| next.is_whitespace());
        let ends = match letter {
            '.' | '!' | '?' => is_followed_by_space,
            '。' | '！' | '？' => true,
            '\n' => is_followed_by_space,
            _ => false,
        };
        if ends {
            end = at + letter.len_utf8();
        }
    }
    text.get(..end).map(str::trim_end).filter(|text| text.len() >= MIN_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_sentences_count_and_few_words_do_not() {
        let sentence = "Freshness is the time for which a stored response may be used as it is.";
        for (text, expected) in [
            (format!("{sentence} And then there"), Some(sentence)),
            (format!("{sentence}\n\n- one\n- tw"), Some(sentence)),
            (sentence.to_owned(), None),
            ("Yes. It is so. That is wh".to_owned(), None),
            (String::new(), None),
        ] {
            assert_eq!(whole_sentences(&text), expected, "{text}");
        }
    }
}
