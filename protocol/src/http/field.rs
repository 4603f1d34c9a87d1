//! Header fields (RFC 9110 §5) as plain values, and the list syntax that they share (§5.6). Not what any field or member means.

use serde::{Deserialize, Serialize};

/// The fields of one message, in the order they came. Names are lower case; lines of one name come already combined (RFC 9110
/// §5.3), except `set-cookie`, of which each is one. In JSON it is a list of pairs.
///
/// It is not the `http` crate's `HeaderMap`, because of that one's size in WebAssembly: a caching worker built with it in the place
/// of this list had 164.8 KB gzipped instead of 149.1 KB. It brings a hash table, a table of well-known names, and checks of each
/// byte that the platform has already made; among the ten or twenty fields of a response a list finds one as fast.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// The value of `name` (lower case), if there is one: the first.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// Name and value of each.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Replaces every `name` (lower case) by one with `value`.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.remove(&[name]);
        self.0.push((name.to_owned(), value.into()));
    }

    /// Adds `member` at the end of the list in `name` (lower case), or begins one.
    pub fn append(&mut self, name: &str, member: &str) {
        let list = self.get(name).map_or_else(|| member.to_owned(), |earlier| format!("{earlier}, {member}"));
        self.set(name, list);
    }

    /// Takes out every field with one of these names (lower case).
    pub fn remove(&mut self, names: &[&str]) {
        self.0.retain(|(field, _)| !names.contains(&field.as_str()));
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Fields {
    fn from_iter<T: IntoIterator<Item = (N, V)>>(fields: T) -> Self {
        Self(fields.into_iter().map(|(name, value)| (name.into().to_ascii_lowercase(), value.into())).collect())
    }
}

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
