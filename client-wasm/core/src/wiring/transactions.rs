//! Each kind of transaction: what it writes under what holds now, and what follows when it is done, or cannot be.

use std::rc::Rc;

use crate::coordination::Message;
use crate::effect::{Code, Fetch, Outcome};
use crate::outbox::row::{TRIMMED, to_text};
use crate::rules::Broken;
use crate::session::{SEEN, Session};
use crate::storage::row::{Guard, Key, Row, Store, Transaction};
use crate::wire::Grant;
use crate::wiring::steps::{After, Fetching, Writing};
use crate::wiring::{Core, Disk};

/// What of a learner goes when somebody signs in over them; what waits and what was rejected stays for their return.
const REPLACED: [Store; 3] = [Store::Responses, Store::Journal, Store::Meta];
/// What else goes when they sign out.
const RECORDED: [Store; 2] = [Store::Operations, Store::Rejected];

impl Core {
    /// `None`: it is not to be written any more.
    pub(super) fn transaction_of(&self, writing: &Writing) -> Option<Transaction> {
        let mut transaction = Transaction::default();
        let format = self.config.format;
        match writing {
            Writing::Record { user, operation, replaces, .. } => {
                self.guard_user(&mut transaction, user, Broken::RecordsForAnybody)?;
                transaction.is_durable = true;
                if let Some(number) = replaces {
                    let rejected = Key::numbered(Store::Rejected, user, *number);
                    transaction.guards.push(Guard::Exists(rejected.clone()));
                    transaction.delete(rejected);
                }
                transaction.put(Key::numbered(Store::Operations, user, 0), 0, to_text(operation, None, format));
            }
            Writing::Results { user, confirmed, rejected } => {
                self.guard_user(&mut transaction, user, Broken::RecordsForAnybody)?;
                self.put_results(&mut transaction, user, confirmed, rejected);
            }
            Writing::Store { owner, path, .. } => self.put_response(&mut transaction, owner, path)?,
            Writing::Remove { owner, path } => {
                self.guard_user(&mut transaction, owner, Broken::StoresForAnybody)?;
                transaction.delete(Key::response(owner, path));
            }
            Writing::SignIn { grant, drops, .. } => self.put_sign_in(&mut transaction, grant, drops.as_ref()),
            Writing::SignOut { user, discard, .. } => self.put_sign_out(&mut transaction, user, *discard)?,
            Writing::Renewed(renewed) => self.put_renewed(&mut transaction, renewed)?,
            Writing::Dismiss { user, numbers, .. } => {
                self.guard_user(&mut transaction, user, Broken::RecordsForAnybody)?;
                for number in numbers {
                    transaction.delete(Key::numbered(Store::Rejected, user, *number));
                }
            }
            Writing::Trim { user, numbers, to, generation } => {
                self.guard_user(&mut transaction, user, Broken::RecordsForAnybody)?;
                for number in numbers {
                    transaction.delete(Key::numbered(Store::Journal, user, *number));
                }
                transaction.put_if_newer(Key::meta(user, TRIMMED), *to, decimal(*generation).into());
            }
            Writing::Evict(evicted) => {
                for (owner, path) in evicted {
                    transaction.delete(Key::response(owner, path));
                }
            }
            Writing::Adopt { session, found, recorded } => {
                self.put_memory(&mut transaction, session, found, recorded);
            }
        }
        Some(transaction)
    }

    fn put_sign_in(&self, transaction: &mut Transaction, grant: &Grant, drops: Option<&Rc<str>>) {
        let before = self.session.owner.as_ref().filter(|before| **before != grant.user);
        self.put_session(transaction, &self.session, &self.session.granted(grant, self.now));
        if let Some(before) = before {
            Self::delete_all(transaction, before, &REPLACED);
            Self::delete_all(transaction, before, if drops == Some(before) { &RECORDED } else { &[] });
        }
    }

    fn put_sign_out(&self, transaction: &mut Transaction, user: &Rc<str>, discard: bool) -> Option<()> {
        if self.session.user_id() != Some(user) {
            return None;
        }
        self.put_session(transaction, &self.session, &self.session.signed_out());
        if !discard && !self.rules.breaks(Broken::SignsOutUncounted) {
            transaction.guards.push(Guard::NoneOf(Store::Operations, Rc::clone(user)));
        }
        let kept = usize::from(self.rules.breaks(Broken::SignsOutLeavingResponses));
        Self::delete_all(transaction, user, REPLACED.get(kept..).unwrap_or_default());
        Self::delete_all(transaction, user, &RECORDED);
        Some(())
    }

    fn put_renewed(&self, transaction: &mut Transaction, renewed: &Session) -> Option<()> {
        let is_next = renewed.tokens.stamp == self.session.tokens.stamp + 1 || renewed.tokens == self.session.tokens;
        if renewed.epoch != self.session.epoch || !is_next {
            return None;
        }
        transaction.guards.push(self.session.tokens_guard());
        self.put_session(transaction, &self.session, renewed);
        Some(())
    }

    fn put_memory(&self, transaction: &mut Transaction, session: &Session, found: &Session, recorded: &[Row]) {
        transaction.guards.push(found.guard());
        if let Some(user) = session.user_id() {
            self.put_session(transaction, found, session);
            if let Some(before) = found.owner.as_ref().filter(|before| *before != user) {
                Self::delete_all(transaction, before, &REPLACED);
            }
        }
        for row in recorded {
            // It may have been sent before it gets a number here, and be in any response.
            Self::delete_all(transaction, &row.key.owner, &[Store::Responses]);
            // One that was rejected is sent once more, and rejected once more.
            let text = row.text.splitn(3, '\n').take(2).collect::<Vec<_>>().join("\n");
            transaction.put(Key::numbered(Store::Operations, &row.key.owner, 0), 0, text.into());
        }
    }

    /// On condition that `owner` is still signed in. `None`: they are not.
    fn guard_user(&self, transaction: &mut Transaction, owner: &Rc<str>, rule: Broken) -> Option<()> {
        if self.rules.breaks(rule) || owner.is_empty() {
            return Some(());
        }
        transaction.guards.push(self.session.guard());
        (self.session.user_id() == Some(owner)).then_some(())
    }

    fn put_session(&self, transaction: &mut Transaction, before: &Session, after: &Session) {
        transaction.guards.push(before.guard());
        transaction.is_durable = true;
        after.put(transaction, self.config.format);
        after.put_tokens(transaction, self.config.format);
    }

    /// What still waits of what the origin spoke of. Another tab may have heard the same.
    fn put_results(
        &self,
        transaction: &mut Transaction,
        user: &Rc<str>,
        confirmed: &[(u64, u64)],
        rejected: &[(u64, Rc<str>)],
    ) {
        let format = self.config.format;
        transaction.is_durable = true;
        let mut moved = |number: u64, store: Store, stamp: u64, problem: Option<&str>| {
            let Some(pending) = self.outbox.pending.iter().find(|pending| pending.number == number) else { return };
            let row = Key::numbered(Store::Operations, user, number);
            if !self.rules.breaks(Broken::WritesResultsBlindly) {
                transaction.guards.push(Guard::Exists(row.clone()));
            }
            transaction.delete(row);
            let drops = self.rules.breaks(Broken::DropsRejected) || self.rules.breaks(Broken::GivesUp);
            if store == Store::Rejected && drops {
                return;
            }
            if store == Store::Journal && self.rules.breaks(Broken::HasNoJournal) {
                return;
            }
            let text = to_text(&pending.operation, problem, format);
            transaction.put(Key::numbered(store, user, number), stamp, text);
        };
        for (number, generation) in confirmed {
            moved(*number, Store::Journal, *generation, None);
        }
        for (number, problem) in rejected {
            moved(*number, Store::Rejected, 0, Some(problem));
        }
        if let Some(generation) = confirmed.iter().map(|(_, generation)| *generation).max() {
            transaction.put_if_newer(Key::meta(user, SEEN), generation, "".into());
        }
        if self.rules.breaks(Broken::DeletesUnreadable) {
            Self::delete_all(transaction, user, &[Store::Operations]);
        }
    }

    /// A response that memory has.
    fn put_response(&self, transaction: &mut Transaction, owner: &Rc<str>, path: &Rc<str>) -> Option<()> {
        self.guard_user(transaction, owner, Broken::StoresForAnybody)?;
        let stored = self.cache.peek(owner, path)?;
        let (key, text) = (Key::response(owner, path), stored.to_text(self.config.format));
        if self.rules.breaks(Broken::StoresOlder) {
            transaction.put(key, stored.generation, text);
        } else {
            transaction.put_if_newer(key, stored.generation, text);
        }
        transaction.put_if_newer(Key::meta(owner, SEEN), stored.generation, "".into());
        Some(())
    }

    pub(super) fn written(&mut self, writing: Writing, numbers: &[u64]) {
        self.mirror_is_old |= !matches!(writing, Writing::Store { .. } | Writing::Remove { .. } | Writing::Evict(_));
        match writing {
            Writing::Record { request, user, operation, replaces } => {
                self.recorded(request, &user, &operation, replaces, numbers);
            }
            Writing::Results { user, confirmed, rejected } => self.results_written(&user, &confirmed, &rejected),
            Writing::Store { owner, path, generation } => {
                self.cache.mark_on_disk(&owner, &path, generation);
                self.tell(&Message::Stored(owner, path, generation));
                self.count_store();
            }
            Writing::Remove { .. } => {}
            Writing::SignIn { request, grant, .. } => {
                self.tell(&Message::Session);
                self.mirror(After::SignedIn(request, grant));
            }
            Writing::SignOut { request, user, .. } => {
                let refresh = Rc::clone(&self.session.tokens.refresh);
                let was_active = self.session.active_id() == Some(&user);
                if self.session.user_id() == Some(&user) {
                    self.follow(self.session.signed_out());
                }
                self.tell(&Message::Session);
                self.resolve(request, Ok(Outcome::Done));
                if was_active {
                    self.revoke(&refresh);
                }
                self.mirror(After::Heard);
            }
            Writing::Renewed(renewed) => {
                // What was read since may be newer.
                let is_newer = renewed.tokens.stamp >= self.session.tokens.stamp;
                if renewed.epoch == self.session.epoch && is_newer {
                    self.follow(renewed);
                }
                self.tell(&Message::Session);
                self.renewed();
            }
            Writing::Dismiss { request, numbers, .. } => {
                self.outbox.rejected.retain(|rejected| !numbers.contains(&rejected.number));
                self.resolve(request, Ok(Outcome::Done));
                self.tell(&Message::Outbox);
                self.operations_changed();
            }
            Writing::Trim { to, generation, .. } => {
                self.outbox.trim(to, generation);
                self.tell(&Message::Outbox);
            }
            Writing::Evict(_) => self.write_blocked(),
            Writing::Adopt { session, found, recorded } => {
                self.rows.remove(&recorded);
                self.session = if session.user.is_some() { session } else { found };
                self.adopted(true);
                self.tell(&Message::Session);
            }
        }
    }

    pub(super) fn not_written(&mut self, writing: Writing) {
        match writing {
            Writing::Record { request, user, .. } | Writing::Dismiss { request, user, .. } => {
                let is_theirs = self.session.user_id() == Some(&user);
                self.reject(request, if is_theirs { Code::Storage } else { Code::Unauthenticated });
            }
            Writing::Results { user, .. } => self.results_not_written(&user),
            Writing::SignIn { request, .. } => self.reject(request, Code::Storage),
            Writing::SignOut { request, user, discard } => self.not_signed_out(request, &user, discard),
            Writing::Renewed(renewed) => self.not_renewed(&renewed),
            Writing::Evict(_) => self.write_blocked(),
            Writing::Adopt { .. } => self.adopted(false),
            Writing::Store { .. } | Writing::Remove { .. } | Writing::Trim { .. } => {}
        }
    }

    /// Ends a session at the origin. Without a network it ends when its refresh token expires.
    fn revoke(&mut self, refresh: &str) {
        let body = Some(Self::refresh_body(refresh));
        let path = kairos_protocol::api::paths::LOGOUT.into();
        self.fetch(Fetching::Nothing, Fetch { method: "POST".into(), path, body, ..Fetch::default() });
    }

    /// Whether what is recorded now survives the page.
    pub(super) fn is_durable(&self) -> bool {
        self.disk == Disk::Open
    }
}

/// A number as text.
fn decimal(number: u64) -> String {
    let mut text = String::new();
    crate::json::writer::push_integer(&mut text, i64::try_from(number).unwrap_or(i64::MAX));
    text
}
