//! Sends the outbox: in order, in batches, again and again until the origin has confirmed or rejected each operation (I-ONCE). Only a
//! result about an operation takes it out. Several tabs may send the same: it has an id. Not here: what is recorded.

use std::rc::Rc;

use kairos_protocol::api::ids::{OperationId, UserId};
use kairos_protocol::api::operation::MAX_BATCH;
use kairos_protocol::api::paths;
use kairos_protocol::sync::generation::{Generation, Generations, Namespace};

use crate::coordination::{Message, Timer};
use crate::effect::{Code, Event, Failure, Fetch, Outcome};
use crate::input::HttpResponse;
use crate::json::writer::Writer;
use crate::query::{Reply, refuses_token};
use crate::rules::Broken;
use crate::sender::{LONGEST_RETRY_AFTER_MS, SendPhase, SendWaiter};
use crate::wire::{self, OperationOutcome};
use crate::wiring::Core;
use crate::wiring::steps::{Fetching, TokenOutcome, TokenWaiter, Writing};

/// What was heard of while other operations were sent is sent after this.
const SEND_AGAIN_MS: i64 = 1_000;

impl Core {
    pub(super) fn sync(&mut self, request: u32) {
        if self.session.user_id().is_none() {
            return self.resolve(request, Ok(Outcome::Done));
        }
        self.flush(SendWaiter::Request(request));
    }

    /// Sends everything that waits; all who wait for it share one attempt.
    pub(super) fn flush(&mut self, waiter: SendWaiter) {
        self.sender.waiters.push(waiter);
        self.begin_sending();
    }

    pub(super) fn begin_sending(&mut self) {
        if !self.sender.is_idle() {
            return;
        }
        self.coordination.timers.clear(Timer::Send);
        let Some(user) = self.session.active_id().cloned() else {
            return self.sending_failed(Code::Unauthenticated);
        };
        self.sender.begin(&user);
        self.next_batch();
    }

    fn next_batch(&mut self) {
        let (from, limit) = (self.sender.from, self.sender.limit);
        if self.outbox.batch(from, limit).is_empty() {
            if self.sender.unconfirmed > 0 {
                return self.sending_failed(Code::Unconfirmed);
            }
            return self.sending_done(None, 0);
        }
        self.sender.phase = SendPhase::Token;
        let refused = self.sender.refused.clone();
        self.need_token(TokenWaiter::Sender, refused);
    }

    pub(super) fn sender_token(&mut self, token: TokenOutcome) {
        if self.sender.phase != SendPhase::Token {
            return;
        }
        match token {
            Ok(token) => self.post(token),
            Err(failure) => self.sending_done(Some(failure), 0),
        }
    }

    fn post(&mut self, token: Rc<str>) {
        let batch = self.outbox.batch(self.sender.from, self.sender.limit);
        self.sender.batch = batch.iter().map(|pending| pending.number).collect();
        self.sender.count_attempts(self.outbox.pending.first().map_or(0, |pending| pending.number));
        let mut writer = Writer::default();
        writer.begin('{').name("operations").begin('[');
        for pending in &batch {
            let mut operation = (*pending.operation).clone();
            if self.rules.breaks(Broken::SendsNewIds) {
                let suffix = char::from(b'a' + self.random_byte() % 26);
                operation.id =
                    OperationId::new([operation.id.as_str(), &String::from(suffix)].concat()).unwrap_or(operation.id);
            }
            wire::write_operation(&mut writer, &operation);
        }
        writer.end(']').end('}');
        self.sender.token = Some(Rc::clone(&token));
        self.sender.phase = SendPhase::Posting;
        let body = Some(writer.into_text().into());
        let path = paths::OPERATIONS.into();
        self.sender.attempt = self.sender.attempt.wrapping_add(1);
        let fetching = Fetching::Batch(self.sender.attempt);
        self.fetch(fetching, Fetch { method: "POST".into(), path, body, token: Some(token), ..Fetch::default() });
        self.emit(Event::Status);
    }

    pub(super) fn is_posting(&self, attempt: u32) -> bool {
        self.sender.phase == SendPhase::Posting && self.sender.attempt == attempt
    }

    pub(super) fn batch_fetched(&mut self, attempt: u32, response: &HttpResponse) {
        if !self.is_posting(attempt) {
            return;
        }
        match Reply::of(response, false) {
            Reply::Problem(_, kind, _) if refuses_token(&kind) && self.sender.refused.is_none() => {
                self.sender.refused = self.sender.token.take();
                self.next_batch();
            }
            Reply::Problem(400 | 413 | 422, _, failure) => self.batch_refused(&failure),
            Reply::Problem(_, _, failure) => {
                let secs = response.retry_after.as_deref().and_then(|secs| secs.trim().parse::<u32>().ok());
                self.sending_done(Some(failure), i64::from(secs.unwrap_or(0)) * 1_000);
            }
            Reply::Success(response) => self.results(response),
            Reply::NotModified(_) | Reply::Foreign => self.sending_failed(Code::Offline),
        }
    }

    /// One bad operation must not hold up the others: it is looked for in ever smaller batches, and rejected alone.
    fn batch_refused(&mut self, failure: &Failure) {
        let batch = self.sender.batch.clone();
        if batch.len() > 1 && !self.rules.breaks(Broken::RejectsTheBatch) {
            self.sender.limit = batch.len() / 2;
            return self.next_batch();
        }
        self.sender.limit = MAX_BATCH;
        let problem = failure.problem.clone().unwrap_or_else(|| "{}".into());
        let rejected = batch.into_iter().map(|number| (number, Rc::clone(&problem))).collect();
        self.write_results(Vec::new(), rejected);
    }

    fn results(&mut self, response: &HttpResponse) {
        let namespace = UserId::new(&*self.sender.user).ok().map(Namespace::User);
        let named = response.generations.as_deref().map(Generations::parse).unwrap_or_default();
        let generation = namespace.and_then(|namespace| named.get(&namespace)).map_or(0, Generation::get);
        let results = wire::results(&response.body).filter(|_| generation > 0);
        let results = match results {
            Some(results) => results,
            None if self.rules.breaks(Broken::TrustsAnybody) => Vec::new(),
            None => return self.sending_failed(Code::Offline),
        };
        let (mut confirmed, mut rejected, mut is_about_any) = (Vec::new(), Vec::new(), false);
        let confirms_all = self.rules.breaks(Broken::ConfirmsTheBatch) || self.rules.breaks(Broken::TrustsAnybody);
        for pending in self.outbox.pending.iter().filter(|pending| self.sender.batch.contains(&pending.number)) {
            let of_this = results.iter().find(|(id, _)| **id == *pending.operation.id.as_str());
            is_about_any |= of_this.is_some();
            match of_this {
                Some((_, OperationOutcome::Rejected(problem))) => rejected.push((pending.number, Rc::clone(problem))),
                Some((_, OperationOutcome::Applied)) => confirmed.push((pending.number, generation)),
                _ if confirms_all => confirmed.push((pending.number, generation)),
                _ if self.rules.breaks(Broken::SendsNewIds) => {}
                _ => self.sender.unconfirmed += 1,
            }
        }
        let has_any = self.outbox.pending.iter().any(|pending| self.sender.batch.contains(&pending.number));
        if !is_about_any && has_any && !confirms_all {
            return self.sending_failed(Code::Offline);
        }
        self.write_results(confirmed, rejected);
    }

    fn write_results(&mut self, confirmed: Vec<(u64, u64)>, rejected: Vec<(u64, Rc<str>)>) {
        self.sender.phase = SendPhase::Writing;
        let user = Rc::clone(&self.sender.user);
        self.write(Writing::Results { user, confirmed, rejected });
    }

    pub(super) fn results_written(&mut self, user: &Rc<str>, confirmed: &[(u64, u64)], rejected: &[(u64, Rc<str>)]) {
        if self.session.user_id() == Some(user) {
            for (number, generation) in confirmed {
                self.outbox.confirm(*number, *generation);
                self.raise_seen(user, *generation);
            }
            for (number, problem) in rejected {
                self.outbox.reject(*number, problem);
            }
            self.tell(&Message::Outbox);
            self.operations_changed();
        }
        if self.sender.phase == SendPhase::Writing && self.sender.user == *user {
            self.sender.refused = None;
            self.sender.from = self.sender.batch.last().map_or(0, |last| last.saturating_add(1));
            self.next_batch();
        }
    }

    pub(super) fn results_not_written(&mut self, user: &Rc<str>) {
        if self.sender.phase == SendPhase::Writing && self.sender.user == *user {
            self.sending_failed(Code::Storage);
        }
    }

    pub(super) fn sending_failed(&mut self, code: Code) {
        self.sending_done(Some(Failure::new(code)), 0);
    }

    /// An attempt is over. What it could not send is tried again.
    fn sending_done(&mut self, failure: Option<Failure>, retry_after_ms: i64) {
        self.sender.phase = SendPhase::Idle;
        if failure.is_none() {
            (self.sender.failures, self.sender.not_before_ms) = (0, 0);
            if self.outbox.has_pending() {
                // Heard of since, and recorded before what was sent last.
                self.coordination.timers.set(self.now.saturating_add(SEND_AGAIN_MS), Timer::Send);
            }
        } else if self.rules.breaks(Broken::NeverRetries) {
            self.sender.failures = 1;
        } else if self.session.active_id().is_some() {
            let retry_after_ms = retry_after_ms.min(LONGEST_RETRY_AFTER_MS);
            let spread = self.random_byte();
            let wait_ms = self.sender.back_off(spread, retry_after_ms);
            self.sender.not_before_ms = if retry_after_ms > 0 { self.now.saturating_add(retry_after_ms) } else { 0 };
            self.coordination.timers.set(self.now.saturating_add(wait_ms), Timer::Send);
        }
        if failure.is_some() && self.rules.breaks(Broken::GivesUp) && self.sender.failures > 2 {
            let user = Rc::clone(&self.sender.user);
            let given_up = self.outbox.pending.iter().map(|pending| (pending.number, "{}".into())).collect();
            self.write(Writing::Results { user, confirmed: Vec::new(), rejected: given_up });
        }
        self.sender.last_failure.clone_from(&failure);
        for waiter in std::mem::take(&mut self.sender.waiters) {
            match waiter {
                SendWaiter::Request(request) => {
                    self.resolve(request, failure.clone().map_or(Ok(Outcome::Done), Err));
                }
                SendWaiter::Flight(id) => self.flight_after_sending(id, failure.is_some()),
                SendWaiter::SignOut(request) => self.sign_out_after_sending(request),
            }
        }
        self.emit(Event::Status);
    }

    /// Somebody else is signed in by now: what comes of an attempt under way is not heard.
    pub(super) fn stop_sending(&mut self) {
        self.fetching.retain(|(_, fetching)| !matches!(fetching, Fetching::Batch(_)));
        self.coordination.timers.clear(Timer::Send);
        if !self.sender.is_idle() || !self.sender.waiters.is_empty() {
            self.sending_done(Some(Failure::new(Code::Unauthenticated)), 0);
            self.coordination.timers.clear(Timer::Send);
        }
        (self.sender.failures, self.sender.not_before_ms) = (0, 0);
        self.sender.last_failure = None;
    }
}
