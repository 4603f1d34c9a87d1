//! A world in which only what a test says goes wrong: for scripted scenarios. Not the scenarios (`tests/known.rs`).

use kairos_client_core::{
    Action, Effect, Event, Failure, Fetch, HttpResponse, Input, Mode, Outcome, PageEvent, Response, Status, Transaction,
};

use crate::faults::{Faults, Locks, Opening};
use crate::happening::{Way, What};
use crate::learner::Asked;
use crate::names;
use crate::origin::problem;
use crate::random::Random;
use crate::script::Script;
use crate::world::World;

/// A scripted world.
pub struct Scene {
    world: World,
}

impl Scene {
    /// Tabs with a disk and a network, and nobody signed in.
    #[must_use]
    pub fn new(tabs: usize) -> Self {
        Self::with(tabs, Faults::NONE)
    }

    /// The same, where every lock is refused; `never`: where none is granted.
    #[must_use]
    pub fn without_locks(tabs: usize, never: bool) -> Self {
        Self::with(tabs, Faults { locks: if never { Locks::Never } else { Locks::Refused }, ..Faults::NONE })
    }

    /// The same, where the disk does not open by itself.
    #[must_use]
    pub fn without_disk(tabs: usize) -> Self {
        Self::with(tabs, Faults { opening: Opening::Silent, ..Faults::NONE })
    }

    fn with(tabs: usize, faults: Faults) -> Self {
        let mut world = World::with(Random::new(7), faults, tabs, None);
        world.is_calm = true;
        (world.origin.is_degraded, world.origin.is_vague) = (false, false);
        world.script = Some(Script::default());
        let mut scene = Self { world };
        scene.wait(100);
        scene
    }

    fn script(&mut self) -> &mut Script {
        self.world.script.get_or_insert_default()
    }

    /// Lets time pass.
    ///
    /// # Panics
    /// An invariant was broken.
    pub fn wait(&mut self, ms: i64) {
        self.world.run_for(ms);
        #[expect(clippy::panic, reason = "a test ends here")]
        if let Some(finding) = &self.world.finding {
            panic!("{finding}");
        }
    }

    /// What a tab's client knows.
    ///
    /// # Panics
    /// There is no such tab.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test ends here")]
    pub fn status(&self, tab: usize) -> Status<'_> {
        self.world.tabs.get(tab).expect("a tab").core.status()
    }

    /// Tells a client something.
    pub fn tell(&mut self, tab: usize, input: Input) {
        self.world.tell(tab, input);
    }

    /// Begins something that a promise waits for; gives its number.
    pub fn begin(&mut self, tab: usize, input: impl FnOnce(u32) -> Input) -> u32 {
        self.world.ask(tab, Asked::Other, input);
        self.world.tabs.get(tab).map_or(0, |tab| tab.next_request)
    }

    /// What the promise resolved with, if it has.
    pub fn outcome(&mut self, tab: usize, request: u32) -> Option<Result<Outcome, Failure>> {
        let resolved = self.script().resolved.iter();
        resolved.rev().find(|(of, number, _)| (*of, *number) == (tab, request)).map(|(.., outcome)| outcome.clone())
    }

    /// Does something and waits for at most `ms`.
    ///
    /// # Panics
    /// It takes longer.
    #[expect(clippy::expect_used, reason = "a test ends here")]
    pub fn done(&mut self, tab: usize, ms: i64, input: impl FnOnce(u32) -> Input) -> Result<Outcome, Failure> {
        let request = self.begin(tab, input);
        let until = self.world.time + ms;
        while self.world.time < until && self.outcome(tab, request).is_none() {
            self.wait(1);
        }
        self.outcome(tab, request).expect("a promise that is done in time")
    }

    /// Signs in.
    ///
    /// # Panics
    /// That fails.
    pub fn sign_in(&mut self, tab: usize, user: usize) {
        self.world.sign_in_over(tab, user, false);
        self.wait(2_000);
        assert_eq!(self.status(tab).user.map(|id| &**id), Some(names::user_id(user).as_str()));
    }

    /// Begins to sign in.
    pub fn begin_sign_in(&mut self, tab: usize, user: usize) {
        self.world.sign_in_over(tab, user, false);
    }

    /// Records a second of study; gives the promise's number.
    pub fn study(&mut self, tab: usize, user: usize, module: &str) -> u32 {
        self.world.record(tab, user, module, None);
        self.world.tabs.get(tab).map_or(0, |tab| tab.next_request)
    }

    /// Begins to sign out.
    pub fn begin_sign_out(&mut self, tab: usize, user: usize, discard: bool) -> u32 {
        self.world.sign_out(tab, user, discard);
        self.world.tabs.get(tab).map_or(0, |tab| tab.next_request)
    }

    /// Reads a path.
    ///
    /// # Errors
    /// What the promise is rejected with.
    ///
    /// # Panics
    /// It takes more than 40 s.
    pub fn get(&mut self, tab: usize, path: &str, mode: Mode) -> Result<Response, Failure> {
        let path = path.to_owned();
        match self.done(tab, 40_000, |request| Input::Get { request, path, mode })? {
            Outcome::Response(response) => Ok(response),
            other => Err(Failure {
                code: kairos_client_core::Code::InvalidArgument,
                problem: Some(format!("{other:?}").into()),
            }),
        }
    }

    /// The page or the network of a tab changes.
    pub fn page(&mut self, tab: usize, event: PageEvent) {
        self.tell(tab, Input::Page(event));
    }

    /// The network goes, or comes back.
    pub fn cut(&mut self, is_cut: bool) {
        self.script().is_cut = is_cut;
    }

    /// Responses to this path are lost from now on.
    pub fn lose(&mut self, path: Option<&'static str>) {
        self.script().loses = path;
    }

    /// Something else answers from now on.
    pub fn answer(&mut self, instead: Option<fn(&Fetch) -> Option<HttpResponse>>) {
        self.script().instead = instead;
    }

    /// Requests to this path take so long from now on.
    pub fn hold(&mut self, holds: Option<(&'static str, i64)>) {
        self.script().holds = holds;
    }

    /// The disk is full, or not any more.
    pub fn fill(&mut self, is_full: bool) {
        self.script().is_full = is_full;
    }

    /// The browser's clock is ahead.
    pub fn set_clock(&mut self, ahead_ms: i64) {
        self.world.clock_ahead = ahead_ms;
    }

    /// A tab dies and comes again after a while, as the next version's if `upgraded`.
    pub fn restart(&mut self, tab: usize, upgraded: bool) {
        if upgraded {
            self.world.format = b'2';
        }
        self.world.kill(tab);
        self.script().resolved.retain(|(of, ..)| *of != tab);
        self.wait(21_000);
    }

    /// Tabs opened from now on are of the version before.
    pub fn downgrade(&mut self) {
        self.world.format = b'1';
    }

    /// A tab dies for good.
    pub fn kill(&mut self, tab: usize) {
        self.world.kill(tab);
    }

    /// Access tokens end; sessions too, if `all`.
    pub fn expire(&mut self, all: bool) {
        self.world.origin.expire(all);
    }

    /// Another device does something.
    pub fn elsewhere(&mut self, user: usize) {
        self.world.origin.elsewhere(user);
    }

    /// An author publishes.
    pub fn publish(&mut self) {
        self.world.origin.publish();
    }

    /// How many of the operations recorded here the origin has.
    #[must_use]
    pub fn applied(&self, user: usize) -> u64 {
        self.world.origin.newest(user).map_or(0, |state| state.set.len())
    }

    /// The seconds that sums show.
    ///
    /// # Panics
    /// They are no sums.
    #[must_use]
    pub fn seconds(response: &Response) -> u64 {
        let body: serde_json::Value = serde_json::from_str(&response.body).unwrap_or_default();
        names::field(&body, "time_spent_secs").as_u64().unwrap_or(u64::MAX)
    }

    /// How often a path was asked for so far, with its query or without.
    pub fn sent(&mut self, path: &str) -> usize {
        let is_it = |fetch: &Fetch| *fetch.path == *path || fetch.path.split('?').next() == Some(path);
        self.script().sent.iter().filter(|(_, fetch)| is_it(fetch)).count()
    }

    /// Rows in a store of a user's.
    #[must_use]
    pub fn rows(&self, store: kairos_client_core::Store, user: usize) -> usize {
        let owner = names::user_id(user);
        self.world.disk.rows().filter(|row| row.key.store == store && *row.key.owner == *owner).count()
    }

    /// Bytes of all stored responses.
    #[must_use]
    pub fn stored_bytes(&self) -> usize {
        let rows = self.world.disk.rows().filter(|row| row.key.store == kairos_client_core::Store::Responses);
        rows.map(|row| row.text.len()).sum()
    }

    /// Ranges of rows read so far, and what was written last.
    pub fn disk_use(&mut self) -> (usize, Option<Transaction>) {
        let script = self.script();
        (script.reads, script.written.last().cloned())
    }

    /// Whether listeners in a tab were told.
    pub fn heard(&mut self, tab: usize, event: &Event) -> bool {
        self.script().events.iter().any(|(of, told)| *of == tab && told == event)
    }
}

/// A problem of the origin's.
#[must_use]
pub fn refusal(status: u16, kind: &str) -> HttpResponse {
    problem(status, kind)
}

/// An operation.
#[must_use]
pub const fn study() -> Action {
    Action::Study { seconds: 1 }
}

impl World {
    /// Takes note of what a test may ask about.
    pub(crate) fn note(&mut self, tab: usize, effect: &Effect) {
        let Some(script) = &mut self.script else { return };
        match effect {
            Effect::Fetch(fetch) => script.sent.push((tab, fetch.clone())),
            Effect::Read { ranges, .. } => script.reads += ranges.len(),
            Effect::Write { transaction, .. } => script.written.push(transaction.clone()),
            Effect::Resolve { request, outcome } => script.resolved.push((tab, *request, outcome.clone())),
            Effect::Emit(event) => script.events.push((tab, event.clone())),
            _ => {}
        }
    }

    /// What the script does to a request; `None`: nothing.
    pub(crate) fn scripted(&mut self, tab: usize, life: u32, fetch: &Fetch) -> Option<()> {
        let script = self.script.as_ref()?;
        let failed = Input::FetchFailed { fetch: fetch.fetch };
        if script.is_cut {
            self.schedule(10, What::Report { tab, life, input: failed });
            return Some(());
        }
        if let Some(response) = script.instead.and_then(|instead| instead(fetch)) {
            let input = Input::Fetched { fetch: fetch.fetch, response };
            self.schedule(10, What::Report { tab, life, input });
            return Some(());
        }
        let (is_lost, held) = (script.loses == Some(&*fetch.path), script.holds);
        let delay = held.filter(|(path, _)| *path == &*fetch.path).map_or(5, |(_, ms)| ms);
        let time = self.time;
        if is_lost {
            self.origin.handle(fetch, time, &mut self.random);
            self.schedule(delay, What::Report { tab, life, input: failed });
        } else {
            let way = Way::Through(5);
            self.schedule(delay, What::Arrive { tab, life, fetch: fetch.clone(), way });
        }
        Some(())
    }
}
