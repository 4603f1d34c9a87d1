//! What the client's promises reject with: a stable code, a sentence for people, and the server's problem when it gave one.
//! Not here: which failures are hidden by serving what is stored ([`crate::reads`]).

use std::borrow::Cow;

use kairos_protocol::api::problem::{Problem, ProblemType};
use wasm_bindgen::JsValue;

use crate::json;

/// A failure as the caller sees it. Cheap to clone: several callers may wait for one request.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Error {
    /// Stable; listed in `kairos-client.d.ts`.
    pub(crate) code: Cow<'static, str>,
    /// For people.
    pub(crate) message: String,
    /// What the server said.
    pub(crate) problem: Option<Box<Problem>>,
    /// Seconds after which the server wants to be asked again.
    pub(crate) retry_after_secs: Option<u32>,
}

pub(crate) type Result<T> = std::result::Result<T, Error>;

/// What every problem's `type` starts with.
const PROBLEM_PREFIX: &str = "urn:kairos:problem:";

impl Error {
    /// An error of the client's own.
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code: Cow::Borrowed(code), message: message.into(), problem: None, retry_after_secs: None }
    }

    /// No response from Kaïros.
    pub(crate) fn offline(why: impl Into<String>) -> Self {
        Self::new("offline", why)
    }

    /// Nobody is signed in, or no longer.
    pub(crate) fn unauthenticated() -> Self {
        Self::new("unauthenticated", "sign in first")
    }

    pub(crate) fn storage(why: impl Into<String>) -> Self {
        Self::new("storage", why)
    }

    /// The server's own words. `None` when `problem` is not one of Kaïros.
    pub(crate) fn from_problem(problem: Problem) -> Option<Self> {
        let code = problem.uri.strip_prefix(PROBLEM_PREFIX)?.to_owned();
        let message = if problem.detail.is_empty() { problem.title.clone() } else { problem.detail.clone() };
        Some(Self { code: Cow::Owned(code), message, problem: Some(Box::new(problem)), retry_after_secs: None })
    }

    /// The origin answered, but said nothing that this client knows of some operations.
    pub(crate) fn unconfirmed(operations: usize) -> Self {
        Self::new("unconfirmed", format!("the origin did not say what became of {operations} operations"))
    }

    pub(crate) fn is_storage(&self) -> bool {
        self.problem.is_none() && self.code == "storage"
    }

    /// Whether the server refused the access token, so that a refreshed one may do better.
    pub(crate) fn refuses_token(&self) -> bool {
        self.is(ProblemType::TokenExpired)
            || self.is(ProblemType::TokenInvalid)
            || self.is(ProblemType::Unauthenticated)
    }

    /// Whether the server said that.
    pub(crate) fn is(&self, kind: ProblemType) -> bool {
        self.problem.as_ref().is_some_and(|problem| problem.uri == kind.uri())
    }

    /// Whether a stale stored response may be served instead: the failure says nothing about what was asked for.
    pub(crate) fn allows_stale(&self) -> bool {
        match &self.problem {
            Some(problem) => problem.status >= 500 || matches!(problem.status, 401 | 408 | 429),
            None => matches!(self.code.as_ref(), "offline" | "unauthenticated" | "storage"),
        }
    }

    /// The same failure where it came of another request: whatever was said of that, no stored response is wrong for it.
    pub(crate) fn about_something_else(&self) -> Self {
        if self.allows_stale() { self.clone() } else { Self::offline(self.message.clone()) }
    }

    /// Whether the server refused what was sent for what is in it, and would refuse it again.
    pub(crate) fn refuses_body(&self) -> bool {
        self.problem.as_ref().is_some_and(|problem| matches!(problem.status, 400 | 413 | 422))
    }

    /// `{ code, message, problem? }`, from which `index.js` makes a `KairosError`.
    pub(crate) fn to_js(&self) -> JsValue {
        let object = json::Object::new();
        object.set("code", &self.code.as_ref().into());
        object.set("message", &self.message.as_str().into());
        if let Some(problem) = &self.problem {
            object.set("problem", &json::to_js(problem));
        }
        object.into()
    }
}
