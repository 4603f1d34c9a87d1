//! What the learner does is recorded: written first, then acknowledged; and what becomes of rejected operations. Not here: sending
//! ([`super::sending`]).

use std::rc::Rc;

use kairos_protocol::api::ids::{OperationId, Slug};
use kairos_protocol::api::operation::{Action, Operation};

use crate::coordination::{Message, Timer};
use crate::effect::{Code, Outcome};
use crate::rules::Broken;
use crate::wiring::Core;
use crate::wiring::steps::Writing;

/// A tab that does not lead sends by itself what the leader has not sent by then.
const LEADER_PATIENCE_MS: i64 = 10_000;

/// 128 random bits in hexadecimal.
fn operation_id(entropy: [u8; 16]) -> Option<OperationId> {
    let digit = |value: u8| char::from_digit(value.into(), 16);
    let digits = entropy.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]);
    OperationId::new(digits.flatten().collect::<String>()).ok()
}

impl Core {
    /// Records an operation; in the place of the rejected one with the number `replaces`, if any.
    pub(super) fn mutate(
        &mut self,
        request: u32,
        module: &str,
        action: Action,
        entropy: [u8; 16],
        replaces: Option<u64>,
    ) {
        let (Ok(module), Some(id)) = (Slug::new(module), operation_id(entropy)) else {
            return self.reject(request, Code::InvalidArgument);
        };
        if action.violation().is_some() {
            return self.reject(request, Code::Problem("invalid-fields".into()));
        }
        let Some(user) = self.session.user_id().cloned() else {
            return self.reject(request, Code::Unauthenticated);
        };
        let operation = Rc::new(Operation { id, module, at_ms: self.now, action });
        if self.rules.breaks(Broken::AcknowledgesUnwritten) {
            let id = operation.id.as_str().into();
            self.resolve(request, Ok(Outcome::Recorded { id, is_durable: self.is_durable() }));
        }
        self.write(Writing::Record { request, user, operation, replaces });
    }

    pub(super) fn recorded(
        &mut self,
        request: u32,
        user: &Rc<str>,
        operation: &Rc<Operation>,
        replaces: Option<u64>,
        numbers: &[u64],
    ) {
        if self.session.user_id() == Some(user) {
            for number in numbers {
                self.outbox.insert(*number, operation);
            }
            self.outbox.rejected.retain(|rejected| Some(rejected.number) != replaces);
        }
        let id = operation.id.as_str().into();
        self.resolve(request, Ok(Outcome::Recorded { id, is_durable: self.is_durable() }));
        self.tell(&Message::Outbox);
        self.operations_changed();
        self.kick();
    }

    /// Sends what waits, if this tab leads and the server wants to be asked; else looks after a while whether the leader did.
    pub(super) fn kick(&mut self) {
        let gave_up = self.sender.failures > 0 && self.rules.breaks(Broken::NeverRetries);
        let may_send = self.session.active_id().is_some() && !self.coordination.is_frozen && !gave_up;
        if !self.outbox.has_pending() || !may_send {
            return;
        }
        if self.coordination.leads && !self.sender.must_wait(self.now) && !self.coordination.timers.has(Timer::Send) {
            self.begin_sending();
        } else if !self.coordination.timers.has(Timer::Send) {
            let at_ms = self.now.saturating_add(LEADER_PATIENCE_MS);
            self.coordination.timers.set(self.sender.not_before(self.now, at_ms), Timer::Send);
        }
    }

    /// Sends what waits, if there is any and the server wants to be asked.
    pub(super) fn send_unless_told_to_wait(&mut self) {
        if self.sender.must_wait(self.now) {
            self.coordination.timers.set(self.sender.not_before(self.now, self.now), Timer::Send);
        } else if self.outbox.has_pending() && self.session.active_id().is_some() {
            self.begin_sending();
        }
    }

    pub(super) fn dismiss(&mut self, request: u32, numbers: Vec<u64>) {
        let Some(user) = self.session.user_id().cloned() else {
            return self.reject(request, Code::Unauthenticated);
        };
        let all = || self.outbox.rejected.iter().map(|rejected| rejected.number).collect();
        let numbers = if numbers.is_empty() { all() } else { numbers };
        self.write(Writing::Dismiss { request, user, numbers });
    }
}
