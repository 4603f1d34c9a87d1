//! `kairos-origin shard`: spreads the collections over the shards of a cluster.

use anyhow::bail;
use clap::Args;

use super::adapters::{Adapters, Opened};
use super::output::say;

#[derive(Debug, Args)]
#[command(after_help = "Example:
  kairos-origin shard --mongodb-url mongodb://mongos.example:27017/kairos

The URL names a mongos, and the account has the role clusterManager. Running it again changes nothing. Afterwards
kairos-origin explain shows that each query for a learner goes to one shard.")]
/// Options of `shard`.
pub struct Shard {
    #[command(flatten)]
    adapters: Adapters,
}

impl Shard {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        match self.adapters.opened().await? {
            Opened::Mongo(store) => store.shard().await?.iter().for_each(|done| say(&format!("sharded {done}"))),
            Opened::Sqlite(_) => bail!("the embedded store is one file; name a mongos in --mongodb-url"),
        }
        Ok(())
    }
}
