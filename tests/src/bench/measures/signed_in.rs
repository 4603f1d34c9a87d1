//! A cached response to a signed-in learner, beside one to anybody.

use anyhow::Result;

use crate::bench::data::MODULE;
use crate::bench::report::Goal;
use crate::bench::rounds::{Bench, CONNECTIONS, as_random_learner};
use crate::bench::world::StoreKind;
use crate::bench::wrk::Load;

/// Learners who ask, each with a token of their own.
const ASKING: usize = 500;

pub(super) async fn measure(bench: &mut Bench<'_>) -> Result<()> {
    let origin = bench.world.origin(StoreKind::Sqlite, false).await?;
    let lasting = bench.lasting();
    let tokens = bench.world.tokens(StoreKind::Sqlite).get(..ASKING).unwrap_or_default();
    let script = as_random_learner(tokens, "/v1/me/progress/stats", &[]);
    let stats = Load { url: origin.url("/"), connections: CONNECTIONS, lasting, script };
    let anonymous = Load::get(origin.url(MODULE), &[("Accept-Encoding", "br")], CONNECTIONS, lasting);
    let outcomes = bench.in_turns(&[stats, anonymous]).await?;
    if let [stats, anonymous] = outcomes.as_slice() {
        bench.compare("statistics of 500 learners", stats, anonymous, "a module, anonymous", Goal::AtLeast(0.75));
    }
    Ok(())
}
