//! `kairos-origin indexes`: which there are, how large and how used they are, which are missing.

use anyhow::bail;
use clap::Args;

use super::adapters::{Adapters, Opened};
use super::output::{say, say_table};
use crate::store::explain::{Index, IndexState};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kairos-origin indexes --mongodb-url mongodb://127.0.0.1:27017/kairos
  kairos-origin indexes --create --mongodb-url-file /run/secrets/mongodb-url
  kairos-origin indexes --json --data school.db

Without --create it reads only, and ends with 1 if an index is missing. Uses are counted by the server that was asked,
since it started: ask each member before you drop an unused one. None is ever dropped by this command.")]
/// Options of `indexes`.
pub struct Indexes {
    /// Create the missing ones, as a server does when it starts.
    #[arg(long)]
    create: bool,
    /// Print one JSON array instead of a table.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    adapters: Adapters,
}

impl Indexes {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let indexes = match self.adapters.opened().await? {
            Opened::Mongo(store) => {
                if self.create {
                    store.create_indexes().await?;
                }
                store.indexes().await?
            }
            Opened::Sqlite(store) => store.indexes().await?,
        };
        if self.json {
            say(&serde_json::to_string_pretty(&indexes)?);
        } else {
            print(&indexes);
        }
        let missing = indexes.iter().filter(|index| index.state == IndexState::Missing).count();
        if missing > 0 {
            bail!("{missing} indexes are missing; --create makes them");
        }
        Ok(())
    }
}

fn print(indexes: &[Index]) {
    let row = |index: &Index| {
        let number = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
        let state = match (index.state, index.uses) {
            (IndexState::Missing, _) => "MISSING",
            (IndexState::Unknown, _) => "unknown: no query of this release needs it",
            (IndexState::Present, Some(0)) => "unused so far",
            (IndexState::Present, _) => "in use",
        };
        [
            index.collection.clone(),
            index.name.clone(),
            index.keys.clone(),
            number(index.bytes),
            number(index.uses),
            index.since.clone().unwrap_or_else(|| "-".to_owned()),
            state.to_owned(),
        ]
    };
    let rows: Vec<_> = indexes.iter().map(row).collect();
    say_table(["collection", "name", "keys", "bytes", "uses", "since", "state"], &rows);
}
