//! Signing in and out, and requests of the app's own in the name of who is signed in. Not here: tokens ([`super::renewal`]).

use std::rc::Rc;

use kairos_protocol::api::account::RefreshRequest;
use kairos_protocol::api::paths;

use crate::coordination::Timer;
use crate::effect::{Code, Failure, Fetch, Outcome};
use crate::input::HttpResponse;
use crate::json::writer::Writer;
use crate::query::{Reply, refuses_token};
use crate::sender::SendWaiter;
use crate::wire::{self, Grant};
use crate::wiring::Core;
use crate::wiring::steps::{After, Fetching, Outgoing, TokenOutcome, TokenWaiter, Writing};

/// How long who signs out waits for the outbox to be sent.
const SIGN_OUT_PATIENCE_MS: i64 = 5_000;

impl Core {
    pub(super) fn sign_in(&mut self, request: u32, path: String, body: String, drops_others: bool) {
        if path != paths::LOGIN && path != paths::REGISTER {
            return self.reject(request, Code::InvalidArgument);
        }
        let fetch = Fetch { method: "POST".into(), path: path.into(), body: Some(body.into()), ..Fetch::default() };
        let drops = self.session.user_id().filter(|_| drops_others).cloned();
        self.fetch(Fetching::SignIn { request, drops }, fetch);
    }

    pub(super) fn sign_in_fetched(&mut self, request: u32, drops: Option<Rc<str>>, response: &HttpResponse) {
        match Reply::of(response, false) {
            Reply::Success(response) => match wire::grant(&response.body) {
                Some(grant) => self.write(Writing::SignIn { request, grant: Rc::new(grant), drops }),
                None => self.reject(request, Code::Offline),
            },
            Reply::Problem(_, _, failure) => self.resolve(request, Err(failure)),
            Reply::NotModified(_) | Reply::Foreign => self.reject(request, Code::Offline),
        }
    }

    /// The rows say so by now; where they cannot be read, what was written.
    pub(super) fn signed_in(&mut self, request: u32, grant: &Rc<Grant>) {
        if self.mirror_failed && self.session.user_id() != Some(&grant.user) {
            let granted = self.session.granted(grant, self.now);
            self.follow(granted);
        }
        self.resolve(request, Ok(Outcome::SignedIn(Rc::clone(&grant.profile))));
        self.revalidate_path(&Self::replica_path());
        self.kick();
    }

    pub(super) fn sign_out(&mut self, request: u32, discard: bool) {
        let Some(user) = self.session.user_id().cloned() else {
            return self.resolve(request, Ok(Outcome::Done));
        };
        // What other tabs recorded counts too.
        self.mirror(After::SignOut { request, user, discard });
    }

    pub(super) fn begin_sign_out(&mut self, request: u32, user: &Rc<str>, discard: bool) {
        let user = match self.session.user_id().cloned() {
            Some(now) if now == *user => now,
            // Somebody else has signed in: nothing is taken from either.
            Some(_) => return self.reject(request, Code::Unauthenticated),
            None => return self.resolve(request, Ok(Outcome::Done)),
        };
        if !discard && self.outbox.has_pending() && self.session.active_id().is_some() {
            self.coordination.timers.set(self.now.saturating_add(SIGN_OUT_PATIENCE_MS), Timer::SignOut(request));
            self.signing_out.push((request, user));
            return self.flush(SendWaiter::SignOut(request));
        }
        self.write(Writing::SignOut { request, user, discard });
    }

    /// What waited was sent, or cannot be, or takes too long: the transaction counts.
    pub(super) fn sign_out_after_sending(&mut self, request: u32) {
        self.coordination.timers.clear(Timer::SignOut(request));
        self.sender.waiters.retain(|waiter| *waiter != SendWaiter::SignOut(request));
        let Some(place) = self.signing_out.iter().position(|(waiting, _)| *waiting == request) else { return };
        let (_, user) = self.signing_out.remove(place);
        if self.session.user_id() == Some(&user) {
            self.write(Writing::SignOut { request, user, discard: false });
        } else {
            self.reject(request, Code::Unauthenticated);
        }
    }

    pub(super) fn not_signed_out(&mut self, request: u32, user: &Rc<str>, discard: bool) {
        let code = if self.session.user_id() != Some(user) {
            // Somebody else has signed in. What waits here waits for this one's return.
            Code::Unauthenticated
        } else if !discard && (self.outbox.has_pending() || self.outbox.unreadable > 0) {
            Code::PendingOperations
        } else {
            Code::Storage
        };
        self.reject(request, code);
    }

    pub(super) fn refresh_body(refresh_token: &str) -> Rc<str> {
        let RefreshRequest { refresh_token } = RefreshRequest { refresh_token: refresh_token.to_owned() };
        let mut writer = Writer::default();
        writer.begin('{').name("refresh_token").string(&refresh_token).end('}');
        writer.into_text().into()
    }

    pub(super) fn send_request(&mut self, request: u32, method: &str, path: &str, body: Option<String>) {
        if !path.starts_with('/') || path.starts_with("//") {
            return self.reject(request, Code::InvalidArgument);
        }
        let user = self.session.active_id().cloned();
        let is_signed_in = user.is_some();
        self.outgoing.push(Outgoing {
            request,
            method: method.into(),
            path: path.into(),
            body: body.map(Rc::from),
            user,
            token: None,
            refused: None,
        });
        if is_signed_in {
            self.need_token(TokenWaiter::Outgoing(request), None);
        } else {
            self.send_outgoing(request, None);
        }
    }

    fn send_outgoing(&mut self, request: u32, token: Option<Rc<str>>) {
        let Some(outgoing) = self.outgoing.iter_mut().find(|outgoing| outgoing.request == request) else { return };
        outgoing.token.clone_from(&token);
        let fetch = Fetch {
            method: Rc::clone(&outgoing.method),
            path: Rc::clone(&outgoing.path),
            body: outgoing.body.clone(),
            token,
            ..Fetch::default()
        };
        self.fetch(Fetching::Outgoing(request), fetch);
    }

    pub(super) fn outgoing_token(&mut self, request: u32, token: TokenOutcome) {
        match token {
            Ok(token) => self.send_outgoing(request, Some(token)),
            Err(failure) => self.outgoing_done(request, Err(failure)),
        }
    }

    pub(super) fn outgoing_fetched(&mut self, request: u32, response: &HttpResponse) {
        let Some(outgoing) = self.outgoing.iter_mut().find(|outgoing| outgoing.request == request) else { return };
        let outcome = match Reply::of(response, false) {
            Reply::Problem(_, kind, _)
                if refuses_token(&kind) && outgoing.refused.is_none() && outgoing.token.is_some() =>
            {
                outgoing.refused = outgoing.token.take();
                let refused = outgoing.refused.clone();
                return self.need_token(TokenWaiter::Outgoing(request), refused);
            }
            Reply::Success(response) => {
                Ok(Outcome::Reply { status: response.status, body: response.body.as_str().into() })
            }
            Reply::Problem(_, _, failure) => Err(failure),
            Reply::NotModified(_) | Reply::Foreign => Err(Failure::new(Code::Offline)),
        };
        self.outgoing_done(request, outcome);
    }

    pub(super) fn outgoing_done(&mut self, request: u32, outcome: Result<Outcome, Failure>) {
        let before = self.outgoing.len();
        self.outgoing.retain(|outgoing| outgoing.request != request);
        if self.outgoing.len() < before {
            self.resolve(request, outcome);
        }
    }
}
