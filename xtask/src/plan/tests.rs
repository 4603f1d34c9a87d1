//! Who waits for whom, and what a failure leaves undone.

use std::process::Command;
use std::sync::{Arc, Barrier, Mutex};

use super::*;

/// What was done, in order.
type Done = Arc<Mutex<Vec<&'static str>>>;

fn add(plan: &mut Plan, done: &Done, name: &'static str, after: &[&'static str]) {
    let done = Arc::clone(done);
    plan.add(name, after, move |_| {
        done.lock().expect("a list").push(name);
        Ok(())
    });
}

#[test]
fn a_step_waits_for_those_it_names_as_far_as_they_are_planned() {
    let (mut plan, done) = (Plan::default(), Done::default());
    add(&mut plan, &done, "third", &["second", "first"]);
    add(&mut plan, &done, "second", &["first", "not planned"]);
    add(&mut plan, &done, "first", &[]);
    add(&mut plan, &done, "first", &["third"]);
    plan.run().expect("all done");
    assert_eq!(*done.lock().expect("a list"), ["first", "second", "third"]);
}

#[test]
fn steps_that_do_not_wait_for_each_other_run_side_by_side() {
    let mut plan = Plan::default();
    let both = Arc::new(Barrier::new(2));
    for name in ["left", "right"] {
        let both = Arc::clone(&both);
        plan.add(name, &[], move |_| {
            both.wait();
            Ok(())
        });
    }
    plan.run().expect("both done");
}

#[test]
fn after_a_failure_nothing_is_begun_and_what_runs_is_finished() {
    let (mut plan, done) = (Plan::default(), Done::default());
    let (failing, told) = mpsc::channel();
    let (seen, is_seen) = (Arc::clone(&done), Mutex::new(told));
    plan.add("slow", &[], move |_| {
        is_seen.lock().expect("a channel").recv()?;
        seen.lock().expect("a list").push("slow");
        Ok(())
    });
    plan.add("broken", &[], move |log| {
        let outcome = log.run("sh", Command::new("sh").args(["-c", "echo no disk; exit 3"]));
        failing.send(())?;
        outcome
    });
    add(&mut plan, &done, "never", &["broken"]);
    let error = format!("{:#}", plan.run().expect_err("a step failed"));
    assert_eq!(error, "broken: sh failed (exit status: 3)");
    assert_eq!(*done.lock().expect("a list"), ["slow"]);
}

#[test]
fn steps_that_wait_for_each_other_are_an_error() {
    let (mut plan, done) = (Plan::default(), Done::default());
    add(&mut plan, &done, "hen", &["egg"]);
    add(&mut plan, &done, "egg", &["hen"]);
    assert!(plan.run().is_err());
}
