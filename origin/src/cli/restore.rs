//! `kairos-origin restore`.

use std::path::PathBuf;

use clap::Args;

use super::adapters::Adapters;
use super::output::{complain, pages_bar, say};
use crate::environment::Environment;
use crate::store::sqlite::restore::restore;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kairos-origin restore monday.db
  kairos-origin restore kairos.db.before-v3 --data kairos.db

Stop the server first. The present file is set aside, not deleted. Everybody has to sign in again. For MongoDB use
mongorestore.")]
/// Options of `restore`.
pub struct Restore {
    /// The backup, of this release or an older one. It stays as it is.
    #[arg(value_name = "FILE")]
    from: PathBuf,
    #[command(flatten)]
    adapters: Adapters,
}

impl Restore {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let data = self.adapters.data_file("mongorestore")?.to_owned();
        let (from, to, now) = (self.from.clone(), data.clone(), Environment::system().now());
        let work = move || {
            let bar = pages_bar();
            let done = restore(&from, &to, now, &mut |pages| {
                bar.set_length(pages.all);
                bar.set_position(pages.done);
            });
            bar.finish_and_clear();
            done
        };
        let restored = tokio::task::spawn_blocking(work).await??;
        if let Some(aside) = &restored.set_aside {
            say(&format!("what was there is {} now", aside.display()));
            if !restored.is_numbered {
                complain("it could not be read: authors must load again what they have open, before they change it");
            }
        }
        say(&format!("{} is what {} has", data.display(), self.from.display()));
        Ok(())
    }
}
