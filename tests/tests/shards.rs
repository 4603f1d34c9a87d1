//! Past one machine: a cluster of two shards behind `mongos`, and the command that spreads the collections over them. Each query for a
//! learner goes to one shard, and each operation counts once all the same.

#![expect(clippy::unwrap_used, reason = "a failed check fails the test")]

use std::time::Instant;

use kairos_origin::store::ProgressStore;
use kairos_origin::store::explain::Assessment;
use kairos_origin::store::mongo::MongoStore;
use kairos_origin::store::progress::{Applied, FingerprintedOperation};
use kairos_protocol::api::ids::{OperationId, Slug, UserId};
use kairos_protocol::api::operation::{Action, Operation};
use kairos_tests::mongod::Mongod;
use kairos_tests::program::run;
use kairos_tests::world::{StoreKind, World};
use mongodb::bson::{Document, doc};

const NOW: i64 = 4_000_000_000_000;
const LEARNERS: usize = 24;

struct Cluster {
    /// Killed last to first.
    router: Mongod,
    shards: [Mongod; 2],
    _config: Mongod,
}

impl Cluster {
    async fn start() -> Option<Self> {
        let (config, one, two) = tokio::join!(
            Mongod::start_member("--configsvr", "config"),
            Mongod::start_member("--shardsvr", "one"),
            Mongod::start_member("--shardsvr", "two")
        );
        let (config, shards) = (config?, [one?, two?]);
        let router = Mongod::start_router(&["--configdb", &format!("config/{}", config.address())]).await?;
        let admin = router.client().await.database("admin");
        for (set, shard) in ["one", "two"].iter().zip(&shards) {
            admin.run_command(doc! { "addShard": format!("{set}/{}", shard.address()) }).await.unwrap();
        }
        Some(Self { router, shards, _config: config })
    }

    fn url(&self) -> String {
        format!("{}/kairos", self.router.url())
    }

    /// Whose documents of a collection each shard has.
    async fn learners(&self, collection: &str) -> [Vec<String>; 2] {
        let mut found = [Vec::new(), Vec::new()];
        for (found, shard) in found.iter_mut().zip(&self.shards) {
            let database = shard.client().await.database("kairos");
            let users = database.collection::<Document>(collection).distinct("user_id", doc! {}).await.unwrap();
            *found = users.iter().map(|user| user.as_str().unwrap().to_owned()).collect();
        }
        found
    }
}

fn user(n: usize) -> UserId {
    UserId::new(format!("learner-{n}")).unwrap()
}

fn operations() -> Vec<FingerprintedOperation> {
    let study = |n: i64| {
        let (id, module) = (OperationId::new(format!("op{n}")).unwrap(), Slug::new(format!("m{n}")).unwrap());
        FingerprintedOperation::new(Operation { id, module, at_ms: NOW - n, action: Action::Study { seconds: 60 } })
    };
    (0..10).map(study).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_learner_is_on_one_shard() {
    let began = Instant::now();
    let Some(cluster) = Cluster::start().await else { return };
    println!("the cluster took {:?}", began.elapsed());
    let url = cluster.url();
    let mut said = Vec::new();
    for _ in 0..2 {
        let Some(done) = run(&["shard", "--mongodb-url", &url], &[]).await else { return };
        assert_eq!((done.code, done.errors.as_str()), (Some(0), ""), "{done:?}");
        said.push(done.output);
    }
    assert_eq!(said.first(), said.last(), "done again, it changes nothing");

    let (one, other) = (MongoStore::open(&url).await.unwrap(), MongoStore::open(&url).await.unwrap());
    for n in 0..LEARNERS {
        let (user, operations) = (user(n), operations());
        // The same at the same moment through two instances.
        let (first, second) = tokio::join!(
            one.apply_operations(&user, &operations, NOW),
            other.apply_operations(&user, &operations, NOW)
        );
        let applied = [first.unwrap().value, second.unwrap().value].concat();
        let now = applied.iter().filter(|one| matches!(one, Applied::Now(_))).count();
        let before = applied.iter().filter(|one| matches!(one, Applied::Before(_))).count();
        assert_eq!((now, before), (10, 10), "{user}");
        let statistics = one.statistics(&user).await.unwrap().value;
        assert_eq!((statistics.modules, statistics.time_spent_secs), (10, 600), "{user}");
        assert_eq!(one.list_history(&user, None, 50).await.unwrap().value.len(), 10);
    }
    for collection in ["progress", "history"] {
        let [first, second] = cluster.learners(collection).await;
        println!("{collection}: {} and {} learners", first.len(), second.len());
        assert!(!first.is_empty() && !second.is_empty(), "{collection}: {first:?} {second:?}");
        assert!(first.iter().all(|user| !second.contains(user)), "{collection}: {first:?} {second:?}");
        assert_eq!(first.len() + second.len(), LEARNERS);
    }
    let of_learners = ["progress.", "history.", "operations.", "users.", "sessions.", "generations."];
    for explained in one.explain().await.unwrap() {
        assert!(!matches!(explained.assessment, Assessment::Bad { .. }), "{explained:?}");
        let is_of_many = explained.form == "several at once";
        if of_learners.iter().any(|collection| explained.shape.starts_with(collection)) && !is_of_many {
            assert!(explained.stages.iter().any(|stage| stage == "SINGLE_SHARD"), "{explained:?}");
        }
    }
    println!("all of it took {:?}", began.elapsed());
}

#[tokio::test]
async fn what_is_no_cluster_says_so() {
    let Some(world) = World::new(StoreKind::Mongo, false) else { return };
    let Some(said) = run(&["shard", "--mongodb-url", world.mongodb_url().unwrap()], &[]).await else { return };
    assert_eq!((said.code, said.errors.lines().count()), (Some(1), 1), "{said:?}");
    assert!(said.errors.contains("not a sharded cluster"), "{said:?}");
}
