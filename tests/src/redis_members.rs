//! Several Redis servers of a test's own that belong together: a cluster, or a master with a replica and a sentinel.

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "what a test cannot set up fails it")]

use std::net::TcpListener;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::redis::RedisServer;

/// How long members may take to agree.
const AGREEMENT: Duration = Duration::from_secs(60);
/// How often they are asked.
const PAUSE: Duration = Duration::from_millis(50);
/// After this long a member that does not answer counts as down, in milliseconds.
const DOWN_AFTER_MS: &str = "1000";

/// Three masters.
pub struct RedisCluster(pub Vec<RedisServer>);

impl RedisCluster {
    /// Starts them, and waits until each has its slots; skips the test when there is no `redis-server`.
    pub async fn start() -> Option<Self> {
        drop(RedisServer::start().await?);
        let mut members = Vec::new();
        let mut meetings = Vec::new();
        for slots in [["0", "5460"], ["5461", "10922"], ["10923", "16383"]] {
            let bus = free_port();
            let cluster = ["--cluster-enabled", "yes", "--cluster-port", &bus, "--cluster-node-timeout", DOWN_AFTER_MS];
            let member = RedisServer::start_with(&cluster).await;
            member.run(&["CLUSTER", "ADDSLOTSRANGE", slots[0], slots[1]]).await;
            meetings.push((member.port().to_string(), bus));
            members.push(member);
        }
        for (port, bus) in &meetings {
            members[0].run(&["CLUSTER", "MEET", "127.0.0.1", port, bus]).await;
        }
        let cluster = Self(members);
        cluster.wait_until_whole().await;
        Some(cluster)
    }

    /// Until every member says that every slot is served.
    pub async fn wait_until_whole(&self) {
        for member in &self.0 {
            let is_whole = async || {
                let info = text(&member.run(&["CLUSTER", "INFO"]).await);
                info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3")
            };
            until(is_whole).await;
        }
    }

    /// `redis-cluster://127.0.0.1:…`, with two of them: the third is found.
    pub fn url(&self) -> String {
        format!("redis-cluster://127.0.0.1:{},127.0.0.1:{}", self.0[0].port(), self.0[1].port())
    }
}

/// A master called `main`, a replica, and a sentinel.
pub struct Watched {
    /// The master, at first.
    pub master: RedisServer,
    /// Its replica.
    pub replica: RedisServer,
    sentinel: RedisServer,
}

impl Watched {
    /// Starts them, and waits until the sentinel knows the replica, which is up to date; skips the test when there is no
    /// `redis-server`.
    pub async fn start() -> Option<Self> {
        let master = RedisServer::start().await?;
        let port = master.port().to_string();
        let replica = RedisServer::start_with(&["--replicaof", "127.0.0.1", &port]).await;
        let sentinel = RedisServer::start_with(&["--sentinel"]).await;
        sentinel.run(&["SENTINEL", "MONITOR", "main", "127.0.0.1", &port, "1"]).await;
        sentinel.run(&["SENTINEL", "SET", "main", "down-after-milliseconds", DOWN_AFTER_MS]).await;
        until(async || text(&replica.run(&["INFO", "replication"]).await).contains("master_link_status:up")).await;
        until(async || text(&sentinel.run(&["INFO", "sentinel"]).await).contains("slaves=1")).await;
        Some(Self { master, replica, sentinel })
    }

    /// `redis-sentinel://127.0.0.1:…/main`
    pub fn url(&self) -> String {
        format!("redis-sentinel://127.0.0.1:{}/main", self.sentinel.port())
    }

    /// Until the replica is a master.
    pub async fn wait_until_promoted(&self) {
        until(async || text(&self.replica.run(&["INFO", "replication"]).await).contains("role:master")).await;
    }
}

async fn until(mut condition: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !condition().await {
            sleep(PAUSE).await;
        }
    };
    timeout(AGREEMENT, wait).await.expect("the servers agree");
}

fn text(reply: &redis::Value) -> String {
    redis::from_redis_value_ref(reply).expect("the reply is text")
}

fn free_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    listener.local_addr().expect("it is bound").port().to_string()
}
