//! One run from its start to its closing lines: starts the system, lets sessions and faults loose on it, settles what is unsettled, looks a
//! last time. Each of these is told elsewhere.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Error, Result};
use kairos_origin::machine::Machine;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::audit;
use super::checker::Checker;
use super::cluster::{Cluster, Programs};
use super::event::{Event, FaultEvent, Phase};
use super::history::{self, History};
use super::options::{Options, StoreKind};
use super::report::{Report, status_line};
use super::schedule::{self, Lane};
use super::sessions::{Author, Device, Ground, MODULES, Reader, Session};
use super::setup::{self, People};

/// How often the state is told.
const STATUS_EVERY: Duration = Duration::from_secs(5);
/// Violations of each kind that are printed in full.
const SHOWN: u64 = 3;
/// Events that wait for the checker.
const WAITING_EVENTS: usize = 4_096;

/// Where lines for people go.
pub type Say = Arc<dyn Fn(&str) + Send + Sync>;

/// Runs what `options` say, until its time is over or `stop` resolves.
///
/// # Errors
/// The options contradict each other, or the system does not start. What breaks later is in the report.
pub async fn run(options: &Options, programs: &Programs, say: Say, stop: impl Future<Output = ()>) -> Result<Report> {
    options.check().map_err(Error::msg)?;
    let seed = options.seed.unwrap_or_else(random_seed);
    let system = describe(options);
    say(&format!("seed {seed}: {system}"));
    let history = History::open(options.history.as_deref())?;
    let cluster = Arc::new(Cluster::start(options, programs).await?);
    let crew = Crew::of(usize::from(options.sessions));
    let people = setup::prepare(&cluster, crew.learners).await?;

    let (end, over) = watch::channel(false);
    let (events, received) = mpsc::channel(WAITING_EVENTS);
    let ground = Ground::new(seed, crew.total(), cluster.targets.clone(), events, over.clone())?;
    let ground = Arc::new(ground);
    let checking = tokio::spawn(check(received, history, Arc::clone(&say)));
    let began = Instant::now();
    let length_ms = (options.minutes * 60_000.0) as u64;
    let lanes = schedule::plan(seed, length_ms, &options.faults(), options.origins());
    let faults = lanes.iter().map(Vec::len).sum();
    let breaking: Vec<_> = lanes
        .into_iter()
        .map(|lane| tokio::spawn(suffer(lane, Arc::clone(&cluster), Arc::clone(&ground), over.clone())))
        .collect();
    let working = crew.begin(&ground, &people);

    let mut stop = pin!(stop);
    tokio::select! {
        () = sleep_until(began + Duration::from_millis(length_ms)) => {}
        () = &mut stop => say("stopping early"),
    }
    end.send_replace(true);
    let secs = began.elapsed().as_secs_f64();
    let mut troubles = Vec::new();
    for lane in breaking {
        troubles.extend(flatten(lane.await).err().map(|error| format!("{error:#}")));
    }
    working.settle().await;
    for (learner, account) in people.learners.iter().enumerate() {
        match audit::audit(&ground, learner, account).await {
            Ok(audit) => ground.report(Event::Audit(audit)).await,
            Err(error) => troubles.push(format!("{error:#}")),
        }
    }
    drop(ground);
    let (checker, wrote) = checking.await?;
    troubles.extend(wrote.err().map(|error| format!("the history: {error:#}")));
    let (acknowledged, unsettled) = checker.operations();
    let (counts, history) = (checker.counts().clone(), options.history.clone());
    Ok(Report { seed, system, counts, acknowledged, unsettled, faults, secs, history, troubles })
}

fn random_seed() -> u64 {
    u64::from_str_radix(&Machine::system().random_hex::<4>(), 16).unwrap_or_default()
}

fn flatten<T>(joined: std::result::Result<Result<T>, tokio::task::JoinError>) -> Result<T> {
    joined.map_err(Error::from).and_then(|done| done)
}

fn describe(options: &Options) -> String {
    let store = match options.store {
        StoreKind::Mongodb => "MongoDB",
        StoreKind::Sqlite => "SQLite",
    };
    let redis = if options.has_redis() { "Redis" } else { "no Redis" };
    let faults: Vec<String> = options.faults().iter().map(|kind| kind.name()).collect();
    let faults = if faults.is_empty() { "no faults".to_owned() } else { faults.join(" ") };
    let (origins, edges, sessions) = (options.origins(), options.edges, options.sessions);
    format!("{origins} origins, {edges} edges, {store}, {redis}, {sessions} sessions; {faults}")
}

/// How many sessions of each kind.
struct Crew {
    devices: usize,
    learners: usize,
    readers: usize,
}

impl Crew {
    /// An author for each module, a third devices (two to a learner), the rest readers.
    fn of(sessions: usize) -> Self {
        let devices = (sessions / 3).max(2);
        let readers = sessions.saturating_sub(devices + MODULES).max(1);
        Self { devices, learners: devices.div_ceil(2).min(8), readers }
    }

    fn total(&self) -> usize {
        MODULES + self.devices + self.readers
    }

    fn begin(&self, ground: &Arc<Ground>, people: &People) -> Working {
        let mut numbers = 0..;
        let mut session = || Session::new(numbers.next().unwrap_or_default(), ground);
        let (mut others, mut devices) = (JoinSet::new(), JoinSet::new());
        for module in 0..MODULES {
            let account = Arc::clone(&people.author);
            let author = Author { session: session(), module, account, edition: 1, version: Some(1) };
            others.spawn(author.run());
        }
        for (learner, account) in people.learners.iter().enumerate().cycle().take(self.devices) {
            devices.spawn(Device::new(session(), learner, account).run());
        }
        for _ in 0..self.readers {
            others.spawn(Reader(session()).run());
        }
        Working { others, devices }
    }
}

/// Sessions at work.
struct Working {
    others: JoinSet<()>,
    devices: JoinSet<Device>,
}

impl Working {
    /// Waits for all to end, and for every operation to be acknowledged.
    async fn settle(mut self) {
        while self.others.join_next().await.is_some() {}
        let mut settling = JoinSet::new();
        while let Some(device) = self.devices.join_next().await {
            device.into_iter().for_each(|device| _ = settling.spawn(device.settle()));
        }
        while settling.join_next().await.is_some() {}
    }
}

/// Makes the faults of one lane happen, each at its time.
async fn suffer(lane: Lane, cluster: Arc<Cluster>, ground: Arc<Ground>, over: watch::Receiver<bool>) -> Result<()> {
    for fault in lane {
        ground.rest(fault.at_ms.saturating_sub(ground.now_us() / 1_000)).await;
        if ground.is_over() {
            break;
        }
        let event = |phase| Event::Fault(FaultEvent { at_us: ground.now_us(), phase, fault: fault.clone() });
        ground.report(event(Phase::Begins)).await;
        let (mut over, lasts) = (over.clone(), Duration::from_millis(fault.lasts_ms));
        let lasting = Box::pin(async move {
            let _ = tokio::time::timeout(lasts, over.wait_for(|over| *over)).await;
        });
        cluster.suffer(&fault, lasting).await?;
        ground.report(event(Phase::Ends)).await;
    }
    Ok(())
}

/// Checks and keeps every event, and tells the state now and then.
async fn check(mut events: mpsc::Receiver<Event>, mut history: History, say: Say) -> (Checker, Result<()>) {
    let mut checker = Checker::default();
    let (began, mut shown, mut wrote) = (Instant::now(), BTreeMap::new(), Ok(()));
    let mut ticks = tokio::time::interval_at(began + STATUS_EVERY, STATUS_EVERY);
    loop {
        tokio::select! {
            event = events.recv() => {
                let Some(event) = event else { break };
                if let Event::Fault(fault) = &event {
                    say(&history::describe(fault));
                }
                for violation in checker.take(&event) {
                    let shown = shown.entry(violation.kind).or_insert(0);
                    *shown += 1;
                    if *shown <= SHOWN {
                        say(&format!("VIOLATION {violation}\n  around it:\n{}", history.around(&violation)));
                    }
                }
                wrote = wrote.and(history.keep(&event));
            }
            _ = ticks.tick() => say(&status_line(began.elapsed().as_secs_f64(), &checker)),
        }
    }
    (checker, wrote.and(history.finish()))
}
