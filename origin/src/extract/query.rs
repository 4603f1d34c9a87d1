//! Query strings: every parameter known, none twice, and one spelling for each query, which is also its key in caches.

use std::collections::BTreeMap;

use axum::extract::FromRequestParts;
use axum::http::Method;
use axum::http::request::Parts;
use kairos_protocol::page::{DEFAULT_LIMIT, MAX_LIMIT};
use kairos_protocol::paths;
use kairos_protocol::problem::{Problem, ProblemType};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::error::{AppError, Result};

/// The query of a request, not yet looked at.
pub struct Query {
    path: String,
    parameters: BTreeMap<String, String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let path = parts.uri.path();
        let known = if parts.method == Method::DELETE {
            paths::deletion_parameters(path)
        } else {
            paths::query_parameters(path)
        };
        let mut parameters = BTreeMap::new();
        for pair in parts.uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode(name).ok_or_else(|| invalid("", "is not UTF-8, percent-encoded"))?;
            let value = decode(value).ok_or_else(|| invalid(&name, "is not UTF-8, percent-encoded"))?;
            if parameters.contains_key(&name) {
                return Err(invalid(&name, "is given twice").into());
            }
            if !known.contains(&name.as_str()) {
                return Err(invalid(&name, &offered(known)).into());
            }
            parameters.insert(name, value);
        }
        Ok(Self { path: parts.uri.path().to_owned(), parameters })
    }
}

impl Query {
    /// A text of 1 to `max` characters, if it is given.
    ///
    /// # Errors
    /// [`ProblemType::InvalidQuery`] when it is empty or too long.
    pub fn text(&self, name: &str, max: usize) -> Result<Option<String>> {
        let Some(value) = self.parameters.get(name) else {
            return Ok(None);
        };
        if value.trim().is_empty() || value.chars().count() > max {
            return Err(invalid(name, &format!("must be 1 to {max} characters long")).into());
        }
        Ok(Some(value.clone()))
    }

    /// A value that `parse` understands, if it is given.
    ///
    /// # Errors
    /// [`ProblemType::InvalidQuery`], saying what it must be, when `parse` gives nothing.
    pub fn value<T>(&self, name: &str, must_be: &str, parse: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>> {
        let read = |value: &String| parse(value).ok_or_else(|| invalid(name, &format!("must be {must_be}")).into());
        self.parameters.get(name).map(read).transpose()
    }

    /// The number of items on a page (row A3).
    ///
    /// # Errors
    /// [`ProblemType::InvalidQuery`] when it is no number from 1 to [`MAX_LIMIT`].
    pub fn limit(&self) -> Result<u32> {
        let must_be = format!("a whole number from 1 to {MAX_LIMIT}");
        let parse = |text: &str| {
            let is_plain = text.len() <= 3 && text.bytes().all(|b| b.is_ascii_digit());
            text.parse().ok().filter(|limit| is_plain && (1..=MAX_LIMIT).contains(limit))
        };
        Ok(self.value("limit", &must_be, parse)?.unwrap_or(DEFAULT_LIMIT))
    }

    /// The version that a deletion names, if it is given.
    ///
    /// # Errors
    /// [`ProblemType::InvalidQuery`] when it is no version that a module can have.
    pub fn version(&self) -> Result<Option<u64>> {
        let parse = |text: &str| {
            let is_plain = text.len() <= 15 && text.bytes().all(|b| b.is_ascii_digit());
            text.parse().ok().filter(|version| is_plain && *version > 0)
        };
        self.value("version", "the version that is to be deleted", parse)
    }

    /// The cursor, if it is given. What is in it is checked by whoever gave it out.
    #[must_use]
    pub fn cursor(&self) -> Option<&str> {
        self.parameters.get("cursor").map(String::as_str)
    }

    /// Path and parameters in their one spelling: sorted, and `limit` spelled out where the path takes one.
    ///
    /// # Errors
    /// Those of [`Query::limit`].
    pub fn key(&self) -> Result<String> {
        let mut parameters = self.parameters.clone();
        if paths::query_parameters(&self.path).contains(&"limit") {
            parameters.insert("limit".to_owned(), self.limit()?.to_string());
        }
        let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let pairs: Vec<_> = parameters.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
        Ok(format!("{}?{}", self.path, pairs.join("&")))
    }

    /// The problem with a parameter that the route cannot do without.
    #[must_use]
    pub fn missing(name: &str) -> AppError {
        invalid(name, "is missing").into()
    }
}

fn offered(known: &[&str]) -> String {
    match known {
        [] => "is unknown; this route takes no parameters".to_owned(),
        _ => format!("is unknown; this route takes {}", known.join(", ")),
    }
}

fn decode(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8().ok()?;
    (!decoded.contains('\0')).then(|| decoded.into_owned())
}

fn invalid(name: &str, detail: &str) -> Problem {
    let shown: String = name.chars().take(50).collect();
    ProblemType::InvalidQuery.with_detail(format!("`{shown}` {detail}.")).with_errors([(shown, detail)])
}
