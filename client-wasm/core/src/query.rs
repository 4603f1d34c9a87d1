//! Reads as data: what is looked up, who waits for it, and how far its fetch is. Not the decisions ([`crate::wiring`]).

use std::rc::Rc;

use kairos_protocol::api::ids::UserId;
use kairos_protocol::policy::{Policy, Sharing};
use kairos_protocol::sync::generation::{Generation, Generations, Namespace};

use crate::cache::stored::StoredResponse;
use crate::effect::{Code, Failure, Source};
use crate::input::{HttpResponse, Mode};
use crate::overlay::Overlay;

/// One read, as caches see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lookup {
    /// Whose response: an account's id, or the empty text.
    pub(crate) owner: Rc<str>,
    /// Path and query.
    pub(crate) path: Rc<str>,
    pub(crate) policy: Policy,
    pub(crate) overlay: Overlay,
}

impl Lookup {
    /// Reads what the caller gave, for who is signed in.
    pub(crate) fn parse(path: &str, user: Option<&Rc<str>>) -> Result<Self, Code> {
        let is_path = path.starts_with('/') && !path.starts_with("//");
        if !is_path || path.bytes().any(|byte| byte <= b' ' || matches!(byte, b'#' | b'\\' | 0x7f..)) {
            return Err(Code::InvalidArgument);
        }
        let (pathname, query) = path.split_once('?').unwrap_or((path, ""));
        let policy = Policy::of_path(pathname);
        let owner = match policy.sharing() {
            Sharing::Subject => Rc::clone(user.ok_or(Code::Unauthenticated)?),
            Sharing::Everyone | Sharing::Nobody => "".into(),
        };
        Ok(Self { owner, path: path.into(), policy, overlay: Overlay::of(pathname, query) })
    }

    pub(crate) fn is_private(&self) -> bool {
        !self.owner.is_empty()
    }

    /// Whether its responses may be stored.
    pub(crate) fn is_storable(&self) -> bool {
        self.policy.in_browser().stale_if_error_secs > 0
    }

    /// What its responses depend on.
    fn namespace(&self) -> Option<Namespace> {
        self.policy.namespaces(UserId::new(&*self.owner).ok().as_ref()).pop()
    }

    /// The generation that `Kairos-Gen` names for it; 0: none.
    pub(crate) fn generation(&self, field: Option<&str>) -> u64 {
        let named = field.map(Generations::parse).unwrap_or_default();
        self.namespace().and_then(|namespace| named.get(&namespace)).map_or(0, Generation::get)
    }

    /// `Kairos-Min-Gen` for who has seen `generation`.
    pub(crate) fn min_generation(&self, generation: u64) -> Option<String> {
        let namespace = self.namespace().filter(|_| generation > 0)?;
        let mut field = match namespace {
            Namespace::Catalog => String::from("catalog="),
            _ => ["user.", &self.owner, "="].concat(),
        };
        crate::json::writer::push_integer(&mut field, i64::try_from(generation).unwrap_or(i64::MAX));
        Some(field)
    }
}

/// Who waits for a response.
#[derive(Clone, Debug)]
pub(crate) struct Waiter {
    pub(crate) request: u32,
    pub(crate) mode: Mode,
}

/// How far a fetch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The disk is read.
    Looking,
    /// The outbox is sent first: while an operation may or may not be in the response, it cannot be stored.
    Sending,
    /// A token is renewed.
    Token,
    /// The request is on its way.
    Fetching,
    /// The rows are read, to see which operations the response includes.
    Checking,
}

/// A response that came, before it is known whether it may be stored.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) stored: StoredResponse,
    pub(crate) source: Source,
    pub(crate) degraded: Option<Rc<str>>,
    pub(crate) is_storable: bool,
}

/// One response being fetched, for all who wait for it.
#[derive(Clone, Debug)]
pub(crate) struct Flight {
    pub(crate) id: u32,
    pub(crate) lookup: Lookup,
    pub(crate) phase: Phase,
    pub(crate) waiters: Vec<Waiter>,
    /// What was stored when it began: what a 304 confirms.
    pub(crate) stored: Option<(StoredResponse, Source)>,
    /// The newest that was stored since, in case nothing comes.
    pub(crate) fallback: Option<(StoredResponse, Source)>,
    pub(crate) received: Option<Received>,
    /// How often it was asked for.
    pub(crate) attempts: u32,
    /// The token that was refused.
    pub(crate) refused: Option<Rc<str>>,
    /// The token that it was sent with.
    pub(crate) token: Option<Rc<str>>,
    /// Whether the last attempt to send what waits failed.
    pub(crate) sending_failed: bool,
}

impl Flight {
    /// Takes in what is stored by now.
    pub(crate) fn offer(&mut self, stored: Option<(StoredResponse, Source)>) {
        let Some((stored, source)) = stored else { return };
        if self.fallback.as_ref().is_none_or(|(here, _)| stored.supersedes(here)) {
            self.fallback = Some((stored, source));
        }
    }
}

/// What an HTTP response is, for whoever sent the request.
pub(crate) enum Reply<'a> {
    /// 2xx from Kaïros.
    Success(&'a HttpResponse),
    /// 304.
    NotModified(&'a HttpResponse),
    /// A problem of Kaïros': its status and type.
    Problem(u16, Rc<str>, Failure),
    /// Something else answered: a captive portal, a proxy, another service. It counts as no response.
    Foreign,
}

impl<'a> Reply<'a> {
    /// Reads a response. `is_conditional`: whether a 304 was asked for.
    pub(crate) fn of(response: &'a HttpResponse, is_conditional: bool) -> Self {
        let media_type = response.content_type.split(';').next().unwrap_or_default().trim();
        match response.status {
            304 if is_conditional => return Self::NotModified(response),
            204 => return Self::Success(response),
            200..=299 if media_type.eq_ignore_ascii_case("application/json") => {
                let is_json = crate::json::reader::is_value(&response.body);
                return if is_json { Self::Success(response) } else { Self::Foreign };
            }
            _ => {}
        }
        let is_problem = response.status >= 400
            && media_type.eq_ignore_ascii_case(kairos_protocol::api::problem::CONTENT_TYPE)
            && crate::json::reader::is_value(&response.body);
        let kind = if is_problem { crate::wire::problem_type(&response.body) } else { None };
        kind.map_or(Self::Foreign, |kind| {
            let failure =
                Failure { code: Code::Problem(Rc::clone(&kind)), problem: Some(response.body.as_str().into()) };
            Self::Problem(response.status, kind, failure)
        })
    }
}

/// Whether the origin refused the access token, so that a renewed one may do better.
pub(crate) fn refuses_token(kind: &str) -> bool {
    matches!(kind, "token-expired" | "token-invalid" | "unauthenticated")
}

/// Whether a stale stored response may be served instead: the failure says nothing about what was asked for.
pub(crate) fn allows_stale(failure: &Failure, status: u16) -> bool {
    match failure.code {
        Code::Problem(_) => status >= 500 || matches!(status, 401 | 408 | 429),
        _ => true,
    }
}
