//! `kairos-origin keys`: the keys that sign access tokens, for whoever runs the service. Servers that run learn of what is done here by
//! themselves.

use anyhow::{anyhow, bail};
use clap::{Args, Subcommand};
use kairos_protocol::UnixMillis;

use super::adapters::Adapters;
use super::output::{say, say_table};
use crate::auth::keys::{Keys, PUBLISHED_BEFORE_MS, Retired, Start};
use crate::auth::tokens::LOOK_PERIOD;
use crate::domain::error::DomainError;
use crate::environment::Environment;
use crate::store::keys::SigningKey;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kairos-origin keys list
  kairos-origin keys rotate
  kairos-origin keys rotate --mongodb-url-file /run/secrets/mongodb-url

When somebody else may have a key: make another one that signs now, and end that one. Nobody has to sign in again.
  kairos-origin keys rotate --at-once
  kairos-origin keys retire 0f1e2d3c4b5a6978")]
/// Options of `keys`.
pub struct KeysCommand {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Show each key: its id, since when it signs, until when it verifies. Newest first.
    #[command(after_help = "Example:
  kairos-origin keys list --data /var/lib/kairos/kairos.db")]
    List(Store),
    /// Make a new key. It is published at once, signs from ten minutes later on, and the one before verifies until its last token expired.
    #[command(after_help = "Examples:
  kairos-origin keys rotate
  kairos-origin keys rotate --at-once")]
    Rotate(Rotate),
    /// End a key now: what it signed is refused by every server within seconds, and its owner gets another token by itself.
    #[command(after_help = "Example:
  kairos-origin keys retire 0f1e2d3c4b5a6978")]
    Retire(Retire),
}

#[derive(Debug, Args)]
struct Store {
    #[command(flatten)]
    adapters: Adapters,
}

#[derive(Debug, Args)]
struct Rotate {
    /// Sign with it now. Others than this service that verify tokens must then ask for the published set anew.
    #[arg(long)]
    at_once: bool,
    #[command(flatten)]
    adapters: Adapters,
}

#[derive(Debug, Args)]
struct Retire {
    /// The id of the key, as `keys list` shows it.
    #[arg(value_name = "KID")]
    kid: String,
    #[command(flatten)]
    adapters: Adapters,
}

impl KeysCommand {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        match self.what {
            What::List(store) => list(&store.adapters.keys().await?).await,
            What::Rotate(rotate) => {
                let start = if rotate.at_once { Start::AtOnce } else { Start::WhenKnown };
                self::rotate(&rotate.adapters.keys().await?, start).await
            }
            What::Retire(retire) => self::retire(&retire.adapters.keys().await?, &retire.kid).await,
        }
    }
}

async fn list(keys: &Keys) -> anyhow::Result<()> {
    let ring = keys.current().await.map_err(describe)?;
    let now = Environment::system().now();
    let row = |key: &SigningKey| {
        let signs = match key.signs_from_ms {
            from if from > now => format!("in {}", minutes(from - now)),
            0 => "from the beginning".to_owned(),
            from => format!("since {} ago", minutes(now - from)),
        };
        let verifies =
            key.verifies_until_ms.map_or("until rotated".to_owned(), |until| format!("for {}", minutes(until - now)));
        [key.kid.clone(), signs, verifies]
    };
    say_table(["key", "signs", "verifies"], &ring.keys.iter().map(row).collect::<Vec<_>>());
    Ok(())
}

async fn rotate(keys: &Keys, start: Start) -> anyhow::Result<()> {
    let Some(key) = keys.rotate(start).await.map_err(describe)? else {
        bail!("there are as many keys as there can be; wait until one's time is over, or retire one (`keys list`)");
    };
    let when = match start {
        Start::WhenKnown => format!("in {}, and is published now", minutes(PUBLISHED_BEFORE_MS)),
        Start::AtOnce => "now".to_owned(),
    };
    say(&format!("{} signs {when}", key.kid));
    Ok(())
}

async fn retire(keys: &Keys, kid: &str) -> anyhow::Result<()> {
    match keys.retire(kid).await.map_err(describe)? {
        Retired::Gone => {
            say(&format!(
                "{kid} is gone; every server that reaches the store refuses it within {} s",
                LOOK_PERIOD.as_secs()
            ));
            Ok(())
        }
        Retired::NotThere => bail!("there is no key {kid}; `keys list` shows those that there are"),
        Retired::IsNewest => bail!("{kid} is the newest key; make another with `keys rotate --at-once` first"),
    }
}

fn minutes(ms: UnixMillis) -> String {
    match ms / 60_000 {
        0..=119 => format!("{} min", (ms / 60_000).max(1)),
        minutes @ 120..=2_879 => format!("{} h", minutes / 60),
        minutes => format!("{} days", minutes / 1_440),
    }
}

fn describe(error: DomainError) -> anyhow::Error {
    anyhow!(error.cause.unwrap_or(error.problem.detail))
}
