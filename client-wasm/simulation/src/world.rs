//! A world: tabs of one browser, its disk, clock and locks, a network, an origin; events in the order of their time. Not what tabs and apps
//! do ([`crate::carry`], [`crate::app`]), nor what must hold ([`crate::checks`]).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use kairos_client_core::{Broken, Config, Core, Input, Lock, PageEvent};

use crate::disk::Disk;
use crate::faults::{Faults, Locks, Opening};
use crate::happening::What;
use crate::learner::Learner;
use crate::origin::Origin;
use crate::random::Random;
use crate::script::Script;
use crate::tab::Tab;

struct Event {
    at: i64,
    order: u64,
    what: What,
}

impl PartialEq for Event {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order
    }
}

impl Eq for Event {}

impl PartialOrd for Event {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Event {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

/// A world.
pub struct World {
    pub(crate) random: Random,
    /// True time in milliseconds.
    pub(crate) time: i64,
    /// The browser's clock is ahead by this.
    pub(crate) clock_ahead: i64,
    order: u64,
    events: BinaryHeap<Reverse<Event>>,
    pub(crate) faults: Faults,
    pub(crate) broken: Option<Broken>,
    pub(crate) tabs: Vec<Tab>,
    pub(crate) disk: Disk,
    pub(crate) origin: Origin,
    pub(crate) locks: Vec<(Lock, usize, u32)>,
    pub(crate) learners: Vec<Learner>,
    pub(crate) full_until: i64,
    pub(crate) outage_until: i64,
    /// When something last went wrong with the disk.
    pub(crate) disk_trouble: i64,
    /// When somebody last signed in or out, by the disk.
    pub(crate) session_changed: i64,
    pub(crate) is_calm: bool,
    pub(crate) format: u8,
    /// What a test has arranged.
    pub(crate) script: Option<Script>,
    /// Whether each event is printed.
    pub(crate) is_traced: bool,
    /// What was broken, if anything.
    pub finding: Option<String>,
    /// Events so far.
    pub steps: u64,
    /// Faults so far.
    pub faults_done: u64,
}

impl World {
    /// From a seed, perhaps with a rule broken.
    #[must_use]
    pub fn new(seed: u64, broken: Option<Broken>) -> Self {
        let mut random = Random::new(seed);
        let faults = Faults::draw(&mut random);
        let tabs = 1 + usize::try_from(random.below(3)).unwrap_or(0);
        Self::with(random, faults, tabs, broken)
    }

    pub(crate) fn with(random: Random, faults: Faults, tabs: usize, broken: Option<Broken>) -> Self {
        let mut world = Self {
            random,
            time: 1_700_000_000_000,
            clock_ahead: 0,
            order: 0,
            events: BinaryHeap::new(),
            faults,
            broken,
            tabs: Vec::new(),
            disk: Disk::default(),
            origin: Origin::new(2),
            locks: Vec::new(),
            learners: vec![Learner::default(); 2],
            full_until: 0,
            outage_until: 0,
            disk_trouble: 0,
            session_changed: 0,
            is_calm: false,
            format: b'1',
            script: None,
            is_traced: false,
            finding: None,
            steps: 0,
            faults_done: 0,
        };
        for tab in 0..tabs {
            let core = world.new_core();
            world.tabs.push(Tab::new(core));
            world.open_tab(tab);
        }
        world.schedule(1_000, What::Tick);
        world
    }

    fn new_core(&mut self) -> Core {
        if self.random.permille(self.faults.upgrade) {
            self.format = b'2';
        }
        let seed = self.random.next();
        // Little room, so that there is eviction.
        let config =
            Config { format: self.format, memory_bytes: 2_500, memory_entries: usize::MAX, disk_bytes: 6_000, seed };
        Core::new(self.now(), config).breaking(self.broken)
    }

    /// The browser's clock.
    pub(crate) const fn now(&self) -> i64 {
        self.time + self.clock_ahead
    }

    pub(crate) fn schedule(&mut self, in_ms: i64, what: What) {
        self.order += 1;
        self.events.push(Reverse(Event { at: self.time + in_ms, order: self.order, what }));
    }

    pub(crate) fn between(&mut self, least: i64, most: i64) -> i64 {
        least + i64::try_from(self.random.below(u64::try_from(most - least + 1).unwrap_or(1))).unwrap_or(0)
    }

    /// Whether a fault happens; none does while it is calm.
    pub(crate) fn fails(&mut self, chance: u64) -> bool {
        let fails = !self.is_calm && self.random.permille(chance);
        self.faults_done += u64::from(fails);
        fails
    }

    pub(crate) fn broke(&mut self, invariant: &str, what: &str) {
        if self.finding.is_none() {
            if self.is_traced {
                println!("{invariant}: {what}");
            }
            self.finding = Some(format!("{invariant}: {what}"));
        }
    }

    /// Prints each event from now on.
    pub const fn trace(&mut self) {
        self.is_traced = true;
    }

    /// One event. `false`: nothing happens any more.
    pub fn step(&mut self) -> bool {
        let Some(Reverse(event)) = self.events.pop() else { return false };
        self.time = self.time.max(event.at);
        self.steps += 1;
        self.happen(event.what);
        if let Some(violation) = self.origin.violation.take() {
            self.broke("at the origin", &violation);
        }
        true
    }

    fn happen(&mut self, what: What) {
        let of_tab = match &what {
            What::Report { tab, life, .. } | What::Fire { tab, life, .. } | What::App { tab, life } => {
                Some((*tab, *life))
            }
            _ => None,
        };
        if let Some((tab, life)) = of_tab {
            let Some(tab) = self.tabs.get_mut(tab).filter(|tab| tab.is_alive && tab.life == life) else { return };
            if tab.is_frozen {
                return tab.held.push(what);
            }
        }
        match what {
            What::Report { tab, input, .. } => self.tell(tab, input),
            What::Do { tab, life, write, transaction } => self.transact(tab, life, write, &transaction),
            What::Look { tab, life, read, ranges } => self.look(tab, life, read, &ranges),
            What::Arrive { tab, life, fetch, way } => self.arrive(tab, life, &fetch, way),
            What::Fire { tab, set, .. } => {
                if self.tabs.get(tab).is_some_and(|tab| tab.timer == set) {
                    self.tell(tab, Input::Timer);
                }
            }
            What::App { tab, life } => self.use_app(tab, life),
            What::Open { tab } => self.open_tab(tab),
            What::Thaw { tab, life } => self.thaw(tab, life),
            What::Tick => {
                self.tick();
                self.schedule(1_000, What::Tick);
            }
        }
    }

    /// Gives an input to a core, and does what it says.
    pub(crate) fn tell(&mut self, tab: usize, input: Input) {
        let now = self.now();
        let Some(one) = self.tabs.get_mut(tab) else { return };
        if self.is_traced {
            println!("{now} tab {tab} <- {input:?}");
        }
        one.core.handle(now, input);
        while let Some(effect) = self.tabs.get_mut(tab).and_then(|tab| tab.core.poll_effect()) {
            if self.is_traced {
                println!("        {tab} -> {effect:?}");
            }
            self.note(tab, &effect);
            self.carry_out(tab, effect);
        }
        self.follow_user(tab);
    }

    pub(crate) fn life(&self, tab: usize) -> u32 {
        self.tabs.get(tab).map_or(0, |tab| tab.life)
    }

    fn open_tab(&mut self, tab: usize) {
        if self.tabs.get(tab).is_none_or(|tab| tab.is_alive) {
            return;
        }
        let core = self.new_core();
        let time = self.time;
        let Some(one) = self.tabs.get_mut(tab) else { return };
        let life = one.life + 1;
        *one = Tab { life, is_alive: true, since: time, ..Tab::new(core) };
        let (in_ms, input) = match self.faults.opening {
            Opening::Soon => (self.between(1, 60), Input::DiskOpened),
            Opening::Late if !self.is_calm => (self.between(100, 20_000), Input::DiskOpened),
            Opening::Refused if !self.is_calm => (self.between(1, 60), Input::DiskRefused),
            _ => (self.between(1, 60), Input::DiskOpened),
        };
        if self.faults.opening != Opening::Silent {
            self.schedule(in_ms, What::Report { tab, life, input });
        }
        self.schedule(in_ms / 2, What::App { tab, life });
        while let Some(effect) = self.tabs.get_mut(tab).and_then(|tab| tab.core.poll_effect()) {
            self.carry_out(tab, effect);
        }
    }

    /// A tab dies. It comes again after a while.
    pub(crate) fn kill(&mut self, tab: usize) {
        let again = self.between(10, 20_000);
        let Some(one) = self.tabs.get_mut(tab).filter(|tab| tab.is_alive) else { return };
        one.is_alive = false;
        one.held.clear();
        let (life, forgotten) = (one.life, std::mem::take(&mut one.asked));
        self.unheard(tab, life, forgotten);
        self.release(tab, None);
        self.schedule(again, What::Open { tab });
    }

    pub(crate) fn freeze(&mut self, tab: usize) {
        let life = self.life(tab);
        if self.tabs.get(tab).is_none_or(|tab| !tab.is_alive || tab.is_frozen) {
            return;
        }
        self.tell(tab, Input::Page(PageEvent::Frozen));
        if let Some(one) = self.tabs.get_mut(tab) {
            one.is_frozen = true;
        }
        let until = self.between(100, 120_000);
        self.schedule(until, What::Thaw { tab, life });
    }

    pub(crate) fn thaw(&mut self, tab: usize, life: u32) {
        let time = self.time;
        let Some(one) = self.tabs.get_mut(tab).filter(|tab| tab.is_frozen && tab.life == life) else { return };
        one.is_frozen = false;
        one.since = time;
        let held = std::mem::take(&mut one.held);
        self.tell(tab, Input::Page(PageEvent::Resumed));
        for what in held {
            self.happen(what);
        }
    }

    /// Gives up a lock, or all, and grants it to the next.
    pub(crate) fn release(&mut self, tab: usize, lock: Option<Lock>) {
        for one in [Lock::Leader, Lock::Session] {
            if lock.is_some_and(|lock| lock != one) {
                continue;
            }
            let holder = self.locks.iter().find(|(lock, ..)| *lock == one).map(|(_, tab, _)| *tab);
            self.locks.retain(|(lock, holder, _)| *lock != one || *holder != tab);
            if holder == Some(tab) {
                self.grant(one);
            }
        }
    }

    pub(crate) fn grant(&mut self, lock: Lock) {
        let next = self.locks.iter().find(|(other, ..)| *other == lock).copied();
        if let Some((lock, tab, life)) = next {
            let in_ms = self.between(0, 5);
            self.schedule(in_ms, What::Report { tab, life, input: Input::LockGranted { lock } });
        }
    }

    pub(crate) fn request_lock(&mut self, tab: usize, lock: Lock) {
        let life = self.life(tab);
        match self.faults.locks {
            Locks::Refused => self.schedule(1, What::Report { tab, life, input: Input::LockRefused { lock } }),
            Locks::Never => {}
            Locks::Granted => {
                self.locks.push((lock, tab, life));
                if self.locks.iter().filter(|(other, ..)| *other == lock).count() == 1 {
                    self.grant(lock);
                }
            }
        }
    }
}
