//! Each rule, broken on purpose, is caught by a property: else it would not be needed, or the model would not see what it is for.
#![expect(clippy::expect_used, reason = "a failed check fails the test")]

use std::fmt::Arguments;
use std::io::{Write as _, stderr};

use kairos_model::rules::{Announcing, Confirming, Naming, Numbering, Raising, Rules, Scope, Validating};
use kairos_model::{Property, check};

const ALL: Rules = Rules::ALL;

/// With Redis: nothing fails.
const CALM: Scope = Scope::calm(2, 2);
/// With Redis, and time passes.
const LATER: Scope = Scope { time: true, ..CALM };
/// With Redis, from which an instance may be cut off.
const CUT: Scope = Scope { cuts: 1, time: true, ..CALM };
/// Without Redis.
const ALONE: Scope = Scope { redis: false, time: true, ..CALM };
/// Without Redis, with callers that report more than they were given and a server of the store that was deposed.
const HOSTILE: Scope = Scope { redis: false, overstates: true, deposed: true, time: true, ..CALM };

/// What is broken, how, where, and what catches it.
type Variant = (&'static str, Rules, Scope, Property);

fn is_caught(variants: &[Variant]) {
    for (what, rules, scope, property) in variants {
        let walk = check(*rules, *scope);
        let found = walk.counterexample.expect(what);
        report(format_args!(
            "{:<76} {:<20} {:>2} steps, {:>8} states",
            what,
            format!("{:?}", found.breach),
            found.steps.len(),
            walk.states
        ));
        assert_eq!(found.breach, *property, "{what}:\n    {}", found.steps.join("\n    "));
    }
}

/// Shown also when all is well, which `println!` in a test is not.
fn report(line: Arguments<'_>) {
    writeln!(stderr(), "{line}").expect("somewhere to write to");
}

#[test]
fn numbers_change_with_the_data() {
    use Property::{OneState, Session};
    is_caught(&[
        ("the number changes before the data", Rules { numbering: Numbering::Before, ..ALL }, CALM, Session),
        ("the number changes after the data", Rules { numbering: Numbering::After, ..ALL }, CALM, OneState),
        ("the number is the clock's alone", Rules { numbering: Numbering::ClockAlone, ..ALL }, CALM, Session),
    ]);
}

#[test]
fn a_response_carries_the_number_of_its_own_snapshot() {
    use Property::{OneState, Session};
    is_caught(&[
        (
            "stored and told under the number from before the load",
            Rules { naming: Naming::Before, ..ALL },
            CALM,
            OneState,
        ),
        ("stored and told under a number read after the load", Rules { naming: Naming::After, ..ALL }, CALM, Session),
        (
            "told the number from before the load when it was another after it",
            Rules { naming: Naming::IfUnchangedToldBefore, ..ALL },
            CALM,
            Session,
        ),
        (
            "stored if the same number is read after the load, from a deposed server",
            Rules { naming: Naming::IfUnchanged, ..ALL },
            HOSTILE,
            Session,
        ),
        (
            "a load with a smaller number than was known is given",
            Rules { refuses_older_loads: false, ..ALL },
            HOSTILE,
            Session,
        ),
    ]);
}

#[test]
fn what_callers_have_seen_is_heeded() {
    use Property::Session;
    is_caught(&[
        ("the origin does not heed what a caller has seen", Rules { origin_heeds_seen: false, ..ALL }, ALONE, Session),
        ("the edge does not heed what a caller has seen", Rules { edge_heeds_seen: false, ..ALL }, CALM, Session),
        ("a smaller number than somebody knows of is believed", Rules { asks_again: false, ..ALL }, HOSTILE, Session),
        (
            "a false report keeps later ones from being looked into",
            Rules { checks_each_report: false, ..ALL },
            HOSTILE,
            Session,
        ),
    ]);
}

#[test]
fn what_an_instance_knows_has_its_time() {
    use Property::{Bound, OwnIsSeen};
    is_caught(&[
        (
            "an instance does not heed its own writes when Redis is back",
            Rules { heeds_own: false, ..ALL },
            CUT,
            OwnIsSeen,
        ),
        ("what is known is replaced by a smaller number", Rules { known_grows: false, ..ALL }, ALONE, OwnIsSeen),
        ("what is known is used for ever without Redis", Rules { known_ends: false, ..ALL }, ALONE, Bound),
        ("what is known is as old as the end of the query", Rules { known_since_begin: false, ..ALL }, ALONE, Bound),
        ("ages are measured by a clock that is set back", Rules { monotonic: false, ..ALL }, ALONE, Bound),
        (
            "the edge takes a response to be as new as its arrival",
            Rules { edge_counts_from_request: false, ..ALL },
            Scope { edge_ages: true, ..ALONE },
            Bound,
        ),
        ("what Redis says renews what is known", Rules { only_store_renews: false, ..ALL }, CUT, Bound),
    ]);
}

/// Where who must load anyway skips the look-up.
const DIRECT: Scope = Scope { direct: true, redis: false, ..CALM };

#[test]
fn loads_without_a_look_up_have_their_bounds() {
    use Property::{Bound, Session};
    is_caught(&[
        (
            "who has seen more than its instance knows loads without a look-up",
            Rules { direct_heeds_seen: false, ..ALL },
            Scope { deposed: true, ..DIRECT },
            Session,
        ),
        (
            "a load is joined by who knows of a later write",
            Rules { joins_who_knows_the_same: false, ..ALL },
            Scope { instances: 1, ..DIRECT },
            Session,
        ),
        (
            "a load is joined however long ago it began",
            Rules { joining_ends: false, ..ALL },
            Scope { time: true, sessions: 3, writes: 1, ..DIRECT },
            Bound,
        ),
    ]);
}

/// Where stored responses are given while something goes on behind.
const REFRESHES: Scope = Scope { refreshes: true, ..CALM };
/// Where who misses takes a lease.
const LEASES: Scope = Scope { leases: true, ..CALM };

#[test]
fn what_is_given_while_the_store_is_slow_has_its_bounds() {
    use Property::{Bound, Session};
    is_caught(&[
        (
            "what a caller has seen is not heeded while the store is slow",
            Rules { slow_heeds_seen: false, ..ALL },
            REFRESHES,
            Session,
        ),
        (
            "what is given while the store is slow is of any age",
            Rules { stale_ends: false, ..ALL },
            Scope { redis: false, time: true, ..REFRESHES },
            Bound,
        ),
    ]);
}

#[test]
fn what_is_refreshed_is_current_and_named_anew() {
    use Property::{AcknowledgedIsSeen as Acknowledged, OneState};
    is_caught(&[
        (
            "what is not fresh is given without a look-up of its number",
            Rules { refresh_looks_up: false, ..ALL },
            REFRESHES,
            Acknowledged,
        ),
        (
            "what is loaded behind takes the number of what it replaces",
            Rules { refresh_renames: false, ..ALL },
            REFRESHES,
            OneState,
        ),
    ]);
}

#[test]
fn a_lease_is_not_waited_for_in_vain() {
    use Property::{OneLoads, Session, Waits};
    is_caught(&[
        (
            "what the holder of a lease brought is used whatever its number",
            Rules { lease_compares: false, ..ALL },
            LEASES,
            Session,
        ),
        (
            "who waits for the holder of a lease waits until it is gone",
            Rules { lease_wait_ends: false, ..ALL },
            Scope { time: true, leases: true, ..Scope::calm(2, 0) },
            Waits,
        ),
        (
            "who has loaded deletes the lease whoever has it",
            Rules { lease_is_own: false, ..ALL },
            Scope { time: true, leases: true, ..Scope::calm(3, 0) },
            OneLoads,
        ),
    ]);
}

#[test]
fn redis_compares_before_it_confirms() {
    use Property::AcknowledgedIsSeen as Acknowledged;
    is_caught(&[
        (
            "a number is confirmed whatever is there",
            Rules { confirming: Confirming::Always, ..ALL },
            CALM,
            Acknowledged,
        ),
        (
            "a number is confirmed unless a larger one is there",
            Rules { confirming: Confirming::IfLarger, ..ALL },
            CALM,
            Acknowledged,
        ),
        (
            "a look-up on its way is shared by who comes later",
            Rules { looks_up_anew: false, ..ALL },
            Scope::calm(3, 1),
            Acknowledged,
        ),
        ("nothing equals nothing", Rules { confirming: Confirming::IfSameOrAbsent, ..ALL }, LATER, Acknowledged),
    ]);
}

#[test]
fn writes_are_announced_before_they_are_acknowledged() {
    use Property::{AcknowledgedIsSeen as Acknowledged, Bound};
    is_caught(&[
        ("a write is not announced", Rules { announcing: Announcing::Nothing, ..ALL }, CALM, Acknowledged),
        (
            "a write is announced after its acknowledgement",
            Rules { announcing: Announcing::Late, ..ALL },
            CALM,
            Acknowledged,
        ),
        ("a write puts its number whatever is there", Rules { announcing: Announcing::Put, ..ALL }, CALM, Acknowledged),
        (
            "a write puts its number where nobody knows it",
            Rules { announcing: Announcing::RaiseOrPut, ..ALL },
            LATER,
            Acknowledged,
        ),
        ("a raised number lives anew", Rules { announcing: Announcing::RaiseAndRenew, ..ALL }, LATER, Bound),
        ("values in Redis live for ever", Rules { values_end: false, ..ALL }, LATER, Bound),
    ]);
}

/// Where writes to other modules raise the same number.
const MODULES: Scope = Scope { modules: true, ..CALM };

#[test]
fn a_module_is_validated_by_both_numbers_of_one_state() {
    use Property::{OneState, Session};
    is_caught(&[
        (
            "a write to a module raises the catalog's number alone",
            Rules { raising: Raising::CatalogAlone, ..ALL },
            MODULES,
            Session,
        ),
        (
            "a write to a module raises the module's number alone",
            Rules { raising: Raising::ModuleAlone, ..ALL },
            MODULES,
            Session,
        ),
        (
            "the module's number is read first, then the catalog's",
            Rules { validating: Validating::Apart, ..ALL },
            MODULES,
            Session,
        ),
        (
            "the module's number is read by itself, and put beside the catalog's that was looked up",
            Rules { validating: Validating::BesideLookedUp, ..ALL },
            Scope { deposed: true, redis: false, ..MODULES },
            Session,
        ),
        (
            "both numbers are of a state older than the one that was looked up",
            Rules { validating: Validating::TogetherThoughOlder, ..ALL },
            Scope { deposed: true, redis: false, ..MODULES },
            Session,
        ),
        (
            "the module's number from before is put beside a catalog's that is new",
            Rules { validating: Validating::BesideKnown, ..ALL },
            MODULES,
            Session,
        ),
        (
            "Redis has the module's number in a value beside the catalog's",
            Rules { validating: Validating::InRedis, ..ALL },
            MODULES,
            OneState,
        ),
    ]);
}
