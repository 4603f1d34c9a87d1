//! Header fields as plain values, so that decisions about them can be made, and tested, without a JavaScript engine. Not their
//! syntax: that is `kairos_protocol`'s.

use serde::{Deserialize, Serialize};

/// Fields in the order they came. Names are lower case, as the platform's `Headers` gives them; lines of one name come already
/// combined, except `set-cookie`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// The value of `name` (lower case), if there is one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Replaces every `name` by one with `value`.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.remove(&[name]);
        self.0.push((name.to_owned(), value.into()));
    }

    /// Adds `member` at the end of the list in `name`, which is where the cache nearest to the caller writes (RFC 9211 §2).
    pub fn append(&mut self, name: &str, member: &str) {
        let list = self.get(name).map_or_else(|| member.to_owned(), |earlier| format!("{earlier}, {member}"));
        self.set(name, list);
    }

    /// Takes out every field of these names.
    pub fn remove(&mut self, names: &[&str]) {
        self.0.retain(|(field, _)| !names.contains(&field.as_str()));
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Fields {
    fn from_iter<T: IntoIterator<Item = (N, V)>>(fields: T) -> Self {
        Self(fields.into_iter().map(|(name, value)| (name.into().to_ascii_lowercase(), value.into())).collect())
    }
}
