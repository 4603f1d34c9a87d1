//! What must hold, looked at whenever something is written, sent or shown: I-ONCE, I-PRIVATE, I-SESSION.
//!
//! Each operation is one second of study with an id that tells whose it is and which. So what is shown is a set of operations, or their
//! number; and a generation tells which of them the origin had. It must be these and all that was acknowledged to this tab before it
//! asked, each once, and nothing that nobody recorded.

use std::collections::HashMap;

use kairos_client_core::{Failure, Fetch, Key, Outcome, Response, Row, Store};
use serde_json::Value;

use crate::disk::Done;
use crate::learner::{Acknowledged, Asked};
use crate::names::{self, Set};
use crate::world::World;

/// What other tabs did is known after this.
const HEARD_MS: i64 = 2_000;
/// Who is signed in is known after this, in any case.
const FOLLOWED_MS: i64 = 5_000;

/// Whose operation a row has, and which.
fn operation_of(row: &Row) -> Option<(usize, u8)> {
    let (_, rest) = row.text.split_once("\"id\":\"")?;
    names::operation_of(rest.get(..32)?)
}

impl World {
    /// Who is signed in on the disk.
    pub(crate) fn user_on_disk(&self) -> Option<usize> {
        let text = self.disk.text(&Key::meta(&"".into(), "session"))?;
        let (_, rest) = text.split_once("\"id\":\"")?;
        names::user_of(rest.split('"').next()?)
    }

    /// The app follows who its client says is signed in.
    pub(crate) fn follow_user(&mut self, tab: usize) {
        let Some(one) = self.tabs.get_mut(tab) else { return };
        let user = one.core.status().user.and_then(|id| names::user_of(id));
        if user != one.user {
            if let Some(learner) = one.user.and_then(|user| self.learners.get_mut(user)) {
                // What was in memory alone goes with who leaves.
                let life = one.life;
                learner.acknowledged.retain(|known| known.is_durable || known.tab != tab || known.life != life);
            }
            one.user = user;
            one.seen[1] = 0;
            one.shown.retain(|path, _| !path.starts_with("/v1/me"));
        }
    }

    /// What a read that begins now has to show.
    pub(crate) fn asked_of(&self, tab: usize, path: &str) -> Asked {
        let path = path.to_owned();
        let nobody = Asked::Get { path: path.clone(), user: None, seen: [0; 2], least: Set::default(), is_last: false };
        let Some(one) = self.tabs.get(tab) else { return nobody };
        let user = one.user.filter(|_| path.starts_with("/v1/me"));
        let least = user.map(|user| self.least(tab, user)).unwrap_or_default();
        Asked::Get { path, user, seen: one.seen, least, is_last: false }
    }

    fn least(&self, tab: usize, user: usize) -> Set {
        let (Some(one), Some(learner)) = (self.tabs.get(tab), self.learners.get(user)) else { return Set::default() };
        let hears = one.core.status().persists
            && self.faults.unheard == 0
            && self.time - one.since.max(self.disk_trouble).max(self.session_changed) > FOLLOWED_MS;
        let mut least = Set::default();
        for known in &learner.acknowledged {
            let is_own = known.tab == tab && known.life == one.life;
            let is_heard = hears && known.is_durable && self.time - known.at > HEARD_MS;
            if is_own || is_heard {
                least = least.with(known.index);
            }
        }
        least.minus(learner.hopeless).minus(learner.discarded)
    }

    /// Promises of a tab that died.
    pub(crate) fn unheard(&mut self, tab: usize, life: u32, _: HashMap<u32, Asked>) {
        for learner in &mut self.learners {
            // What was in memory alone is gone, and nobody was told otherwise.
            learner.acknowledged.retain(|known| known.is_durable || known.tab != tab || known.life != life);
        }
    }

    /// After a transaction.
    pub(crate) fn check_commit(&mut self, tab: usize, done: &Done) {
        let user = self.user_on_disk();
        let is_session = |row: &&Row| row.key.store == Store::Meta && &*row.key.name == "session";
        if done.put.iter().any(|row| is_session(&row)) {
            self.session_changed = self.time;
            self.check_ended();
            let left = self.disk.rows().find(|row| {
                let owner = names::user_of(&row.key.owner);
                row.key.store == Store::Responses && owner.is_some() && owner != user
            });
            if let Some(left) = left {
                self.broke("I-PRIVATE", &format!("a response stays on disk after its owner has left: {:?}", left.key));
            }
        }
        for row in &done.put {
            let owner = names::user_of(&row.key.owner);
            // What was recorded before there was a disk moves over, of whomever.
            let moves =
                row.key.store == Store::Operations && done.numbers.contains(&row.key.number) && self.is_adopting(tab);
            if owner.is_some() && owner != user && !moves {
                self.broke(
                    "I-PRIVATE",
                    &format!("tab {tab} wrote of {owner:?} while {user:?} is signed in: {:?}", row.key),
                );
            }
            let Some((owner, index)) = operation_of(row).filter(|_| row.key.store != Store::Responses) else {
                continue;
            };
            let is_result = matches!(row.key.store, Store::Journal | Store::Rejected);
            let waited = |other: &Row| other.key.store == Store::Operations && other.key.number == row.key.number;
            if is_result && !done.deleted.iter().any(waited) {
                self.broke(
                    "I-ONCE",
                    &format!("tab {tab} wrote what became of an operation that does not wait: {:?}", row.key),
                );
            }
            let Some(learner) = self.learners.get_mut(owner) else { continue };
            match row.key.store {
                Store::Operations => learner.written = learner.written.with(index),
                Store::Rejected if !learner.hopeless.has(index) => {
                    self.broke("I-ONCE", &format!("operation {index} of {owner} is rejected, and is a good one"));
                }
                _ => {}
            }
        }
        for row in done.deleted.iter().filter(|row| row.key.store == Store::Operations) {
            self.check_deleted(row);
        }
    }

    /// A session only ends when the origin will not renew it.
    fn check_ended(&mut self) {
        let text = |name: &str| {
            self.disk
                .text(&Key::meta(&"".into(), name))
                .map(|text| text.split('\n').nth(2).unwrap_or_default().to_owned())
        };
        let is_ended = text("session").is_some_and(|state| state == "ended");
        if is_ended && text("tokens").is_some_and(|token| self.origin.would_renew(&token)) {
            self.broke("I-SESSION", "a session is ended that goes on at the origin");
        }
    }

    fn is_adopting(&self, tab: usize) -> bool {
        self.tabs.get(tab).is_some_and(|tab| !tab.core.status().persists)
    }

    fn check_deleted(&mut self, row: &Row) {
        let Some((user, index)) = operation_of(row) else { return };
        let is_applied = self.origin.newest(user).is_some_and(|state| state.set.has(index));
        let Some(learner) = self.learners.get_mut(user) else { return };
        if learner.discarding > 0 {
            learner.discarded = learner.discarded.with(index);
        }
        let is_discarded = learner.discarded.has(index);
        let key = Key::numbered(Store::Rejected, &row.key.owner, row.key.number);
        if !is_applied && !is_discarded && self.disk.text(&key).is_none() {
            self.broke("I-ONCE", &format!("operation {index} of {user} is gone and was never applied"));
        }
    }

    /// Before a request leaves.
    pub(crate) fn check_request(&mut self, tab: usize, fetch: &Fetch) {
        if fetch.token.is_some() && !fetch.path.starts_with("/v1/me") {
            self.broke("I-PRIVATE", &format!("tab {tab} sent a token to {}", fetch.path));
        }
    }

    /// A promise is done.
    pub(crate) fn resolved(&mut self, tab: usize, request: u32, outcome: Result<Outcome, Failure>) {
        let Some(asked) = self.tabs.get_mut(tab).and_then(|tab| tab.asked.remove(&request)) else {
            return self.broke("promises", &format!("request {request} of tab {tab} is resolved twice: {outcome:?}"));
        };
        if let Asked::SignIn { drops: Some(user), .. } | Asked::SignOut(Some(user)) = asked
            && let Some(learner) = self.learners.get_mut(user)
        {
            learner.discarding = learner.discarding.saturating_sub(1);
        }
        match (asked, outcome) {
            (Asked::Mutate { user, index }, Ok(Outcome::Recorded { is_durable, .. })) => {
                self.acknowledged(tab, user, index, is_durable);
            }
            (Asked::SignIn { user, .. }, Ok(Outcome::SignedIn(profile)))
                if !profile.contains(&format!("\"id\":\"{}\"", names::user_id(user))) =>
            {
                self.broke("I-PRIVATE", &format!("{user} signed in and got {profile}"));
            }
            (asked @ Asked::Get { .. }, Ok(Outcome::Response(response))) => self.check_response(tab, asked, &response),
            (Asked::Get { is_last: true, path, .. }, outcome) => {
                self.broke("liveness", &format!("{path} in tab {tab}: {outcome:?}"));
            }
            _ => {}
        }
    }

    fn acknowledged(&mut self, tab: usize, user: usize, index: u8, is_durable: bool) {
        let (at, life) = (self.time, self.life(tab));
        let Some(learner) = self.learners.get_mut(user) else { return };
        learner.acknowledged.push(Acknowledged { index, at, tab, life, is_durable });
        let is_written = learner.written.has(index);
        if is_durable && !is_written {
            self.broke("I-ONCE", &format!("operation {index} of {user} is acknowledged and not written"));
        }
    }

    fn check_response(&mut self, tab: usize, asked: Asked, response: &Response) {
        let Asked::Get { path, mut user, seen, least, is_last } = asked else { return };
        if user.is_none() && path.starts_with("/v1/me") {
            // Asked for before anybody knew who is signed in.
            user = self.tabs.get(tab).and_then(|tab| tab.core.status().user.and_then(|id| names::user_of(id)));
        }
        let place = usize::from(user.is_some());
        let before = seen.get(place).copied().unwrap_or(0);
        let is_of_origin = response.degraded.is_none() && response.generation > 0;
        if is_of_origin && !response.is_stale && response.generation < before {
            self.broke(
                "I-SESSION",
                &format!("{path} in tab {tab}: {} after {before}, and not called stale", response.generation),
            );
        }
        let shown = self.tabs.get(tab).and_then(|tab| tab.shown.get(&path)).copied().unwrap_or(0);
        if is_of_origin && response.is_complete && response.generation < shown {
            self.broke("I-SESSION", &format!("{path} in tab {tab} went back from {shown} to {}", response.generation));
        }
        match user {
            Some(user) => self.check_private(tab, user, &path, least, is_last, response),
            None => self.check_public(&path, response),
        }
        let Some(one) = self.tabs.get_mut(tab).filter(|_| is_of_origin) else { return };
        if one.user == user || user.is_none() {
            if let Some(seen) = one.seen.get_mut(place) {
                *seen = (*seen).max(response.generation);
            }
            if response.is_complete {
                let shown = one.shown.entry(path).or_default();
                *shown = (*shown).max(response.generation);
            }
        }
    }

    fn check_public(&mut self, path: &str, response: &Response) {
        let body: Value = serde_json::from_str(&response.body).unwrap_or_default();
        let version = body.pointer("/version").or_else(|| body.pointer("/items/0/version")).and_then(Value::as_u64);
        let version = version.and_then(|version| usize::try_from(version).ok());
        let generation = version.and_then(|version| self.origin.catalog.get(version));
        if generation != Some(&response.generation) {
            self.broke("I-SESSION", &format!("{path} shows version {version:?} as generation {}", response.generation));
        }
    }

    fn check_private(&mut self, tab: usize, user: usize, path: &str, least: Set, is_last: bool, response: &Response) {
        let here = self.tabs.get(tab).and_then(|tab| tab.core.status().user.and_then(|id| names::user_of(id)));
        if here != Some(user) {
            self.broke("I-PRIVATE", &format!("{path} of {user} is shown in tab {tab} to {here:?}"));
        }
        let persists = self.tabs.get(tab).is_some_and(|tab| tab.core.status().persists);
        let since = self.tabs.get(tab).map_or(0, |tab| tab.since);
        let trouble = self.session_changed.max(self.disk_trouble).max(since);
        let on_disk = self.user_on_disk();
        if persists && on_disk != Some(user) && self.time - trouble > FOLLOWED_MS {
            self.broke("I-PRIVATE", &format!("{path} of {user} is shown long after {on_disk:?} has signed in"));
        }
        if response.degraded.as_deref() == Some("default") {
            return;
        }
        let body: Value = serde_json::from_str(&response.body).unwrap_or_default();
        let Some((set, others)) = self.shown_set(user, path, &body) else { return };
        self.check_set(user, path, least, is_last, response, set, others);
    }

    /// What a body shows: which operations, or how many; and how many of other devices'.
    fn shown_set(&mut self, user: usize, path: &str, body: &Value) -> Option<(Result<Set, u64>, u64)> {
        let items = names::field(body, "items").as_array().cloned().unwrap_or_default();
        let is_others = |item: &Value| {
            names::field(item, "module").as_str().and_then(names::owner_of_module).is_some_and(|owner| owner != user)
        };
        if items.iter().any(is_others)
            || (path == "/v1/me" && names::field(body, "id") != names::user_id(user).as_str())
        {
            self.broke("I-PRIVATE", &format!("{path} of {user} shows another's: {body}"));
        }
        if path.starts_with("/v1/me/progress/stats") {
            return Some((Err(names::field(body, "time_spent_secs").as_u64()?), 0));
        }
        if path.starts_with("/v1/me/progress") {
            return Some((
                Err(items.iter().filter_map(|item| names::field(item, "time_spent_secs").as_u64()).sum()),
                0,
            ));
        }
        if !path.starts_with("/v1/me/history") {
            return None;
        }
        let (mut set, mut others) = (Set::default(), 0);
        for item in &items {
            match names::operation_of(names::field(item, "id").as_str().unwrap_or_default()) {
                Some((_, index)) if set.has(index) => {
                    self.broke("I-ONCE", &format!("{path} of {user} shows operation {index} twice"));
                }
                Some((_, index)) => set = set.with(index),
                None => others += 1,
            }
        }
        Some((Ok(set), others))
    }

    #[expect(clippy::too_many_arguments, reason = "one comparison of all that is known")]
    fn check_set(
        &mut self,
        user: usize,
        path: &str,
        least: Set,
        is_last: bool,
        response: &Response,
        shown: Result<Set, u64>,
        others: u64,
    ) {
        let Some(state) = self.origin.state(user, response.generation) else {
            if response.generation > 0 {
                self.broke("I-SESSION", &format!("{path} of {user}: generation {} never was", response.generation));
            }
            return;
        };
        let recorded = self.learners.get(user).map(|learner| learner.recorded).unwrap_or_default();
        let least = if response.is_complete { state.set.or(least) } else { state.set };
        let most = state.set.or(recorded);
        let (holds, count) = match shown {
            Ok(set) => (set.has_all(least) && most.has_all(set) && others == state.others, set.len() + others),
            Err(count) => (count >= least.len() + state.others && count <= most.len() + state.others, count),
        };
        if !holds {
            let what = format!(
                "{path} of {user} shows {count}, at least {} and at most {} are right; not of the origin: {:?}, missing: {:?}: {response:?}",
                least.len() + state.others,
                most.len() + state.others,
                least.minus(state.set),
                shown.map(|set| least.minus(set)),
            );
            self.broke("I-SESSION", &what);
        }
        let newest = self.origin.newest(user).map_or(0, |state| state.set.len() + state.others);
        if is_last && (count != newest || response.is_stale) {
            self.broke("liveness", &format!("{path} of {user} shows {count} in the end, not {newest}: {response:?}"));
        }
    }
}
