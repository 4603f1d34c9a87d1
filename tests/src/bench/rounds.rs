//! Several servers loaded in turns, round after round, and what came of it as lines of the report. Not what is loaded.

use std::time::Duration;

use anyhow::Result;

use super::options::OriginOptions;
use super::report::{Figure, Goal, Report, median, rate};
use super::world::World;
use super::wrk::{Load, Outcome};

/// Connections of a load, where nothing else is said.
pub(super) const CONNECTIONS: usize = 64;

/// What a measure needs.
pub(super) struct Bench<'a> {
    pub(super) world: &'a World,
    pub(super) options: &'a OriginOptions,
    pub(super) report: Report,
}

impl Bench<'_> {
    /// How long a load lasts.
    pub(super) fn lasting(&self) -> Duration {
        Duration::from_secs(self.options.seconds)
    }

    /// Puts each load on in turn, several times over. The outcomes of each, by round.
    pub(super) async fn in_turns(&self, loads: &[Load]) -> Result<Vec<Vec<Outcome>>> {
        let folder = self.world.folder.path();
        for load in loads {
            // What is cold is made warm, and not measured.
            Load { lasting: Duration::from_secs(1), url: load.url.clone(), script: load.script.clone(), ..*load }
                .run(folder)
                .await?;
        }
        let mut outcomes = vec![Vec::new(); loads.len()];
        for _ in 0..self.options.rounds {
            for (load, outcomes) in loads.iter().zip(&mut outcomes) {
                outcomes.push(load.run(folder).await?);
            }
        }
        Ok(outcomes)
    }

    /// A line that tells a rate.
    pub(super) fn tell_rate(&mut self, what: &str, outcomes: &[Outcome], goal: Goal) {
        let per_sec = rates(outcomes);
        let (p50, p99) = (outcomes.iter().map(|o| o.p50).collect(), outcomes.iter().map(|o| o.p99).collect());
        self.report.add(Figure {
            what: what.to_owned(),
            ours: format!("{} (p50 {:.1} ms, p99 {:.1} ms)", rate(per_sec), median(p50), median(p99)),
            beside: "–".to_owned(),
            value: per_sec,
            goal,
        });
    }

    /// A line that compares rates: the median of the rounds' ratios.
    pub(super) fn compare(&mut self, what: &str, ours: &[Outcome], beside: &[Outcome], beside_name: &str, goal: Goal) {
        let ratios = ours.iter().zip(beside).map(|(ours, beside)| ours.per_sec / beside.per_sec.max(1.0)).collect();
        let (ours, beside) = (rates(ours), rates(beside));
        self.report.add(Figure {
            what: what.to_owned(),
            ours: rate(ours),
            beside: format!("{beside_name} {}", rate(beside)),
            value: median(ratios),
            goal,
        });
    }
}

/// The middle rate.
pub(super) fn rates(outcomes: &[Outcome]) -> f64 {
    median(outcomes.iter().map(|outcome| outcome.per_sec).collect())
}

/// Lua that asks for `path` as one of `tokens`, each time another, with `fields` besides.
pub(super) fn as_random_learner(tokens: &[String], path: &str, fields: &[(&str, &str)]) -> String {
    use std::fmt::Write as _;
    let mut script = "local requests = {}\n".to_owned();
    let others: String = fields.iter().map(|(name, value)| format!(", [{name:?}] = {value:?}")).collect();
    let _ = writeln!(
        script,
        "local function add(token) requests[#requests + 1] = wrk.format('GET', '{path}', {{ Authorization = 'Bearer ' .. token{others} }}) end"
    );
    script.push_str("function init(args)\n");
    for token in tokens {
        let _ = writeln!(script, "add('{token}')");
    }
    script
        .push_str("math.randomseed(os.time())\nend\nfunction request() return requests[math.random(#requests)] end\n");
    script
}
