//! A bounded map by two texts, which evicts by weight what was least recently used. A list through a slab, and chains of a hash table
//! through the same slab: a number names an entry for as long as it is there, for whoever maps keys by themselves. Not what is stored.
//!
//! It is not the `lru` crate, which brings `hashbrown`: 3.9 KB gzipped with a policy on top, where this is 1.2.

use std::rc::Rc;

const NONE: u32 = u32::MAX;

struct Entry<V> {
    hash: u32,
    owner: Rc<str>,
    path: Rc<str>,
    /// `None`: the place is free.
    value: Option<V>,
    weight: usize,
    expires_at: i64,
    /// Towards what was used more recently.
    newer: u32,
    older: u32,
    /// The next with the same hash; of a free place, the next free one.
    chain: u32,
}

/// The map.
pub(crate) struct Lru<V> {
    entries: Vec<Entry<V>>,
    buckets: Vec<u32>,
    newest: u32,
    oldest: u32,
    free: u32,
    count: usize,
    weight: usize,
    limit: usize,
    most: usize,
}

/// FNV-1a.
fn hash(owner: &str, path: &str) -> u32 {
    let bytes = owner.bytes().chain([0]).chain(path.bytes());
    bytes.fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

impl<V> Lru<V> {
    /// Room for `most` entries that weigh `limit` together; for one in any case.
    pub(crate) fn new(limit: usize, most: usize) -> Self {
        let buckets = vec![NONE; 64];
        Self { entries: Vec::new(), buckets, newest: NONE, oldest: NONE, free: NONE, count: 0, weight: 0, limit, most }
    }

    /// Entries, and what they weigh.
    pub(crate) const fn size(&self) -> (usize, usize) {
        (self.count, self.weight)
    }

    fn at(&self, place: u32) -> Option<&Entry<V>> {
        self.entries.get(place as usize)
    }

    fn at_mut(&mut self, place: u32) -> Option<&mut Entry<V>> {
        self.entries.get_mut(place as usize)
    }

    fn bucket(&self, hash: u32) -> usize {
        hash as usize & (self.buckets.len() - 1)
    }

    fn place(&self, owner: &str, path: &str) -> Option<u32> {
        let hash = hash(owner, path);
        let mut place = self.buckets.get(self.bucket(hash)).copied()?;
        loop {
            let entry = self.at(place)?;
            if entry.hash == hash && *entry.path == *path && *entry.owner == *owner {
                return Some(place);
            }
            place = entry.chain;
        }
    }

    /// The value, now the most recently used. One whose time is over is removed.
    pub(crate) fn get(&mut self, owner: &str, path: &str, now: i64) -> Option<&V> {
        let place = self.place(owner, path)?;
        if self.at(place)?.expires_at <= now {
            self.remove_at(place);
            return None;
        }
        self.unlink(place);
        self.push(place);
        self.at(place)?.value.as_ref()
    }

    /// The value, without a trace.
    pub(crate) fn peek(&self, owner: &str, path: &str) -> Option<&V> {
        self.at(self.place(owner, path)?)?.value.as_ref()
    }

    /// The same, to be changed. It weighs what it weighed.
    pub(crate) fn peek_mut(&mut self, owner: &str, path: &str) -> Option<&mut V> {
        let place = self.place(owner, path)?;
        self.at_mut(place)?.value.as_mut()
    }

    /// Stores `value` in the place of what was there, and evicts; gives what was evicted.
    pub(crate) fn insert(
        &mut self,
        owner: &Rc<str>,
        path: &Rc<str>,
        value: V,
        weight: usize,
        expires_at: i64,
    ) -> Vec<(Rc<str>, V)> {
        self.remove(owner, path);
        let hash = hash(owner, path);
        let (owner, path) = (Rc::clone(owner), Rc::clone(path));
        let entry =
            Entry { hash, owner, path, value: Some(value), weight, expires_at, newer: NONE, older: NONE, chain: NONE };
        let place = self.free;
        let place = match self.at_mut(place) {
            Some(free) => {
                let next = std::mem::replace(free, entry).chain;
                self.free = next;
                place
            }
            None => {
                self.entries.push(entry);
                u32::try_from(self.entries.len() - 1).unwrap_or(NONE)
            }
        };
        self.count += 1;
        self.weight += weight;
        if self.count > self.buckets.len() {
            self.grow();
        } else {
            self.enter(place);
        }
        self.push(place);
        let mut evicted = Vec::new();
        while (self.weight > self.limit || self.count > self.most) && self.count > 1 {
            let Some(oldest) = self.at(self.oldest).map(|entry| Rc::clone(&entry.owner)) else { break };
            evicted.extend(self.remove_at(self.oldest).map(|value| (oldest, value)));
        }
        evicted
    }

    pub(crate) fn remove(&mut self, owner: &str, path: &str) -> Option<V> {
        self.remove_at(self.place(owner, path)?)
    }

    /// Removes what fulfils the condition: owner, path, value.
    pub(crate) fn remove_where(&mut self, condition: impl Fn(&str, &str, &V) -> bool) -> Vec<V> {
        let mut removed = Vec::new();
        for place in 0..u32::try_from(self.entries.len()).unwrap_or(NONE) {
            let is_one = |entry: &Entry<V>| {
                entry.value.as_ref().is_some_and(|value| condition(&entry.owner, &entry.path, value))
            };
            if self.at(place).is_some_and(is_one) {
                removed.extend(self.remove_at(place));
            }
        }
        removed
    }

    fn remove_at(&mut self, place: u32) -> Option<V> {
        self.leave(place);
        self.unlink(place);
        let free = self.free;
        let entry = self.at_mut(place)?;
        let value = entry.value.take();
        entry.chain = free;
        (entry.owner, entry.path) = ("".into(), "".into());
        let weight = entry.weight;
        self.free = place;
        self.count -= 1;
        self.weight -= weight;
        value
    }

    /// Twice the buckets, and everything into its own.
    fn grow(&mut self) {
        self.buckets = vec![NONE; self.buckets.len() * 2];
        for place in 0..u32::try_from(self.entries.len()).unwrap_or(NONE) {
            if self.at(place).is_some_and(|entry| entry.value.is_some()) {
                self.enter(place);
            }
        }
    }

    /// Into its bucket.
    fn enter(&mut self, place: u32) {
        let Some(hash) = self.at(place).map(|entry| entry.hash) else { return };
        let bucket = self.bucket(hash);
        let first = self.buckets.get(bucket).copied().unwrap_or(NONE);
        if let Some(entry) = self.at_mut(place) {
            entry.chain = first;
        }
        if let Some(bucket) = self.buckets.get_mut(bucket) {
            *bucket = place;
        }
    }

    /// Out of its bucket.
    fn leave(&mut self, place: u32) {
        let Some((hash, next)) = self.at(place).map(|entry| (entry.hash, entry.chain)) else { return };
        let bucket = self.bucket(hash);
        let mut before = self.buckets.get(bucket).copied().unwrap_or(NONE);
        if before == place {
            if let Some(bucket) = self.buckets.get_mut(bucket) {
                *bucket = next;
            }
            return;
        }
        while let Some(entry) = self.at_mut(before) {
            if entry.chain == place {
                entry.chain = next;
                return;
            }
            before = entry.chain;
        }
    }

    /// To the end of what was used most recently.
    fn push(&mut self, place: u32) {
        let newest = self.newest;
        if let Some(entry) = self.at_mut(place) {
            (entry.newer, entry.older) = (NONE, newest);
        }
        match self.at_mut(newest) {
            Some(entry) => entry.newer = place,
            None => self.oldest = place,
        }
        self.newest = place;
    }

    fn unlink(&mut self, place: u32) {
        let Some((newer, older)) = self.at(place).map(|entry| (entry.newer, entry.older)) else { return };
        match self.at_mut(newer) {
            Some(entry) => entry.older = older,
            None => self.newest = older,
        }
        match self.at_mut(older) {
            Some(entry) => entry.newer = newer,
            None => self.oldest = newer,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_least_recently_used_goes_first() {
        let mut lru = Lru::new(20, 9);
        let owner: Rc<str> = "".into();
        for (path, value) in [("a", 1), ("b", 2)] {
            assert_eq!(lru.insert(&owner, &path.into(), value, 10, 100), []);
        }
        assert_eq!(lru.get("", "a", 0), Some(&1));
        assert_eq!(lru.insert(&owner, &"c".into(), 3, 10, 100), [(Rc::clone(&owner), 2)]);
        assert_eq!(lru.get("", "a", 99), Some(&1));
        assert_eq!(lru.get("", "a", 100), None);
        assert_eq!(lru.size(), (1, 10));
    }

    proptest! {
        /// Against a list that does the same slowly.
        #[test]
        fn it_does_what_a_list_does(steps in prop::collection::vec((0_u8..4, 0_u8..200, 1_usize..9), 0..400)) {
            let mut lru = Lru::new(300, usize::MAX);
            let mut list: Vec<(String, usize)> = Vec::new();
            let owner: Rc<str> = "u".into();
            for (kind, key, weight) in steps {
                let path = key.to_string();
                let place = list.iter().position(|(other, _)| *other == path);
                match kind {
                    0 => {
                        prop_assert_eq!(lru.get("u", &path, 0), place.map(|_| &key));
                        if let Some(place) = place {
                            let entry = list.remove(place);
                            list.push(entry);
                        }
                    }
                    1 => {
                        prop_assert_eq!(lru.remove("u", &path), place.map(|_| key));
                        place.map(|place| list.remove(place));
                    }
                    _ => {
                        lru.insert(&owner, &path.as_str().into(), key, weight, 1);
                        place.map(|place| list.remove(place));
                        list.push((path, weight));
                        while list.iter().map(|(_, weight)| weight).sum::<usize>() > 300 && list.len() > 1 {
                            list.remove(0);
                        }
                    }
                }
                prop_assert_eq!(lru.size(), (list.len(), list.iter().map(|(_, weight)| weight).sum()));
                prop_assert!(list.iter().all(|(path, _)| lru.peek("u", path).is_some()));
            }
        }
    }
}
