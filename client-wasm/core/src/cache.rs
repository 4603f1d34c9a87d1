//! Stored responses: in memory by least recent use and bytes, on disk as rows. Whether one may be used is its own affair
//! ([`stored::StoredResponse::evaluate`]). Not here: whose operations show in it, or where a newer one comes from.

pub(crate) mod lru;
pub(crate) mod stored;

use std::rc::Rc;

use lru::Lru;
use stored::StoredResponse;

/// What counts how memory does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Entries.
    pub entries: usize,
    /// What they weigh.
    pub bytes: usize,
    /// Look-ups that found one.
    pub hits: u64,
    /// Look-ups that did not.
    pub misses: u64,
}

/// The memory cache.
pub(crate) struct Cache {
    entries: Lru<StoredResponse>,
    hits: u64,
    misses: u64,
}

impl Cache {
    pub(crate) fn new(limit_bytes: usize, limit_entries: usize) -> Self {
        Self { entries: Lru::new(limit_bytes, limit_entries), hits: 0, misses: 0 }
    }

    /// What is stored of `owner` at `path`, now the most recently used. One whose time is over is removed.
    pub(crate) fn find(&mut self, owner: &str, path: &str, now: i64) -> Option<&StoredResponse> {
        self.entries.get(owner, path, now)
    }

    /// Counts a look-up of the app's.
    pub(crate) fn count(&mut self, is_hit: bool) {
        self.hits += u64::from(is_hit);
        self.misses += u64::from(!is_hit);
    }

    /// It was shown so many times.
    pub(crate) fn touch(&mut self, owner: &str, path: &str, now: i64, hits: u64) {
        self.hits += hits;
        self.entries.get(owner, path, now);
    }

    /// The same as `find`, without a trace.
    pub(crate) fn peek(&self, owner: &str, path: &str) -> Option<&StoredResponse> {
        self.entries.peek(owner, path)
    }

    /// Stores a response until `expires_at`; gives what had to go for it.
    pub(crate) fn insert(
        &mut self,
        owner: &Rc<str>,
        path: &Rc<str>,
        stored: StoredResponse,
        expires_at: i64,
    ) -> Vec<(Rc<str>, StoredResponse)> {
        let weight = stored.body.len() + path.len() + 100;
        self.entries.insert(owner, path, stored, weight, expires_at)
    }

    /// Enters that the disk has it too.
    pub(crate) fn mark_on_disk(&mut self, owner: &str, path: &str, generation: u64) {
        if let Some(stored) = self.entries.peek_mut(owner, path) {
            stored.is_on_disk |= stored.generation == generation;
        }
    }

    pub(crate) fn remove(&mut self, owner: &str, path: &str) {
        self.entries.remove(owner, path);
    }

    /// Removes what is anybody's but everybody's and `user`'s.
    pub(crate) fn remove_others(&mut self, user: &str) {
        self.entries.remove_where(|owner, _, _| !owner.is_empty() && owner != user);
    }

    /// Removes what fulfils the condition: owner, path, response.
    pub(crate) fn remove_where(
        &mut self,
        condition: impl Fn(&str, &str, &StoredResponse) -> bool,
    ) -> Vec<StoredResponse> {
        self.entries.remove_where(condition)
    }

    pub(crate) fn counters(&self) -> Counters {
        let (entries, bytes) = self.entries.size();
        Counters { entries, bytes, hits: self.hits, misses: self.misses }
    }
}
