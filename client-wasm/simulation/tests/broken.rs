//! That the simulation would notice: each rule of the core is broken on purpose, and found.

use std::sync::Mutex;
use std::thread;

use kairos_client_simulation::{Broken, Search};

/// Worlds in which a broken rule must be found: less than a minute's worth.
const MOST_WORLDS: u64 = 400;

#[test]
fn each_broken_rule_is_found_within_a_minute() {
    let left = Mutex::new(Broken::ALL.iter().copied());
    let missed = Mutex::new(Vec::new());
    let search = || {
        while let Some(broken) = { left.lock().unwrap().next() } {
            let search = Search::until_found(1, MOST_WORLDS, Some(broken));
            match search.findings.first() {
                Some(finding) => {
                    let what: String = finding.what.chars().take(110).collect();
                    println!("{broken:?}: after {} steps: {what}", search.steps);
                }
                None => missed.lock().unwrap().push(broken),
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(search);
        }
    });
    println!("{} rules were broken", Broken::ALL.len());
    assert_eq!(*missed.lock().unwrap(), []);
}
