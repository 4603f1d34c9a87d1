//! What the end-to-end tests share: servers of their own, instances, and how to skip.

pub mod instance;
pub mod redis;
pub mod skip;
