//! A learner's device: sends operations until they are acknowledged, as an outbox does, sends some again, and reads what became of them.
//! A learner has several devices, which know nothing of each other.

use std::sync::Arc;

use kairos_protocol::api::history::HistoryEntry;
use kairos_protocol::api::operation::{OperationResults, Outcome};
use kairos_protocol::api::page::Page;
use kairos_protocol::api::paths;
use kairos_protocol::api::progress::{ProgressRecord, Statistics};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Account, MODULES, Request, Session, slug};
use crate::chaos::event::{Entry, Event, Observed, OperationName, Record, Sent};

/// Recorded so long ago that no clock makes it the future.
const RECORDED_BEFORE_MS: i64 = 600_000;
const LARGEST_BATCH: u64 = 8;
/// How often what is not acknowledged is sent again at the end.
const FINISHING_ATTEMPTS: u32 = 200;

pub(crate) struct Device {
    session: Session,
    learner: usize,
    account: Arc<Account>,
    /// How many operations were made.
    made: u64,
    /// The batch that is not acknowledged yet, and the last that was.
    waiting: Vec<Made>,
    acknowledged: Vec<Made>,
}

/// An operation, and how it is sent.
#[derive(Clone)]
struct Made {
    sent: Sent,
    entry: Entry,
    json: Value,
}

/// How long this learner studies at a time. The numbers are primes: what is no multiple is another learner's.
fn study_secs(learner: usize) -> u64 {
    const PRIMES: [u64; 8] = [1_009, 1_013, 1_019, 1_021, 1_031, 1_033, 1_039, 1_049];
    PRIMES.get(learner % PRIMES.len()).copied().unwrap_or(1_009)
}

fn module_number(slug: &str) -> Option<usize> {
    slug.strip_prefix("chaos-")?.parse().ok()
}

impl Device {
    /// One that has recorded nothing.
    pub(crate) fn new(session: Session, learner: usize, account: &Arc<Account>) -> Self {
        let account = Arc::clone(account);
        Self { session, learner, account, made: 0, waiting: Vec::new(), acknowledged: Vec::new() }
    }

    /// Goes on until it is over.
    pub(crate) async fn run(mut self) -> Self {
        while !self.session.context.is_over() {
            self.session.listen(Some(self.learner)).await;
            match self.session.random.between(0, 19) {
                0..=5 => self.send_operations().await,
                6 => self.send_again().await,
                7 | 8 => self.session.read_catalog().await,
                9 => self.read_profile().await,
                10..=13 => self.read_statistics().await,
                14..=16 => self.read_progress().await,
                _ => self.read_history().await,
            }
            self.session.think(0, 25).await;
        }
        self
    }

    /// Sends what waits until it is acknowledged; gives up after so many attempts.
    pub(crate) async fn finish(mut self) {
        for _ in 0..FINISHING_ATTEMPTS {
            if self.waiting.is_empty() {
                return;
            }
            self.send_operations().await;
            tokio::time::sleep(std::time::Duration::from_millis(if self.waiting.is_empty() { 0 } else { 300 })).await;
        }
    }

    fn make(&mut self) -> Made {
        self.made += 1;
        let operation = OperationName { learner: self.learner, session: self.session.number, number: self.made };
        let module = self.session.random.index(MODULES);
        let at_ms = self.session.context.environment.now() - RECORDED_BEFORE_MS;
        let (action, attempts, seconds) = match self.session.random.between(0, 9) {
            0..=4 => {
                let seconds = study_secs(self.learner);
                (json!({ "kind": "study", "seconds": seconds }), 0, seconds)
            }
            5..=8 => (json!({ "kind": "submit", "score": self.made % 101 }), 1, 0),
            _ => (json!({ "kind": "open" }), 0, 0),
        };
        let json = json!({ "id": operation.to_string(), "module": slug(module), "at_ms": at_ms, "action": action });
        Made { sent: Sent { operation, attempts, seconds }, entry: Entry { at_ms, operation }, json }
    }

    async fn send_operations(&mut self) {
        if self.waiting.is_empty() {
            let count = self.session.random.between(1, LARGEST_BATCH);
            self.waiting = (0..count).map(|_| self.make()).collect();
        }
        let batch = self.waiting.clone();
        if self.send_batch(&batch).await {
            self.acknowledged = std::mem::take(&mut self.waiting);
        }
    }

    /// A repeat of what was acknowledged: as when the response had been lost.
    async fn send_again(&mut self) {
        let batch = self.acknowledged.clone();
        if !batch.is_empty() {
            self.send_batch(&batch).await;
        }
    }

    /// Whether all of it counts.
    async fn send_batch(&mut self, batch: &[Made]) -> bool {
        let operations = batch.iter().map(|made| made.sent).collect();
        self.session.context.report(Event::Sending { operations }).await;
        let operations: Vec<&Value> = batch.iter().map(|made| &made.json).collect();
        let body = Some(json!({ "operations": operations }).to_string().into_bytes());
        let token = Some(self.account.token());
        let request = Request { method: Method::POST, body, token, ..Request::get(paths::OPERATIONS) };
        let mut reply = self.session.send(request).await;
        match reply.exchange.status {
            Some(200) => match serde_json::from_slice::<OperationResults>(&reply.body) {
                Ok(results) => reply.exchange.observed = self.check_results(batch, &results),
                Err(error) => reply.exchange.failure = Some(error.to_string()),
            },
            Some(401) => self.session.sign_in(&self.account).await,
            _ => {}
        }
        let exchange = self.session.report(reply.exchange).await;
        matches!(exchange.observed, Observed::Acknowledged { .. })
    }

    fn check_results(&self, batch: &[Made], results: &OperationResults) -> Observed {
        let (learner, mut records) = (self.learner, Vec::new());
        let refused = |what: String| Observed::Refused { learner, what };
        if results.results.len() != batch.len() {
            return refused(format!("{} results for {} operations", results.results.len(), batch.len()));
        }
        for (made, result) in batch.iter().zip(&results.results) {
            let id = made.sent.operation.to_string();
            if result.id.as_ref() != Some(&id) {
                return refused(format!("a result for {:?} in the place of {id}", result.id));
            }
            match &result.outcome {
                Outcome::Applied { record } | Outcome::Duplicate { record } => match self.record(record) {
                    Ok(record) => records.push(record),
                    Err(foreign) => return foreign,
                },
                Outcome::Rejected { problem } => return refused(format!("{id}: {} {}", problem.title, problem.detail)),
            }
        }
        Observed::Acknowledged { learner, operations: batch.iter().map(|made| made.entry).collect(), records }
    }

    /// A record, if nothing in it is another learner's.
    fn record(&self, record: &ProgressRecord) -> Result<Record, Observed> {
        let foreign = |what: String| Observed::Foreign { learner: self.learner, what };
        let module = module_number(record.module.as_str()).ok_or_else(|| foreign(format!("{record:?}")))?;
        let last = record.last_score.as_ref().map(|score| score.operation.as_str());
        let is_own = last.is_none_or(|id| OperationName::parse(id).is_some_and(|name| name.learner == self.learner));
        if !is_own || !record.time_spent_secs.is_multiple_of(study_secs(self.learner)) {
            return Err(foreign(format!("{record:?}")));
        }
        Ok(Record { module, attempts: record.attempts.into(), seconds: record.time_spent_secs })
    }

    async fn read(&mut self, path: String, observe: impl FnOnce(&Self, &[u8]) -> Option<Observed>) {
        let (revalidates, no_cache) = (self.session.random.percent(30), self.session.random.percent(2));
        let token = Some(self.account.token());
        let reply = self.session.send(Request { token, revalidates, no_cache, ..Request::get(path.clone()) }).await;
        if reply.exchange.status == Some(401) {
            self.session.sign_in(&self.account).await;
        }
        let observed = observe(self, &reply.body);
        self.session.report_read(path, reply, |_| observed).await;
    }

    async fn read_statistics(&mut self) {
        let observe = |device: &Self, body: &[u8]| {
            let Statistics { attempts, time_spent_secs: seconds, .. } = serde_json::from_slice(body).ok()?;
            let learner = device.learner;
            let is_own = seconds.is_multiple_of(study_secs(learner));
            let foreign = || Observed::Foreign { learner, what: format!("statistics of {seconds} s") };
            Some(if is_own { Observed::Statistics { learner, attempts, seconds } } else { foreign() })
        };
        self.read(paths::STATISTICS.to_owned(), observe).await;
    }

    async fn read_progress(&mut self) {
        let observe = |device: &Self, body: &[u8]| {
            let page: Page<ProgressRecord> = serde_json::from_slice(body).ok()?;
            let records: Result<Vec<Record>, Observed> = page.items.iter().map(|item| device.record(item)).collect();
            Some(
                records
                    .map_or_else(|foreign| foreign, |records| Observed::Progress { learner: device.learner, records }),
            )
        };
        self.read(format!("{}?limit=100", paths::PROGRESS), observe).await;
    }

    async fn read_history(&mut self) {
        let observe = |device: &Self, body: &[u8]| {
            let page: Page<HistoryEntry> = serde_json::from_slice(body).ok()?;
            let learner = device.learner;
            let entry = |item: &HistoryEntry| {
                let operation = OperationName::parse(item.id.as_str()).filter(|name| name.learner == learner);
                operation.map(|operation| Entry { at_ms: item.at_ms, operation }).ok_or_else(|| item.id.to_string())
            };
            let entries: Result<Vec<Entry>, String> = page.items.iter().map(entry).collect();
            let complete = page.next_cursor.is_none();
            Some(match entries {
                Ok(entries) => Observed::History { learner, entries, complete },
                Err(id) => Observed::Foreign { learner, what: format!("the operation {id}") },
            })
        };
        self.read(format!("{}?limit=100", paths::HISTORY), observe).await;
    }

    async fn read_profile(&mut self) {
        let observe = |device: &Self, body: &[u8]| {
            let profile: Value = serde_json::from_slice(body).ok()?;
            let is_own = profile.get("id").and_then(Value::as_str) == Some(device.account.id.as_str());
            let foreign = || Observed::Foreign { learner: device.learner, what: format!("the profile {profile}") };
            Some(if is_own { Observed::Nothing } else { foreign() })
        };
        self.read(paths::ME.to_owned(), observe).await;
    }
}
