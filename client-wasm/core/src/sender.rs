//! The state of one tab's sending. Not the decisions ([`crate::wiring`]), nor the operations ([`crate::outbox`]).

use std::rc::Rc;

use kairos_protocol::api::operation::MAX_BATCH;

use crate::effect::Failure;

/// Waits between attempts: 1 s, doubled each time, at most a minute; up to as much again by chance. Longer when the server asks for it, up to
/// an hour.
const FIRST_WAIT_MS: i64 = 1_000;
const LONGEST_WAIT_MS: i64 = 60_000;
pub(crate) const LONGEST_RETRY_AFTER_MS: i64 = 3_600_000;

/// Who waits for the outbox to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SendWaiter {
    /// A promise.
    Request(u32),
    /// A fetch, which goes on whatever comes of it.
    Flight(u32),
    /// Who signs out, and goes on likewise.
    SignOut(u32),
}

/// What it is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum SendPhase {
    #[default]
    Idle,
    Token,
    Posting,
    /// What the origin said is being written.
    Writing,
}

/// One tab's sending.
#[derive(Debug, Default)]
pub(crate) struct Sender {
    pub(crate) phase: SendPhase,
    /// Whose operations are sent.
    pub(crate) user: Rc<str>,
    /// Counts requests: a response to an earlier one says nothing of this one.
    pub(crate) attempt: u32,
    /// The numbers that were sent.
    pub(crate) batch: Vec<u64>,
    /// How often each operation that waits was sent by this tab, by number.
    pub(crate) attempts: Vec<(u64, u32)>,
    /// The next batch begins here.
    pub(crate) from: u64,
    pub(crate) limit: usize,
    /// Operations of which the origin said nothing known.
    pub(crate) unconfirmed: usize,
    pub(crate) token: Option<Rc<str>>,
    pub(crate) refused: Option<Rc<str>>,
    pub(crate) failures: u32,
    pub(crate) not_before_ms: i64,
    pub(crate) last_failure: Option<Failure>,
    pub(crate) waiters: Vec<SendWaiter>,
}

impl Sender {
    pub(crate) fn is_idle(&self) -> bool {
        self.phase == SendPhase::Idle
    }

    /// Begins with the oldest operation.
    pub(crate) fn begin(&mut self, user: &Rc<str>) {
        self.user = Rc::clone(user);
        (self.from, self.limit, self.unconfirmed) = (0, MAX_BATCH, 0);
        (self.token, self.refused) = (None, None);
    }

    /// The batch is sent; what is before `first` waits no more.
    pub(crate) fn count_attempts(&mut self, first: u64) {
        self.attempts.retain(|(number, _)| *number >= first);
        for number in &self.batch {
            match self.attempts.binary_search_by_key(number, |(number, _)| *number) {
                Ok(place) => self.attempts.iter_mut().skip(place).take(1).for_each(|(_, count)| *count += 1),
                Err(place) => self.attempts.insert(place, (*number, 1)),
            }
        }
    }

    /// Whether the server asked not to be sent operations yet.
    pub(crate) fn must_wait(&self, now: i64) -> bool {
        let left_ms = self.not_before_ms.saturating_sub(now);
        // More than was ever asked for: the clock was set back meanwhile.
        left_ms > 0 && left_ms <= LONGEST_RETRY_AFTER_MS
    }

    /// `at_ms`, or when the server wants to be asked if that is later.
    pub(crate) fn not_before(&self, now: i64, at_ms: i64) -> i64 {
        if self.must_wait(now) { at_ms.max(self.not_before_ms) } else { at_ms }
    }

    /// Milliseconds until the next attempt after one more failure; `spread` is a number below 256, by chance.
    pub(crate) fn back_off(&mut self, spread: u8, retry_after_ms: i64) -> i64 {
        let doubled = (FIRST_WAIT_MS << self.failures.min(10)).min(LONGEST_WAIT_MS);
        self.failures = self.failures.saturating_add(1);
        doubled.saturating_add(doubled * i64::from(spread) / 256).max(retry_after_ms)
    }
}
