//! Where every event arrives: it is checked, recorded, and what is worth it is printed. Not what is wrong about an event.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use tokio::sync::mpsc;
use tokio::time::{Instant, interval_at};

use super::checker::{Checker, Kind};
use super::event::Event;
use super::history::{self, History};
use super::report::status_line;

/// How often the state is printed.
const STATUS_EVERY: Duration = Duration::from_secs(5);
/// Violations of each kind that are printed in full, and failures for no fault.
const SHOWN: u64 = 3;

/// Where lines for people go.
pub type Say = Arc<dyn Fn(&str) + Send + Sync>;

/// Takes in the events of a run.
pub(super) struct Recorder {
    checker: Checker,
    history: History,
    recorded: Result<()>,
    shown: BTreeMap<Kind, u64>,
    say: Say,
}

impl Recorder {
    pub(super) fn new(history: History, say: &Say) -> Self {
        let (checker, shown) = Default::default();
        Self { checker, history, recorded: Ok(()), shown, say: Arc::clone(say) }
    }

    /// Takes in what comes, until nothing more can come. Gives the check, and whether the history could be written.
    pub(super) async fn run(mut self, mut events: mpsc::Receiver<Event>) -> (Checker, Result<()>) {
        let began = Instant::now();
        let mut ticks = interval_at(began + STATUS_EVERY, STATUS_EVERY);
        loop {
            tokio::select! {
                event = events.recv() => match event {
                    Some(event) => self.take(&event),
                    None => break,
                },
                _ = ticks.tick() => (self.say)(&status_line(began.elapsed().as_secs_f64(), &self.checker)),
            }
        }
        let recorded = self.recorded.and(self.history.finish());
        (self.checker, recorded)
    }

    fn take(&mut self, event: &Event) {
        if let Event::Fault(fault) = event {
            (self.say)(&history::describe(fault));
        }
        let unexplained = self.checker.counts().unexplained;
        let violations = self.checker.take(event);
        let is_unexplained = self.checker.counts().unexplained > unexplained;
        if let Event::Exchange(exchange) = event
            && is_unexplained
            && unexplained < SHOWN
        {
            (self.say)(&format!("failed for no fault {exchange}"));
        }
        for violation in violations {
            let shown = self.shown.entry(violation.kind).or_default();
            *shown += 1;
            if *shown <= SHOWN {
                (self.say)(&format!("VIOLATION {violation}\n  around it:\n{}", self.history.around(&violation)));
            }
        }
        if self.recorded.is_ok() {
            self.recorded = self.history.record(event);
        }
    }
}
