//! Query strings: every parameter known, none twice, and one spelling for each query, which is also its key in caches.

use aide::OperationInput;
use axum::extract::FromRequestParts;
use axum::http::Method;
use axum::http::request::Parts;
use kairos_protocol::api::catalog::MAX_VERSION;
use kairos_protocol::api::page::{DEFAULT_LIMIT, MAX_LIMIT};
use kairos_protocol::api::paths;
use kairos_protocol::api::problem::{Problem, ProblemType};
use kairos_protocol::http::target::{CanonicalTarget, InvalidQuery};

use crate::error::{AppError, Result};

/// The query of a request, not yet looked at.
pub struct Query {
    target: CanonicalTarget,
}

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let (path, query) = (parts.uri.path(), parts.uri.query().unwrap_or_default());
        let (target, known) = if parts.method == Method::DELETE {
            let known = paths::deletion_parameters(path);
            (CanonicalTarget::parse(path, query, known), known)
        } else {
            (paths::canonical_target(path, query), paths::query_parameters(path))
        };
        Ok(Self { target: target.map_err(|why| refused(&why, known))? })
    }
}

// Which parameters a route takes follows from its path, and is described from there.
impl OperationInput for Query {}

impl Query {
    /// A text of 1 to `max` characters, if it is given.
    ///
    /// # Errors
    /// [`ProblemType::InvalidQuery`] when it is empty or too long.
    pub fn text(&self, name: &str, max: usize) -> Result<Option<String>> {
        let Some(value) = self.target.parameter(name) else {
            return Ok(None);
        };
        if value.trim().is_empty() || value.chars().count() > max {
            return Err(invalid(name, &format!("must be 1 to {max} characters long")).into());
        }
        Ok(Some(value.to_owned()))
    }

    /// A value that `parse` understands, if it is given.
    ///
    /// # Errors
    /// [`ProblemType::InvalidQuery`], saying what it must be, when `parse` gives nothing.
    pub fn value<T>(&self, name: &str, must_be: &str, parse: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>> {
        let read = |value: &str| parse(value).ok_or_else(|| invalid(name, &format!("must be {must_be}")).into());
        self.target.parameter(name).map(read).transpose()
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
            text.parse().ok().filter(|version| is_plain && (1..=MAX_VERSION).contains(version))
        };
        self.value("version", "the version that is to be deleted", parse)
    }

    /// The cursor, if it is given. What is in it is checked by whoever gave it out.
    #[must_use]
    pub fn cursor(&self) -> Option<&str> {
        self.target.parameter("cursor")
    }

    /// Path and parameters in their canonical form.
    #[must_use]
    pub const fn target(&self) -> &CanonicalTarget {
        &self.target
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

fn refused(why: &InvalidQuery, known: &[&str]) -> Problem {
    match why {
        InvalidQuery::Unknown(name) => invalid(name, &offered(known)),
        InvalidQuery::Encoding(name) | InvalidQuery::Repeated(name) => invalid(name, &why.to_string()),
    }
}

fn invalid(name: &str, detail: &str) -> Problem {
    let shown: String = name.chars().take(50).collect();
    ProblemType::InvalidQuery.with_detail(format!("`{shown}` {detail}.")).with_errors([(shown, detail)])
}
