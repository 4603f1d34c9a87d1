//! What this tab has of the rows that all tabs share: who is signed in, and their outbox. It is read anew when another tab says that it
//! changed, when a transaction met with a conflict, and before a response is stored; and this tab follows who is signed in.

use std::rc::Rc;

use crate::cache::stored::StoredResponse;
use crate::coordination::Timer;
use crate::effect::{Code, Event, Failure, SignedOut};
use crate::outbox::{Outbox, row};
use crate::query::{Flight, Lookup, Phase};
use crate::rules::Broken;
use crate::session::{SEEN, Session};
use crate::storage::row::{Range, Row, Store};
use crate::wiring::steps::{After, Fetching, Reading};
use crate::wiring::{Core, Disk};

/// Rows that could not be read are read again.
const LOOK_AGAIN_MS: i64 = 1_000;

impl Core {
    /// Reads the rows in a transaction that begins from now on, then goes on with `after`.
    pub(super) fn mirror(&mut self, after: After) {
        if self.mirroring.is_some() {
            self.mirroring_next.push(after);
        } else {
            self.begin_mirror(vec![after]);
        }
    }

    fn begin_mirror(&mut self, afters: Vec<After>) {
        let owner = self.session.user_id().cloned().unwrap_or_default();
        let mut ranges = vec![Range::OwnedBy(Store::Meta, "".into())];
        if !owner.is_empty() {
            ranges.extend(row::ranges(&owner));
        }
        self.mirroring = Some(afters);
        self.mirror_is_old = false;
        self.read(Reading::Mirror(owner), ranges);
    }

    pub(super) fn mirror_read(&mut self, owner: &Rc<str>, rows: Option<&[Row]>) {
        let Some(afters) = self.mirroring.take() else { return };
        if let Some(rows) = rows {
            let session = Session::from_rows(rows, self.config.format);
            let is_of_user = session.user_id().cloned().unwrap_or_default() == *owner;
            if self.mirror_is_old || !is_of_user {
                if !self.mirror_is_old {
                    self.follow(session);
                }
                return self.begin_mirror(afters);
            }
            self.load(session, owner, rows);
        } else {
            self.mirror_failed = true;
            if self.disk == Disk::Open {
                self.coordination.timers.set(self.now.saturating_add(LOOK_AGAIN_MS), Timer::Look);
            }
            if !self.is_known && self.disk == Disk::Open {
                // Nobody knows who is signed in: from memory, until the disk can be read.
                self.has_memory_rows = true;
                self.disk = Disk::Absent;
                self.wait_for_disk();
            }
        }
        for after in afters {
            self.go_on(after);
        }
        if self.is_known {
            // Something may have been found that waits.
            self.kick();
        }
        // Something above may have begun to read again: then these wait for that.
        let next = std::mem::take(&mut self.mirroring_next);
        if !next.is_empty() {
            if self.mirroring.is_some() {
                self.mirroring_next = next;
            } else {
                self.begin_mirror(next);
            }
        }
    }

    fn load(&mut self, session: Session, owner: &Rc<str>, rows: &[Row]) {
        if std::mem::take(&mut self.mirror_failed) {
            // Stored without knowing what other tabs recorded meanwhile.
            self.drop_stored(|stored| !stored.is_on_disk);
        }
        self.follow(session);
        self.coordination.must_check = false;
        let outbox = Outbox::from_rows(rows, owner, self.config.format);
        let has_changed = self.outbox != outbox;
        self.outbox = outbox;
        for row in rows.iter().filter(|row| row.key.store == Store::Meta && *row.key.name == *SEEN) {
            let owner = Rc::clone(&row.key.owner);
            self.raise_seen(&owner, row.stamp);
        }
        if has_changed {
            self.operations_changed();
        }
    }

    fn go_on(&mut self, after: After) {
        match after {
            After::Opened => {
                if self.coordination.leads {
                    self.read_index();
                }
                self.opened();
            }
            After::Heard => self.kick(),
            After::Check(flight) => self.check(flight),
            After::Rewrite(writing, attempt) => self.rewrite(*writing, attempt),
            After::Renew => self.renew_after_look(),
            After::RenewalRefused(stamp) => self.renewal_refused(stamp),
            After::SignedIn(request, grant) => self.signed_in(request, &grant),
            After::Get { request, path, mode, user } => {
                // It was asked for in the name of who was signed in then.
                if self.coordination.must_check {
                    // Nobody can say whether they still are signed in.
                    self.reject(request, Code::Storage);
                } else if let Some(lookup) = Lookup::parse(&path, user.as_ref())
                    .ok()
                    .filter(|lookup| self.session.user_id().is_some_and(|user| *user == lookup.owner))
                {
                    self.look_up(request, lookup, mode);
                } else {
                    self.reject(request, Code::Unauthenticated);
                }
            }
            After::Send => self.send_unless_told_to_wait(),
            After::SignOut { request, user, discard } => self.begin_sign_out(request, &user, discard),
        }
    }

    /// Takes over who is signed in. When it is somebody else by now, nothing of the one before is shown or done any more (I-PRIVATE).
    pub(super) fn follow(&mut self, session: Session) {
        let before = std::mem::replace(&mut self.session, session);
        let (before_id, now_id) = (before.user_id().cloned(), self.session.user_id().cloned());
        let has_ended = |session: &Session| session.user.as_ref().is_some_and(|user| user.is_ended);
        let (had_ended, has_ended) = (has_ended(&before), has_ended(&self.session));
        if before_id == now_id && before.epoch == self.session.epoch {
            if has_ended && !had_ended {
                self.emit(Event::SignedOut(SignedOut::Expired));
                self.operations_changed();
            }
            return;
        }
        if before_id != now_id {
            self.outbox = Outbox::unread();
            (self.seen[1], self.floor[1]) = (0, 0);
            self.newest_shown.set(0);
            if !self.rules.breaks(Broken::ShowsOthers) {
                self.cache.remove_others(now_id.as_deref().unwrap_or_default());
                self.drop_flights_of_others();
            }
            self.drop_outgoing_of_others();
        }
        if before_id == now_id {
            // Somebody else may have been signed in meanwhile, and the journal gone with that.
            self.drop_stored(|_| true);
            for flight in self.flights.iter_mut().filter(|flight| flight.lookup.is_private()) {
                (flight.stored, flight.fallback) = (None, None);
            }
        }
        let left = self.take_flights_under_way();
        self.stop_sending();
        self.stop_renewal();
        for flight in left {
            let id = flight.id;
            self.flights.push(flight);
            self.begin_fetch(id);
        }
        match (before_id, now_id) {
            (Some(_), None) => self.emit(Event::SignedOut(SignedOut::SignOut)),
            (Some(before), Some(now)) if before != now => self.emit(Event::SignedOut(SignedOut::Replaced)),
            _ => {}
        }
        self.operations_changed();
    }

    /// Fetches in the name of who is signed in, which begin anew: what is on its way is from before, and nobody knows any more which operations
    /// that includes.
    fn take_flights_under_way(&mut self) -> Vec<Flight> {
        let is_under_way = |flight: &Flight| flight.lookup.is_private() && flight.phase != Phase::Looking;
        let (mut taken, left): (Vec<_>, Vec<_>) = std::mem::take(&mut self.flights).into_iter().partition(is_under_way);
        self.flights = left;
        for flight in &mut taken {
            (flight.received, flight.token, flight.refused) = (None, None, None);
            self.fetching.retain(|(_, fetching)| !matches!(fetching, Fetching::Flight(id) if *id == flight.id));
        }
        taken
    }

    /// Drops what memory has of who is signed in. What only memory had is not replaced by something older.
    fn drop_stored(&mut self, condition: impl Fn(&StoredResponse) -> bool) {
        let dropped = self.cache.remove_where(|owner, _, stored| !owner.is_empty() && condition(stored));
        let lost = dropped.iter().filter(|stored| !stored.is_on_disk);
        self.floor[1] = self.floor[1].max(lost.map(|stored| stored.generation).max().unwrap_or(0));
    }

    fn drop_flights_of_others(&mut self) {
        let user = self.session.user_id().cloned().unwrap_or_default();
        let is_others = |owner: &Rc<str>| !owner.is_empty() && *owner != user;
        let (dropped, flights): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.flights).into_iter().partition(|flight| is_others(&flight.lookup.owner));
        self.flights = flights;
        for flight in dropped {
            self.fetching.retain(|(_, fetching)| !matches!(fetching, Fetching::Flight(id) if *id == flight.id));
            for waiter in flight.waiters {
                self.reject(waiter.request, Code::Unauthenticated);
            }
        }
    }

    fn drop_outgoing_of_others(&mut self) {
        let user = self.session.user_id().cloned();
        let (dropped, left): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.outgoing).into_iter().partition(|one| one.user.is_some() && one.user != user);
        self.outgoing = left;
        for outgoing in dropped {
            self.resolve(outgoing.request, Err(Failure::new(Code::Unauthenticated)));
        }
    }
}
