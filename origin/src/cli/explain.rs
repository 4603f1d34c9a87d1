//! `kairos-origin explain`: whether each query that the service sends is answered from an index, on the operator's own data.

use anyhow::bail;
use clap::Args;

use super::adapters::{Adapters, Opened};
use super::output::{say, say_table};
use crate::store::explain::{Assessment, Explained};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kairos-origin explain --mongodb-url mongodb://127.0.0.1:27017/kairos
  kairos-origin explain --data school.db
  kairos-origin explain --json | jq '.[] | select(.assessment.is == \"bad\")'

Reads only. Ends with 1 if a query is bad: it reads a whole collection, sorts in memory, goes to several shards, or
examines more than 1.2 keys for each document it returns and a key for each range of the index, without a reason.
On the embedded store the plan alone is assessed: SQLite does not count what it examines.")]
/// Options of `explain`.
pub struct Explain {
    /// Print one JSON array instead of a table.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    adapters: Adapters,
}

impl Explain {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let explained = match self.adapters.opened().await? {
            Opened::Mongo(store) => store.explain().await?,
            Opened::Sqlite(store) => store.explain().await?,
        };
        if self.json {
            say(&serde_json::to_string_pretty(&explained)?);
        } else {
            print(&explained);
        }
        let bad = explained.iter().filter(|one| matches!(one.assessment, Assessment::Bad { .. })).count();
        if bad > 0 {
            bail!("{bad} of {} queries are bad", explained.len());
        }
        Ok(())
    }
}

fn print(explained: &[Explained]) {
    let row = |one: &Explained| {
        let name = if one.form.is_empty() { one.shape.to_owned() } else { format!("{} ({})", one.shape, one.form) };
        let count = |of: fn(&crate::store::explain::Counted) -> u64| {
            one.counted.as_ref().map_or_else(|| "-".to_owned(), |counted| of(counted).to_string())
        };
        let assessment = match &one.assessment {
            Assessment::Good => "good".to_owned(),
            Assessment::Untried => "good; nothing to find yet".to_owned(),
            Assessment::Excused { reason } => format!("good: {reason}"),
            Assessment::Bad { advice } => format!("BAD: {advice}"),
        };
        [
            name,
            one.stages.join(" < "),
            one.indexes.join(", "),
            count(|counted| counted.keys),
            count(|counted| counted.documents),
            count(|counted| counted.returned),
            assessment,
        ]
    };
    let rows: Vec<_> = explained.iter().map(row).collect();
    say_table(["query", "stages", "index", "keys", "documents", "returned", "assessment"], &rows);
}
