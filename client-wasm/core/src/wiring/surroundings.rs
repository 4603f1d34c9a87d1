//! The page, the other tabs, the locks, the timers and the network: what happens there and what follows. Not here: what is asked of the
//! network.

use kairos_protocol::api::paths;

use crate::coordination::{Connection, Message, Timer};
use crate::effect::{Code, Effect, Event, Failure, Fetch};
use crate::input::{HttpResponse, Input, Lock, PageEvent};
use crate::query::{Lookup, Reply};
use crate::rules::Broken;
use crate::storage::row::{Key, Range};
use crate::wiring::steps::{After, Fetching, Reading};
use crate::wiring::{Core, Disk};

/// How long the leader's lock is waited for before this tab leads without.
const LEADER_PATIENCE_MS: i64 = 30_000;
/// Probes while Kaïros is out of reach: after 5 s, then ever later, up to every minute.
/// Whoever says that somebody signs in or out may not be done yet, and may never be able to say so.
const LOOK_AGAIN_MS: i64 = 3_000;
const FIRST_PROBE_MS: i64 = 5_000;
const LONGEST_PROBE_MS: i64 = 60_000;

impl Core {
    pub(super) fn ask_to_lead(&mut self) {
        self.effects.push_back(Effect::RequestLock(Lock::Leader));
        if !self.rules.breaks(Broken::WaitsForLocks) {
            self.coordination.timers.set(self.now.saturating_add(LEADER_PATIENCE_MS), Timer::Leader);
        }
    }

    pub(super) fn lock_granted(&mut self, lock: Lock) {
        match lock {
            Lock::Leader if self.coordination.is_frozen => self.release(Lock::Leader),
            Lock::Leader => self.lead(),
            Lock::Session => self.renewal_lock_granted(),
        }
    }

    fn lead(&mut self) {
        self.coordination.timers.clear(Timer::Leader);
        if !std::mem::replace(&mut self.coordination.leads, true) {
            self.emit(Event::Status);
            if self.is_known {
                // The one before may have left something.
                self.mirror(After::Heard);
            }
        }
    }

    pub(super) fn lock_lost(&mut self, lock: Lock) {
        if lock == Lock::Leader {
            self.coordination.leads = false;
            if !self.coordination.is_frozen {
                self.ask_to_lead();
            }
        }
    }

    pub(super) fn hear(&mut self, text: &str) {
        if matches!(self.disk, Disk::Absent | Disk::Opening) {
            // Nothing was read yet: what they say will be.
            return;
        }
        match Message::parse(text) {
            Some(Message::Session) if self.rules.breaks(Broken::IgnoresMessages) => {}
            Some(Message::Session) => {
                self.coordination.must_check = true;
                self.coordination.timers.set(self.now.saturating_add(LOOK_AGAIN_MS), Timer::Look);
                self.mirror(After::Heard);
            }
            Some(Message::Outbox) => self.mirror(After::Heard),
            Some(Message::Stored(owner, path, generation)) => {
                let is_private = !owner.is_empty();
                if is_private && self.session.user_id() != Some(&owner) {
                    return;
                }
                self.raise_seen(&owner, generation);
                let is_here = self.cache.peek(&owner, &path).is_some_and(|here| here.generation <= generation);
                match Lookup::parse(&path, self.session.user_id()).ok().filter(|_| is_here) {
                    Some(lookup) => self.read(Reading::Renewed(lookup), vec![Range::One(Key::response(&owner, &path))]),
                    None => self.changed(&path),
                }
            }
            None => {}
        }
    }

    pub(super) fn page_changed(&mut self, event: PageEvent) {
        match event {
            PageEvent::Shown | PageEvent::Resumed => {
                self.coordination.is_frozen = false;
                // It may have slept while others signed in and out.
                self.coordination.must_check |= event == PageEvent::Resumed;
                if self.is_known {
                    self.mirror(After::Heard);
                }
                if event == PageEvent::Resumed && !self.coordination.leads {
                    self.ask_to_lead();
                }
                self.probe_if_needed();
            }
            PageEvent::Hidden => {
                self.coordination.timers.clear(Timer::Send);
                self.kick();
            }
            PageEvent::Frozen => {
                self.coordination.is_frozen = true;
                self.coordination.leads = false;
                self.coordination.timers.clear(Timer::Leader);
                self.release(Lock::Leader);
            }
            PageEvent::Online => {
                self.coordination.failed_probes = 0;
                self.coordination.timers.clear(Timer::Probe);
                self.probe();
                self.sender.failures = 0;
                self.coordination.timers.clear(Timer::Send);
                if self.is_known && !self.sender.must_wait(self.now) {
                    self.mirror(After::Send);
                }
            }
            PageEvent::Offline => self.set_connection(Connection::Offline),
        }
    }

    fn probe_if_needed(&mut self) {
        if self.coordination.connection == Connection::Offline {
            self.coordination.failed_probes = 0;
            self.probe();
        }
    }

    fn probe(&mut self) {
        if self.fetching.iter().any(|(_, fetching)| matches!(fetching, Fetching::Probe)) {
            return;
        }
        self.fetch(
            Fetching::Probe,
            Fetch { method: "GET".into(), path: paths::HEALTH_LIVE.into(), ..Fetch::default() },
        );
    }

    /// What the last response, or none, says of the network.
    fn set_connection(&mut self, connection: Connection) {
        let before = std::mem::replace(&mut self.coordination.connection, connection);
        if connection == Connection::Online {
            self.coordination.failed_probes = 0;
            self.coordination.timers.clear(Timer::Probe);
            if before == Connection::Offline {
                // All that failed is asked for again.
                for path in std::mem::take(&mut self.coordination.missed) {
                    self.revalidate_path(&path);
                }
                self.coordination.timers.clear(Timer::Send);
                self.kick();
            }
        } else if !self.coordination.timers.has(Timer::Probe) {
            let doubled = FIRST_PROBE_MS << self.coordination.failed_probes.min(6);
            let wait_ms = doubled.min(LONGEST_PROBE_MS);
            self.coordination.failed_probes += 1;
            self.coordination.timers.set(self.now.saturating_add(wait_ms), Timer::Probe);
        }
        if before != connection {
            self.emit(Event::Status);
        }
    }

    pub(super) fn fetched(&mut self, fetch: u32, response: &HttpResponse) {
        let Some(fetching) = self.take_fetching(fetch) else { return };
        let is_kairos = !matches!(Reply::of(response, true), Reply::Foreign);
        match fetching {
            Fetching::Flight(id) => self.flight_fetched(id, response),
            Fetching::Batch(attempt) => self.batch_fetched(attempt, response),
            Fetching::Renewal => self.renewal_fetched(response),
            Fetching::SignIn { request, drops } => self.sign_in_fetched(request, drops, response),
            Fetching::Outgoing(request) => self.outgoing_fetched(request, response),
            Fetching::Probe | Fetching::Nothing => {}
        }
        self.set_connection(if is_kairos { Connection::Online } else { Connection::Offline });
    }

    pub(super) fn fetch_failed(&mut self, fetch: u32) {
        let Some(fetching) = self.take_fetching(fetch) else { return };
        let failure = Failure::new(Code::Offline);
        self.set_connection(Connection::Offline);
        match fetching {
            Fetching::Flight(id) => self.fail_flight(id, &failure, 0),
            Fetching::Batch(attempt) if self.is_posting(attempt) => self.sending_failed(Code::Offline),
            Fetching::Renewal => self.end_renewal(&Err(failure)),
            Fetching::SignIn { request, .. } => self.resolve(request, Err(failure)),
            Fetching::Outgoing(request) => self.outgoing_done(request, Err(failure)),
            Fetching::Batch(_) | Fetching::Probe | Fetching::Nothing => {}
        }
    }

    fn take_fetching(&mut self, fetch: u32) -> Option<Fetching> {
        let place = self.fetching.iter().position(|(number, _)| *number == fetch)?;
        Some(self.fetching.remove(place).1)
    }

    /// The app waits for a promise no longer.
    pub(super) fn abort(&mut self, request: u32) {
        if self.take_waiter(request).is_some() {
            self.coordination.timers.clear(Timer::Patience(request));
            self.reject(request, Code::Aborted);
        }
        let is_it =
            |(_, input): &(_, Input)| matches!(input, Input::Get { request: waiting, .. } if *waiting == request);
        if self.inbox.iter().any(is_it) {
            self.inbox.retain(|waiting| !is_it(waiting));
            self.reject(request, Code::Aborted);
        }
        self.outgoing_done(request, Err(Failure::new(Code::Aborted)));
    }

    pub(super) fn fire_timers(&mut self) {
        self.timer_ms = None;
        let by_the_clock = self.rules.breaks(Broken::TimersByTheClock);
        for timer in self.coordination.timers.fire(self.now, by_the_clock) {
            match timer {
                Timer::Patience(request) => self.patience_ends(request),
                Timer::Disk if self.disk == Disk::Absent => self.adopt(),
                Timer::Disk => self.disk_refused(),
                Timer::Leader => self.lead(),
                Timer::Renewal => self.renewal_lock_granted(),
                Timer::Send => {
                    if self.is_known {
                        self.mirror(After::Send);
                    }
                }
                Timer::Look => self.mirror(After::Heard),
                Timer::SignOut(request) => self.sign_out_after_sending(request),
                Timer::Probe => self.probe(),
            }
        }
    }
}
