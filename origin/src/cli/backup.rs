//! `kairos-origin backup`.

use std::path::PathBuf;

use clap::Args;

use super::adapters::Adapters;
use super::output::{pages_bar, say};
use crate::store::sqlite::backup::{Existing, back_up};

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kairos-origin backup monday.db
  kairos-origin backup /backups/kairos-$(date +%F).db --data /var/lib/kairos/kairos.db
  kairos-origin backup --force latest.db

It has every change that was answered before it began. It holds password hashes and the key that signs tokens: keep it as you
keep the store. For MongoDB use mongodump.")]
/// Options of `backup`.
pub struct Backup {
    /// The file to write. While it is not whole it has `.partial` at the end of its name.
    #[arg(value_name = "FILE")]
    to: PathBuf,
    /// Replace the file if it is there.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    adapters: Adapters,
}

impl Backup {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let data = self.adapters.data_file("mongodump")?.to_owned();
        let existing = if self.force { Existing::Replace } else { Existing::Refuse };
        let to = self.to.clone();
        let work = move || {
            let bar = pages_bar();
            let done = back_up(&data, &to, existing, &mut |pages| {
                bar.set_length(pages.all);
                bar.set_position(pages.done);
            });
            bar.finish_and_clear();
            done
        };
        tokio::task::spawn_blocking(work).await??;
        let bytes = std::fs::metadata(&self.to).map_or(0, |file| file.len());
        say(&format!("{}: {bytes} bytes, checked", self.to.display()));
        Ok(())
    }
}
