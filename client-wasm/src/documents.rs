//! The documents that one change is about, as plain data. Not here: reading and writing them ([`crate::persistence`]).

use kairos_protocol::api::ids::UserId;
use kairos_protocol::sync::generation::Generations;

use crate::outbox::Outbox;
use crate::session::Session;
use crate::stored_response::StoredResponse;

/// Owner of what anybody may see.
pub(crate) const EVERYONE: &str = "";

/// The documents one change is about.
#[derive(Clone, Default)]
pub(crate) struct Documents {
    /// Who is signed in, in all tabs.
    pub(crate) session: Option<Session>,
    /// The learner's outbox; `None`: this learner's data was wiped, or never was. [`EVERYONE`] has none.
    pub(crate) outbox: Option<Outbox>,
    /// The highest generations of the catalogue that this browser has seen. Read and written for [`EVERYONE`] alone.
    pub(crate) catalog_seen: Generations,
    /// What is stored at the path that was named.
    pub(crate) response: Option<StoredResponse>,
    /// Set by the change: write `response` back.
    pub(crate) response_changed: bool,
    /// Set by the change: remove everything of the owner.
    pub(crate) wiped: bool,
}

impl Documents {
    /// Replaces the stored response, or removes it.
    pub(crate) fn set_response(&mut self, response: Option<StoredResponse>) {
        self.response = response;
        self.response_changed = true;
    }

    /// Removes everything of the owner.
    pub(crate) fn wipe(&mut self) {
        *self = Self { session: self.session.take(), wiped: true, ..Self::default() };
    }

    /// Whether `user` is signed in, and these are theirs.
    pub(crate) fn is_of(&self, user: &UserId) -> bool {
        self.outbox.is_some() && self.session.as_ref().is_some_and(|session| session.profile.id == *user)
    }

    /// The learner's outbox; a new one where there is none.
    pub(crate) fn outbox_or_new(&mut self) -> &mut Outbox {
        self.outbox.get_or_insert_default()
    }
}
