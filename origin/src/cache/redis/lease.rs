//! Leases: of all instances that are about to load the same response, one has the lease. It only spares work: whoever does not get it,
//! or does not reach Redis, may load as well. Not here: for how long the others wait, and what for.

use std::sync::Arc;

use ::redis::Value;
use bytes::Bytes;

use super::connection::RedisConnection;

/// What came of an attempt to take a lease.
pub(crate) struct LeaseAttempt {
    /// The lease, unless another has it.
    pub(crate) lease: Option<Lease>,
    /// The response that is stored now, if it is another than the one that was seen before.
    pub(crate) response: Option<Bytes>,
}

/// A lease that this process holds. Given back when it is dropped, in the background.
pub(crate) struct Lease {
    connection: Arc<RedisConnection>,
    key: String,
    token: String,
}

impl Lease {
    pub(super) const fn new(connection: Arc<RedisConnection>, key: String, token: String) -> Self {
        Self { connection, key, token }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let connection = Arc::clone(&self.connection);
        let command = connection.scripts.release(&self.key, &self.token);
        // Where it fails, the lease ends by itself.
        self.connection.handle().spawn(async move { connection.transfer::<Value>(command).await });
    }
}
