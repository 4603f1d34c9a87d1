//! How Redis is reached, and for how long it holds a number.

use std::time::Duration;

/// What an instance must know of its Redis.
#[derive(Clone)]
pub struct RedisConfig {
    /// `redis://[user:password@]host[:port][/database]`; `rediss://` for TLS. For a cluster
    /// `redis-cluster://[user:password@]host[:port][,host[:port]...]`, some of its members. For a master that sentinels watch over
    /// `redis-sentinel://[user:password@]sentinel[:port][,sentinel[:port]...]/master[/database]`, where user and password are the
    /// master's. With TLS those begin with `rediss-`.
    pub url: String,
    /// Certificates, PEM, that alone are trusted to name the server; else those that the system trusts. For `rediss://` only.
    pub ca_pem: Option<Vec<u8>>,
    /// All keys begin with it, so that several systems can share a server.
    pub key_prefix: String,
    /// How long one command may take before requests go on without Redis; after that, the breaker is open and they do not wait at
    /// all.
    pub operation_timeout: Duration,
    /// How long Redis holds a number, or a mark, without being told again. A write that nobody could announce is seen by all after
    /// at most twice that.
    pub number_lifetime: Duration,
}

impl RedisConfig {
    /// Keeps the whole loss below 50 ms.
    pub const OPERATION_TIMEOUT: Duration = Duration::from_millis(40);

    /// Each namespace that is read costs the store one point query in that time.
    pub const NUMBER_LIFETIME: Duration = Duration::from_secs(10);

    /// `url` with the prefix `kairos:` and the usual times.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        let key_prefix = "kairos:".to_owned();
        let (operation_timeout, number_lifetime) = (Self::OPERATION_TIMEOUT, Self::NUMBER_LIFETIME);
        Self { url: url.into(), ca_pem: None, key_prefix, operation_timeout, number_lifetime }
    }
}
