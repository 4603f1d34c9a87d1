//! The browser client's core: a state machine that is told what happened and says what to do. It makes every decision of the client
//! and does nothing itself: no I/O, no clock, no randomness, no `async`. What carries its effects out, the driver, decides nothing.
//!
//! ```text
//! core.handle(now, input);
//! while let Some(effect) = core.poll_effect() { do it; its report is another input }
//! ```
//!
//! # For the driver
//!
//! Effects are begun in the order in which they come; reports come in any. No report is needed at once, and none must come while the
//! effects of one input are taken. `now` is `Date.now()`; it may jump, back too.
//!
//! | effect | what the driver does | reports, exactly one of |
//! | --- | --- | --- |
//! | [`Effect::Fetch`] | `fetch` with `cache: no-store`, `credentials: omit`, `redirect: error`; headers as named in [`Fetch`], `accept: application/json, application/problem+json`; `keepalive` for bodies up to 32 KiB; gives up after `timeout_ms`, headers and body together | [`Input::Fetched`] for any status, with the body as text; [`Input::FetchFailed`] |
//! | [`Effect::Read`] | one read-only transaction over the stores that the [`Range`]s name | [`Input::Rows`] with those that are there; [`Input::ReadFailed`] |
//! | [`Effect::Write`] | one read-write transaction: the [`Guard`]s are looked at; if one does not hold, it is aborted: [`Refusal::Conflict`]. Then deletes, then puts. `durability: strict` if `is_durable` | [`Input::Committed`] on `complete`, with the keys that the generator gave; [`Input::NotCommitted`]: `Quota` for a `QuotaExceededError`, else `Aborted` |
//! | [`Effect::SetTimer`] | one `setTimeout`, in the place of the last, of `at_ms - Date.now()` | [`Input::Timer`] when it fires, whatever the clock says then |
//! | [`Effect::RequestLock`] | `navigator.locks.request` of a name with the database's in it | [`Input::LockGranted`]; [`Input::LockRefused`] if there are no locks, or on any error; later [`Input::LockLost`] if it was stolen |
//! | [`Effect::ReleaseLock`] | resolves the held promise, or aborts the request | none |
//! | [`Effect::Tell`] | `postMessage` on a `BroadcastChannel` of the database's name; the others give [`Input::Message`] | none |
//! | [`Effect::Resolve`] | settles the promise of that number | none |
//! | [`Effect::Notify`] | calls the watch's callback, which looks with [`Core::peek`] | none |
//! | [`Effect::Emit`] | calls the listeners | none |
//!
//! | input, by itself | when |
//! | --- | --- |
//! | [`Input::DiskOpened`] | the database is open, for the first time or again. The driver opens it at the start and again whenever it was closed |
//! | [`Input::DiskRefused`] | `open` failed or there is none. May be followed by `DiskOpened` at any time: what is in memory moves over |
//! | [`Input::DiskClosed`] | `versionchange`, or `close` by the browser. Transactions under way report what came of them |
//! | [`Input::Page`] | `Shown`, `Hidden`: `visibilitychange`, and `Hidden` also on `pagehide`; `Frozen`: `freeze`; `Resumed`: `resume`, and `pageshow` with `persisted`; `Online`, `Offline`: the window's events |
//! | [`Input::Get`] and all others with a `request` | the app calls; the driver makes the number and the promise |
//!
//! The database has a store for each [`Store`]. [`Store::Operations`] has a key generator (`autoIncrement`) and an index by owner; the
//! others have the key `[owner, name]` or `[owner, number]`. A row is `{ owner, stamp, text }`. Texts begin with a digit, the version that
//! wrote them: rows of a later one than [`Config::format`] are neither read nor deleted, but by their owner's signing out.
//!
//! Several tabs have one disk and a core each. What keeps them together are the guards: each core acts on what it last read, and
//! its transaction does nothing if that does not hold any more. Locks and messages save work and time; nothing depends on them.
//!
//! # The boundary to JavaScript
//!
//! Exports are synchronous and pass numbers: `handle` takes the kind of input and its numbers as arguments, its texts in a buffer in
//! linear memory that JavaScript fills (`TextEncoder.encodeInto`), one length for each. Effects are written likewise into a buffer that
//! JavaScript reads until it is empty: a kind, numbers, lengths, texts. Nothing in it is JSON, and no object is made on either side but those
//! that the browser's own interfaces want. Bodies of public responses need not cross at all: the driver may keep each beside a number and hand the
//! number over as the body's text; only bodies with an overlay are read here (`/v1/me/progress`, its sums, `/v1/me/history`), and all
//! are checked for being JSON of the right shape when they come.
//!
//! On a hit in memory no string crosses: JavaScript maps a path to a slot, and reads from linear memory what it must know of it, at
//! `slots + slot * 16`: an `f64` until when it may be shown without asking (0: ask), and an `f64` generation, which changes with what is
//! shown, so that a parsed body beside the slot is used as long as the number is the same. Slots are the places in the least-recently-used
//! list, which do not move. Touches are batched: the driver writes slots into a ring and hands over its length before the next input.
//! When something raises what was seen, or an operation is recorded, the deadlines concerned are set to 0 in one pass. (The table of slots is
//! the boundary's to add: [`Core::peek`] is what it is filled from.)

mod cache;
mod coordination;
mod effect;
mod input;
mod json;
mod order;
mod outbox;
mod overlay;
mod query;
mod rules;
mod sender;
mod session;
mod storage;
mod wire;
mod wiring;

pub use cache::Counters;
pub use coordination::Connection;
pub use effect::{Code, Effect, Event, Failure, Fetch, Outcome, Response, SignedOut, Source};
pub use input::{HttpResponse, Input, Lock, Mode, PageEvent};
pub use kairos_protocol::api::operation::{Action, Operation};
pub use outbox::{Pending, Rejected};
pub use storage::row::{Guard, Key, Put, Range, Refusal, Row, Store, Transaction};
pub use wiring::{Config, Core, Status};

#[cfg(feature = "breakable")]
pub use rules::Broken;
