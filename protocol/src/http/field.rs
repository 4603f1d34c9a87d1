//! The list syntax that header fields share (RFC 9110 §5.6): members separated outside quoted strings. Not what any member means.

/// The parts of `value` between the `separator`s that stand outside quoted strings, trimmed. A quoted string that is never
/// closed reaches to the end.
pub(crate) fn split_unquoted(value: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut in_quotes = false;
    let mut escaped = false;
    let is_separator = move |c: char| {
        let was_escaped = std::mem::take(&mut escaped);
        match c {
            '\\' if in_quotes && !was_escaped => escaped = true,
            '"' if !was_escaped => in_quotes = !in_quotes,
            _ => {}
        }
        c == separator && !in_quotes
    };
    value.split(is_separator).map(str::trim)
}
