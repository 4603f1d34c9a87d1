//! `get`: the nearest response that may be used, and when to ask for a newer one. Memory first, then disk, then the network; what is
//! stored again when the network fails. Not here: fetching ([`super::fetches`]).

use std::rc::Rc;

use kairos_protocol::api::page::MAX_LIMIT;
use kairos_protocol::api::paths;
use kairos_protocol::api::progress::ProgressRecord;
use kairos_protocol::policy::Policy;

use crate::cache::stored::{Reuse, StoredResponse};
use crate::coordination::{Connection, Timer};
use crate::effect::{Code, Failure, Outcome, Response, Source};
use crate::input::Mode;
use crate::overlay::{self, Overlay};
use crate::query::{Flight, Lookup, Phase, Waiter};
use crate::rules::Broken;
use crate::storage::row::{Key, Range, Row};
use crate::wiring::steps::{After, Reading, Writing};
use crate::wiring::{Core, Disk};

/// How long the network may take when a stored response could be served instead.
const PATIENCE_WITH_STORED_MS: i64 = 3_000;
/// How long it may take when there is none.
const PATIENCE_MS: i64 = 30_000;

impl Core {
    pub(super) fn get(&mut self, request: u32, path: String, mode: Mode) {
        let lookup = match Lookup::parse(&path, self.session.user_id()) {
            Ok(lookup) => lookup,
            Err(code) => return self.reject(request, code),
        };
        let must_look = self.coordination.must_check || self.mirror_failed;
        if lookup.is_private() && must_look && !self.rules.breaks(Broken::IgnoresMessages) {
            let user = self.session.user_id().cloned();
            return self.mirror(After::Get { request, path, mode, user });
        }
        self.look_up(request, lookup, mode);
    }

    /// Looks into memory, then on the disk.
    pub(super) fn look_up(&mut self, request: u32, lookup: Lookup, mode: Mode) {
        let waiter = Waiter { request, mode };
        if let Some(flight) = self.flight_for(&lookup) {
            let is_looking = flight.phase == Phase::Looking;
            if is_looking {
                flight.waiters.push(waiter);
                return;
            }
        }
        let stored = self.find(&lookup).map(|stored| (stored, Source::Memory));
        self.cache.count(stored.is_some());
        match stored {
            None if lookup.is_storable() && self.disk == Disk::Open => {
                let (owner, path) = (Rc::clone(&lookup.owner), Rc::clone(&lookup.path));
                let id = self.add_flight(lookup, waiter, None, Phase::Looking);
                self.read(Reading::Stored(id), vec![Range::One(Key::response(&owner, &path))]);
            }
            stored => self.answer(lookup, waiter, stored),
        }
    }

    /// What memory has, if it may be shown.
    fn find(&mut self, lookup: &Lookup) -> Option<StoredResponse> {
        if !lookup.is_storable() {
            return None;
        }
        let found = self.cache.find(&lookup.owner, &lookup.path, self.now).cloned();
        found.filter(|stored| self.is_usable(lookup, stored))
    }

    /// Whether it is known which operations a stored response lacks, and nothing newer was shown that is gone.
    pub(super) fn is_usable(&self, lookup: &Lookup, stored: &StoredResponse) -> bool {
        let floor = self.floor.get(Self::namespace(&lookup.owner)).copied().unwrap_or(0);
        let has_operations = lookup.overlay != Overlay::None && !self.rules.breaks(Broken::UsesTrimmed);
        stored.generation >= floor && (!has_operations || self.outbox.reaches_back_to(stored.position))
    }

    pub(super) fn evaluate(&self, lookup: &Lookup, stored: &StoredResponse) -> Reuse {
        stored.evaluate(lookup.policy, self.seen_of(&lookup.owner), self.now)
    }

    fn flight_for(&mut self, lookup: &Lookup) -> Option<&mut Flight> {
        self.flights.iter_mut().find(|flight| flight.lookup == *lookup)
    }

    fn add_flight(
        &mut self,
        lookup: Lookup,
        waiter: impl Into<Option<Waiter>>,
        stored: Option<(StoredResponse, Source)>,
        phase: Phase,
    ) -> u32 {
        let id = self.number();
        let waiters = waiter.into().into_iter().collect();
        self.flights.push(Flight {
            id,
            lookup,
            phase,
            waiters,
            fallback: stored.clone(),
            stored,
            received: None,
            attempts: 0,
            refused: None,
            token: None,
            sending_failed: false,
        });
        id
    }

    /// Serves what is stored, or asks the network.
    fn answer(&mut self, lookup: Lookup, waiter: Waiter, stored: Option<(StoredResponse, Source)>) {
        let reuse = stored.as_ref().map_or(Reuse::Expired, |(stored, _)| self.evaluate(&lookup, stored));
        let at_once = match waiter.mode {
            Mode::Revalidate => false,
            Mode::OnlyIfCached => reuse != Reuse::Expired,
            Mode::ByPolicy => reuse <= Reuse::StaleWhileRevalidate,
        };
        if let Some((response, source)) = stored.as_ref().filter(|_| at_once) {
            let response = self.response(&lookup, response, *source, Some(response.position), reuse != Reuse::Fresh);
            self.resolve(waiter.request, Ok(Outcome::Response(response)));
            if reuse == Reuse::StaleWhileRevalidate && waiter.mode == Mode::ByPolicy {
                self.revalidate(lookup, stored);
            }
            return;
        }
        if waiter.mode == Mode::OnlyIfCached {
            return self.serve_stale(&lookup, &waiter, None, Failure::new(Code::Offline));
        }
        let has_stored = reuse != Reuse::Expired;
        let patience = if has_stored { PATIENCE_WITH_STORED_MS } else { PATIENCE_MS };
        self.coordination.timers.set(self.now.saturating_add(patience), Timer::Patience(waiter.request));
        match self.flight_for(&lookup) {
            Some(flight) => {
                flight.waiters.push(waiter);
                flight.offer(stored);
            }
            None => {
                let id = self.add_flight(lookup, waiter, stored, Phase::Sending);
                self.begin_fetch(id);
            }
        }
    }

    /// Fetches in the background, unless somebody does.
    pub(super) fn revalidate(&mut self, lookup: Lookup, stored: Option<(StoredResponse, Source)>) {
        if self.flight_for(&lookup).is_none() {
            let id = self.add_flight(lookup, None, stored, Phase::Sending);
            self.begin_fetch(id);
        }
    }

    /// Fetches again what could not be fetched, or is watched.
    pub(super) fn revalidate_path(&mut self, path: &str) {
        let Ok(lookup) = Lookup::parse(path, self.session.user_id()) else { return };
        if lookup.is_private() && self.session.active_id().is_none() {
            return;
        }
        let stored = self.find(&lookup).map(|stored| (stored, Source::Memory));
        self.revalidate(lookup, stored);
    }

    /// What the disk has.
    pub(super) fn stored_read(&mut self, id: u32, rows: &[Row]) {
        let Some(place) = self.flights.iter().position(|flight| flight.id == id) else { return };
        let flight = self.flights.remove(place);
        let read = self.promote(&flight.lookup, rows);
        let stored = self.find(&flight.lookup).map(|stored| {
            let is_from_disk = read.as_ref().is_some_and(|read| *read == stored);
            (stored, if is_from_disk { Source::Disk } else { Source::Memory })
        });
        for waiter in flight.waiters {
            self.answer(flight.lookup.clone(), waiter, stored.clone());
        }
    }

    /// Puts what the disk has into memory, if it is newer than what is there; gives what the disk has.
    pub(super) fn promote(&mut self, lookup: &Lookup, rows: &[Row]) -> Option<StoredResponse> {
        let row = rows.first()?;
        let stored = StoredResponse::from_text(&row.text, row.stamp, self.config.format)?;
        if lookup.is_private() && self.session.user_id() != Some(&lookup.owner) {
            return None;
        }
        let here = self.cache.peek(&lookup.owner, &lookup.path);
        let has_changed = here.is_some_and(|here| here.body != stored.body);
        let is_newer = here.is_none_or(|here| stored.supersedes(here));
        if is_newer && self.is_usable(lookup, &stored) {
            self.raise_seen(&lookup.owner, stored.generation);
            self.insert(lookup, stored.clone());
            if has_changed {
                self.changed(&lookup.path);
            }
        }
        Some(stored)
    }

    /// Puts a response into memory; and if it is the complete list of a learner's records, the statistics that follow from it too: both are
    /// of one state.
    pub(super) fn insert(&mut self, lookup: &Lookup, stored: StoredResponse) {
        let is_replica = lookup.policy == Policy::Progress && *lookup.path == *Self::replica_path();
        let list = stored.clone();
        self.insert_one(lookup, stored);
        if !is_replica || list.generation < self.seen_of(&lookup.owner) {
            // An older list says less than the statistics that the disk may have.
            return;
        }
        let Ok(of_statistics) = Lookup::parse(paths::STATISTICS, Some(&lookup.owner)) else { return };
        let here = self.cache.peek(&of_statistics.owner, &of_statistics.path);
        if here.is_some_and(|here| here.generation >= list.generation) {
            return;
        }
        let generation = list.generation;
        if let Some((records, _)) = self.replica(lookup) {
            let body = overlay::statistics_of(&records).into();
            self.insert_one(&of_statistics, StoredResponse { body, etag: None, is_on_disk: false, ..list });
            let (owner, path) = (of_statistics.owner, of_statistics.path);
            if !self.mirror_failed {
                self.write(Writing::Store { owner, path, generation });
            }
        }
    }

    fn insert_one(&mut self, lookup: &Lookup, stored: StoredResponse) {
        if let Some(flight) = self.flight_for(lookup) {
            // It may leave memory before that is done.
            flight.offer(Some((stored.clone(), Source::Memory)));
        }
        let expires_at = stored.expires_at(lookup.policy);
        for (owner, evicted) in self.cache.insert(&lookup.owner, &lookup.path, stored, expires_at) {
            if !evicted.is_on_disk {
                // The disk may have an older one of the same path, which is not to come back.
                if let Some(floor) = self.floor.get_mut(Self::namespace(&owner)) {
                    *floor = (*floor).max(evicted.generation);
                }
            }
        }
    }

    /// What is stored, marked stale; `failure` when nothing is.
    pub(super) fn serve_stale(&mut self, lookup: &Lookup, waiter: &Waiter, flight: Option<&Flight>, failure: Failure) {
        self.coordination.timers.clear(Timer::Patience(waiter.request));
        let of_flight = flight.and_then(|flight| flight.fallback.clone());
        let in_memory = self.find(lookup).map(|stored| (stored, Source::Memory));
        let newest = match (in_memory, of_flight) {
            (Some(here), Some(there)) => Some(if there.0.supersedes(&here.0) { there } else { here }),
            (here, there) => here.or(there),
        };
        let is_usable = |(stored, _): &(StoredResponse, Source)| {
            self.is_usable(lookup, stored) && self.evaluate(lookup, stored) != Reuse::Expired
        };
        let response = newest
            .filter(is_usable)
            .map(|(stored, source)| self.response(lookup, &stored, source, Some(stored.position), true));
        if self.coordination.connection != Connection::Online {
            self.coordination.miss(&lookup.path);
        }
        let response = response.or_else(|| self.derived(lookup));
        self.resolve(waiter.request, response.map(Outcome::Response).ok_or(failure));
    }

    /// Nobody waits any longer for the network.
    pub(super) fn patience_ends(&mut self, request: u32) {
        let flight = self.flights.iter().find(|flight| flight.waiters.iter().any(|waiter| waiter.request == request));
        let Some(flight) = flight.cloned() else { return };
        let Some(waiter) = self.take_waiter(request) else { return };
        self.serve_stale(&flight.lookup, &waiter, Some(&flight), Failure::new(Code::Offline));
    }

    pub(super) fn take_waiter(&mut self, request: u32) -> Option<Waiter> {
        self.flights.iter_mut().find_map(|flight| {
            let place = flight.waiters.iter().position(|waiter| waiter.request == request)?;
            Some(flight.waiters.remove(place))
        })
    }

    /// What the caller is given of a response with that position; `None`: nobody knows which operations it includes.
    pub(super) fn response(
        &self,
        lookup: &Lookup,
        stored: &StoredResponse,
        source: Source,
        position: Option<u64>,
        is_stale: bool,
    ) -> Response {
        // Entries have ids: none is shown twice, whatever the page includes.
        let floor = self.floor.get(Self::namespace(&lookup.owner)).copied().unwrap_or(0);
        let is_history = matches!(lookup.overlay, Overlay::History { .. }) && stored.generation >= floor;
        let from = position.or_else(|| self.outbox.trimmed_to(stored.generation).filter(|_| is_history));
        let is_list = matches!(lookup.overlay, Overlay::Statistics | Overlay::Progress { .. });
        if is_list && position.is_some() {
            self.newest_shown.set(self.newest_shown.get().max(stored.generation));
        }
        let operations = match from {
            Some(position) if lookup.overlay != Overlay::None => self.outbox.since(position),
            _ => Vec::new(),
        };
        let overlaid = if operations.is_empty() { None } else { self.overlaid(lookup, stored, from, &operations) };
        let pending = from.filter(|_| overlaid.is_some()).map_or(0, |position| self.outbox.pending_since(position));
        Response {
            body: overlaid.map_or_else(|| Rc::clone(&stored.body), Rc::from),
            source,
            is_stale: is_stale || from.is_none() && lookup.overlay != Overlay::None,
            is_complete: lookup.overlay == Overlay::None || (from.is_some() && self.outbox.unreadable == 0),
            age_ms: stored.age_ms(self.now),
            generation: stored.generation,
            pending,
            degraded: None,
            policy: lookup.policy.name(),
        }
    }

    fn overlaid(
        &self,
        lookup: &Lookup,
        stored: &StoredResponse,
        position: Option<u64>,
        operations: &[Rc<kairos_protocol::api::operation::Operation>],
    ) -> Option<String> {
        let reaches = position.unwrap_or(u64::MAX);
        match lookup.overlay {
            Overlay::None => None,
            Overlay::Progress { is_first } => {
                let all = self.replica(lookup).map(|(records, _)| records).unwrap_or_default();
                overlay::progress_page(&stored.body, is_first, &all, operations)
            }
            Overlay::History { is_first } => overlay::history_page(&stored.body, is_first, operations),
            Overlay::Statistics => {
                let list = self.replica(lookup).filter(|(_, list)| list.position <= reaches);
                let (records, from) = list.map_or((Vec::new(), reaches), |(records, list)| (records, list.position));
                let then = overlay::records(records, &self.outbox.between(from, reaches));
                let now = overlay::records(then.clone(), &self.outbox.since(reaches));
                overlay::shift_statistics(&stored.body, &then, &now)
            }
        }
    }

    /// From the first page of records, when it is the only one: then it has all of them.
    fn replica(&self, lookup: &Lookup) -> Option<(Vec<ProgressRecord>, &StoredResponse)> {
        let path = Self::replica_path();
        let stored = self.cache.peek(&lookup.owner, &path).filter(|stored| self.is_usable(lookup, stored))?;
        let (_, cursor) = crate::wire::page(&stored.body)?;
        let records = overlay::records_of(&stored.body).filter(|_| cursor.is_none())?;
        Some((records, stored))
    }

    /// The path whose response is the complete list of a learner's records, if it has no next page.
    pub(super) fn replica_path() -> String {
        let mut path = [paths::PROGRESS, "?limit="].concat();
        crate::json::writer::push_integer(&mut path, MAX_LIMIT.into());
        path
    }

    /// Statistics and progress from the complete list, where the response itself was never fetched.
    fn derived(&self, lookup: &Lookup) -> Option<Response> {
        if !matches!(lookup.overlay, Overlay::Statistics | Overlay::Progress { is_first: true }) {
            return None;
        }
        let (records, stored) = self.replica(lookup).filter(|(_, list)| list.generation >= self.newest_shown.get())?;
        let records = overlay::records(records, &self.outbox.since(stored.position));
        let body = if lookup.policy == Policy::Statistics {
            overlay::statistics_of(&records)
        } else {
            crate::wire::write_page(&records, None, crate::wire::write_record)
        };
        let shown = self.response(lookup, stored, Source::Memory, Some(u64::MAX), true);
        Some(Response { body: body.into(), pending: self.outbox.pending_since(stored.position), ..shown })
    }

    /// What was shown of what memory has, without asking, so many times.
    pub fn count_hits(&mut self, path: &str, hits: u64) {
        if let Ok(lookup) = Lookup::parse(path, self.session.user_id()) {
            self.cache.touch(&lookup.owner, &lookup.path, self.now, hits);
        }
    }

    /// The time has come to be `now`, for [`Core::peek`], with nothing that happened. Setting the clock back is left to the next input.
    pub fn advance(&mut self, now: i64) {
        self.now = self.now.max(now);
    }

    /// What memory has and may be shown at once, for a synchronous look; it neither asks nor counts.
    #[must_use]
    pub fn peek(&self, path: &str) -> Option<Response> {
        let lookup = Lookup::parse(path, self.session.user_id()).ok()?;
        if lookup.is_private() && self.coordination.must_check {
            return None;
        }
        let stored = self.cache.peek(&lookup.owner, &lookup.path)?;
        let reuse = self.evaluate(&lookup, stored);
        let may_be_shown = self.is_usable(&lookup, stored) && reuse != Reuse::Expired;
        may_be_shown
            .then(|| self.response(&lookup, stored, Source::Memory, Some(stored.position), reuse != Reuse::Fresh))
    }
}
