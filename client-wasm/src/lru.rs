//! The memory cache: bounded, evicts the least recently used entry first. Not here: how old a response may be
//! ([`crate::stored_response`]): one past its freshness is still served offline, so age alone removes nothing but what the disk
//! has removed too.

use std::hash::Hash;
use std::num::NonZeroUsize;

use kairos_protocol::UnixMillis;
use lru::LruCache;

/// How well it does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    pub(crate) entries: usize,
    /// Lookups that found one.
    pub(crate) hits: u64,
    /// Lookups that did not.
    pub(crate) misses: u64,
}

/// A bounded map with a last moment of use for each entry.
pub(crate) struct MemoryCache<K: Hash + Eq, V> {
    entries: LruCache<K, (UnixMillis, V)>,
    hits: u64,
    misses: u64,
}

impl<K: Hash + Eq, V: Clone> MemoryCache<K, V> {
    /// Room for `capacity` entries, at least one.
    pub(crate) fn new(capacity: usize) -> Self {
        let capacity = NonZeroUsize::new(capacity).unwrap_or(NonZeroUsize::MIN);
        Self { entries: LruCache::new(capacity), hits: 0, misses: 0 }
    }

    /// The entry for `key`, now the most recently used; one whose time is over is removed.
    pub(crate) fn get(&mut self, key: &K, now: UnixMillis) -> Option<V> {
        let found = match self.entries.get(key) {
            Some((expires_at, value)) if *expires_at > now => Some(value.clone()),
            Some(_) => {
                self.entries.pop(key);
                None
            }
            None => None,
        };
        if found.is_some() {
            self.hits += 1;
        } else {
            self.misses += 1;
        }
        found
    }

    /// Stores `value` until `expires_at`, in place of the least recently used entry when there is no room.
    pub(crate) fn insert(&mut self, key: K, value: V, expires_at: UnixMillis) {
        self.entries.put(key, (expires_at, value));
    }

    pub(crate) fn remove(&mut self, key: &K) {
        self.entries.pop(key);
    }

    /// Removes the entries whose key fulfils `condition`.
    pub(crate) fn remove_where(&mut self, condition: impl Fn(&K) -> bool)
    where
        K: Clone,
    {
        let removed: Vec<K> = self.entries.iter().map(|(key, _)| key).filter(|key| condition(key)).cloned().collect();
        for key in removed {
            self.entries.pop(&key);
        }
    }

    pub(crate) fn counters(&self) -> Counters {
        Counters { entries: self.entries.len(), hits: self.hits, misses: self.misses }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recently_used_entry_goes_first() {
        let mut cache = MemoryCache::new(2);
        cache.insert("a", 1, 100);
        cache.insert("b", 2, 100);
        assert_eq!(cache.get(&"a", 0), Some(1));
        cache.insert("c", 3, 100);
        assert_eq!((cache.get(&"a", 0), cache.get(&"b", 0), cache.get(&"c", 0)), (Some(1), None, Some(3)));
        assert_eq!(cache.counters(), Counters { entries: 2, hits: 3, misses: 1 });
    }

    #[test]
    fn an_entry_ends_with_its_time() {
        let mut cache = MemoryCache::new(2);
        cache.insert("a", 1, 100);
        assert_eq!((cache.get(&"a", 99), cache.get(&"a", 100), cache.get(&"a", 99)), (Some(1), None, None));
        assert_eq!(cache.counters().entries, 0);
    }

    #[test]
    fn entries_of_one_owner_are_removed_together() {
        let mut cache = MemoryCache::new(9);
        for (owner, path) in [("u1", "x"), ("u1", "y"), ("u2", "x")] {
            cache.insert((owner, path), (), 1);
        }
        cache.remove_where(|(owner, _)| *owner == "u1");
        assert_eq!(cache.counters().entries, 1);
        assert_eq!(cache.get(&("u2", "x"), 0), Some(()));
    }

    #[test]
    fn no_room_at_all_is_room_for_one() {
        let mut cache = MemoryCache::new(0);
        cache.insert("a", 1, 1);
        assert_eq!(cache.get(&"a", 0), Some(1));
    }
}
