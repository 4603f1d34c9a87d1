//! One run from its start to its closing lines: starts the system, lets sessions and faults loose on it, waits for what is not acknowledged,
//! and audits. How each of these is done stands elsewhere.

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
use super::event::{Event, FaultEvent, Phase};
use super::history::History;
use super::options::{FaultKind, Options, StoreKind};
use super::recorder::{Recorder, Say};
use super::report::Report;
use super::schedule::{self, Lane};
use super::sessions::RunContext;
use super::setup::{self, Accounts};
use super::workers::{WorkerCounts, Workers};

/// Events that wait for the checker.
const WAITING_EVENTS: usize = 4_096;

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
    let counts = WorkerCounts::of(usize::from(options.sessions));
    let mut stop = pin!(stop);
    let starting = async {
        let cluster = Arc::new(Cluster::start(options, programs).await?);
        let accounts = setup::prepare(&cluster, counts.learners).await?;
        Ok::<_, Error>((cluster, accounts))
    };
    let (cluster, accounts) = tokio::select! {
        started = starting => started?,
        () = &mut stop => bail!("stopped before it began"),
    };

    let (end, over) = watch::channel(false);
    let (events, received) = mpsc::channel(WAITING_EVENTS);
    let context = Arc::new(RunContext::new(seed, counts.total(), cluster.targets.clone(), events, over)?);
    let checking = tokio::spawn(Recorder::new(history, &say).run(received));
    let length = Duration::from_secs_f64(options.minutes * 60.0);
    let length_ms = u64::try_from(length.as_millis())?;
    let lanes = schedule::plan(seed, length_ms, &kinds, options.origins());
    let mut breaking = JoinSet::new();
    lanes.into_iter().for_each(|lane| _ = breaking.spawn(inject(lane, Arc::clone(&cluster), Arc::clone(&context))));
    let began = Instant::now();
    let workers = Workers::start(&counts, &context, &accounts);
    tokio::select! {
        () = sleep_until(began + length) => {}
        () = &mut stop => say("stopping early"),
    }
    end.send_replace(true);
    let secs = began.elapsed().as_secs_f64();
    let mut troubles = close(&context, breaking, workers, &accounts, &say).await;
    drop(context);
    let (checker, recorded) = checking.await?;
    if checker.counts().violations.contains_key(&Kind::Internal) {
        for (number, lines) in cluster.logged().await.iter().enumerate() {
            say(&format!("the end of origin {number}'s log:\n{lines}"));
        }
    }
    troubles.extend(recorded.err().map(|error| format!("the history: {error:#}")));
    Ok(Report::new(seed, system, secs, &checker, options.history.clone(), troubles))
}

/// Waits until all is as before the faults and every operation is acknowledged, and audits. Gives what did not work.
async fn close(
    context: &Arc<RunContext>,
    mut breaking: JoinSet<Result<()>>,
    workers: Workers,
    accounts: &Accounts,
    say: &Say,
) -> Vec<String> {
    say("waiting for every operation to be acknowledged, then reading every history");
    let mut troubles = Vec::new();
    while let Some(lane) = breaking.join_next().await {
        let done = lane.map_err(Error::from).and_then(|done| done);
        troubles.extend(done.err().map(|error| format!("a fault: {error:#}")));
    }
    troubles.extend(workers.finish().await);
    for (learner, account) in accounts.learners.iter().enumerate() {
        match audit::audit(context, learner, account).await {
            Ok(audit) => context.report(Event::Audit(audit)).await,
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
async fn inject(lane: Lane, cluster: Arc<Cluster>, context: Arc<RunContext>) -> Result<()> {
    for fault in lane {
        context.rest(fault.at_ms.saturating_sub(context.now_us() / 1_000)).await;
        if context.is_over() {
            break;
        }
        let event = |phase| Event::Fault(FaultEvent { at_us: context.now_us(), phase, fault: fault.clone() });
        context.report(event(Phase::Begins)).await;
        let (lasts_ms, resting) = (fault.lasts_ms, Arc::clone(&context));
        let lasting = Box::pin(async move { resting.rest(lasts_ms).await });
        cluster.inject(&fault, lasting).await?;
        context.report(event(Phase::Ends)).await;
    }
    Ok(())
}
