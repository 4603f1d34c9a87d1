//! JSON (RFC 8259) as text: what the overlay, the sessions and the outbox must read of bodies, and what they write. Small, of bounded
//! depth, without floats but for one. Not a model of values: a value is the part of the text that it stands in.

pub(crate) mod reader;
pub(crate) mod writer;

#[cfg(test)]
mod tests;
