//! The servers that a URL names: one, those of a cluster, or the one that the sentinels say is the master. Not what is sent there, or when
//! they are reached anew ([`connection`](super::connection)).

use std::time::Duration;

use ::redis::aio::{ConnectionLike, MultiplexedConnection};
use ::redis::cluster::{ClusterClient, ClusterConfig};
use ::redis::cluster_async::ClusterConnection;
use ::redis::cluster_routing::{MultipleNodeRoutingInfo, ResponsePolicy, RoutingInfo};
use ::redis::io::tcp::TcpSettings;
use ::redis::sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType};
use ::redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionInfo, ErrorKind, IntoConnectionInfo, Pipeline, RedisError,
    RedisFuture, RedisResult, TlsCertificates, TlsMode, Value,
};
use tokio::sync::Mutex;

/// Commands on their way at once; more wait their turn.
const PIPELINE_BUFFER: usize = 1_024;
/// How often a command is sent again that a member of a cluster did not serve: its slot may have just moved.
const CLUSTER_RETRIES: u32 = 2;
/// What sentinels listen on, unless said otherwise.
const SENTINEL_PORT: u16 = 26_379;

/// See the module.
pub(super) enum Servers {
    /// One, which has every key.
    One(Client),
    /// Several; each has some slots.
    Cluster(Box<ClusterClient>),
    /// One of several. Which, the sentinels are asked each time it is reached for.
    Sentinels(Mutex<Box<SentinelClient>>),
}

/// A connection. Cheap to clone: all clones are one.
#[derive(Clone)]
pub(super) enum AnyConnection {
    One(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Servers {
    /// Reads `url`: [`RedisConfig::url`](super::RedisConfig::url). Reaches for nothing.
    ///
    /// # Errors
    /// It cannot be read, or `ca_pem` has no certificate.
    pub(super) fn parse(url: &str, ca_pem: Option<Vec<u8>>) -> RedisResult<Self> {
        let certificates = ca_pem.map(|pem| TlsCertificates { client_tls: None, root_cert: Some(pem) });
        let (scheme, rest) = url.split_once("://").unwrap_or_default();
        match scheme {
            "redis-cluster" => Self::cluster(&nodes("redis", rest)?, certificates),
            "rediss-cluster" => Self::cluster(&nodes("rediss", rest)?, certificates),
            "redis-sentinel" => Self::sentinels(rest, None, certificates),
            "rediss-sentinel" => Self::sentinels(rest, Some(TlsMode::Secure), certificates),
            _ => {
                let info = without_delay(url.into_connection_info()?);
                let client = match certificates {
                    None => Client::open(info)?,
                    Some(certificates) => Client::build_with_tls(info, certificates)?,
                };
                Ok(Self::One(client))
            }
        }
    }

    fn cluster(nodes: &[ConnectionInfo], certificates: Option<TlsCertificates>) -> RedisResult<Self> {
        let mut client = ClusterClient::builder(nodes.to_vec())
            .retries(CLUSTER_RETRIES)
            .tcp_settings(TcpSettings::default().set_nodelay(true));
        if let Some(certificates) = certificates {
            client = client.certs(certificates);
        }
        Ok(Self::Cluster(Box::new(client.build()?)))
    }

    /// `rest` is `[user:password@]host[:port][,host[:port]...]/master[/database]`. The sentinels themselves are asked without TLS and
    /// password; those are for the servers.
    fn sentinels(rest: &str, tls: Option<TlsMode>, certificates: Option<TlsCertificates>) -> RedisResult<Self> {
        let (hosts, path) = rest.split_once('/').ok_or_else(|| unreadable("the master's name is missing"))?;
        let (master, database) = path.split_once('/').unwrap_or((path, "0"));
        if master.is_empty() {
            return Err(unreadable("the master's name is missing"));
        }
        let sentinels = nodes_with_port("redis", hosts, SENTINEL_PORT)?;
        let addresses: Vec<_> = sentinels.iter().map(|node| node.addr().clone()).collect();
        let mut client = SentinelClientBuilder::new(addresses, master, SentinelServerType::Master)?
            .set_client_to_redis_db(database.parse().map_err(|_| unreadable("the database is no number"))?)
            .set_client_to_redis_tcp_settings(TcpSettings::default().set_nodelay(true));
        let account = sentinels.first().map(ConnectionInfo::redis_settings);
        if let Some(user) = account.and_then(|account| account.username()) {
            client = client.set_client_to_redis_username(user);
        }
        if let Some(password) = account.and_then(|account| account.password()) {
            client = client.set_client_to_redis_password(password);
        }
        if let Some(tls) = tls {
            client = client.set_client_to_redis_tls_mode(tls);
        }
        if let Some(certificates) = certificates {
            client = client.set_client_to_redis_certificates(certificates);
        }
        Ok(Self::Sentinels(Mutex::new(Box::new(client.build()?))))
    }

    /// Whether the keys of one command must have one hash tag.
    pub(super) const fn are_slotted(&self) -> bool {
        matches!(self, Self::Cluster(_))
    }

    /// Connects, to each server that is to be asked; none of them may take longer than `timeout` over one step.
    ///
    /// # Errors
    /// One is not reached, or the sentinels know no master.
    pub(super) async fn connect(&self, timeout: Duration) -> RedisResult<AnyConnection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(timeout))
            .set_response_timeout(Some(timeout))
            .set_pipeline_buffer_size(PIPELINE_BUFFER);
        match self {
            Self::One(client) => {
                client.get_multiplexed_async_connection_with_config(&config).await.map(AnyConnection::One)
            }
            Self::Sentinels(client) => {
                client.lock().await.get_async_connection_with_config(&config).await.map(AnyConnection::One)
            }
            Self::Cluster(client) => {
                let config = ClusterConfig::new().set_connection_timeout(timeout).set_response_timeout(timeout);
                client.get_async_connection_with_config(config).await.map(AnyConnection::Cluster)
            }
        }
    }
}

impl AnyConnection {
    /// Runs `command` on every server that takes writes.
    ///
    /// # Errors
    /// One of them fails.
    pub(super) async fn run_on_each(&mut self, command: Cmd) -> RedisResult<()> {
        match self {
            Self::One(connection) => command.query_async::<Value>(connection).await.map(drop),
            Self::Cluster(connection) => {
                let all = (MultipleNodeRoutingInfo::AllMasters, Some(ResponsePolicy::AllSucceeded));
                connection.route_command(command, RoutingInfo::MultiNode(all)).await.map(drop)
            }
        }
    }
}

impl ConnectionLike for AnyConnection {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::One(connection) => connection.req_packed_command(cmd),
            Self::Cluster(connection) => connection.req_packed_command(cmd),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::One(connection) => connection.req_packed_commands(pipeline, offset, count),
            Self::Cluster(connection) => connection.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::One(connection) => connection.get_db(),
            Self::Cluster(connection) => connection.get_db(),
        }
    }
}

fn nodes(scheme: &str, rest: &str) -> RedisResult<Vec<ConnectionInfo>> {
    nodes_with_port(scheme, rest.trim_end_matches('/'), 6_379)
}

/// `hosts` is `[user:password@]host[:port][,host[:port]...]`; the account is the same everywhere.
fn nodes_with_port(scheme: &str, hosts: &str, default_port: u16) -> RedisResult<Vec<ConnectionInfo>> {
    let (account, hosts) = hosts.rsplit_once('@').map_or((String::new(), hosts), |(a, hosts)| (format!("{a}@"), hosts));
    let node = |host: &str| {
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| !port.is_empty() && !port.contains(']'));
        let port = if has_port { String::new() } else { format!(":{default_port}") };
        format!("{scheme}://{account}{host}{port}").into_connection_info().map(without_delay)
    };
    hosts.split(',').map(node).collect()
}

fn without_delay(info: ConnectionInfo) -> ConnectionInfo {
    info.set_tcp_settings(TcpSettings::default().set_nodelay(true))
}

fn unreadable(why: &'static str) -> RedisError {
    RedisError::from((ErrorKind::InvalidClientConfig, why))
}
