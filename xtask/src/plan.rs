//! What is to be done before a command can start, as steps: all are named at once, each is told when it begins and when it ends,
//! and those that do not wait for each other run side by side. What a step does is told elsewhere.

mod log;

use std::fs;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, Scope};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::error::Interrupted;
pub(crate) use crate::plan::log::Log;
use crate::workspace;

/// After so long without a word the steps that run are told again, with how far they are.
const LONGEST_SILENCE: Duration = Duration::from_secs(20);

type Work = Box<dyn FnOnce(&Log) -> Result<()> + Send>;

struct Step {
    name: &'static str,
    after: Vec<&'static str>,
    work: Work,
}

/// Steps that are still to be done. A step is in it once, under its name.
#[derive(Default)]
pub(crate) struct Plan {
    steps: Vec<Step>,
}

impl Plan {
    /// Adds a step that waits for those named in `after`, as far as they are in the plan: what is not has nothing to do.
    pub(crate) fn add(
        &mut self,
        name: &'static str,
        after: &[&'static str],
        work: impl FnOnce(&Log) -> Result<()> + Send + 'static,
    ) {
        if !self.has(name) {
            self.steps.push(Step { name, after: after.to_vec(), work: Box::new(work) });
        }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.steps.iter().any(|step| step.name == name)
    }

    /// Does everything. When a step fails, its output is shown, no other is begun, and those that run are finished, for the next time.
    ///
    /// # Errors
    /// The first that a step failed with, or [`Interrupted`].
    pub(crate) fn run(self) -> Result<()> {
        if self.steps.is_empty() {
            return Ok(());
        }
        let names: Vec<_> = self.steps.iter().map(|step| step.name).collect();
        println!("To do: {}", names.join(", "));
        let folder = workspace::target().join("log");
        fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        let (sender, ends) = mpsc::channel();
        let mut progress = Progress::new(self.steps);
        thread::scope(|scope| {
            loop {
                progress.take_ready().into_iter().for_each(|step| {
                    let log = Log::new(folder.join(format!("{}.log", step.name.replace(' ', "-"))));
                    progress.begin(&step, &log);
                    spawn(scope, step, log, sender.clone());
                });
                if progress.running.is_empty() {
                    return progress.outcome();
                }
                match ends.recv_timeout(LONGEST_SILENCE) {
                    Ok((name, outcome)) => progress.end(name, outcome),
                    Err(RecvTimeoutError::Timeout) => progress.remind(),
                    Err(RecvTimeoutError::Disconnected) => bail!("a step ended without a word"),
                }
            }
        })
    }
}

type End = (&'static str, Result<()>);

fn spawn<'scope>(scope: &'scope Scope<'scope, '_>, step: Step, log: Log, ends: Sender<End>) {
    scope.spawn(move || {
        let outcome = (step.work)(&log);
        // Nobody listens any more only when the whole is given up.
        let _ = ends.send((step.name, outcome));
    });
}

struct Running {
    name: &'static str,
    log: Log,
    since: Instant,
}

/// How far a plan is, and the lines that tell it.
struct Progress {
    started: Instant,
    total: usize,
    waiting: Vec<Step>,
    running: Vec<Running>,
    failure: Option<anyhow::Error>,
}

impl Progress {
    fn new(steps: Vec<Step>) -> Self {
        Self { started: Instant::now(), total: steps.len(), waiting: steps, running: Vec::new(), failure: None }
    }

    /// The steps that wait for nothing more; none after a failure.
    fn take_ready(&mut self) -> Vec<Step> {
        if self.failure.is_some() {
            return Vec::new();
        }
        let open: Vec<_> =
            self.waiting.iter().map(|step| step.name).chain(self.running.iter().map(|step| step.name)).collect();
        let is_ready = |step: &Step| !step.after.iter().any(|name| open.contains(name));
        let (ready, waiting) = self.waiting.drain(..).partition(is_ready);
        self.waiting = waiting;
        ready
    }

    fn begin(&mut self, step: &Step, log: &Log) {
        self.say(&format!("{} ...", step.name));
        self.running.push(Running { name: step.name, log: log.clone(), since: Instant::now() });
    }

    fn end(&mut self, name: &'static str, outcome: Result<()>) {
        let Some(at) = self.running.iter().position(|running| running.name == name) else { return };
        let Running { log, since, .. } = self.running.swap_remove(at);
        let took = since.elapsed().as_secs();
        let left = self.waiting.len() + self.running.len();
        match outcome {
            Ok(()) => self.say(&format!("{name}: done in {took} s, {left} of {} steps left", self.total)),
            Err(error) => {
                if !error.is::<Interrupted>() {
                    self.say(&format!("{name}: failed after {took} s. {}", log.told()));
                }
                self.failure.get_or_insert(error.context(name));
            }
        }
    }

    fn remind(&self) {
        let running = self.running.iter().map(|Running { name, log, .. }| match log.crates_done() {
            Some(done) => format!("{name} ({done} crates)"),
            None => (*name).to_owned(),
        });
        self.say(&format!("still busy: {}", running.collect::<Vec<_>>().join(", ")));
    }

    fn say(&self, what: &str) {
        let secs = self.started.elapsed().as_secs();
        println!("{:>3}:{:02}  {what}", secs / 60, secs % 60);
    }

    fn outcome(&mut self) -> Result<()> {
        match self.failure.take() {
            Some(error) => Err(error),
            None if self.waiting.is_empty() => Ok(()),
            None => bail!(
                "steps that wait for each other: {}",
                self.waiting.iter().map(|step| step.name).collect::<Vec<_>>().join(", ")
            ),
        }
    }
}

#[cfg(test)]
mod tests;
