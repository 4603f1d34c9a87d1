//! The end of each storm: faults stop, and within ten minutes everything is sent and shown. Not what goes on before.

use kairos_client_core::{Input, Mode, PageEvent, Store};

use crate::faults::{Faults, Opening};
use crate::learner::Asked;
use crate::names;
use crate::world::World;

/// Within this time everything that waits is sent: longer than the longest wait between attempts.
const SENT_WITHIN_MS: i64 = 600_000;

impl World {
    /// Storms of so many events each, with calm between them.
    pub fn run(&mut self, storms: u64, events: u64) {
        for _ in 0..storms {
            for _ in 0..events {
                if self.finding.is_some() || !self.step() {
                    return;
                }
            }
            self.calm_down();
            if self.finding.is_some() {
                return;
            }
        }
    }

    /// Runs for so long.
    pub fn run_for(&mut self, ms: i64) {
        let until = self.time + ms;
        while self.time < until && self.finding.is_none() && self.step() {}
    }

    /// Nothing goes wrong any more; what must have come of everything is checked; then it goes on as before.
    pub fn calm_down(&mut self) {
        let faults = std::mem::replace(&mut self.faults, Faults { upgrade: 0, ..Faults::NONE });
        self.is_calm = true;
        if faults.jump > 0 && self.random.permille(500) {
            self.clock_ahead -= self.between(60_000, 3 * 86_400_000);
        }
        (self.origin.is_degraded, self.origin.is_vague) = (false, false);
        for tab in 0..self.tabs.len() {
            let life = self.life(tab);
            self.thaw(tab, life);
            // Rows of the next version are for those who can read them.
            if self.format > b'1' || self.random.permille(200) {
                self.kill(tab);
            }
        }
        self.run_for(40_000);
        for tab in 0..self.tabs.len() {
            self.tell(tab, Input::DiskOpened);
            if self.random.permille(100) {
                self.tell(tab, Input::Page(PageEvent::Online));
            }
        }
        self.run_for(60_000);
        for tab in 0..self.tabs.len() {
            // Who has been signed out meanwhile hears of it.
            self.origin.expire(false);
            self.read(tab, Some(("/v1/me", Mode::Revalidate)));
        }
        self.run_for(60_000);
        self.sign_in_where_ended();
        self.run_for(SENT_WITHIN_MS);
        self.check_sent();
        self.read_last();
        self.run_for(40_000);
        self.check_promises();
        for learner in &mut self.learners {
            learner.discarding = 0;
        }
        self.is_calm = false;
        (self.origin.is_degraded, self.origin.is_vague) = (true, true);
        self.faults = faults;
        self.outage_until = 0;
        self.full_until = 0;
        if self.faults.opening != Opening::Soon {
            self.kill(0);
        }
    }

    fn sign_in_where_ended(&mut self) {
        for tab in 0..self.tabs.len() {
            let ended = self.tabs.get(tab).is_some_and(|tab| tab.core.status().is_ended);
            if let Some(user) = self.tabs.get(tab).and_then(|tab| tab.user).filter(|_| ended) {
                self.sign_in_over(tab, user, false);
                self.run_for(5_000);
            }
        }
    }

    /// Nothing of who is signed in waits.
    fn check_sent(&mut self) {
        let Some(user) = self.user_on_disk() else { return };
        let owner = names::user_id(user);
        let waits = self.disk.rows().find(|row| row.key.store == Store::Operations && *row.key.owner == *owner);
        if let Some(row) = waits {
            let states: Vec<String> = self
                .tabs
                .iter()
                .map(|tab| {
                    let status = tab.core.status();
                    format!(
                        "user {:?}, ended {}, leads {}, sending {}, {} pending, persists {}, failure {:?}",
                        status.user,
                        status.is_ended,
                        status.leads,
                        status.is_sending,
                        status.pending.len(),
                        status.persists,
                        status.send_failure
                    )
                })
                .collect();
            self.broke("liveness", &format!("{} waits still; tabs: {states:#?}", row.text));
        }
    }

    /// What every tab shows in the end.
    fn read_last(&mut self) {
        for tab in 0..self.tabs.len() {
            let is_alive = self.tabs.get(tab).is_some_and(|tab| tab.is_alive && tab.user.is_some());
            for path in ["/v1/me/progress/stats", "/v1/me/history?limit=100", "/v1/me/progress?limit=100"] {
                if !is_alive {
                    continue;
                }
                let asked = match self.asked_of(tab, path) {
                    Asked::Get { path, user, seen, least, .. } => Asked::Get { path, user, seen, least, is_last: true },
                    other => other,
                };
                let path = path.to_owned();
                self.ask(tab, asked, |request| Input::Get { request, path, mode: Mode::Revalidate });
            }
        }
    }

    /// No promise waits for ever.
    fn check_promises(&mut self) {
        let waiting = self.tabs.iter().filter(|tab| tab.is_alive).find_map(|tab| tab.asked.iter().next());
        if let Some((request, asked)) = waiting.map(|(request, asked)| (*request, asked.clone())) {
            self.broke("liveness", &format!("request {request} waits still: {asked:?}"));
        }
    }
}
