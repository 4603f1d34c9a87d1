//! The class that JavaScript sees, thinly: arguments in, promises out. `index.js` wraps it, `kairos-client.d.ts` documents it.

use std::rc::Rc;

use js_sys::Function;
use kairos_protocol::api::account::{LoginRequest, Profile, RegisterRequest};
use kairos_protocol::api::ids::Slug;
use kairos_protocol::api::operation::{Action, Operation};
use kairos_protocol::api::paths;
use kairos_protocol::api::problem::{Problem, ProblemType};
use kairos_protocol::policy::Policy;
use serde::{Deserialize, Serialize};
use wasm_bindgen::prelude::*;

use crate::core::Core;
use crate::environment;
use crate::error::{Error, Result};
use crate::events::Event;
use crate::json;
use crate::persistence::Storage;

type JsResult<T> = std::result::Result<T, JsValue>;

/// A client; see `KairosClient` in `kairos-client.d.ts`.
#[wasm_bindgen]
pub struct Client {
    core: Rc<Core>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OpenOptions {
    base_url: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    memory_entries: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewOperation {
    module: Slug,
    action: Action,
}

#[derive(Serialize)]
struct OperationStatus<'a> {
    id: &'a str,
    module: &'a str,
    action: &'a Action,
    at_ms: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<&'a Problem>,
}

#[derive(Serialize)]
struct FailureStatus {
    code: String,
    message: String,
}

#[derive(Serialize)]
struct MemoryStatus {
    entries: usize,
    hits: u64,
    misses: u64,
}

#[derive(Serialize)]
struct Status<'a> {
    user: Option<&'a Profile>,
    session: &'a str,
    reachable: bool,
    sending: bool,
    #[serde(rename = "sendFailure", skip_serializing_if = "Option::is_none")]
    send_failure: Option<FailureStatus>,
    pending: Vec<OperationStatus<'a>>,
    rejected: Vec<OperationStatus<'a>>,
    persistence: &'a str,
    memory: MemoryStatus,
}

fn operation_status<'a>(
    operation: &'a Operation,
    attempts: Option<u32>,
    problem: Option<&'a Problem>,
) -> OperationStatus<'a> {
    let Operation { id, module, at_ms, action } = operation;
    OperationStatus { id: id.as_str(), module: module.as_str(), action, at_ms: *at_ms, attempts, problem }
}

fn invalid(why: String) -> Error {
    Error::new("invalid_argument", why)
}

fn thrown<T>(result: Result<T>) -> JsResult<T> {
    result.map_err(|error| error.to_js())
}

#[wasm_bindgen]
impl Client {
    /// Opens the store, restores the session, starts sending what waits.
    ///
    /// # Errors
    /// `invalid_argument`.
    pub async fn open(options: JsValue) -> JsResult<Client> {
        console_error_panic_hook::set_once();
        let options: OpenOptions = thrown(json::from_js(&options).map_err(invalid))?;
        let base_url = options.base_url.trim_end_matches('/').to_owned();
        let name = options.name.unwrap_or_else(|| "kairos".to_owned());
        let storage = Storage::open(&name).await;
        let core = Rc::new(Core::new(base_url, name, options.memory_entries.unwrap_or(200), storage));
        core.follow_disk().await;
        if core.user().is_some() {
            core.kick();
            core.refresh_replica();
        }
        core.listen_to_page();
        core.remove_expired();
        Ok(Client { core })
    }

    /// Creates an account and signs in.
    ///
    /// # Errors
    /// `email-taken`, `invalid-fields`, `offline`, …
    pub async fn register(&self, email: String, display_name: String, password: String) -> JsResult<JsValue> {
        let request = RegisterRequest { email, display_name, password };
        thrown(self.core.register(&request).await.map(|profile| json::to_js(&profile)))
    }

    /// Signs in.
    ///
    /// # Errors
    /// `wrong-credentials`, `offline`, …
    pub async fn login(&self, email: String, password: String) -> JsResult<JsValue> {
        let request = LoginRequest { email, password };
        thrown(self.core.login(&request).await.map(|profile| json::to_js(&profile)))
    }

    /// Ends the session and wipes the user's data.
    ///
    /// # Errors
    /// `pending_operations` when some would be lost and `discard` is not set.
    pub async fn logout(&self, discard: bool) -> JsResult<()> {
        thrown(self.core.logout(discard).await)
    }

    /// A token for a request in the learner's name: not `refused`, and renewed if it is about to expire.
    ///
    /// # Errors
    /// `unauthenticated` with nobody signed in or when the session has ended; `offline`, … when it cannot be renewed.
    #[wasm_bindgen(js_name = accessToken)]
    pub async fn access_token(&self, refused: Option<String>) -> JsResult<String> {
        thrown(self.core.ensure_open())?;
        let user = thrown(self.core.user().ok_or_else(Error::unauthenticated))?;
        thrown(self.core.access_token(&user, refused.as_deref()).await)
    }

    /// Answers a `GET`.
    ///
    /// # Errors
    /// `offline` with neither network nor stored response; `unauthenticated`; what the server said.
    pub async fn get(&self, path: String, revalidate: Option<bool>) -> JsResult<JsValue> {
        let result = self.core.get(&path, revalidate).await;
        thrown(result.and_then(|result| result.to_js(environment::now())))
    }

    /// Records what the learner did.
    ///
    /// # Errors
    /// `unauthenticated`, `invalid-fields`, `storage`: then it is not recorded.
    pub async fn mutate(&self, operation: JsValue) -> JsResult<JsValue> {
        thrown(self.record(&operation).await)
    }

    async fn record(&self, operation: &JsValue) -> Result<JsValue> {
        let core = &self.core;
        core.ensure_open()?;
        let operation: NewOperation = json::from_js(operation).map_err(invalid)?;
        if let Some(violation) = operation.action.violation() {
            let problem = ProblemType::InvalidFields.with_detail("").with_errors([("action", violation)]);
            return Err(Error::from_problem(problem).unwrap_or_else(|| invalid(String::new())));
        }
        let user = core.user().ok_or_else(Error::unauthenticated)?;
        let id = environment::new_operation_id().ok_or_else(|| Error::storage("no randomness"))?;
        let NewOperation { module, action } = operation;
        let operation = Operation { id, module, at_ms: environment::now(), action };
        core.change_outbox(&user, |outbox| outbox.record(operation.clone())).await?;
        core.emit(&Event::Status);
        core.emit(&Event::progress_changed());
        core.kick();
        let recorded = json::Object::new();
        recorded.set("id", &operation.id.as_str().into());
        recorded.set("durable", &core.storage.is_durable().into());
        Ok(recorded.into())
    }

    /// What is known now.
    #[must_use]
    pub fn status(&self) -> JsValue {
        let core = &self.core;
        let (session, outbox, memory) = (core.session(), core.outbox(), core.memory.borrow().counters());
        let pending = outbox.pending.iter().map(|p| operation_status(&p.operation, Some(p.attempts), None));
        let rejected = outbox.rejected.iter().map(|r| operation_status(&r.operation, None, Some(&r.problem)));
        let failure = core.sending.last_failure().filter(|_| !outbox.pending.is_empty());
        let send_failure = failure.map(|failure| FailureStatus { code: failure.code.into(), message: failure.message });
        let status = Status {
            user: session.as_ref().map(|session| &session.profile),
            session: match &session {
                None => "none",
                Some(session) if session.ended => "ended",
                Some(_) => "active",
            },
            reachable: core.is_reachable(),
            sending: core.sending.is_running(),
            send_failure,
            pending: pending.collect(),
            rejected: rejected.collect(),
            persistence: if core.storage.persists() { "disk" } else { "memory" },
            memory: MemoryStatus { entries: memory.entries, hits: memory.hits, misses: memory.misses },
        };
        json::to_js(&status)
    }

    /// Sends the outbox now.
    ///
    /// # Errors
    /// What prevented it; what is unsent stays.
    pub async fn sync(&self) -> JsResult<()> {
        thrown(self.core.ensure_open())?;
        thrown(self.core.flush().await)
    }

    /// Removes rejected operations: those with these ids, or all.
    ///
    /// # Errors
    /// `storage`.
    #[wasm_bindgen(js_name = dismissRejected)]
    pub async fn dismiss_rejected(&self, ids: Option<Vec<String>>) -> JsResult<()> {
        let Some(user) = self.core.user() else { return Ok(()) };
        let dismissed = self.core.change_outbox(&user, |outbox| {
            outbox.rejected.retain(|rejected| {
                ids.as_ref().is_some_and(|ids| !ids.iter().any(|id| id == rejected.operation.id.as_str()))
            });
        });
        thrown(dismissed.await)?;
        self.core.emit(&Event::Status);
        Ok(())
    }

    /// Adds a listener; returns the number to remove it by.
    #[must_use]
    pub fn subscribe(&self, listener: Function) -> u32 {
        self.core.listeners.add(listener)
    }

    /// Removes the listener with that number.
    pub fn unsubscribe(&self, number: u32) {
        self.core.listeners.remove(number);
    }

    /// Stops everything; what is unsent stays on disk.
    pub fn close(&self) {
        self.core.close();
    }
}

impl Core {
    /// Responses of the catalogue that are too old for any use leave the disk.
    fn remove_expired(self: &Rc<Self>) {
        let lifetime = Policy::of_path(paths::MODULES).in_browser();
        let oldest =
            environment::now() - i64::from(lifetime.fresh_secs.saturating_add(lifetime.stale_if_error_secs)) * 1_000;
        let core = Rc::clone(self);
        wasm_bindgen_futures::spawn_local(async move {
            core.storage.remove_older(oldest).await.ok();
        });
    }
}
