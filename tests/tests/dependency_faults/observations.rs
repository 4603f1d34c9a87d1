//! What was seen under load, and what of it must not be. Not who looks.

use std::time::Duration;

use kairos_tests::reply::Reply;
use parking_lot::Mutex;

/// The longest that anybody waits for a response that is stored (docs/ARCHITECTURE.md, "With a dependency down or slow").
const LONGEST_STORED: Duration = Duration::from_secs(1);
/// The longest that anybody waits for anything: what it takes to notice that MongoDB is away, 2 s, and what comes before and after, on a
/// machine that has other things to do.
const LONGEST: Duration = Duration::from_millis(3_500);
/// The same while a dependency is slow and answers: what an operation may take (row C1).
const LONGEST_IF_SLOW: Duration = Duration::from_secs(20);
/// Row I1, and what comes before and after.
const LONGEST_OF_TUTOR: Duration = Duration::from_millis(2_300);

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A read whose response was there before.
    Stored,
    /// One that nobody made before.
    New,
    Write,
    /// To the tutor.
    Tutor,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Observations(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    phase: String,
    is_slow: bool,
    this: Counts,
    all: Counts,
    violations: Vec<String>,
}

#[derive(Clone, Copy, Default)]
struct Counts {
    stored: u32,
    stored_answered: u32,
    stale: u32,
    new: u32,
    new_answered: u32,
    writes: u32,
    acknowledged: u32,
    questions: u32,
    longest_stored: Duration,
    longest: Duration,
}

impl Observations {
    /// From now on `phase`; prints what was seen in the one before.
    pub(crate) fn begin(&self, phase: String, is_slow: bool) {
        let mut inner = self.0.lock();
        inner.print();
        let this = std::mem::take(&mut inner.this);
        inner.all.add(this);
        (inner.phase, inner.is_slow) = (phase, is_slow);
    }

    /// The longest that a request of this `kind` may take which begins or ends now.
    pub(crate) fn bound(&self, kind: Kind) -> Duration {
        longest(kind, self.0.lock().is_slow)
    }

    /// `reply` came after `took`; when it was asked for, that was to be within `bound`. Whether it is what was wanted.
    pub(crate) fn record(&self, kind: Kind, path: &str, reply: &Reply, took: Duration, bound: Duration) -> bool {
        let mut inner = self.0.lock();
        // What became slow while this was under way is as slow for it.
        let bound = bound.max(longest(kind, inner.is_slow));
        let is_ok = reply.status == 200;
        let counts = &mut inner.this;
        let (asked, answered) = match kind {
            Kind::Stored => (&mut counts.stored, &mut counts.stored_answered),
            Kind::New => (&mut counts.new, &mut counts.new_answered),
            Kind::Write => (&mut counts.writes, &mut counts.acknowledged),
            Kind::Tutor => (&mut counts.questions, &mut 0),
        };
        *asked += 1;
        *answered += u32::from(is_ok);
        counts.stale += u32::from(reply.header("kairos-degraded").is_some());
        let longest = if kind == Kind::Stored { &mut counts.longest_stored } else { &mut counts.longest };
        *longest = took.max(*longest);
        let is_late = took > bound;
        let is_refused = reply.status == 503 && reply.header("retry-after").is_some();
        // Another edition is there: an earlier write, which nobody answered, did happen.
        let is_conflict = kind == Kind::Write && reply.status == 409;
        if is_late || !(is_ok || is_conflict || is_refused && kind != Kind::Stored) {
            let phase = inner.phase.clone();
            inner.violations.push(format!(
                "{phase}: {kind:?} {path}: {} after {took:?}: {}",
                reply.status,
                reply.text()
            ));
        }
        is_ok
    }

    /// Something else that must not be.
    pub(crate) fn violation(&self, what: String) {
        let mut inner = self.0.lock();
        let phase = inner.phase.clone();
        inner.violations.push(format!("{phase}: {what}"));
    }

    /// Prints the whole, and gives the share of reads of what is stored that were answered. Fails the test if anything was seen that must
    /// not be.
    #[track_caller]
    pub(crate) fn end(&self) -> f64 {
        self.begin("all of it".to_owned(), false);
        let mut inner = self.0.lock();
        inner.this = inner.all;
        inner.print();
        let some: Vec<_> = inner.violations.iter().take(20).collect();
        assert!(some.is_empty(), "{} violations, such as {some:#?}", inner.violations.len());
        f64::from(inner.all.stored_answered) / f64::from(inner.all.stored)
    }
}

impl Inner {
    fn print(&self) {
        let c = &self.this;
        if c.stored == 0 {
            return;
        }
        let share = f64::from(c.stored_answered) / f64::from(c.stored) * 100.0;
        println!(
            "{}: {share:.3} % of {} reads of what is stored answered ({} stale, longest {:?}); {} of {} others, {} of {} writes, {} questions (longest {:?}); {} violations so far",
            self.phase,
            c.stored,
            c.stale,
            c.longest_stored,
            c.new_answered,
            c.new,
            c.acknowledged,
            c.writes,
            c.questions,
            c.longest,
            self.violations.len()
        );
    }
}

impl Counts {
    fn add(&mut self, other: Self) {
        self.stored += other.stored;
        self.stored_answered += other.stored_answered;
        self.stale += other.stale;
        self.new += other.new;
        self.new_answered += other.new_answered;
        self.writes += other.writes;
        self.acknowledged += other.acknowledged;
        self.questions += other.questions;
        self.longest_stored = self.longest_stored.max(other.longest_stored);
        self.longest = self.longest.max(other.longest);
    }
}

const fn longest(kind: Kind, is_slow: bool) -> Duration {
    match kind {
        Kind::Stored => LONGEST_STORED,
        Kind::Tutor => LONGEST_OF_TUTOR,
        Kind::New | Kind::Write if is_slow => LONGEST_IF_SLOW,
        Kind::New | Kind::Write => LONGEST,
    }
}
