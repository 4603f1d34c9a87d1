//! Plain text as Markdown: it is shown as it is. Not Markdown of others, some of which is to stay what it is ([`super::sanitise`]).

/// `text` so that nothing in it is syntax, on one line.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '<' => escaped.push_str("&lt;"),
            _ if "\\`*_[]>&!|~#$".contains(letter) => escaped.extend(['\\', letter]),
            _ if letter.is_whitespace() => escaped.push(' '),
            _ => escaped.push(letter),
        }
    }
    escaped
}
