//! The canonical form of a request target (RFC 9110 §7.1): one spelling for each path and query, so that one response has one cache
//! key and is requested in one way. Not here: which parameters a path takes; the caller names them.

use std::collections::BTreeMap;
use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// All but what may stand in a query as it is (RFC 3986 §2.3, "unreserved").
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A path, and query parameters decoded and in the order of their names. `Display` writes the canonical form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanonicalTarget {
    path: String,
    parameters: BTreeMap<String, String>,
}

/// Why a query has no canonical form. Each names the parameter as decoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidQuery {
    /// A name (then empty here) or value is not UTF-8 once decoded, or has a NUL.
    #[error("is not UTF-8, percent-encoded")]
    Encoding(String),
    /// It is given twice.
    #[error("is given twice")]
    Repeated(String),
    /// It is not among those that the path takes.
    #[error("is unknown")]
    Unknown(String),
}

impl CanonicalTarget {
    /// Reads `query` (what stands after `?`, as `application/x-www-form-urlencoded`) of a path that takes the parameters `known`.
    ///
    /// # Errors
    /// [`InvalidQuery`] for the first parameter that is malformed, repeated or unknown.
    pub fn parse(path: &str, query: &str, known: &[&str]) -> Result<Self, InvalidQuery> {
        let mut parameters = BTreeMap::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode(name).ok_or_else(|| InvalidQuery::Encoding(String::new()))?;
            let Some(value) = decode(value) else {
                return Err(InvalidQuery::Encoding(name));
            };
            if parameters.contains_key(&name) {
                return Err(InvalidQuery::Repeated(name));
            }
            if !known.contains(&name.as_str()) {
                return Err(InvalidQuery::Unknown(name));
            }
            parameters.insert(name, value);
        }
        Ok(Self { path: path.to_owned(), parameters })
    }

    /// The path, as it came.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The decoded value of a parameter, if it is given.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }

    /// Leaves a parameter out where it has the value that it has when it is absent.
    pub fn omit_default(&mut self, name: &str, default: &str) {
        if self.parameter(name) == Some(default) {
            self.parameters.remove(name);
        }
    }
}

impl fmt::Display for CanonicalTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)?;
        for (index, (name, value)) in self.parameters.iter().enumerate() {
            let separator = if index == 0 { '?' } else { '&' };
            write!(f, "{separator}{}={}", utf8_percent_encode(name, RESERVED), utf8_percent_encode(value, RESERVED))?;
        }
        Ok(())
    }
}

fn decode(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8().ok()?;
    (!decoded.contains('\0')).then(|| decoded.into_owned())
}
