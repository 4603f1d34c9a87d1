//! A look-up that memory could not serve: who may share a load with it, and what it may use that another stored. Not here: the load.

use std::sync::Arc;
use std::time::Duration;

use kairos_protocol::UnixMillis;
use kairos_protocol::http::cache_status::Forward;
use kairos_protocol::sync::generation::Generations;

use super::lookup::Lookup;
use super::reuse;
use super::stored_response::StoredResponse;

/// A look-up that memory could not serve.
#[derive(Clone)]
pub(super) struct Miss {
    pub(super) lookup: Lookup,
    /// The look-up's.
    pub(super) key: Arc<str>,
    /// The generations of the data when it was looked up, or at least that.
    pub(super) current: Generations,
    /// Whether that is so.
    pub(super) looked: Looked,
    /// Why it could not.
    pub(super) reason: Forward,
    /// When the look-up began.
    pub(super) now: UnixMillis,
    /// When the response was generated that is to be replaced, if it is: another is wanted.
    pub(super) replaces: Option<UnixMillis>,
}

/// Whether the generations were looked up.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Looked {
    /// They are the current ones as of a moment after the read began.
    Up,
    /// They are what this process knows. The load tells the current ones; what was stored before the read began may not be used.
    NotUp,
}

/// A load that no look-up came before is joined for this long at most: less than a number is used that nobody confirms
/// ([`UNHEARD_USE`](crate::cache::UNHEARD_USE)), so that the bound is the same.
const JOINING: Duration = Duration::from_secs(1);

/// Whoever knows the same generations to be current may share a load: it shows at least the state that they name. A reload is shared
/// among reloads only, what is not to be stored among those who asked for that, and what may come from Redis among those who would
/// take the same of what is there.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct CoalescingKey {
    key: Arc<str>,
    current: Generations,
    no_cache: bool,
    no_store: bool,
    max_age: Option<u32>,
    /// Where nothing was looked up: in which of the spans of [`JOINING`] it began.
    span: Option<u64>,
}

impl Miss {
    /// `uptime`: a monotonic time.
    pub(super) fn coalescing_key(&self, uptime: Duration) -> CoalescingKey {
        let directives = &self.lookup.request.cache_control;
        CoalescingKey {
            key: Arc::clone(&self.key),
            current: self.current.clone(),
            no_cache: directives.no_cache,
            no_store: directives.no_store,
            max_age: directives.max_age,
            span: (self.looked == Looked::NotUp).then(|| uptime.as_secs() / JOINING.as_secs()),
        }
    }

    pub(super) fn may_use(&self, stored: &StoredResponse) -> bool {
        let lifetime = self.lookup.policy.at_origin();
        let is_another = self.replaces.is_none_or(|replaced| stored.metadata.generated_at > replaced);
        let generations = &stored.metadata.generations;
        let current = match self.looked {
            Looked::Up => &self.current,
            // Memory had nothing when the read began, so this was under way then, or began since: it is as if that load had been joined.
            Looked::NotUp => generations,
        };
        let is_joinable = self.looked == Looked::Up
            || generations.satisfies(&self.current)
                && Duration::from_micros(stored.metadata.load_micros.into()) < JOINING;
        is_another
            && is_joinable
            && reuse::evaluate(&stored.metadata, &self.lookup.request, lifetime, current, self.now).is_hit()
    }
}
