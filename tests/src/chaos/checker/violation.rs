//! What a broken invariant looks like. Not how it is found.

use std::fmt;
use std::sync::Arc;

use crate::chaos::event::Exchange;

/// Which invariant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// I-SESSION: a session that saw a state was given an older one.
    Older,
    /// One generation was given with two states, in responses that caches may store.
    TwoStates,
    /// I-ONCE: an acknowledged operation does not count.
    Lost,
    /// I-ONCE: an operation counts twice.
    Doubled,
    /// I-PRIVATE: a learner was given what is another's.
    Crossed,
    /// I-UP: status 500.
    Internal,
    /// I-UP: no response within 30 s.
    Hung,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Older => "an older state than the session had seen",
            Self::TwoStates => "one number, two states",
            Self::Lost => "an operation lost",
            Self::Doubled => "an operation doubled",
            Self::Crossed => "another learner's data",
            Self::Internal => "status 500",
            Self::Hung => "a request that hung",
        })
    }
}

impl Kind {
    /// Its name in a table.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Older => "older responses",
            Self::TwoStates => "one number, two states",
            Self::Lost => "operations lost",
            Self::Doubled => "operations doubled",
            Self::Crossed => "crossed between learners",
            Self::Internal => "status 500",
            Self::Hung => "waits over 30 s",
        }
    }
}

/// A broken invariant.
#[derive(Clone, Debug)]
pub(crate) struct Violation {
    pub(crate) kind: Kind,
    /// In how many cases, where one stands for several.
    pub(crate) times: u64,
    pub(crate) what: String,
    /// The exchange that shows it.
    pub(crate) exchange: Option<Arc<Exchange>>,
    /// The one that it contradicts.
    pub(crate) earlier: Option<Arc<Exchange>>,
}

impl Violation {
    /// One that `exchange` shows by itself.
    pub(crate) fn of(kind: Kind, exchange: &Arc<Exchange>, what: String) -> Self {
        Self { kind, times: 1, what, exchange: Some(Arc::clone(exchange)), earlier: None }
    }

    /// The same, with the exchange that it contradicts.
    pub(crate) fn against(mut self, earlier: &Arc<Exchange>) -> Self {
        self.earlier = Some(Arc::clone(earlier));
        self
    }

    /// One that no exchange shows, in so many cases.
    pub(crate) fn counted(kind: Kind, times: u64, what: String) -> Self {
        Self { kind, times, what, exchange: None, earlier: None }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.what)?;
        self.earlier.iter().try_for_each(|earlier| write!(f, "\n  first {earlier}"))?;
        self.exchange.iter().try_for_each(|exchange| write!(f, "\n  then  {exchange}"))
    }
}
