//! Stored responses of a module of which the catalogue's number says nothing any more, since something else changed: the store says what
//! the module's own number is, and what the catalogue's is in the same state. If the module's is still that of the response, the response
//! shows that state too, and is given and stored under its number (what RFC 9111 §4.3.4 calls freshening). In the model: `modules.rs`.
//! Not here: the look-up itself ([`Cache::module_state`]).

use std::sync::Arc;

use super::miss::{Looked, Miss};
use super::reuse;
use super::stored_response::StoredResponse;
use crate::cache::{Cache, ModuleState};
use crate::error::Result;

/// For one miss. It asks once, and only if there is something to compare.
pub(super) struct Validator<'m> {
    cache: &'m Cache,
    miss: &'m Miss,
    state: Option<Option<ModuleState>>,
}

impl<'m> Validator<'m> {
    pub(super) const fn new(cache: &'m Cache, miss: &'m Miss) -> Self {
        Self { cache, miss, state: None }
    }

    /// `stored`, under the number of the state that it was found to show, if it shows that and may be used for the miss otherwise.
    ///
    /// # Errors
    /// The store's.
    pub(super) async fn validate(&mut self, stored: &StoredResponse) -> Result<Option<Arc<StoredResponse>>> {
        let Self { cache, miss, .. } = self;
        let (Some(module), Some(number)) = (miss.lookup.module(), stored.metadata.module) else { return Ok(None) };
        if !may_be_used_if_current(miss, stored) {
            return Ok(None);
        }
        if self.state.is_none() {
            self.state = Some(cache.module_state(&module, &miss.current).await?);
        }
        let state = self.state.iter().flatten().find(|state| state.number == number);
        Ok(state.map(|state| Arc::new(stored.freshened(state.catalog.clone()))))
    }
}

fn may_be_used_if_current(miss: &Miss, stored: &StoredResponse) -> bool {
    let (metadata, lifetime) = (&stored.metadata, miss.lookup.policy.at_origin());
    let is_wanted = reuse::evaluate(metadata, &miss.lookup.request, lifetime, &metadata.generations, miss.now).is_hit();
    // Who refreshes wants another than the one there is; who has not looked up need not have come after what is stored.
    miss.looked == Looked::Up && miss.replaces.is_none() && is_wanted
}
