//! What Redis has for reads: the numbers that a stored response must be of and the response itself, for all who ask meanwhile in one
//! command. Not whether it may be used.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use kairos_protocol::sync::generation::Namespace;

use super::connection::{RedisConnection, Unreached};
use super::snapshot::Snapshot;

/// Responses in one command; who comes beyond goes the long way. With those on their way, 64 MiB at most.
pub(super) const MOST_READS: usize = 128;

/// One response that is read, and the namespaces that it depends on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SharedRead {
    pub(super) key: String,
    pub(super) namespaces: Vec<Namespace>,
}

/// What there was at one moment.
pub(super) struct Found {
    pub(super) numbers: Snapshot,
    pub(super) responses: BTreeMap<String, Bytes>,
}

/// Its failure is not held against Redis: it may be the responses' size.
pub(super) async fn read(connection: Arc<RedisConnection>, reads: Vec<SharedRead>) -> Result<Arc<Found>, Unreached> {
    let mut namespaces: Vec<Namespace> = reads.iter().flat_map(|read| read.namespaces.iter().cloned()).collect();
    namespaces.sort_unstable();
    namespaces.dedup();
    let keys: Vec<String> = reads.into_iter().map(|read| read.key).collect();
    let command = connection.scripts.read(&namespaces, &keys);
    let mut values: Vec<Option<Bytes>> = connection.transfer(command).await?;
    let responses = values.split_off(namespaces.len().min(values.len()));
    let number = |value: Option<Bytes>| value.and_then(|value| String::from_utf8(value.into()).ok());
    Ok(Arc::new(Found {
        numbers: Snapshot::new(namespaces, values.into_iter().map(number).collect()),
        responses: keys.into_iter().zip(responses).filter_map(|(key, value)| Some((key, value?))).collect(),
    }))
}
