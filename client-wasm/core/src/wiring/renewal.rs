//! The access token: renewed before it expires or when it is refused, by one tab at a time where there are locks. Asked again with the same
//! refresh token the origin gives the same successor, until that is used; so a lost response, or two tabs at once, cost nothing. Not
//! here: signing in and out ([`super::accounts`]).

use std::rc::Rc;

use kairos_protocol::api::paths;

use crate::coordination::Timer;
use crate::effect::{Code, Effect, Failure, Fetch};
use crate::input::{HttpResponse, Lock};
use crate::query::Reply;
use crate::rules::Broken;
use crate::session::{Session, User};
use crate::wire;
use crate::wiring::Core;
use crate::wiring::steps::{After, Fetching, Renewal, RenewalPhase, TokenOutcome, TokenWaiter, Writing};

/// How long the lock is waited for: longer than the one who has it waits for a response.
const LOCK_PATIENCE_MS: i64 = 25_000;
/// How often a renewal begins anew since something changed meanwhile.
const ROUNDS: u8 = 4;

impl Core {
    /// Gives a token that should work to `waiter`, now or later: not `refused`, and not about to expire.
    pub(super) fn need_token(&mut self, waiter: TokenWaiter, refused: Option<Rc<str>>) {
        let Some(user) = self.session.active_id().cloned() else {
            return self.give_token(waiter, Err(Failure::new(Code::Unauthenticated)));
        };
        if self.session.tokens.is_usable(refused.as_deref(), self.now) {
            let token = Rc::clone(&self.session.tokens.access);
            return self.give_token(waiter, Ok(token));
        }
        if let Some(renewal) = &mut self.renewal {
            renewal.waiters.push(waiter);
            return;
        }
        let phase = RenewalPhase::Waiting;
        self.renewal = Some(Renewal { phase, user, refused, waiters: vec![waiter], rounds: 0 });
        if !self.rules.breaks(Broken::WaitsForLocks) {
            self.coordination.timers.set(self.now.saturating_add(LOCK_PATIENCE_MS), Timer::Renewal);
        }
        self.effects.push_back(Effect::RequestLock(Lock::Session));
    }

    fn give_token(&mut self, waiter: TokenWaiter, token: TokenOutcome) {
        match waiter {
            TokenWaiter::Sender => self.sender_token(token),
            TokenWaiter::Flight(id) => self.flight_token(id, token),
            TokenWaiter::Outgoing(request) => self.outgoing_token(request, token),
        }
    }

    /// The lock is held, or waited for no longer. Another tab may have renewed it, or signed out, meanwhile.
    pub(super) fn renewal_lock_granted(&mut self) {
        self.coordination.timers.clear(Timer::Renewal);
        match &mut self.renewal {
            Some(renewal) if renewal.phase == RenewalPhase::Waiting => {
                renewal.phase = RenewalPhase::Checking;
                self.mirror(After::Renew);
            }
            Some(_) => {}
            None => self.release(Lock::Session),
        }
    }

    pub(super) fn renew_after_look(&mut self) {
        let Some(renewal) = self.renewal.as_mut().filter(|renewal| renewal.phase == RenewalPhase::Checking) else {
            return;
        };
        if self.session.active_id() != Some(&renewal.user) {
            return self.end_renewal(&Err(Failure::new(Code::Unauthenticated)));
        }
        if self.session.tokens.is_usable(renewal.refused.as_deref(), self.now) {
            let token = Rc::clone(&self.session.tokens.access);
            return self.end_renewal(&Ok(token));
        }
        renewal.phase = RenewalPhase::Fetching;
        let body = Some(Self::refresh_body(&self.session.tokens.refresh));
        self.fetch(
            Fetching::Renewal,
            Fetch { method: "POST".into(), path: paths::REFRESH.into(), body, ..Fetch::default() },
        );
    }

    pub(super) fn renewal_fetched(&mut self, response: &HttpResponse) {
        let Some(renewal) = self.renewal.as_mut().filter(|renewal| renewal.phase == RenewalPhase::Fetching) else {
            return;
        };
        match Reply::of(response, false) {
            Reply::Success(response) => match wire::grant(&response.body) {
                Some(grant) if grant.user == renewal.user => {
                    renewal.phase = RenewalPhase::Writing;
                    let tokens = self.session.tokens.renewed(&grant, self.now);
                    self.write(Writing::Renewed(Session { tokens, ..self.session.clone() }));
                }
                Some(_) => self.end_renewal(&Err(Failure::new(Code::Unauthenticated))),
                None => self.end_renewal(&Err(Failure::new(Code::Offline))),
            },
            Reply::Problem(_, kind, _) if &*kind == "refresh-token-invalid" => {
                renewal.phase = RenewalPhase::Checking;
                let stamp = self.session.tokens.stamp;
                self.mirror(After::RenewalRefused(stamp));
            }
            Reply::Problem(_, _, failure) => self.end_renewal(&Err(failure)),
            Reply::NotModified(_) | Reply::Foreign => self.end_renewal(&Err(Failure::new(Code::Offline))),
        }
    }

    /// The session has ended, if the tokens are still those that were refused: another tab may have got newer ones.
    pub(super) fn renewal_refused(&mut self, stamp: u64) {
        let Some(renewal) = self.renewal.as_mut().filter(|renewal| renewal.phase == RenewalPhase::Checking) else {
            return;
        };
        if self.session.tokens.stamp != stamp {
            return self.renew_after_look();
        }
        renewal.phase = RenewalPhase::Writing;
        let user = self.session.user.clone().map(|user| User { is_ended: true, ..user });
        self.write(Writing::Renewed(Session { user, ..self.session.clone() }));
    }

    /// It is written.
    pub(super) fn renewed(&mut self) {
        let user = self.renewal.as_ref().map(|renewal| Rc::clone(&renewal.user));
        let is_theirs = user.is_some() && self.session.active_id() == user.as_ref();
        let token = Rc::clone(&self.session.tokens.access);
        self.end_renewal(&if is_theirs { Ok(token) } else { Err(Failure::new(Code::Unauthenticated)) });
    }

    /// It could not be written: somebody did something meanwhile, or there is no room.
    pub(super) fn not_renewed(&mut self, renewed: &Session) {
        let Some(renewal) = &mut self.renewal else { return };
        let has_changed = renewed.epoch != self.session.epoch || renewed.tokens.stamp <= self.session.tokens.stamp;
        let is_ended = renewed.user.as_ref().is_some_and(|user| user.is_ended);
        if has_changed && !is_ended && renewal.rounds < ROUNDS {
            renewal.rounds += 1;
            renewal.phase = RenewalPhase::Checking;
            self.mirror(After::Renew);
        } else if renewed.epoch == self.session.epoch && !is_ended {
            // It serves this once. The one on disk is renewed again, which gives the same.
            let token = Rc::clone(&renewed.tokens.access);
            self.end_renewal(&Ok(token));
        } else {
            self.end_renewal(&Err(Failure::new(Code::Unauthenticated)));
        }
    }

    pub(super) fn end_renewal(&mut self, token: &TokenOutcome) {
        let Some(renewal) = self.renewal.take() else { return };
        self.coordination.timers.clear(Timer::Renewal);
        self.release(Lock::Session);
        for waiter in renewal.waiters {
            self.give_token(waiter, token.clone());
        }
    }

    /// Somebody else is signed in by now.
    pub(super) fn stop_renewal(&mut self) {
        self.fetching.retain(|(_, fetching)| !matches!(fetching, Fetching::Renewal));
        self.end_renewal(&Err(Failure::new(Code::Unauthenticated)));
    }
}
