//! Fetches one response and stores it, if it may be: never in place of a newer one (I-SESSION), never for another user (I-PRIVATE), and a
//! learner's only if it is known which operations it includes. Not here: when to fetch ([`super::reads`]).

use std::rc::Rc;

use kairos_protocol::api::headers;
use kairos_protocol::http::cache_control::CacheControl;
use kairos_protocol::http::cache_status;
use kairos_protocol::http::freshness::age_value_secs;
use kairos_protocol::policy::Policy;

use crate::cache::stored::{Reuse, StoredResponse};
use crate::coordination::Timer;
use crate::effect::{Code, Effect, Failure, Fetch, Outcome, Source};
use crate::input::HttpResponse;
use crate::json::reader;
use crate::overlay::Overlay;
use crate::query::{Flight, Lookup, Phase, Received, Reply, allows_stale, refuses_token};
use crate::rules::Broken;
use crate::sender::SendWaiter;
use crate::wire;
use crate::wiring::Core;
use crate::wiring::steps::{After, Fetching, TokenOutcome, TokenWaiter, Writing};

/// How often a learner's response is asked for when operations were sent meanwhile.
const ATTEMPTS: u32 = 3;

impl Core {
    fn flight(&mut self, id: u32) -> Option<&mut Flight> {
        self.flights.iter_mut().find(|flight| flight.id == id)
    }

    fn remove_flight(&mut self, id: u32) -> Option<Flight> {
        let place = self.flights.iter().position(|flight| flight.id == id)?;
        Some(self.flights.remove(place))
    }

    /// First what waits: while an operation may or may not be in the response, the response is not stored.
    pub(super) fn begin_fetch(&mut self, id: u32) {
        let may_send = self.session.active_id().is_some() && !self.sender.must_wait(self.now);
        let has_pending = self.outbox.has_pending();
        let Some(flight) = self.flight(id) else { return };
        flight.attempts += 1;
        flight.phase = Phase::Sending;
        let sends_first = flight.lookup.is_private() && flight.lookup.overlay != Overlay::None && has_pending;
        if sends_first && may_send {
            self.flush(SendWaiter::Flight(id));
        } else {
            if let Some(flight) = self.flight(id) {
                flight.sending_failed = sends_first;
            }
            self.fetch_with_token(id);
        }
    }

    /// The outbox was sent, or not.
    pub(super) fn flight_after_sending(&mut self, id: u32, has_failed: bool) {
        let Some(flight) = self.flight(id) else { return };
        flight.sending_failed = has_failed;
        if flight.phase == Phase::Sending {
            self.fetch_with_token(id);
        }
    }

    fn fetch_with_token(&mut self, id: u32) {
        let Some(flight) = self.flight(id) else { return };
        flight.phase = Phase::Token;
        let (owner, refused) = (Rc::clone(&flight.lookup.owner), flight.refused.clone());
        if !owner.is_empty() {
            if self.session.active_id() != Some(&owner) {
                return self.fail_flight(id, &Failure::new(Code::Unauthenticated), 401);
            }
            self.need_token(TokenWaiter::Flight(id), refused);
        } else {
            self.send_flight(id, None);
        }
    }

    pub(super) fn flight_token(&mut self, id: u32, token: TokenOutcome) {
        match token {
            Ok(token) => self.send_flight(id, Some(token)),
            Err(failure) => self.fail_flight(id, &failure, 401),
        }
    }

    fn send_flight(&mut self, id: u32, token: Option<Rc<str>>) {
        let Some(lookup) = self.flight(id).map(|flight| flight.lookup.clone()) else { return };
        let seen = self.seen_of(&lookup.owner);
        let stored = self.flight(id).and_then(|flight| flight.stored.clone());
        let etag = stored.filter(|(stored, _)| self.is_usable(&lookup, stored)).and_then(|(stored, _)| stored.etag);
        let Some(flight) = self.flight(id) else { return };
        flight.phase = Phase::Fetching;
        flight.token.clone_from(&token);
        let fetch = Fetch {
            method: "GET".into(),
            path: Rc::clone(&lookup.path),
            token,
            etag,
            min_generation: lookup.min_generation(seen),
            ..Fetch::default()
        };
        self.fetch(Fetching::Flight(id), fetch);
    }

    pub(super) fn flight_fetched(&mut self, id: u32, response: &HttpResponse) {
        let Some(flight) = self.flight(id) else { return };
        let stored = flight.stored.as_ref().map(|(stored, _)| stored.clone());
        let is_conditional = stored.as_ref().is_some_and(|stored| stored.etag.is_some());
        match Reply::of(response, is_conditional) {
            Reply::Problem(_, kind, _)
                if refuses_token(&kind) && flight.refused.is_none() && flight.token.is_some() =>
            {
                flight.refused = flight.token.take();
                self.fetch_with_token(id);
            }
            Reply::Problem(status, kind, failure) => {
                if &*kind == "not-found" {
                    self.remove_stored(id);
                }
                self.fail_flight(id, &failure, status);
            }
            Reply::Foreign => self.fail_flight(id, &Failure::new(Code::Offline), 0),
            Reply::Success(response) | Reply::NotModified(response) => {
                let received = self.receive(id, response, stored);
                match received {
                    Some(received) => self.received(id, received),
                    None => self.fail_flight(id, &Failure::new(Code::Offline), 0),
                }
            }
        }
    }

    /// What came, as it would be stored. `None`: it is not from Kaïros.
    fn receive(&mut self, id: u32, response: &HttpResponse, stored: Option<StoredResponse>) -> Option<Received> {
        let lookup = self.flight(id)?.lookup.clone();
        let seen = self.seen_of(&lookup.owner);
        let age_ms = i64::from(response.age.as_deref().map_or(0, age_value_secs)) * 1_000;
        let made_at_ms = self.now.saturating_sub(age_ms);
        let said = lookup.generation(response.generations.as_deref());
        let etag = response.etag.as_deref().map(Rc::from);
        let stored = if response.status == 304 {
            let stored = stored?;
            // Not modified, for one who has seen that: what is stored is as good as one made from it.
            let generation = stored.generation.max(if said == 0 { seen } else { said });
            StoredResponse { generation, made_at_ms, etag: etag.or(stored.etag), is_on_disk: false, ..stored }
        } else {
            if !fits(lookup.policy, &response.body) {
                return None;
            }
            let body = response.body.as_str().into();
            StoredResponse { body, etag, generation: said, made_at_ms, position: 0, is_on_disk: false }
        };
        let cache_status = response.cache_status.as_deref();
        let is_from_edge = cache_status.is_some_and(|value| cache_status::is_hit(value, headers::EDGE_CACHE));
        let forbids = response.cache_control.as_deref().is_some_and(|value| CacheControl::parse(value).no_store);
        let degraded = response.degraded.as_deref().map(Rc::from);
        Some(Received {
            stored,
            source: if is_from_edge { Source::Edge } else { Source::Origin },
            is_storable: lookup.is_storable() && !forbids && degraded.is_none(),
            degraded,
        })
    }

    fn received(&mut self, id: u32, received: Received) {
        let Some(flight) = self.flight(id) else { return };
        let is_private = flight.lookup.is_private();
        flight.received = Some(received);
        flight.phase = Phase::Checking;
        if is_private && !self.rules.breaks(Broken::StoresByOldRows) {
            // A look that begins now sees all operations that the response may include.
            self.mirror(After::Check(id));
        } else {
            self.check(id);
        }
    }

    /// Whether what came is stored, shown, or asked for again.
    pub(super) fn check(&mut self, id: u32) {
        let Some(flight) = self.flight(id).filter(|flight| flight.phase == Phase::Checking) else { return };
        let (lookup, Some(received)) = (flight.lookup.clone(), flight.received.clone()) else { return };
        let fallback = flight.fallback.as_ref().map(|(stored, _)| stored.clone());
        let (attempts, sending_failed) = (flight.attempts, flight.sending_failed);
        let in_memory = self.cache.peek(&lookup.owner, &lookup.path).cloned();
        let here = match (in_memory, fallback) {
            (Some(here), Some(there)) => Some(if there.supersedes(&here) { there } else { here }),
            (here, there) => here.or(there),
        };
        let here = here.filter(|here| self.is_usable(&lookup, here));
        let seen = self.seen_of(&lookup.owner);
        let is_current = received.stored.generation >= seen;
        let position = self.position(&lookup, &received.stored, here.as_ref());
        // Behind what was seen of other paths, but not of this: it is the newest there is.
        let is_newest = here.as_ref().is_none_or(|here| here.generation <= received.stored.generation)
            || self.rules.breaks(Broken::StoresOlder);
        if received.is_storable && (is_current || is_newest) && position.is_some() {
            return self.store(id, received, position.unwrap_or(0), !is_current);
        }
        // While sending fails, asking again would say the same.
        let is_final = sending_failed || received.degraded.is_some() || !is_current || attempts >= ATTEMPTS;
        if position.is_none() && !is_final {
            return self.begin_fetch(id);
        }
        if received.degraded.is_none() {
            self.raise_seen(&lookup.owner, received.stored.generation);
        }
        let is_older = !is_current && here.as_ref().is_some_and(|here| here.generation >= received.stored.generation);
        let is_default = received.degraded.as_deref() == Some("default");
        let is_stale_default = received.degraded.is_some() && here.is_some();
        let is_worse = is_default || is_older || is_stale_default || position.is_none();
        let has_other = here.is_some_and(|here| self.evaluate(&lookup, &here) != Reuse::Expired);
        if is_worse && has_other {
            self.fail_flight(id, &Failure::new(Code::Offline), 0);
        } else {
            self.show(id, &received, position, !is_current || received.degraded.is_some());
        }
    }

    /// Up to which operation a learner's response includes all. `None`: nobody knows.
    fn position(&self, lookup: &Lookup, received: &StoredResponse, here: Option<&StoredResponse>) -> Option<u64> {
        if lookup.overlay == Overlay::None {
            return Some(0);
        }
        let floor = self.floor.get(Self::namespace(&lookup.owner)).copied().unwrap_or(0);
        if received.generation < floor {
            // Something newer was shown, and what that included is not known any more.
            return None;
        }
        // The same number, the same state: what is known of the one holds for the other.
        let known = here.filter(|here| here.generation == received.generation && here.generation > 0);
        let known = known.map(|here| here.position);
        let found =
            if received.generation > 0 { self.outbox.position_of(received.generation, self.rules) } else { None };
        // Entries have ids: whatever the page includes, none is shown twice.
        let is_history = matches!(lookup.overlay, Overlay::History { .. }) && received.generation > 0;
        let trimmed_to = self.outbox.trimmed_to(received.generation).filter(|_| is_history);
        known.max(found).or(trimmed_to)
    }

    fn store(&mut self, id: u32, received: Received, position: u64, is_stale: bool) {
        let Some(lookup) = self.flight(id).map(|flight| flight.lookup.clone()) else { return };
        let before = self.cache.peek(&lookup.owner, &lookup.path).cloned();
        let stored = StoredResponse { position, ..received.stored.clone() };
        let generation = stored.generation;
        self.raise_seen(&lookup.owner, generation);
        let is_newer = before.as_ref().is_none_or(|before| !before.supersedes(&stored));
        if is_newer || self.rules.breaks(Broken::StoresOlder) {
            let has_changed = before.is_some_and(|before| before.body != stored.body);
            self.insert(&lookup, stored.clone());
            let (owner, path) = (Rc::clone(&lookup.owner), Rc::clone(&lookup.path));
            // What other tabs recorded is not known: it is for this tab alone, until the rows can be read again.
            if !(self.mirror_failed && lookup.is_private()) {
                self.write(Writing::Store { owner, path, generation });
            }
            if has_changed {
                self.changed(&lookup.path);
            }
        }
        self.show(id, &Received { stored, ..received }, Some(position), is_stale);
        self.trim_journal();
    }

    fn show(&mut self, id: u32, received: &Received, position: Option<u64>, is_stale: bool) {
        let Some(flight) = self.remove_flight(id) else { return };
        for waiter in flight.waiters {
            self.coordination.timers.clear(Timer::Patience(waiter.request));
            let mut response = self.response(&flight.lookup, &received.stored, received.source, position, is_stale);
            response.degraded.clone_from(&received.degraded);
            self.effects
                .push_back(Effect::Resolve { request: waiter.request, outcome: Ok(Outcome::Response(response)) });
        }
    }

    /// What is stored serves, where that may be.
    pub(super) fn fail_flight(&mut self, id: u32, failure: &Failure, status: u16) {
        let Some(mut flight) = self.remove_flight(id) else { return };
        for waiter in std::mem::take(&mut flight.waiters) {
            if allows_stale(failure, status) {
                self.serve_stale(&flight.lookup, &waiter, Some(&flight), failure.clone());
            } else {
                self.coordination.timers.clear(Timer::Patience(waiter.request));
                self.resolve(waiter.request, Err(failure.clone()));
            }
        }
    }

    /// What is gone at the origin is gone here.
    fn remove_stored(&mut self, id: u32) {
        let Some(flight) = self.flight(id) else { return };
        (flight.stored, flight.fallback) = (None, None);
        let (owner, path) = (Rc::clone(&flight.lookup.owner), Rc::clone(&flight.lookup.path));
        self.cache.remove(&owner, &path);
        self.changed(&path);
        self.write(Writing::Remove { owner, path });
    }

    /// A journal that is too long loses its older half; responses that lack it are not used any more.
    pub(super) fn trim_journal(&mut self) {
        let Some(user) = self.session.user_id().cloned() else { return };
        if let Some((numbers, to, generation)) = self.outbox.excess() {
            self.write(Writing::Trim { user, numbers, to, generation });
        }
    }
}

/// Whether the body is what this route gives; anything else is not from Kaïros.
fn fits(policy: Policy, body: &str) -> bool {
    let members = reader::object(body).unwrap_or_default();
    let is_array = |name: &str| reader::get(&members, name).is_some_and(|value| value.starts_with('['));
    match policy {
        Policy::CatalogList | Policy::CatalogSearch => is_array("items"),
        Policy::CatalogModule => reader::get(&members, "slug").is_some_and(|slug| slug.starts_with('"')),
        Policy::Progress => crate::overlay::records_of(body).is_some(),
        Policy::Statistics => wire::statistics(body).is_some(),
        Policy::History => {
            wire::page(body).is_some_and(|(items, _)| items.into_iter().all(|item| wire::entry(item).is_some()))
        }
        Policy::Profile => wire::profile_id(body).is_some(),
        Policy::Published | Policy::NoStore => true,
    }
}
