//! One run from its start to its closing lines: starts the system, lets sessions and faults loose on it, settles what is unsettled, looks a
//! last time. Each of these is told elsewhere.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Error, Result, bail};
use kairos_origin::environment::Environment;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::audit;
use super::checker::Kind;
use super::cluster::{Cluster, Programs, clock_library};
use super::crew::{Crew, Working};
use super::desk::Desk;
use super::event::{Event, FaultEvent, Phase};
use super::history::History;
use super::options::{FaultKind, Options, StoreKind};
use super::report::Report;
use super::schedule::{self, Lane};
use super::sessions::Ground;
use super::setup::{self, People};

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
    let kinds = possible_faults(options, &say);
    let system = describe(options, &kinds);
    say(&format!("seed {seed}: {system}"));
    let history = History::open(options.history.as_deref())?;
    let crew = Crew::of(usize::from(options.sessions));
    let mut stop = pin!(stop);
    let starting = async {
        let cluster = Arc::new(Cluster::start(options, programs).await?);
        let people = setup::prepare(&cluster, crew.learners).await?;
        Ok::<_, Error>((cluster, people))
    };
    let (cluster, people) = tokio::select! {
        started = starting => started?,
        () = &mut stop => bail!("stopped before it began"),
    };

    let (end, over) = watch::channel(false);
    let (events, received) = mpsc::channel(WAITING_EVENTS);
    let ground = Arc::new(Ground::new(seed, crew.total(), cluster.targets.clone(), events, over)?);
    let checking = tokio::spawn(Desk::new(history, &say).run(received));
    let length = Duration::from_secs_f64(options.minutes * 60.0);
    let length_ms = u64::try_from(length.as_millis())?;
    let lanes = schedule::plan(seed, length_ms, &kinds, options.origins());
    let mut breaking = JoinSet::new();
    lanes.into_iter().for_each(|lane| _ = breaking.spawn(suffer(lane, Arc::clone(&cluster), Arc::clone(&ground))));
    let began = Instant::now();
    let working = crew.begin(&ground, &people);
    tokio::select! {
        () = sleep_until(began + length) => {}
        () = &mut stop => say("stopping early"),
    }
    end.send_replace(true);
    let secs = began.elapsed().as_secs_f64();
    let mut troubles = close(&ground, breaking, working, &people, &say).await;
    drop(ground);
    let (checker, wrote) = checking.await?;
    if checker.counts().violations.contains_key(&Kind::Internal) {
        for (number, lines) in cluster.logged().await.iter().enumerate() {
            say(&format!("the end of origin {number}'s log:\n{lines}"));
        }
    }
    troubles.extend(wrote.err().map(|error| format!("the history: {error:#}")));
    Ok(Report::new(seed, system, secs, &checker, options.history.clone(), troubles))
}

/// Waits until all is as before the faults, settles what is unsettled, and looks a last time. Gives what did not work.
async fn close(
    ground: &Arc<Ground>,
    mut breaking: JoinSet<Result<()>>,
    working: Working,
    people: &People,
    say: &Say,
) -> Vec<String> {
    say("waiting for every operation to be acknowledged, then reading every history");
    let mut troubles = Vec::new();
    while let Some(lane) = breaking.join_next().await {
        let done = lane.map_err(Error::from).and_then(|done| done);
        troubles.extend(done.err().map(|error| format!("a fault: {error:#}")));
    }
    troubles.extend(working.settle().await);
    for (learner, account) in people.learners.iter().enumerate() {
        match audit::audit(ground, learner, account).await {
            Ok(audit) => ground.report(Event::Audit(audit)).await,
            Err(error) => troubles.push(format!("{error:#}")),
        }
    }
    troubles
}

/// Those that are wanted, without those that this machine cannot make.
fn possible_faults(options: &Options, say: &Say) -> Vec<FaultKind> {
    let mut kinds = options.faults();
    if kinds.contains(&FaultKind::Clock) && clock_library().is_none() {
        say("no clock will be wrong: libfaketime is not installed (on Debian: sudo apt-get install faketime)");
        kinds.retain(|kind| *kind != FaultKind::Clock);
    }
    kinds
}

fn random_seed() -> u64 {
    u64::from_str_radix(&Environment::system().random_hex::<4>(), 16).unwrap_or_default()
}

fn describe(options: &Options, kinds: &[FaultKind]) -> String {
    let store = match options.store {
        StoreKind::Mongodb => "MongoDB",
        StoreKind::Sqlite => "SQLite",
    };
    let redis = if options.has_redis() { "Redis" } else { "no Redis" };
    let faults: Vec<String> = kinds.iter().map(|kind| kind.name()).collect();
    let faults = if faults.is_empty() { "no faults".to_owned() } else { faults.join(" ") };
    let (origins, edges, sessions) = (options.origins(), options.edges, options.sessions);
    format!("{origins} origins, {edges} edges, {store}, {redis}, {sessions} sessions; {faults}")
}

/// Makes the faults of one lane happen, each at its time.
async fn suffer(lane: Lane, cluster: Arc<Cluster>, ground: Arc<Ground>) -> Result<()> {
    for fault in lane {
        ground.rest(fault.at_ms.saturating_sub(ground.now_us() / 1_000)).await;
        if ground.is_over() {
            break;
        }
        let event = |phase| Event::Fault(FaultEvent { at_us: ground.now_us(), phase, fault: fault.clone() });
        ground.report(event(Phase::Begins)).await;
        let (lasts_ms, resting) = (fault.lasts_ms, Arc::clone(&ground));
        let lasting = Box::pin(async move { resting.rest(lasts_ms).await });
        cluster.suffer(&fault, lasting).await?;
        ground.report(event(Phase::Ends)).await;
    }
    Ok(())
}
