//! What keeps distributed state true: generations, by which caches are compared (I-SESSION), and the reducer, by which operations
//! become records wherever they are applied (I-ONCE). Not here: where either is stored.

pub mod generation;
pub mod reducer;
