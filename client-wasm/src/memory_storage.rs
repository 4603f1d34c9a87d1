//! Storage where the browser refuses a disk: nothing survives the page. Not here: the memory cache ([`crate::lru`]).

use std::collections::BTreeMap;

use kairos_protocol::sync::generation::Generations;

use crate::documents::{Documents, EVERYONE};
use crate::outbox::Outbox;
use crate::session::Session;
use crate::stored_response::StoredResponse;

/// What is stored where there is no disk. The catalogue's responses are not: they have the memory cache, which is bounded.
#[derive(Default)]
pub(crate) struct MemoryStorage {
    session: Option<Session>,
    catalog_seen: Generations,
    learners: BTreeMap<String, LearnerData>,
}

#[derive(Default)]
struct LearnerData {
    outbox: Option<Outbox>,
    responses: BTreeMap<String, StoredResponse>,
}

impl MemoryStorage {
    pub(crate) fn load(&self, owner: &str, path: Option<&str>) -> Documents {
        let learner = self.learners.get(owner);
        Documents {
            session: self.session.clone(),
            outbox: learner.and_then(|learner| learner.outbox.clone()),
            catalog_seen: self.catalog_seen.clone(),
            response: learner.zip(path).and_then(|(learner, path)| learner.responses.get(path).cloned()),
            ..Documents::default()
        }
    }

    pub(crate) fn store(&mut self, owner: &str, path: Option<&str>, documents: Documents) {
        self.session = documents.session;
        if owner == EVERYONE {
            self.catalog_seen = documents.catalog_seen;
            return;
        }
        if documents.wiped {
            self.learners.remove(owner);
            return;
        }
        let learner = self.learners.entry(owner.to_owned()).or_default();
        learner.outbox = documents.outbox;
        if let Some(path) = path.filter(|_| documents.response_changed) {
            match documents.response {
                Some(response) => drop(learner.responses.insert(path.to_owned(), response)),
                None => drop(learner.responses.remove(path)),
            }
        }
    }
}
