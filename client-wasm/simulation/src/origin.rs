//! The origin, as far as a client can tell: accounts, tokens that rotate, operations applied once through protocol's reducer, generations that
//! name states, a catalogue, and an edge that may be behind. Everything that it ever said can be looked up, for the checks.

use std::collections::{BTreeMap, HashMap, HashSet};

use kairos_client_core::{Fetch, HttpResponse};
use kairos_protocol::api::ids::Slug;
use kairos_protocol::api::operation::Operation;
use kairos_protocol::api::paths;
use kairos_protocol::api::progress::ProgressRecord;
use kairos_protocol::sync::reducer;
use serde_json::{Value, json};

use crate::names::{self, Set};
use crate::random::Random;

/// One state of a learner's data.
#[derive(Clone, Copy, Debug)]
pub(crate) struct State {
    /// Its generation.
    pub(crate) generation: u64,
    /// Which of the browser's operations it includes.
    pub(crate) set: Set,
    /// How many of other devices'.
    pub(crate) others: u64,
}

/// An account.
#[derive(Default)]
pub(crate) struct Account {
    records: BTreeMap<Slug, ProgressRecord>,
    history: Vec<Operation>,
    applied: HashSet<String>,
    /// All states there ever were, oldest first.
    pub(crate) states: Vec<State>,
}

/// The origin.
pub(crate) struct Origin {
    /// By number.
    pub(crate) accounts: Vec<Account>,
    access: HashMap<String, (usize, i64)>,
    refresh: HashMap<String, usize>,
    predecessors: HashMap<String, String>,
    retired: HashSet<String>,
    names: u64,
    clock: u64,
    /// Generations of the catalogue; the place is the version that the bodies show.
    pub(crate) catalog: Vec<u64>,
    /// What must never happen: an operation under another's token, or one that nobody recorded.
    pub(crate) violation: Option<String>,
    /// It answers with something degraded now and then.
    pub(crate) is_degraded: bool,
    /// Says something unknown of some operations now and then.
    pub(crate) is_vague: bool,
    /// Refuses a batch in which something poisonous is.
    pub(crate) refuses_poison: bool,
}

fn response(status: u16, body: &Value) -> HttpResponse {
    let content_type = if status < 400 { "application/json" } else { "application/problem+json" };
    HttpResponse { status, body: body.to_string(), content_type: content_type.into(), ..HttpResponse::default() }
}

/// A problem.
#[must_use]
pub(crate) fn problem(status: u16, kind: &str) -> HttpResponse {
    response(status, &json!({ "type": format!("urn:kairos:problem:{kind}"), "title": kind, "status": status }))
}

impl Origin {
    /// With accounts that have done nothing.
    #[must_use]
    pub(crate) fn new(accounts: usize) -> Self {
        let account = |_| Account {
            states: vec![State { generation: 1_000, set: Set::default(), others: 0 }],
            ..Account::default()
        };
        Self {
            accounts: (0..accounts).map(account).collect(),
            access: HashMap::new(),
            refresh: HashMap::new(),
            predecessors: HashMap::new(),
            retired: HashSet::new(),
            names: 0,
            clock: 1_000,
            catalog: vec![1_000],
            violation: None,
            is_degraded: true,
            is_vague: true,
            refuses_poison: true,
        }
    }

    /// Another device of the learner's does something.
    pub(crate) fn elsewhere(&mut self, user: usize) {
        self.names += 1;
        let id = format!("elsewhere-{}", self.names);
        let module = format!("{}-m{}", names::user_id(user), self.names % 3);
        let operation = json!({ "id": id, "module": module, "at_ms": 5, "action": { "kind": "study", "seconds": 1 } });
        if let Ok(operation) = serde_json::from_value(operation) {
            self.apply(user, &operation, None);
        }
        self.commit(user);
    }

    /// An author publishes.
    pub(crate) fn publish(&mut self) {
        self.clock += 1;
        self.catalog.push(self.clock);
    }

    /// Access tokens are refused from now on; sessions end too if `all`.
    pub(crate) fn expire(&mut self, all: bool) {
        self.access.clear();
        if all {
            self.refresh.clear();
        }
    }

    /// Whether it would take a refresh token.
    #[must_use]
    pub(crate) fn would_renew(&self, token: &str) -> bool {
        self.refresh.contains_key(token)
    }

    /// The state of a generation.
    #[must_use]
    pub(crate) fn state(&self, user: usize, generation: u64) -> Option<State> {
        let states = &self.accounts.get(user)?.states;
        let place = states.binary_search_by_key(&generation, |state| state.generation).ok()?;
        states.get(place).copied()
    }

    /// The state now.
    #[must_use]
    pub(crate) fn newest(&self, user: usize) -> Option<State> {
        self.accounts.get(user)?.states.last().copied()
    }

    /// Takes a request in; `now` is the origin's clock.
    pub(crate) fn handle(&mut self, fetch: &Fetch, now: i64, random: &mut Random) -> HttpResponse {
        let body = || serde_json::from_str::<Value>(fetch.body.as_deref().unwrap_or("null")).unwrap_or_default();
        let (pathname, _) = fetch.path.split_once('?').unwrap_or((&fetch.path, ""));
        match pathname {
            paths::HEALTH_LIVE => return response(200, &json!({})),
            paths::LOGIN => {
                return match names::user_of(names::field(&body(), "email").as_str().unwrap_or_default()) {
                    Some(user) if user < self.accounts.len() => self.grant(user, None, now),
                    _ => problem(401, "wrong-credentials"),
                };
            }
            paths::REFRESH => {
                return self.renew(names::field(&body(), "refresh_token").as_str().unwrap_or_default(), now);
            }
            paths::LOGOUT => {
                let token = names::field(&body(), "refresh_token").as_str().unwrap_or_default().to_owned();
                self.refresh.remove(&token);
                return HttpResponse { status: 204, ..HttpResponse::default() };
            }
            _ if pathname.starts_with(paths::MODULES) => return self.catalog(fetch, random),
            _ => {}
        }
        let token = fetch.token.as_deref().unwrap_or_default();
        match self.access.get(token) {
            Some((user, until)) if *until > now => self.private(*user, pathname, fetch, &body(), random),
            _ => problem(401, "token-expired"),
        }
    }

    fn grant(&mut self, user: usize, refresh: Option<String>, now: i64) -> HttpResponse {
        self.names += 1;
        let access = format!("access-{}", self.names);
        let refresh = refresh.unwrap_or_else(|| format!("refresh-{}", self.names));
        self.access.insert(access.clone(), (user, now + 600_000));
        self.refresh.insert(refresh.clone(), user);
        response(
            200,
            &json!({
                "access_token": access, "token_type": "Bearer", "expires_in_secs": 600, "refresh_token": refresh,
                "profile": names::profile(user),
            }),
        )
    }

    /// A token shown again gets the same successor for as long as that was not shown itself; one whose successor was ends the session.
    fn renew(&mut self, token: &str, now: i64) -> HttpResponse {
        let Some(user) = self.refresh.get(token).copied() else {
            if self.retired.contains(token) {
                self.refresh.retain(|other, _| !other.starts_with(token));
            }
            return problem(401, "refresh-token-invalid");
        };
        if let Some(before) = self.predecessors.get(token) {
            self.refresh.remove(before);
            self.retired.insert(before.clone());
        }
        let successor = format!("{token}+");
        self.predecessors.insert(successor.clone(), token.to_owned());
        self.grant(user, Some(successor), now)
    }

    fn catalog(&self, fetch: &Fetch, random: &mut Random) -> HttpResponse {
        let least = names::generation(fetch.min_generation.as_deref().unwrap_or_default(), "catalog=").unwrap_or(0);
        let newest = self.catalog.len() - 1;
        // An edge may be behind, but not behind what its caller has seen.
        let back = usize::try_from(random.below(3)).unwrap_or(0) * usize::from(random.permille(300));
        let mut version = newest.saturating_sub(back);
        while version < newest && self.catalog.get(version).is_some_and(|generation| *generation < least) {
            version += 1;
        }
        let generation = self.catalog.get(version).copied().unwrap_or(0);
        let etag = format!("\"c{version}\"");
        let body = if fetch.path.starts_with("/v1/modules/") {
            json!({ "slug": fetch.path.trim_start_matches("/v1/modules/"), "version": version })
        } else {
            json!({ "items": [{ "slug": "m", "version": version }] })
        };
        let cached = (version < newest).then(|| "kairos-edge; hit; ttl=30".to_owned());
        let mut response = conditional(fetch, response(200, &body), &etag);
        response.generations = Some(format!("catalog={generation}"));
        response.cache_status = cached;
        response
    }

    fn private(
        &mut self,
        user: usize,
        pathname: &str,
        fetch: &Fetch,
        body: &Value,
        random: &mut Random,
    ) -> HttpResponse {
        if pathname == paths::OPERATIONS {
            return self.operations(user, body, random);
        }
        let Some(account) = self.accounts.get(user) else { return problem(404, "not-found") };
        let body = match pathname {
            paths::ME => names::profile(user),
            paths::PROGRESS => json!({ "items": account.records.values().collect::<Vec<_>>() }),
            paths::STATISTICS => json!(reducer::statistics(account.records.values())),
            paths::HISTORY => {
                let mut entries = account.history.clone();
                entries.sort_by(|one, other| (other.at_ms, &other.id).cmp(&(one.at_ms, &one.id)));
                json!({ "items": entries })
            }
            _ => return problem(404, "not-found"),
        };
        let generation = account.states.last().map_or(0, |state| state.generation);
        let degraded = match random.below(60) {
            _ if !self.is_degraded => None,
            0 => Some("stale"),
            1 => Some("default"),
            _ => None,
        };
        let etag = format!("\"p{user}-{generation}\"");
        let mut response = conditional(fetch, response(200, &body), &etag);
        if let Some(degraded) = degraded.filter(|_| response.status == 200) {
            response.degraded = Some(degraded.to_owned());
            if degraded == "default" {
                // Made up: it says nothing of any state.
                response.body = names::nothing(pathname).to_string();
                response.etag = None;
                return response;
            }
        }
        response.generations = Some(format!("user.{}={generation}", names::user_id(user)));
        response
    }

    fn operations(&mut self, user: usize, body: &Value, random: &mut Random) -> HttpResponse {
        let sent = names::field(body, "operations").as_array().cloned().unwrap_or_default();
        let is_poison = |operation: &Value| {
            names::field(operation, "module").as_str().is_some_and(|module| module.contains("poison"))
        };
        if self.refuses_poison && sent.iter().any(is_poison) {
            return problem(422, "invalid-body");
        }
        let mut results = Vec::new();
        for operation in sent {
            let id = names::field(&operation, "id").as_str().unwrap_or_default().to_owned();
            let module = names::field(&operation, "module").as_str().unwrap_or_default().to_owned();
            let Some((owner, index)) = names::operation_of(&id) else {
                self.violation = Some(format!("I-ONCE: an operation came that nobody recorded: {id}"));
                continue;
            };
            if owner != user {
                self.violation = Some(format!("I-PRIVATE: user {user} sent an operation of user {owner}"));
            }
            if self.is_vague && random.permille(30) {
                results.push(json!({ "id": id, "outcome": "postponed" }));
                continue;
            }
            if module.contains("nope") || is_poison(&operation) {
                results.push(json!({ "id": id, "outcome": "rejected", "problem": {
                    "type": "urn:kairos:problem:unknown-module", "title": "unknown", "status": 422 } }));
                continue;
            }
            let outcome = match serde_json::from_value::<Operation>(operation) {
                Ok(operation) if self.apply(user, &operation, Some(index)) => "applied",
                Ok(_) => "duplicate",
                Err(_) => "rejected",
            };
            results.push(json!({ "id": id, "outcome": outcome }));
        }
        self.commit(user);
        let generation = self.newest(user).map_or(0, |state| state.generation);
        let mut response = response(200, &json!({ "results": results }));
        response.generations = Some(format!("user.{}={generation}", names::user_id(user)));
        response
    }

    /// Whether it was not applied before.
    fn apply(&mut self, user: usize, operation: &Operation, index: Option<u8>) -> bool {
        let Some(account) = self.accounts.get_mut(user) else { return false };
        if !account.applied.insert(operation.id.as_str().to_owned()) {
            return false;
        }
        let module = &operation.module;
        let record = account.records.entry(module.clone()).or_insert_with(|| ProgressRecord::empty(module.clone()));
        reducer::apply(record, operation);
        account.history.push(operation.clone());
        let Some(last) = account.states.last().copied() else { return false };
        // The state under way has the generation 0 until it is committed.
        let set = index.map_or(last.set, |index| last.set.with(index));
        account.states.push(State { generation: 0, set, others: last.others + u64::from(index.is_none()) });
        true
    }

    /// Gives the state under way the next generation.
    fn commit(&mut self, user: usize) {
        let Some(account) = self.accounts.get_mut(user) else { return };
        let Some(last) = account.states.last().copied().filter(|last| last.generation == 0) else { return };
        account.states.retain(|state| state.generation > 0);
        self.clock += 1;
        account.states.push(State { generation: self.clock, ..last });
    }
}

/// 304 to one who has it.
fn conditional(fetch: &Fetch, response: HttpResponse, etag: &str) -> HttpResponse {
    let etag_field = Some(etag.to_owned());
    if fetch.etag.as_deref() == Some(etag) {
        return HttpResponse { status: 304, etag: etag_field, ..HttpResponse::default() };
    }
    HttpResponse { etag: etag_field, ..response }
}
