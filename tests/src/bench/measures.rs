//! The groups of figures, a file each.

mod bytes;
mod connections;
mod hit;
mod overload;
mod redis;
mod signed_in;
mod start;
mod uncached;
mod zipf;

use anyhow::Result;
use clap::ValueEnum as _;

use super::options::Group;
use super::rounds::Bench;

/// Measures all groups that were asked for.
pub(super) async fn run(bench: &mut Bench<'_>) -> Result<()> {
    for group in Group::value_variants().iter().copied().filter(|group| bench.options.has(*group)).collect::<Vec<_>>() {
        println!("\n{group:?}");
        match group {
            Group::Hit => hit::measure(bench).await?,
            Group::SignedIn => signed_in::measure(bench).await?,
            Group::Redis => redis::measure(bench).await?,
            Group::Uncached => uncached::measure(bench).await?,
            Group::Connections => connections::measure(bench).await?,
            Group::Overload => overload::measure(bench).await?,
            Group::Start => start::measure(bench).await?,
            Group::Zipf => zipf::measure(bench).await?,
            Group::Bytes => bytes::measure(bench).await?,
        }
    }
    Ok(())
}
