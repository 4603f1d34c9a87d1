//! Each dependency stopped, frozen, slowed and reset while learners read and write: every read of what is stored is answered in a second,
//! nothing acknowledged is lost or doubled, nothing is a status 500, and two seconds after the dependency is back all is well. What one
//! fault does to one operation, and when a tutor's model is asked again: `mongo_faults.rs`, `coherence.rs`, `tutor.rs`. Whole systems under faults: `cargo xtask chaos`.

#![expect(clippy::unwrap_used, reason = "a failed check fails the test")]

mod dependency_faults {
    pub(crate) mod load;
    pub(crate) mod observations;
    pub(crate) mod scene;
    pub(crate) mod writers;
}

use std::sync::Arc;
use std::time::Duration;

use kairos_tests::proxy::Mode;
use tokio::time::sleep;

use crate::dependency_faults::load::Load;
use crate::dependency_faults::scene::{Dependency, Scene};

/// How long a dependency is away, longer than it takes to be noticed.
const FAULT: Duration = Duration::from_secs(4);
/// Late enough that MongoDB is as good as not there, and Redis is not waited for.
const LATE: Duration = Duration::from_millis(700);
const MODES: [Mode; 4] = [Mode::Stopped, Mode::Frozen, Mode::Slow(LATE), Mode::Reset];

/// Breaks `dependency` in every way, and says how many of the reads that could be were answered.
async fn every_fault_of(dependency: Dependency) {
    let Some(scene) = Scene::new().await.map(Arc::new) else { return };
    let load = Load::start(&scene).await;
    for mode in MODES {
        load.begin(dependency, mode);
        scene.set(dependency, mode);
        sleep(FAULT).await;
        scene.set(dependency, Mode::Pass);
        load.expect_recovery().await;
    }
    load.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mongodb_may_stop_freeze_be_slow_and_break_its_connections() {
    every_fault_of(Dependency::Mongodb).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_may_stop_freeze_be_slow_and_break_its_connections() {
    every_fault_of(Dependency::Redis).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tutors_model_may_stop_freeze_be_slow_and_break_its_connections() {
    every_fault_of(Dependency::Model).await;
}

// Row S3. With pauses, as faults come in life, each dependency in turn.
#[tokio::test(flavor = "multi_thread")]
async fn through_a_cycle_of_faults_999_of_1000_reads_of_what_is_stored_are_answered() {
    let Some(scene) = Scene::new().await.map(Arc::new) else { return };
    let load = Load::start(&scene).await;
    for mode in MODES {
        for dependency in [Dependency::Mongodb, Dependency::Redis, Dependency::Model] {
            load.begin(dependency, mode);
            scene.set(dependency, mode);
            sleep(FAULT / 2).await;
            scene.set(dependency, Mode::Pass);
            load.expect_recovery().await;
        }
    }
    let share = load.end().await;
    assert!(share >= 0.999, "{share}");
}
