//! The protocol holds, in every world walked through here to its end. Those that take long run when they are asked for:
//! `cargo test -p kairos-model -- --ignored`.
#![expect(clippy::panic, clippy::expect_used, reason = "a failed check fails the test")]

use std::fmt::Arguments;
use std::io::{Write as _, stderr};

use kairos_model::check;
use kairos_model::rules::{Numbering, Rules, Scope};

/// Two callers, two instances, two writes, a Redis; nothing fails.
const CALM: Scope = Scope::calm(2, 2);

/// Walks to the end, and sees that each of `kinds` of steps was taken: a world in which little happens proves little.
fn holds(rules: Rules, scope: Scope, kinds: &[&str]) {
    let walk = check(rules, scope);
    if let Some(found) = &walk.counterexample {
        panic!("{:?} is broken:\n    {}", found.breach, found.steps.join("\n    "));
    }
    let (states, steps, depth) = (walk.states, walk.steps, walk.depth);
    report(format_args!(
        "holds: {states} states, {steps} steps, {depth} deep, {:.1} s: {scope}",
        walk.took.as_secs_f64()
    ));
    let always = [
        "look up",
        "read the number",
        "load",
        "use a stored response",
        "use a stored response at the edge",
        "commit",
        "acknowledge",
    ];
    for kind in always.iter().chain(["pass numbers on"].iter().filter(|_| scope.sessions > 1)).chain(kinds) {
        assert!(walk.kinds.contains_key(kind), "never a step to {kind}: {:#?}", walk.kinds);
    }
}

/// Shown also when all is well, which `println!` in a test is not.
fn report(line: Arguments<'_>) {
    writeln!(stderr(), "{line}").expect("somewhere to write to");
}

#[test]
fn three_callers() {
    holds(Rules::ALL, Scope::calm(3, 2), &["arrive late at Redis"]);
    holds(Rules::ALL, Scope { cuts: 1, ..Scope::calm(3, 1) }, &["arrive late at Redis", "cut off from Redis"]);
    holds(Rules::ALL, Scope { flushes: true, ..Scope::calm(3, 1) }, &["arrive late at Redis", "flush Redis"]);
}

#[test]
fn three_instances() {
    holds(Rules::ALL, Scope { instances: 3, ..CALM }, &["arrive late at Redis"]);
    holds(Rules::ALL, Scope { instances: 3, redis: false, time: true, ..Scope::calm(2, 1) }, &["tick"]);
}

#[test]
fn three_writes() {
    holds(Rules::ALL, Scope::calm(2, 3), &["arrive late at Redis"]);
}

#[test]
fn writers_whose_clocks_differ() {
    holds(Rules { numbering: Numbering::WithClock, ..Rules::ALL }, CALM, &["arrive late at Redis"]);
}

/// Whoever stops between two steps stops for longer than anything lives.
#[test]
fn time() {
    holds(Rules::ALL, Scope { time: true, ..CALM }, &["tick", "arrive late at Redis"]);
}

#[test]
fn no_redis() {
    holds(Rules::ALL, Scope { redis: false, time: true, ..CALM }, &["tick"]);
}

/// In all other worlds an edge may use a stored response of any age.
#[test]
fn stored_responses_at_the_edge_have_an_end() {
    holds(Rules::ALL, Scope { redis: false, time: true, edge_ages: true, ..CALM }, &["tick"]);
}

#[test]
fn no_redis_and_a_deposed_server() {
    holds(Rules::ALL, Scope { redis: false, time: true, deposed: true, ..CALM }, &["tick", "depose a server"]);
}

#[test]
fn false_reports_and_a_deposed_server() {
    holds(Rules::ALL, Scope { redis: false, deposed: true, overstates: true, ..CALM }, &["depose a server"]);
    holds(Rules::ALL, Scope { deposed: true, overstates: true, ..Scope::calm(2, 1) }, &["depose a server"]);
}

#[test]
fn instances_that_die() {
    holds(Rules::ALL, Scope { crashes: true, ..CALM }, &["crash"]);
    holds(Rules::ALL, Scope { redis: false, time: true, crashes: true, ..CALM }, &["crash", "tick"]);
}

/// Both at once is a Redis that freezes: commands time out, and are done late or never.
#[test]
fn instances_cut_off_from_redis() {
    holds(Rules::ALL, Scope { cuts: 2, ..CALM }, &["cut off from Redis", "reach Redis again", "arrive late at Redis"]);
}

#[test]
fn an_instance_cut_off_from_redis_for_long() {
    holds(Rules::ALL, Scope { cuts: 1, time: true, ..Scope::calm(2, 1) }, &["cut off from Redis", "tick"]);
}

#[test]
fn a_redis_that_loses_its_data() {
    holds(Rules::ALL, Scope { flushes: true, ..CALM }, &["flush Redis", "arrive late at Redis"]);
    holds(Rules::ALL, Scope { flushes: true, time: true, ..Scope::calm(2, 1) }, &["flush Redis", "tick"]);
}

#[test]
fn a_redis_that_falls_back() {
    holds(Rules::ALL, Scope { restores: true, ..CALM }, &["write a snapshot", "fall back to the snapshot"]);
    let later = Scope { restores: true, time: true, ..Scope::calm(2, 1) };
    holds(Rules::ALL, later, &["fall back to the snapshot", "tick"]);
}

const REFRESHED: [&str; 4] = [
    "give a stored response while the store is slow",
    "refresh a stored response behind",
    "read the number behind",
    "load behind",
];

#[test]
fn responses_that_are_given_while_something_goes_on_behind() {
    let refreshes = Scope { refreshes: true, ..Scope::calm(2, 1) };
    holds(Rules::ALL, refreshes, &REFRESHED);
    holds(Rules::ALL, Scope { redis: false, time: true, instances: 1, ..refreshes }, &REFRESHED);
    holds(Rules::ALL, Scope { redis: false, deposed: true, ..refreshes }, &REFRESHED);
    holds(Rules::ALL, Scope { crashes: true, ..refreshes }, &REFRESHED);
    holds(Rules::ALL, Scope { cuts: 1, ..refreshes }, &REFRESHED);
}

const DIRECT: [&str; 4] =
    ["begin to load without a look-up", "join a load", "load without a look-up", "give what was loaded"];

#[test]
fn reads_that_load_without_a_look_up() {
    let direct = Scope { direct: true, redis: false, ..Scope::calm(2, 1) };
    holds(Rules::ALL, Scope { time: true, ..direct }, &DIRECT);
    holds(Rules::ALL, Scope { time: true, deposed: true, ..direct }, &DIRECT);
    holds(Rules::ALL, Scope { crashes: true, writes: 2, ..direct }, &DIRECT);
    holds(Rules::ALL, Scope { sessions: 3, instances: 1, ..direct }, &DIRECT);
}

const LEASED: [&str; 4] = ["take the lease", "wait for the lease", "stop waiting", "use what the lease brought"];

#[test]
fn instances_that_wait_for_who_has_the_lease() {
    let leases = Scope { leases: true, ..CALM };
    holds(Rules::ALL, leases, &LEASED);
    holds(Rules::ALL, Scope { flushes: true, ..Scope { leases: true, ..Scope::calm(2, 1) } }, &LEASED);
    holds(Rules::ALL, Scope { time: true, leases: true, ..Scope::calm(2, 1) }, &LEASED);
}

const VALIDATED: [&str; 1] = ["validate a stored response by the module's number"];

#[test]
fn a_module_beside_others() {
    let modules = Scope { modules: true, ..CALM };
    holds(Rules::ALL, modules, &VALIDATED);
    holds(Rules { numbering: Numbering::WithClock, ..Rules::ALL }, modules, &VALIDATED);
    holds(Rules::ALL, Scope { redis: false, time: true, ..modules }, &VALIDATED);
    holds(Rules::ALL, Scope { redis: false, deposed: true, ..modules }, &VALIDATED);
    holds(Rules::ALL, Scope { redis: false, deposed: true, overstates: true, ..modules }, &VALIDATED);
    holds(Rules::ALL, Scope { modules: true, ..Scope::calm(3, 1) }, &VALIDATED);
    let short = Scope { modules: true, ..Scope::calm(2, 1) };
    holds(Rules::ALL, Scope { cuts: 2, ..short }, &VALIDATED);
    holds(Rules::ALL, Scope { flushes: true, time: true, ..short }, &VALIDATED);
    holds(Rules::ALL, Scope { refreshes: true, leases: true, ..short }, &VALIDATED);
    holds(Rules::ALL, Scope { direct: true, redis: false, time: true, ..short }, &VALIDATED);
}

/// The same, larger.
#[test]
#[ignore = "a quarter of an hour"]
fn at_length() {
    let later = Scope { time: true, ..CALM };
    for scope in [
        Scope { flushes: true, ..later },
        Scope { deposed: true, overstates: true, ..CALM },
        Scope { redis: false, overstates: true, ..later },
        Scope { redis: false, overstates: true, deposed: true, ..later },
        Scope { redis: false, time: true, ..Scope::calm(2, 3) },
        Scope { cuts: 2, crashes: true, ..CALM },
        Scope { cuts: 2, time: true, ..Scope::calm(2, 1) },
        Scope { cuts: 2, crashes: true, flushes: true, restores: true, ..Scope::calm(2, 1) },
        Scope { cuts: 1, ..later },
        Scope { restores: true, flushes: true, ..later },
        Scope { redis: false, time: true, refreshes: true, ..Scope::calm(2, 1) },
        Scope { refreshes: true, leases: true, ..CALM },
        Scope { time: true, leases: true, ..Scope::calm(3, 1) },
        Scope { modules: true, cuts: 1, ..CALM },
        Scope { modules: true, ..later },
    ] {
        holds(Rules::ALL, scope, &[]);
    }
}
