//! What an app and its user do in a tab. Not what must come of it.

use kairos_client_core::{Action, Input, Mode, PageEvent};

use crate::happening::What;
use crate::learner::Asked;
use crate::names::{self, Set};
use crate::world::World;

/// What is read.
pub(crate) const PATHS: [&str; 8] = [
    "/v1/me/progress/stats",
    "/v1/me/progress?limit=100",
    "/v1/me/history?limit=100",
    "/v1/me/progress/stats",
    "/v1/me",
    "/v1/modules?limit=50",
    "/v1/modules/one",
    "/v1/modules/two",
];

impl World {
    pub(crate) fn use_app(&mut self, tab: usize, life: u32) {
        let pause = if self.random.permille(900) { self.between(20, 800) } else { self.between(1_000, 60_000) };
        self.schedule(pause, What::App { tab, life });
        if self.is_calm {
            return;
        }
        let Some(user) = self.tabs.get(tab).and_then(|tab| tab.user) else {
            if self.random.permille(600) {
                let user = usize::try_from(self.random.below(2)).unwrap_or(0);
                self.sign_in(tab, user);
            } else {
                self.read(tab, None);
            }
            return;
        };
        match self.random.below(100) {
            0..=34 => self.mutate(tab, user),
            35..=79 => self.read(tab, None),
            80..=81 => {
                self.ask(tab, Asked::Other, |request| Input::Sync { request });
            }
            82 => self.sign_out(tab, user, false),
            83 if self.random.permille(400) => self.sign_out(tab, user, true),
            84 => {
                let user = usize::try_from(self.random.below(2)).unwrap_or(0);
                self.sign_in(tab, user);
            }
            85 => self.look_at_rejected(tab, user),
            86 => {
                let path = "/v1/me".to_owned();
                let method = "GET".to_owned();
                self.ask(tab, Asked::Other, |request| Input::Request { request, method, path, body: None });
            }
            87 => self.tell(tab, Input::Page(PageEvent::Hidden)),
            88 => self.tell(tab, Input::Page(PageEvent::Shown)),
            89 => {
                let request = self.tabs.get(tab).map_or(0, |tab| tab.next_request);
                self.tell(tab, Input::Abort { request });
            }
            _ => {}
        }
    }

    /// Sends an input that a promise waits for.
    pub(crate) fn ask(&mut self, tab: usize, asked: Asked, input: impl FnOnce(u32) -> Input) {
        let Some(one) = self.tabs.get_mut(tab) else { return };
        one.next_request += 1;
        let request = one.next_request;
        one.asked.insert(request, asked);
        self.tell(tab, input(request));
    }

    pub(crate) fn sign_in(&mut self, tab: usize, user: usize) {
        let is_known = self.tabs.get(tab).is_some_and(|tab| tab.user.is_some());
        let drops_others = is_known && self.random.permille(100);
        self.sign_in_over(tab, user, drops_others);
    }

    pub(crate) fn sign_in_over(&mut self, tab: usize, user: usize, drops_others: bool) {
        let drops = self.tabs.get(tab).and_then(|tab| tab.user).filter(|other| drops_others && *other != user);
        if let Some(other) = drops {
            self.discard(other);
        }
        let body = format!("{{\"email\":\"{}@example.org\"}}", names::user_id(user));
        let path = "/v1/auth/login".to_owned();
        self.ask(tab, Asked::SignIn { user, drops }, |request| Input::SignIn { request, path, body, drops_others });
    }

    pub(crate) fn sign_out(&mut self, tab: usize, user: usize, discard: bool) {
        if discard {
            self.discard(user);
        }
        self.ask(tab, Asked::SignOut(discard.then_some(user)), |request| Input::SignOut { request, discard });
    }

    /// From now on what waits of that learner may be lost: their app said so.
    fn discard(&mut self, user: usize) {
        if let Some(learner) = self.learners.get_mut(user) {
            learner.discarded = learner.recorded;
            learner.discarding += 1;
        }
    }

    pub(crate) fn mutate(&mut self, tab: usize, user: usize) {
        let module = match self.random.below(40) {
            0 => "nope".to_owned(),
            1 => "poison".to_owned(),
            other => format!("m{}", other % 3),
        };
        self.record(tab, user, &module, None);
    }

    /// Records one second of study.
    pub(crate) fn record(&mut self, tab: usize, user: usize, module: &str, replaces: Option<u64>) {
        let random = self.random.next();
        let Some(learner) = self.learners.get_mut(user) else { return };
        let index = learner.next;
        if index >= Set::MOST {
            return;
        }
        learner.next += 1;
        learner.recorded = learner.recorded.with(index);
        if module.contains("nope") || module.contains("poison") {
            learner.hopeless = learner.hopeless.with(index);
        }
        let module = format!("{}-{module}", names::user_id(user));
        let entropy = names::entropy(user, index, random);
        let action = Action::Study { seconds: 1 };
        self.ask(tab, Asked::Mutate { user, index }, |request| match replaces {
            Some(number) => Input::Resend { request, number, module, action, entropy },
            None => Input::Mutate { request, module, action, entropy },
        });
    }

    fn look_at_rejected(&mut self, tab: usize, user: usize) {
        let rejected = self.tabs.get(tab).and_then(|tab| tab.core.status().rejected.first().map(|one| one.number));
        match rejected {
            Some(number) if self.random.permille(500) => self.record(tab, user, "m0", Some(number)),
            Some(number) => {
                self.ask(tab, Asked::Other, |request| Input::Dismiss { request, numbers: vec![number] });
            }
            None => {}
        }
    }

    /// Reads a path, or any.
    pub(crate) fn read(&mut self, tab: usize, path: Option<(&str, Mode)>) {
        let any = self.random.pick(&PATHS, "/v1/me");
        let mode = match self.random.below(10) {
            0 | 1 => Mode::Revalidate,
            2 => Mode::OnlyIfCached,
            _ => Mode::ByPolicy,
        };
        let (path, mode) = path.unwrap_or((any, mode));
        let asked = self.asked_of(tab, path);
        let path = path.to_owned();
        self.ask(tab, asked, |request| Input::Get { request, path, mode });
    }
}
