//! The commands of `kairos-origin` and the options they share.

pub mod account;
mod adapters;
pub mod backup;
pub mod cache;
pub mod explain;
pub mod health;
pub mod import;
pub mod indexes;
pub mod keys;
mod limits;
mod output;
pub mod restore;
pub mod serve;
mod server_url;
pub mod shard;
mod tutor;

use clap::Parser;

pub use adapters::Adapters;
pub use output::complain;
pub use server_url::ServerUrl;

/// The origin of Kaïros: serves the API, imports courses and results, and makes accounts.
#[derive(Debug, Parser)]
#[command(name = "kairos-origin", version)]
pub enum Command {
    /// Serve the API.
    Serve(Box<serve::Serve>),
    /// Import a folder of Markdown files, or the OULAD data set. Running it again changes nothing twice.
    Import(import::Import),
    /// Create an account, or change the name, password and role of the one with this email.
    Account(account::PutAccount),
    /// Explain every query on your own data: its index, what it examines, what to add.
    Explain(explain::Explain),
    /// Show the indexes, their size and use; create the missing ones.
    Indexes(indexes::Indexes),
    /// Show what a running origin stores in its caches, and purge it.
    Cache(cache::CacheCommand),
    /// Ask a server that runs whether it is ready.
    Health(health::HealthCheck),
    /// Make a backup of the embedded store, also while it is served.
    Backup(backup::Backup),
    /// Put the embedded store back to what a backup has.
    Restore(restore::Restore),
    /// Show the keys that sign access tokens, make a new one, end one.
    Keys(keys::KeysCommand),
    /// Spread a MongoDB over several shards, by learner.
    Shard(shard::Shard),
}

impl Command {
    /// Runs the command to its end.
    ///
    /// # Errors
    /// What went wrong and what to do about it, in one line.
    pub async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Serve(command) => command.run().await,
            Self::Import(command) => command.run().await,
            Self::Account(command) => command.run().await,
            Self::Explain(command) => command.run().await,
            Self::Indexes(command) => command.run().await,
            Self::Cache(command) => command.run().await,
            Self::Health(command) => command.run().await,
            Self::Backup(command) => command.run().await,
            Self::Restore(command) => command.run().await,
            Self::Keys(command) => command.run().await,
            Self::Shard(command) => command.run().await,
        }
    }
}
