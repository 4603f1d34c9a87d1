//! What lies on disk: rows in five stores, the changes to them that are one transaction, and what must hold for one. Not what the
//! texts in the rows mean: that is each component's.

use std::rc::Rc;

/// The stores of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Store {
    /// Small documents by name: the session, its tokens, what was seen, how far the journal was trimmed.
    Meta,
    /// Operations that wait, by a number that the disk gives to each as it is inserted: always larger than every one before, also
    /// than those of rows that were deleted (IndexedDB's key generator).
    Operations,
    /// Operations that the origin confirmed, under the number that they had.
    Journal,
    /// Operations that the origin rejected, likewise.
    Rejected,
    /// Stored responses by path.
    Responses,
}

/// Where a row lies.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// In which store.
    pub store: Store,
    /// Whose it is: an account's id, or the empty text for everybody.
    pub owner: Rc<str>,
    /// Its name in [`Store::Meta`], its path in [`Store::Responses`], else empty.
    pub name: Rc<str>,
    /// Its number in the other stores, else 0. In [`Store::Operations`] a put with 0 asks the disk for the next number.
    pub number: u64,
}

/// A row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Where it lies.
    pub key: Key,
    /// A number that the driver compares without reading the text.
    pub stamp: u64,
    /// The driver reads nothing of it.
    pub text: Rc<str>,
}

/// Rows to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Range {
    /// One row.
    One(Key),
    /// All of an owner in a store, by number or name.
    OwnedBy(Store, Rc<str>),
    /// The stored responses in the order of owner and path, from behind a key on, at most so many. In the place of each text: its length in
    /// bytes, a line feed, and its first 40 characters.
    Index {
        /// The last key of the part before.
        after: Option<Key>,
        /// At most.
        limit: usize,
    },
}

/// A row to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Put {
    /// The row.
    pub row: Row,
    /// Leave a row with a larger stamp as it is; that is no failure.
    pub if_newer: bool,
}

/// What must hold when a transaction begins; else nothing of it is done, and it is a [`Refusal::Conflict`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guard {
    /// The row has this stamp; one that is not there has 0.
    Stamp(Key, u64),
    /// The row is there.
    Exists(Key),
    /// The owner has no rows in the store.
    NoneOf(Store, Rc<str>),
}

/// One transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transaction {
    /// What must hold.
    pub guards: Vec<Guard>,
    /// What is deleted, before anything is put.
    pub deletes: Vec<Range>,
    /// What is put.
    pub puts: Vec<Put>,
    /// Completed means: it survives a power cut (`durability: "strict"`).
    pub is_durable: bool,
}

/// Why nothing of a transaction was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A guard does not hold.
    Conflict,
    /// The disk is full.
    Quota,
    /// Anything else.
    Aborted,
}

impl Key {
    /// In [`Store::Meta`], by name.
    #[must_use]
    pub fn meta(owner: &Rc<str>, name: &str) -> Self {
        Self { store: Store::Meta, owner: Rc::clone(owner), name: name.into(), number: 0 }
    }

    /// By number.
    #[must_use]
    pub fn numbered(store: Store, owner: &Rc<str>, number: u64) -> Self {
        Self { store, owner: Rc::clone(owner), name: "".into(), number }
    }

    /// A stored response.
    #[must_use]
    pub fn response(owner: &Rc<str>, path: &Rc<str>) -> Self {
        Self { store: Store::Responses, owner: Rc::clone(owner), name: Rc::clone(path), number: 0 }
    }
}

impl Transaction {
    /// Puts a row, whatever is there.
    pub fn put(&mut self, key: Key, stamp: u64, text: Rc<str>) {
        self.puts.push(Put { row: Row { key, stamp, text }, if_newer: false });
    }

    /// Puts a row unless one with a larger stamp is there.
    pub fn put_if_newer(&mut self, key: Key, stamp: u64, text: Rc<str>) {
        self.puts.push(Put { row: Row { key, stamp, text }, if_newer: true });
    }

    /// Deletes one row.
    pub fn delete(&mut self, key: Key) {
        self.deletes.push(Range::One(key));
    }
}

impl Range {
    /// Whether it has the row under `key`.
    #[must_use]
    pub fn has(&self, key: &Key) -> bool {
        match self {
            Self::One(one) => one == key,
            Self::OwnedBy(store, owner) => key.store == *store && key.owner == *owner,
            Self::Index { .. } => key.store == Store::Responses,
        }
    }
}
