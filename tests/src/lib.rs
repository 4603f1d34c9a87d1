//! What the end-to-end tests share: origins, instances and servers of their own, and how to skip.

pub mod bench;
pub mod breakable;
pub mod chaos;
pub mod contracts;
pub mod dns;
pub mod failing_mongo;
pub mod http;
pub mod instance;
pub mod lateness;
pub mod model;
pub mod mongod;
pub mod origin;
pub mod program;
pub mod proxy;
pub mod redis;
pub mod redis_members;
pub mod reply;
pub mod serving;
pub mod skip;
pub mod tls;
pub mod world;
