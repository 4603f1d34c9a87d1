//! A look-up that memory could not serve: who may share a load with it, and what it may use that another stored. Not here: the load.

use std::sync::Arc;

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
    /// The generations of the data when it was looked up.
    pub(super) current: Generations,
    /// Why it could not.
    pub(super) reason: Forward,
    /// When the look-up began.
    pub(super) now: UnixMillis,
    /// When the response was generated that is to be replaced, if it is: another is wanted.
    pub(super) replaces: Option<UnixMillis>,
}

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
}

impl Miss {
    pub(super) fn coalescing_key(&self) -> CoalescingKey {
        let directives = &self.lookup.request.cache_control;
        CoalescingKey {
            key: Arc::clone(&self.key),
            current: self.current.clone(),
            no_cache: directives.no_cache,
            no_store: directives.no_store,
            max_age: directives.max_age,
        }
    }

    pub(super) fn may_use(&self, stored: &StoredResponse) -> bool {
        let lifetime = self.lookup.policy.at_origin();
        let is_another = self.replaces.is_none_or(|replaced| stored.metadata.generated_at > replaced);
        is_another
            && reuse::evaluate(&stored.metadata, &self.lookup.request, lifetime, &self.current, self.now).is_hit()
    }
}
