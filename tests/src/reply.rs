//! A response, read in full, and what tests expect of it. Not how a request is made.

#![expect(clippy::expect_used, clippy::panic, reason = "a failed check fails the test")]

use kairos_protocol::api::headers::KAIROS_GEN;
use kairos_protocol::api::problem::{self, Problem, ProblemType};
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use serde::de::DeserializeOwned;

/// A response, read in full.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body as it came, compressed or not.
    pub body: Vec<u8>,
}

impl Reply {
    /// Reads `response` to its end.
    pub async fn read(response: reqwest::Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.expect("the body arrives whole");
        Self { status, headers, body: body.to_vec() }
    }

    /// A header's first value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// `Kairos-Gen`, to be sent as `Kairos-Min-Gen`.
    #[must_use]
    pub fn generations(&self) -> String {
        self.header(KAIROS_GEN).unwrap_or_default().to_owned()
    }

    /// `Cache-Status`.
    #[must_use]
    pub fn cache_status(&self) -> &str {
        self.header("cache-status").unwrap_or_default()
    }

    /// The same, if its status is `status`.
    #[track_caller]
    #[must_use]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    /// The body as a `T`.
    #[track_caller]
    #[must_use]
    pub fn json<T: DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The body of a 200.
    #[track_caller]
    #[must_use]
    pub fn ok<T: DeserializeOwned>(self) -> T {
        self.expect(200).json()
    }

    /// The problem, if it is one of this type, in its right dress, and forbids caches to store it.
    #[track_caller]
    #[must_use]
    pub fn problem(&self, kind: ProblemType) -> Problem {
        assert_eq!(self.header(CONTENT_TYPE.as_str()), Some(problem::CONTENT_TYPE), "{} {}", self.status, self.text());
        let problem: Problem = self.json();
        assert_eq!((problem.uri.as_str(), self.status), (kind.uri(), kind.status()), "{}", self.text());
        assert_eq!((problem.title.as_str(), problem.status), (kind.title(), kind.status()));
        assert_eq!(self.header("cache-control"), Some("no-store"), "{problem:?}");
        assert_eq!(self.header("x-content-type-options"), Some("nosniff"), "{problem:?}");
        problem
    }
}
