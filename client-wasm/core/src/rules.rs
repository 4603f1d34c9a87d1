//! The rules that keep the invariants, each of which can be broken on purpose, so that the simulation can show that it would notice. In
//! what is shipped none can: the question is answered by the compiler. Not what the rules do.

/// A rule, broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "breakable"), expect(unreachable_pub, reason = "public where it can be used"))]
pub enum Broken {
    /// An operation is acknowledged before it is written.
    AcknowledgesUnwritten,
    /// An operation is written whoever is signed in by then.
    RecordsForAnybody,
    /// A learner's response is written whoever is signed in by then.
    StoresForAnybody,
    /// Signing out does not count what waits in the transaction that removes it.
    SignsOutUncounted,
    /// Signing out leaves the stored responses.
    SignsOutLeavingResponses,
    /// What could not be sent is given up.
    GivesUp,
    /// A batch that is refused is rejected as a whole.
    RejectsTheBatch,
    /// A result counts for all operations that were sent.
    ConfirmsTheBatch,
    /// Each attempt has an id of its own.
    SendsNewIds,
    /// Whatever answers in JSON confirms.
    TrustsAnybody,
    /// A response is stored while operations wait.
    StoresWhileWaiting,
    /// A response is stored whatever the generations of what was confirmed.
    StoresWhateverConfirmed,
    /// The rows are not read anew before a response is stored.
    StoresByOldRows,
    /// What was confirmed leaves the journal at once.
    HasNoJournal,
    /// A stored response that the journal does not reach back to is used.
    UsesTrimmed,
    /// An older response replaces a newer one.
    StoresOlder,
    /// What was seen does not count.
    IgnoresSeen,
    /// Who follows a sign-in elsewhere goes on showing what was stored.
    ShowsOthers,
    /// What another tab says of the session is not looked into.
    IgnoresMessages,
    /// A rejected operation is gone.
    DropsRejected,
    /// Results are written for rows that are not there any more.
    WritesResultsBlindly,
    /// What failed is not tried again by itself.
    NeverRetries,
    /// A lock is waited for as long as it takes.
    WaitsForLocks,
    /// A timer set before the clock was set back ends when the clock is there again.
    TimersByTheClock,
    /// Rows of a newer version are deleted with what was sent.
    DeletesUnreadable,
}

impl Broken {
    /// All of them.
    #[cfg(feature = "breakable")]
    pub const ALL: &[Self] = &[
        Self::AcknowledgesUnwritten,
        Self::RecordsForAnybody,
        Self::StoresForAnybody,
        Self::SignsOutUncounted,
        Self::SignsOutLeavingResponses,
        Self::GivesUp,
        Self::RejectsTheBatch,
        Self::ConfirmsTheBatch,
        Self::SendsNewIds,
        Self::TrustsAnybody,
        Self::StoresWhileWaiting,
        Self::StoresWhateverConfirmed,
        Self::StoresByOldRows,
        Self::HasNoJournal,
        Self::UsesTrimmed,
        Self::StoresOlder,
        Self::IgnoresSeen,
        Self::ShowsOthers,
        Self::IgnoresMessages,
        Self::DropsRejected,
        Self::WritesResultsBlindly,
        Self::NeverRetries,
        Self::WaitsForLocks,
        Self::TimersByTheClock,
        Self::DeletesUnreadable,
    ];
}

/// Which rule is broken, if any.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rules {
    #[cfg(feature = "breakable")]
    broken: Option<Broken>,
}

impl Rules {
    /// Breaks a rule.
    #[cfg(feature = "breakable")]
    pub(crate) fn breaking(broken: Option<Broken>) -> Self {
        Self { broken }
    }

    /// Whether `rule` is broken.
    #[cfg(feature = "breakable")]
    pub(crate) fn breaks(self, rule: Broken) -> bool {
        self.broken == Some(rule)
    }

    /// None is.
    #[cfg(not(feature = "breakable"))]
    #[expect(clippy::unused_self, reason = "with the feature it has something to say")]
    pub(crate) const fn breaks(self, _: Broken) -> bool {
        false
    }
}
