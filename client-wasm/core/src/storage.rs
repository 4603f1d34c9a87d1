//! The disk as data: rows, transactions, what must hold for them, and their stand-in in memory. Knows nothing of what is stored.

pub(crate) mod memory;
pub(crate) mod row;
