//! Who is asking: passwords, access tokens, refresh tokens. Not what an account may do with which route: the handlers say so by
//! the extractor they take ([`crate::extract`]).

mod hashing;
pub mod keys;
mod lifetimes;
mod loaded_keys;
pub mod passwords;
pub mod precis;
pub mod refresh;
pub mod tokens;
mod verified;
