//! The checker finds in the former protocol what was seen to happen: 20 of 150,000 reads with a Redis that fails, and some in
//! half a minute without one.
#![expect(clippy::expect_used, reason = "a failed check fails the test")]

use std::fmt::Arguments;
use std::io::{Write as _, stderr};

use kairos_model::{Counterexample, Property, check_former};

fn finds(redis: bool, prompt: bool, property: Property) -> Vec<String> {
    let walk = check_former(redis, prompt, property);
    let Counterexample { breach, steps } = walk.counterexample.expect("a breach");
    report(format_args!(
        "{property:?} after {} states, {} steps:\n    {}",
        walk.states,
        steps.len(),
        steps.join("\n    ")
    ));
    assert_eq!(breach, property);
    steps
}

/// Shown also when all is well, which `println!` in a test is not.
fn report(line: Arguments<'_>) {
    writeln!(stderr(), "{line}").expect("somewhere to write to");
}

/// A response loaded under a fence carries the fence's number; the other instance adopts it from a caller, and stores what it
/// loads from before the commit under it.
#[test]
fn an_instance_cut_off_from_redis_gives_an_older_state_under_the_same_number() {
    let steps = finds(true, true, Property::Session);
    assert!(steps.iter().any(|step| step.starts_with("Cut")), "Redis is lost to one of them: {steps:#?}");
}

#[test]
fn two_instances_without_redis_give_an_older_state_and_nothing_failed() {
    finds(false, true, Property::Session);
}

#[test]
fn a_late_load_gives_a_number_a_second_state() {
    finds(true, false, Property::OneState);
    finds(false, false, Property::Session);
}
