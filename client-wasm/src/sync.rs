//! Sends the outbox: in order, in batches, by one tab at a time, again and again until the origin has confirmed or rejected each
//! operation (I-ONCE). No failure makes it lose one; only [`Outbox::apply_results`](crate::outbox::Outbox::apply_results) and
//! [`Outbox::reject`](crate::outbox::Outbox::reject) take them out. Not here: what is recorded ([`crate::client`]).

use std::rc::Rc;

use futures_util::FutureExt;
use kairos_protocol::api::ids::UserId;
use kairos_protocol::api::operation::{MAX_BATCH, OperationBatch};
use kairos_protocol::api::paths;
use serde_json::value::to_raw_value;
use wasm_bindgen_futures::spawn_local;

use crate::core::Core;
use crate::environment;
use crate::error::{Error, Result};
use crate::events::{Event, PageListener};
use crate::fetch::Request;
use crate::json;
use crate::locks;
use crate::outbox::{BatchResponse, Pending};
use crate::sending::Flush;

/// Waits between attempts: 1 s, doubled each time, at most a minute (longer when the server asks for it, up to an hour).
const FIRST_WAIT_MS: u32 = 1_000;
const LONGEST_WAIT_MS: u32 = 60_000;
const LONGEST_RETRY_AFTER_SECS: u32 = 3_600;
/// A timer may fire a little early by the clock that says how long to wait.
const TIMER_SLACK_MS: u32 = 20;

impl Core {
    /// Sends in the background, if the server wants to be asked.
    pub(crate) fn kick(self: &Rc<Self>) {
        if !self.is_closed() && !self.must_wait() {
            drop(self.flush());
        }
    }

    /// Whether the server asked not to be sent operations yet.
    pub(crate) fn must_wait(&self) -> bool {
        let left_ms = self.sending.not_before_ms.get().saturating_sub(environment::now());
        // More than was ever asked for: the clock was set back meanwhile.
        left_ms > 0 && left_ms <= i64::from(LONGEST_RETRY_AFTER_SECS) * 1_000
    }

    /// Sends everything that waits. All callers share one attempt, which goes on when they stop waiting for it.
    pub(crate) fn flush(self: &Rc<Self>) -> Flush {
        self.sending.again.set(true);
        if let Some(running) = &*self.sending.running.borrow() {
            return running.clone();
        }
        let core = Rc::clone(self);
        let flush = async move { core.drive().await }.boxed_local().shared();
        self.sending.running.replace(Some(flush.clone()));
        spawn_local(flush.clone().map(drop));
        flush
    }

    async fn drive(self: Rc<Self>) -> Result<()> {
        let outcome = loop {
            self.sending.again.set(false);
            let user = self.user();
            let outcome = self.send_outbox().await;
            // What kept one learner's operations back says nothing of the next one's.
            let is_done = outcome.is_err() && self.user() == user;
            if is_done || !self.sending.again.get() {
                break outcome;
            }
        };
        self.sending.running.replace(None);
        self.sending.last_failure.replace(outcome.as_ref().err().cloned());
        match &outcome {
            Ok(()) => self.sending.failures.set(0),
            Err(error) => self.retry_later(error),
        }
        self.emit(&Event::Status);
        outcome
    }

    async fn send_outbox(self: &Rc<Self>) -> Result<()> {
        self.ensure_open()?;
        let Some(user) = self.user() else { return Ok(()) };
        if self.read_as(&user, None).await?.outbox.pending.is_empty() {
            return Ok(());
        }
        self.emit(&Event::Status);
        let _one_tab = locks::hold(&self.lock_name("outbox")).await;
        let mut resolved = 0;
        let outcome = self.send_batches(&user, &mut resolved).await;
        if resolved > 0 {
            self.emit(&Event::progress_changed());
            self.refresh_replica();
        }
        outcome
    }

    /// Sends each operation that waits once, adding to `resolved` those that wait no longer. Where the origin says nothing known
    /// of one, it is passed over: that is no reason to hold up the others, and none to ask again at once.
    async fn send_batches(self: &Rc<Self>, user: &UserId, resolved: &mut usize) -> Result<()> {
        let (mut from, mut limit, mut unconfirmed) = (0, MAX_BATCH, 0);
        loop {
            self.ensure_open()?;
            // Without a token nothing is sent, so nothing becomes unconfirmed.
            self.access_token(user, None).await?;
            // From here on these operations are unconfirmed, even if this page is killed before the request leaves.
            let batch = self.change_outbox(user, |outbox| outbox.begin_batch(from, limit)).await?;
            let Some(last) = batch.last() else { break };
            let waiting = match self.send_batch(user, &batch).await {
                // One bad operation must not hold up the others: look for it in ever smaller batches.
                Err(error) if error.refuses_body() && batch.len() > 1 => {
                    limit = batch.len() / 2;
                    continue;
                }
                Err(error) if error.refuses_body() => {
                    limit = MAX_BATCH;
                    self.reject(user, &batch, &error).await?
                }
                outcome => outcome?,
            };
            from = last.position.saturating_add(1);
            unconfirmed += waiting;
            *resolved += batch.len() - waiting;
        }
        if unconfirmed > 0 { Err(Error::unconfirmed(unconfirmed)) } else { Ok(()) }
    }

    /// Sends one batch; returns how many of it still wait.
    async fn send_batch(self: &Rc<Self>, user: &UserId, batch: &[Pending]) -> Result<usize> {
        let operations = batch.iter().filter_map(|pending| to_raw_value(&pending.operation).ok()).collect();
        let body = json::to_text(&OperationBatch { operations });
        let request = Request { body: Some(body), path: paths::OPERATIONS.to_owned(), ..Request::default() };
        let reply = self.send_as(user, request).await?;
        let results = reply.read::<BatchResponse>()?.results;
        let is_about = |pending: &Pending| {
            let id = pending.operation.id.as_str();
            results.iter().any(|result| result.id.as_deref() == Some(id))
        };
        if !batch.iter().any(is_about) {
            return Err(Error::offline("the response is about other operations"));
        }
        let resolved = self.change_outbox(user, |outbox| {
            outbox.seen.raise(&reply.generations);
            outbox.apply_results(&results);
            outbox.waiting(batch)
        });
        let waiting = resolved.await?;
        self.emit(&Event::Status);
        Ok(waiting)
    }

    /// Moves what was sent, and nothing else, to what the origin rejected.
    async fn reject(self: &Rc<Self>, user: &UserId, sent: &[Pending], error: &Error) -> Result<usize> {
        let rejected = self.change_outbox(user, |outbox| {
            for pending in sent {
                if let Some(problem) = &error.problem {
                    outbox.reject(pending.operation.id.as_str(), problem);
                }
            }
            outbox.waiting(sent)
        });
        rejected.await
    }

    fn retry_later(self: &Rc<Self>, error: &Error) {
        if self.session().is_none_or(|session| session.ended) || self.is_closed() {
            return;
        }
        let failures = self.sending.failures.get();
        self.sending.failures.set(failures.saturating_add(1));
        let doubled = FIRST_WAIT_MS.saturating_mul(1 << failures.min(10)).min(LONGEST_WAIT_MS);
        let spread = doubled / 1_024 * u32::from(environment::random_byte());
        let asked = error.retry_after_secs.unwrap_or(0).min(LONGEST_RETRY_AFTER_SECS) * 1_000;
        let not_before_ms = if asked == 0 { 0 } else { environment::now().saturating_add(asked.into()) };
        self.sending.not_before_ms.set(not_before_ms);
        self.wake_after(doubled.saturating_add(spread).max(asked.saturating_add(TIMER_SLACK_MS)));
    }

    fn wake_after(self: &Rc<Self>, wait_ms: u32) {
        let timer = self.sending.timer.get().wrapping_add(1);
        self.sending.timer.set(timer);
        let core = Rc::clone(self);
        spawn_local(async move {
            environment::sleep(wait_ms).await;
            if core.sending.timer.get() == timer {
                core.kick();
            }
        });
    }

    /// Tries again when the page has reason to think it may work, and once more before it goes away.
    pub(crate) fn listen_to_page(self: &Rc<Self>) {
        let global: wasm_bindgen::JsValue = js_sys::global().into();
        let document = json::get(&global, "document");
        let page_events = ["online", "pagehide", "pageshow"].map(|name| (global.clone(), name));
        let targets = page_events.into_iter().chain([(document, "visibilitychange")]);
        let listeners = targets.filter_map(|(target, name)| {
            let core = Rc::downgrade(self);
            PageListener::new(target, name, move || {
                let Some(core) = core.upgrade() else { return };
                if core.outbox().pending.is_empty() {
                    // Another tab may have left something.
                    core.wake();
                } else {
                    core.kick();
                }
            })
        });
        self.page_listeners.replace(listeners.collect());
    }
}
