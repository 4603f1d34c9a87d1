//! Looks for a seed that breaks an invariant. Not what happens in a world.

use kairos_client_core::Broken;

use crate::world::World;

/// Storms in a world.
const STORMS: u64 = 3;
/// Events in a storm.
const EVENTS: u64 = 4_000;

/// What was broken, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The world's seed.
    pub seed: u64,
    /// After how many events of it.
    pub steps: u64,
    /// What.
    pub what: String,
}

/// What a search did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search {
    /// Worlds.
    pub worlds: u64,
    /// Events in all of them.
    pub steps: u64,
    /// Faults in all of them.
    pub faults: u64,
    /// What was found.
    pub findings: Vec<Finding>,
}

impl Search {
    /// Runs the world of a seed.
    pub fn run(&mut self, seed: u64, broken: Option<Broken>) {
        let mut world = World::new(seed, broken);
        world.run(STORMS, EVENTS);
        self.worlds += 1;
        self.steps += world.steps;
        self.faults += world.faults_done;
        if let Some(what) = world.finding.take() {
            self.findings.push(Finding { seed, steps: world.steps, what });
        }
    }

    /// Runs worlds until something is found, or `most` have been run.
    #[must_use]
    pub fn until_found(first: u64, most: u64, broken: Option<Broken>) -> Self {
        let mut search = Self::default();
        for seed in first..first + most {
            search.run(seed, broken);
            if !search.findings.is_empty() {
                break;
            }
        }
        search
    }
}

/// Prints every event of a seed's world, up to what it breaks.
pub fn trace(seed: u64) {
    let mut world = World::new(seed, None);
    world.trace();
    world.run(STORMS, EVENTS);
}
