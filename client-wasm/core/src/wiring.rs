//! The core: the one place where the components meet. Each kind of input has its file below, which adds methods to [`Core`]; this one
//! has what they share, and says which input goes where.

mod accounts;
mod disk;
mod fetches;
mod mirror;
mod operations;
mod reads;
mod renewal;
mod sending;
mod steps;
mod surroundings;
mod transactions;

use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;

use crate::cache::{Cache, Counters};
use crate::coordination::{Connection, Coordination, Message};
use crate::effect::{Code, Effect, Event, Failure, Fetch, Outcome};
use crate::input::{Input, Lock};
use crate::outbox::{Outbox, Pending, Rejected};
use crate::overlay::Overlay;
use crate::query::Flight;
use crate::rules::{Broken, Rules};
use crate::sender::Sender;
use crate::session::Session;
use crate::storage::memory::MemoryRows;
use steps::{After, Fetching, Outgoing, Reading, Renewal, Writing};

/// What a core is made with.
#[derive(Clone, Debug)]
pub struct Config {
    /// The version of what is written, as a digit: rows of a larger one are left alone.
    pub format: u8,
    /// What stored responses may weigh in memory.
    pub memory_bytes: usize,
    /// How many there may be in memory.
    pub memory_entries: usize,
    /// What they may weigh on disk.
    pub disk_bytes: usize,
    /// 64 random bits, which spread retries.
    pub seed: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { format: b'1', memory_bytes: 8 << 20, memory_entries: usize::MAX, disk_bytes: 50 << 20, seed: 0 }
    }
}

/// Whether there is a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Disk {
    /// Nobody knows yet. Everything waits, 3 s at most.
    Opening,
    Open,
    /// There is none: rows are in memory. It may open yet.
    Absent,
    /// It was open. Nothing can be read or written until it is again.
    Closed,
}

/// A stored response on disk: made at, owner, path, bytes.
type IndexEntry = (i64, Rc<str>, Rc<str>, usize);

/// One tab's client.
pub struct Core {
    config: Config,
    rules: Rules,
    now: i64,
    random: u64,
    effects: VecDeque<Effect>,
    next_number: u32,
    timer_ms: Option<i64>,
    disk: Disk,
    /// Whether the last transaction failed.
    disk_fails: bool,
    rows: MemoryRows,
    /// Rows in memory have not moved to a disk yet.
    has_memory_rows: bool,
    /// What waits for the disk to open, or for room on it, and how often it was tried.
    blocked: Vec<(Writing, u8)>,
    /// What waits until it is known who is signed in, and who was until then.
    inbox: Vec<(Option<Rc<str>>, Input)>,
    reading: Vec<(u32, Reading)>,
    writing: Vec<(u32, Writing, u8)>,
    fetching: Vec<(u32, Fetching)>,
    /// The rows are being read, for these.
    mirroring: Option<Vec<After>>,
    /// And once more then, for these.
    mirroring_next: Vec<After>,
    /// Rows were written since they began to be read.
    mirror_is_old: bool,
    /// Whether it is known who is signed in.
    is_known: bool,
    /// The last look at the rows failed.
    mirror_failed: bool,
    /// What the index had, while it is read for eviction.
    index: Option<Vec<IndexEntry>>,
    stores_since_index: u32,
    cache: Cache,
    outbox: Outbox,
    session: Session,
    /// The highest generation of the catalogue, and of who is signed in, that was seen.
    seen: [u64; 2],
    /// Stored responses on disk that are older are not used: a newer one had no room there and left memory.
    floor: [u64; 2],
    /// The newest generation of a learner's list or sums that was shown: what follows from an older list is not shown after it.
    newest_shown: Cell<u64>,
    flights: Vec<Flight>,
    watches: Vec<(u32, Rc<str>)>,
    sender: Sender,
    renewal: Option<Renewal>,
    outgoing: Vec<Outgoing>,
    /// Who signs out when the outbox is sent.
    signing_out: Vec<(u32, Rc<str>)>,
    coordination: Coordination,
}

/// What an app may show of the client.
pub struct Status<'a> {
    /// Who is signed in, as JSON.
    pub profile: Option<&'a Rc<str>>,
    /// Their id.
    pub user: Option<&'a Rc<str>>,
    /// Whether the origin refused to renew their session.
    pub is_ended: bool,
    /// Whether Kaïros can be reached.
    pub connection: Connection,
    /// Whether this tab sends.
    pub is_sending: bool,
    /// Whether this tab leads.
    pub leads: bool,
    /// Why operations wait.
    pub send_failure: Option<&'a Failure>,
    /// How often those that wait were sent by this tab, by number; those that were not are not in it.
    pub attempts: &'a [(u64, u32)],
    /// Those that wait.
    pub pending: &'a [Pending],
    /// Those that were rejected and not seen yet.
    pub rejected: &'a [Rejected],
    /// Whether what comes now survives a reload.
    pub persists: bool,
    /// Memory.
    pub memory: Counters,
}

impl Core {
    /// A client that knows nothing yet. It asks for the leader's lock and waits for the disk.
    #[must_use]
    pub fn new(now: i64, config: Config) -> Self {
        let mut core = Self {
            rules: Rules::default(),
            now,
            random: config.seed | 1,
            effects: VecDeque::new(),
            next_number: 0,
            timer_ms: None,
            disk: Disk::Opening,
            disk_fails: false,
            rows: MemoryRows::default(),
            has_memory_rows: false,
            blocked: Vec::new(),
            inbox: Vec::new(),
            reading: Vec::new(),
            writing: Vec::new(),
            fetching: Vec::new(),
            mirroring: None,
            mirroring_next: Vec::new(),
            mirror_is_old: false,
            is_known: false,
            mirror_failed: false,
            index: None,
            stores_since_index: 0,
            cache: Cache::new(config.memory_bytes, config.memory_entries),
            outbox: Outbox::default(),
            session: Session::default(),
            seen: [0; 2],
            floor: [0; 2],
            newest_shown: Cell::new(0),
            flights: Vec::new(),
            watches: Vec::new(),
            sender: Sender::default(),
            renewal: None,
            outgoing: Vec::new(),
            signing_out: Vec::new(),
            coordination: Coordination::default(),
            config,
        };
        core.ask_to_lead();
        core.wait_for_disk();
        core.set_timer();
        core
    }

    /// The same, with a rule broken.
    #[cfg(feature = "breakable")]
    #[must_use]
    pub fn breaking(mut self, broken: Option<Broken>) -> Self {
        self.rules = Rules::breaking(broken);
        self
    }

    /// Takes in what happened at `now`, milliseconds since 1970 by the page's clock, which may jump. Effects follow.
    pub fn handle(&mut self, now: i64, input: Input) {
        if now < self.now && !self.rules.breaks(Broken::TimersByTheClock) {
            self.coordination.timers.bring_forward(self.now.saturating_sub(now));
            self.timer_ms = None;
        }
        self.now = now;
        self.dispatch(input);
        self.set_timer();
    }

    /// The next thing to do.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// What is known now.
    #[must_use]
    pub fn status(&self) -> Status<'_> {
        let user = self.session.user.as_ref();
        Status {
            profile: user.map(|user| &user.profile),
            user: user.map(|user| &user.id),
            is_ended: user.is_some_and(|user| user.is_ended),
            connection: self.coordination.connection,
            is_sending: !self.sender.is_idle(),
            leads: self.coordination.leads,
            send_failure: self.sender.last_failure.as_ref().filter(|_| self.outbox.has_pending()),
            attempts: &self.sender.attempts,
            pending: &self.outbox.pending,
            rejected: &self.outbox.rejected,
            persists: self.disk == Disk::Open && !self.disk_fails,
            memory: self.cache.counters(),
        }
    }

    fn dispatch(&mut self, input: Input) {
        if self.must_wait_for_disk(&input) {
            let user = self.session.user_id().cloned();
            self.inbox.push((user, input));
            return;
        }
        match input {
            Input::Get { request, path, mode } => self.get(request, path, mode),
            Input::Watch { watch, path } => self.watches.push((watch, path.into())),
            Input::Unwatch { watch } => self.watches.retain(|(other, _)| *other != watch),
            Input::Mutate { request, module, action, entropy } => {
                self.mutate(request, &module, action, entropy, None);
            }
            Input::Resend { request, number, module, action, entropy } => {
                self.mutate(request, &module, action, entropy, Some(number));
            }
            Input::Dismiss { request, numbers } => self.dismiss(request, numbers),
            Input::SignIn { request, path, body, drops_others } => self.sign_in(request, path, body, drops_others),
            Input::SignOut { request, discard } => self.sign_out(request, discard),
            Input::Request { request, method, path, body } => self.send_request(request, &method, &path, body),
            Input::Sync { request } => self.sync(request),
            Input::Abort { request } => self.abort(request),
            Input::Fetched { fetch, response } => self.fetched(fetch, &response),
            Input::FetchFailed { fetch } => self.fetch_failed(fetch),
            Input::Rows { read, rows } => self.rows_read(read, Some(&rows)),
            Input::ReadFailed { read } => self.rows_read(read, None),
            Input::Committed { write, numbers } => self.write_done(write, Ok(numbers)),
            Input::NotCommitted { write, refusal } => self.write_done(write, Err(refusal)),
            Input::Timer => self.fire_timers(),
            Input::LockGranted { lock } | Input::LockRefused { lock } => self.lock_granted(lock),
            Input::LockLost { lock } => self.lock_lost(lock),
            Input::Message { text } => self.hear(&text),
            Input::Page(event) => self.page_changed(event),
            Input::DiskOpened => self.disk_opened(),
            Input::DiskRefused => self.disk_refused(),
            Input::DiskClosed => self.disk_closed(),
        }
    }

    fn number(&mut self) -> u32 {
        self.next_number = self.next_number.wrapping_add(1);
        self.next_number
    }

    /// A byte by chance (xorshift64).
    fn random_byte(&mut self) -> u8 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        u8::try_from(self.random >> 56).unwrap_or(0)
    }

    fn set_timer(&mut self) {
        let next = self.coordination.timers.next_ms();
        if next != self.timer_ms {
            self.timer_ms = next;
            if let Some(at_ms) = next {
                self.effects.push_back(Effect::SetTimer { at_ms });
            }
        }
    }

    fn resolve(&mut self, request: u32, outcome: Result<Outcome, Failure>) {
        self.effects.push_back(Effect::Resolve { request, outcome });
    }

    fn reject(&mut self, request: u32, code: Code) {
        self.resolve(request, Err(Failure::new(code)));
    }

    fn emit(&mut self, event: Event) {
        // Several of one kind in a row say no more than one.
        if !matches!(self.effects.back(), Some(Effect::Emit(last)) if *last == event) {
            self.effects.push_back(Effect::Emit(event));
        }
    }

    fn tell(&mut self, message: &Message) {
        if self.disk != Disk::Absent {
            self.effects.push_back(Effect::Tell(message.to_text()));
        }
    }

    fn fetch(&mut self, fetching: Fetching, fetch: Fetch) {
        let number = self.number();
        self.fetching.push((number, fetching));
        self.effects.push_back(Effect::Fetch(Fetch { fetch: number, timeout_ms: 20_000, ..fetch }));
    }

    /// Tells who watches `path`.
    fn changed(&mut self, path: &str) {
        for (watch, watched) in &self.watches {
            if **watched == *path {
                self.effects.push_back(Effect::Notify { watch: *watch });
            }
        }
    }

    /// Tells who watches anything in which the learner's operations show.
    fn operations_changed(&mut self) {
        for (watch, path) in &self.watches {
            let (pathname, query) = path.split_once('?').unwrap_or((path, ""));
            if Overlay::of(pathname, query) != Overlay::None {
                self.effects.push_back(Effect::Notify { watch: *watch });
            }
        }
        self.emit(Event::Status);
    }

    /// What was seen of what `owner`'s responses depend on, and the floor.
    const fn namespace(owner: &str) -> usize {
        if owner.is_empty() { 0 } else { 1 }
    }

    fn seen_of(&self, owner: &str) -> u64 {
        if self.rules.breaks(Broken::IgnoresSeen) {
            0
        } else {
            self.seen.get(Self::namespace(owner)).copied().unwrap_or(0)
        }
    }

    fn raise_seen(&mut self, owner: &str, generation: u64) {
        if let Some(seen) = self.seen.get_mut(Self::namespace(owner)) {
            *seen = (*seen).max(generation);
        }
    }

    fn release(&mut self, lock: Lock) {
        self.effects.push_back(Effect::ReleaseLock(lock));
    }
}
