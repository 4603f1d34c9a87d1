//! The disk: opening it, reads and transactions and what comes of them, room on it. Not what rows mean.

use std::rc::Rc;

use crate::coordination::{Message, Timer};
use crate::effect::{Code, Effect, Event};
use crate::input::Input;
use crate::order::sort;
use crate::query::Lookup;
use crate::session::Session;
use crate::storage::memory::MemoryRows;
use crate::storage::row::{Range, Refusal, Row, Store, Transaction};
use crate::wiring::steps::{After, Reading, Writing};
use crate::wiring::{Core, Disk};

/// How long opening may take: it can hang for ever when another tab blocks it.
const OPEN_PATIENCE_MS: i64 = 3_000;
/// How often a transaction is tried.
const ATTEMPTS: u8 = 4;
/// Rows of the index at a time.
const INDEX_ROWS: usize = 500;
/// After so many stored responses the index is looked at.
const STORES_UNTIL_INDEX: u32 = 64;

impl Core {
    /// Whether an input has to wait until it is known who is signed in.
    pub(super) fn must_wait_for_disk(&self, input: &Input) -> bool {
        !self.is_known && input.request().is_some() && !matches!(input, Input::Abort { .. })
    }

    pub(super) fn wait_for_disk(&mut self) {
        self.coordination.timers.set(self.now.saturating_add(OPEN_PATIENCE_MS), Timer::Disk);
    }

    pub(super) fn disk_opened(&mut self) {
        match self.disk {
            Disk::Open => {}
            Disk::Absent => {
                // It stays so until what is in memory has moved over.
                self.adopt();
            }
            // What is in memory is on its way.
            Disk::Opening if self.has_memory_rows => {}
            Disk::Opening | Disk::Closed => {
                self.disk = Disk::Open;
                self.coordination.timers.clear(Timer::Disk);
                self.write_blocked();
                self.mirror(After::Opened);
            }
        }
    }

    /// No disk: from memory, then.
    pub(super) fn disk_refused(&mut self) {
        self.coordination.timers.clear(Timer::Disk);
        match self.disk {
            Disk::Opening => self.go_without_disk(),
            Disk::Closed => {
                let blocked = std::mem::take(&mut self.blocked);
                for (writing, _) in blocked {
                    self.not_written(writing);
                }
            }
            Disk::Open | Disk::Absent => {}
        }
    }

    /// From memory, until a disk opens.
    pub(super) fn go_without_disk(&mut self) {
        self.disk = Disk::Absent;
        if std::mem::replace(&mut self.has_memory_rows, true) {
            // It opened once: that is tried again.
            self.wait_for_disk();
        }
        self.write_blocked();
        self.opened();
    }

    pub(super) fn disk_closed(&mut self) {
        if self.disk == Disk::Open {
            self.disk = Disk::Closed;
            self.wait_for_disk();
            self.emit(Event::Status);
        }
    }

    /// It is known who is signed in: what waited for that goes on.
    pub(super) fn opened(&mut self) {
        self.is_known = true;
        for (user, input) in std::mem::take(&mut self.inbox) {
            let request = input.request().filter(|_| user.is_some() && self.session.user_id() != user.as_ref());
            match request.filter(|_| is_private(&input)) {
                // It was meant for somebody who is not signed in any more.
                Some(request) => self.reject(request, Code::Unauthenticated),
                None => self.dispatch(input),
            }
        }
        self.kick();
        self.emit(Event::Status);
    }

    /// Reads from the disk, or from memory where there is none.
    pub(super) fn read(&mut self, reading: Reading, ranges: Vec<Range>) {
        let read = self.number();
        self.reading.push((read, reading));
        match self.disk {
            Disk::Absent => {
                let rows = self.rows.read(&ranges);
                self.rows_read(read, Some(&rows));
            }
            Disk::Closed | Disk::Opening => self.rows_read(read, None),
            Disk::Open => self.effects.push_back(Effect::Read { read, ranges }),
        }
    }

    pub(super) fn rows_read(&mut self, read: u32, rows: Option<&[Row]>) {
        let Some(place) = self.reading.iter().position(|(number, _)| *number == read) else { return };
        match self.reading.remove(place).1 {
            Reading::Mirror(owner) => self.mirror_read(&owner, rows),
            Reading::Stored(flight) => self.stored_read(flight, rows.unwrap_or_default()),
            Reading::Renewed(lookup) => drop(self.promote(&lookup, rows.unwrap_or_default())),
            Reading::Index => self.index_read(rows),
            Reading::Adopt => self.adopt_under(rows),
        }
    }

    /// Begins a transaction.
    pub(super) fn write(&mut self, writing: Writing) {
        self.write_again(writing, 0);
    }

    fn write_again(&mut self, writing: Writing, attempt: u8) {
        match self.disk {
            Disk::Opening | Disk::Closed if self.coordination.timers.has(Timer::Disk) => {
                self.blocked.push((writing, attempt));
                return;
            }
            Disk::Opening | Disk::Closed => return self.not_written(writing),
            Disk::Open | Disk::Absent => {}
        }
        let Some(transaction) = self.transaction_of(&writing) else { return self.not_written(writing) };
        if matches!(writing, Writing::SignIn { .. } | Writing::SignOut { .. }) {
            // This tab may die before it can say that it is done: the others look now, and once more.
            self.tell(&Message::Session);
        }
        let write = self.number();
        self.writing.push((write, writing, attempt));
        self.begin(write, transaction);
    }

    fn begin(&mut self, write: u32, transaction: Transaction) {
        if self.disk == Disk::Absent {
            let done = self.rows.apply(&transaction);
            self.write_done(write, done);
        } else {
            self.effects.push_back(Effect::Write { write, transaction });
        }
    }

    pub(super) fn write_done(&mut self, write: u32, done: Result<Vec<u64>, Refusal>) {
        let Some(place) = self.writing.iter().position(|(number, ..)| *number == write) else { return };
        let (_, writing, attempt) = self.writing.remove(place);
        let fails = matches!(done, Err(Refusal::Quota | Refusal::Aborted));
        if self.disk_fails != fails && !matches!(done, Err(Refusal::Conflict)) {
            self.disk_fails = fails;
            self.emit(Event::Status);
        }
        match done {
            Ok(numbers) => self.written(writing, &numbers),
            Err(_) if attempt + 1 >= ATTEMPTS || writing.is_once() => self.not_written(writing),
            Err(Refusal::Conflict) => self.mirror(After::Rewrite(Box::new(writing), attempt + 1)),
            Err(Refusal::Aborted) => self.write_again(writing, attempt + 1),
            Err(Refusal::Quota) => {
                self.blocked.push((writing, attempt + 1));
                self.read_index();
            }
        }
    }

    /// Once more, under what holds now.
    pub(super) fn rewrite(&mut self, writing: Writing, attempt: u8) {
        self.write_again(writing, attempt);
    }

    pub(super) fn write_blocked(&mut self) {
        for (writing, attempt) in std::mem::take(&mut self.blocked) {
            self.write_again(writing, attempt);
        }
    }

    /// Counts a response that was stored; from time to time the disk is looked at.
    pub(super) fn count_store(&mut self) {
        self.stores_since_index += 1;
        if self.stores_since_index >= STORES_UNTIL_INDEX && self.coordination.leads {
            self.read_index();
        }
    }

    /// Reads the index, part by part, to evict.
    pub(super) fn read_index(&mut self) {
        self.stores_since_index = 0;
        if self.index.is_none() && self.disk == Disk::Open {
            self.index = Some(Vec::new());
            self.read(Reading::Index, vec![Range::Index { after: None, limit: INDEX_ROWS }]);
        }
    }

    fn index_read(&mut self, rows: Option<&[Row]>) {
        let Some(mut index) = self.index.take() else { return };
        let rows = rows.unwrap_or_default();
        for row in rows {
            let mut lines = row.text.splitn(4, '\n');
            let bytes = lines.next().and_then(|bytes| bytes.parse().ok()).unwrap_or(0);
            let made_at_ms = lines.nth(1).and_then(|made_at| made_at.parse().ok()).unwrap_or(0);
            index.push((made_at_ms, Rc::clone(&row.key.owner), Rc::clone(&row.key.name), bytes));
        }
        self.index = Some(index);
        match rows.last().filter(|_| rows.len() >= INDEX_ROWS) {
            Some(last) => {
                let after = Some(last.key.clone());
                self.read(Reading::Index, vec![Range::Index { after, limit: INDEX_ROWS }]);
            }
            None => self.evict(),
        }
    }

    /// Evicts what is too much, the oldest first; when something waits for room, at least a quarter.
    fn evict(&mut self) {
        let mut index = self.index.take().unwrap_or_default();
        sort(&mut index, |one, other| one.0 < other.0);
        let total: usize = index.iter().map(|(.., bytes)| bytes).sum();
        let needs_room = !self.blocked.is_empty();
        let most = if needs_room { self.config.disk_bytes.min(total / 4 * 3) } else { self.config.disk_bytes };
        let mut left = total;
        let mut evicted = Vec::new();
        for (_, owner, path, bytes) in index {
            if left <= most {
                break;
            }
            left -= bytes;
            evicted.push((owner, path));
        }
        if evicted.is_empty() {
            self.write_blocked();
        } else {
            self.write(Writing::Evict(evicted));
        }
    }

    /// All rows of `owner` in these stores go.
    pub(super) fn delete_all(transaction: &mut Transaction, owner: &Rc<str>, stores: &[Store]) {
        transaction.deletes.extend(stores.iter().map(|store| Range::OwnedBy(*store, Rc::clone(owner))));
    }
}

impl Core {
    /// Moves what is in memory to a disk that opened late.
    pub(super) fn adopt(&mut self) {
        self.disk = Disk::Opening;
        self.is_known = false;
        self.wait_for_disk();
        let read = self.number();
        self.reading.push((read, Reading::Adopt));
        let ranges = vec![Range::OwnedBy(Store::Meta, "".into())];
        self.effects.push_back(Effect::Read { read, ranges });
    }

    /// Knowing who is signed in on the disk.
    fn adopt_under(&mut self, rows: Option<&[Row]>) {
        if self.disk != Disk::Opening || self.is_known {
            return;
        }
        let Some(rows) = rows else { return self.adopted(false) };
        let found = Session::from_rows(rows, self.config.format);
        let recorded = self.rows.recorded();
        if self.session.user.is_none() && recorded.is_empty() {
            return self.adopted(true);
        }
        let mut session = self.session.clone();
        session.epoch = found.epoch + 1;
        session.tokens.stamp = found.tokens.stamp + 1;
        let writing = Writing::Adopt { session, found, recorded };
        let Some(transaction) = self.transaction_of(&writing) else { return };
        let write = self.number();
        self.writing.push((write, writing, 0));
        self.effects.push_back(Effect::Write { write, transaction });
    }

    /// It moved over, or has to wait for another try.
    pub(super) fn adopted(&mut self, has_moved: bool) {
        if has_moved && !self.rows.recorded().is_empty() {
            // Recorded meanwhile.
            self.adopt();
        } else if has_moved {
            self.has_memory_rows = false;
            self.disk = Disk::Open;
            self.coordination.timers.clear(Timer::Disk);
            self.rows = MemoryRows::default();
            // Their numbers were those of the memory.
            self.cache.remove_others("");
            for flight in self.flights.iter_mut().filter(|flight| flight.lookup.is_private()) {
                (flight.stored, flight.fallback) = (None, None);
            }
            self.floor = self.seen;
            self.blocked.retain(|(writing, _)| !matches!(writing, Writing::Results { .. } | Writing::Trim { .. }));
            self.stop_sending();
            self.write_blocked();
            self.mirror(After::Opened);
        } else {
            self.go_without_disk();
        }
    }
}

/// Whether an input is about who is signed in.
fn is_private(input: &Input) -> bool {
    match input {
        Input::Get { path, .. } => Lookup::parse(path, None) == Err(Code::Unauthenticated),
        Input::SignIn { .. } => false,
        _ => true,
    }
}

impl Writing {
    /// Whether it is not tried again: what it writes can be fetched again.
    fn is_once(&self) -> bool {
        matches!(
            self,
            Self::Store { .. } | Self::Remove { .. } | Self::Trim { .. } | Self::Evict(_) | Self::Adopt { .. }
        )
    }
}
