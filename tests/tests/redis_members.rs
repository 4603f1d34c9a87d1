//! Redis as several servers: a cluster, and a master that a replica takes over from. What instances promise each other holds there too,
//! and while members are lost.

#![expect(clippy::expect_used, reason = "a failed check fails the test")]

use std::sync::Arc;
use std::time::Duration;

use kairos_origin::cache::redis::RedisConfig;
use kairos_protocol::api::ids::UserId;
use kairos_protocol::sync::generation::{Generations, Namespace};
use kairos_tests::instance::{Instance, PATIENT, Table, learner};
use kairos_tests::redis_members::{RedisCluster, Watched};
use redis::Value;
use tokio::time::{sleep, timeout};

/// So many that every member of a cluster has some of their keys.
const LEARNERS: usize = 40;
/// What a busy machine may take longer than it should.
const BUSY: Duration = Duration::from_secs(60);

async fn two(url: String) -> [Instance; 2] {
    let config = RedisConfig { operation_timeout: PATIENT, ..RedisConfig::new(url) };
    let table = Arc::<Table>::default();
    let here = Instance::sharing(config.clone(), Arc::clone(&table)).await;
    [here, Instance::sharing(config, table).await]
}

async fn until_reached(instances: &[Instance]) {
    let reached = async {
        while !instances.iter().all(|instance| instance.cache.shared_is_reached() == Some(true)) {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(BUSY, reached).await.expect("redis is reached again");
}

fn learners() -> Vec<UserId> {
    (0..LEARNERS).map(|number| learner(&format!("learner-{number}"))).collect()
}

async fn number(instance: &Instance, user: &UserId) -> (u64, String) {
    let read = instance.read(user, &Generations::default()).await.expect("the table answers");
    (read.row.number, read.status)
}

/// Each learner is written for by one instance and read at the other, at once.
async fn what_is_written_is_read([here, there]: &[Instance; 2], users: &[UserId]) {
    for user in users {
        let before = number(there, user).await.0;
        let (written, _) = here.write(user).await;
        assert_eq!((before + 1, written), (written, number(there, user).await.0), "{user}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_share_a_cluster() {
    let Some(cluster) = RedisCluster::start().await else { return };
    let (instances, users) = (two(cluster.url()).await, learners());
    until_reached(&instances).await;
    what_is_written_is_read(&instances, &users).await;
    let [here, there] = &instances;
    for user in &users {
        number(here, user).await;
        assert!(number(here, user).await.1.contains("hit"), "{user}");
    }
    // What one loaded the other need not.
    let from_redis = async {
        let fresh = two_more(&cluster, &instances).await;
        for user in &users {
            while !number(&fresh, user).await.1.contains("hit") {}
        }
    };
    timeout(BUSY, from_redis).await.expect("stored responses are shared");
    for member in &cluster.0 {
        let Value::Int(keys) = member.run(&["DBSIZE"]).await else { panic!("a number of keys") };
        assert!(keys > 1, "each member has some of the keys");
    }
    // All at once, whatever their slots, as an import does.
    let all: Vec<_> = users.iter().cloned().map(Namespace::User).collect();
    let loaded = here.table.increase(&users[0]);
    here.cache.invalidate(&all).await;
    assert_eq!(number(there, &users[0]).await.0, loaded.value);
    assert_eq!(here.cache.shared_is_reached(), Some(true), "no command was refused");
    assert_eq!(there.cache.shared_is_reached(), Some(true));
}

async fn two_more(cluster: &RedisCluster, instances: &[Instance; 2]) -> Instance {
    let config = RedisConfig { operation_timeout: PATIENT, ..RedisConfig::new(cluster.url()) };
    Instance::sharing(config, Arc::clone(&instances[0].table)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_lost_a_member_is_gone_without_until_it_is_whole() {
    let Some(mut cluster) = RedisCluster::start().await else { return };
    let (instances, users) = (two(cluster.url()).await, learners());
    until_reached(&instances).await;
    what_is_written_is_read(&instances, &users).await;
    cluster.0[2].kill();
    // Whoever needs the lost one notices, and from then on nobody is asked. Nobody is told of writes then: who has seen them sees them.
    let noticed = async {
        let mut seen = vec![Generations::default(); users.len()];
        while instances.iter().any(|instance| instance.cache.shared_is_reached() == Some(true)) {
            for instance in &instances {
                for (user, seen) in users.iter().zip(&mut seen) {
                    let (written, generations) = instance.write(user).await;
                    *seen = generations;
                    for reader in &instances {
                        let read = reader.read(user, seen).await.expect("the table answers");
                        assert_eq!(read.row.number, written);
                    }
                }
            }
        }
    };
    timeout(BUSY, noticed).await.expect("that it is gone is noticed");
    cluster.0[2].restart().await;
    cluster.wait_until_whole().await;
    until_reached(&instances).await;
    what_is_written_is_read(&instances, &users).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_takes_over_is_found() {
    let Some(mut watched) = Watched::start().await else { return };
    let (instances, users) = (two(watched.url()).await, learners());
    until_reached(&instances).await;
    what_is_written_is_read(&instances, &users).await;
    let [here, there] = &instances;
    let seen = there.read(&users[0], &Generations::default()).await.expect("the table answers");
    watched.master.kill();
    // Meanwhile there is the store; who was told of a write sees it everywhere.
    let (written, generations) = here.write(&users[0]).await;
    let read = there.read(&users[0], &generations).await.expect("the table answers");
    assert_eq!((read.row.number, written), (written, seen.row.number + 1));
    watched.wait_until_promoted().await;
    until_reached(&instances).await;
    what_is_written_is_read(&instances, &users[1..]).await;
    let Value::Int(keys) = watched.replica.run(&["DBSIZE"]).await else { panic!("a number of keys") };
    assert!(keys > 1, "it is the replica that is used");
}
