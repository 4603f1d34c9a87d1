//! Which of two states the edge takes for the newer, as tables: reported generations, stored responses and the origin's whose numbers
//! and clocks agree, and those of an origin whose clock was wrong. Not the rest of its decisions (`decisions.rs`).

use kairos_edge::order::{AHEAD_MS, is_as_new_as, is_older_than_seen, reported_generations, supersedes};
use kairos_edge::request::CacheRequest;
use kairos_edge::stored_response::StoredResponse;
use kairos_protocol::api::paths;
use kairos_protocol::sync::generation::{Generation, Generations};

const NOW: i64 = 1_763_860_000_000;

/// `catalog=` the clock's own number at so many milliseconds from [`NOW`].
fn catalog_at(from_now_ms: i64) -> String {
    format!("catalog={}", Generation::at(NOW + from_now_ms).get())
}

fn reporting(path: &str, reported: &str) -> CacheRequest {
    CacheRequest {
        method: "GET".to_owned(),
        path: path.to_owned(),
        query: String::new(),
        fields: [("kairos-min-gen", reported)].into_iter().collect(),
        accept_encoding: None,
    }
}

/// What was requested `age_secs` ago, with a number of `number_ms` from [`NOW`].
fn stored(age_secs: i64, number_ms: i64) -> StoredResponse {
    let generations = catalog_at(number_ms);
    let fields = [("cdn-cache-control", "max-age=60, stale-if-error=1000"), ("kairos-gen", &generations)];
    StoredResponse::new(fields.into_iter().collect(), NOW - age_secs * 1_000)
}

#[test]
fn reported_generations_that_cannot_be_true_or_do_not_matter_are_not_believed() {
    let true_for_sure = catalog_at(0);
    let (most, too_much) = (catalog_at(AHEAD_MS), catalog_at(AHEAD_MS + 1));
    let (user_now, user_too_much) = (most.replace("catalog", "user.ab"), too_much.replace("catalog", "user.ab"));
    let sixteen = format!("{true_for_sure}{}", ", x=1".repeat(15));
    let seventeen = format!("{true_for_sure}{}", ", x=1".repeat(16));
    let cases: &[(&str, &str, &str)] = &[
        (paths::MODULES, "catalog=5", "catalog=5"),
        (paths::MODULES, &true_for_sure, &true_for_sure),
        (paths::MODULES, &most, &most),
        (paths::MODULES, &too_much, ""),
        (paths::MODULES, "catalog=999999999999999", ""),
        (paths::MODULES, "catalog=5, user.ab=5", "catalog=5"),
        (paths::MODULES, &sixteen, &true_for_sure),
        (paths::MODULES, &seventeen, ""),
        (paths::MODULES, "junk", ""),
        (paths::JWKS, "catalog=5", ""),
        (paths::PROGRESS, "catalog=5, user.ab=5", "user.ab=5"),
        (paths::PROGRESS, &user_now, &user_now),
        (paths::PROGRESS, &user_too_much, ""),
        (paths::HEALTH_READY, "catalog=5, user.ab=5", ""),
    ];
    for (path, reported, expected) in cases {
        let request = reporting(path, reported);
        assert_eq!(reported_generations(&request, None, NOW).to_string(), *expected, "{path}: {reported}");
    }
    // The origin's own numbers run ahead: its clock was set back, and they never go back.
    let hour_ms = 3_600_000;
    let ahead = stored(0, hour_ms);
    for (number, is_believed) in [(hour_ms, true), (hour_ms + AHEAD_MS, true), (hour_ms + AHEAD_MS + 1, false)] {
        let request = reporting(paths::MODULES, &catalog_at(number));
        assert_eq!(!reported_generations(&request, Some(&ahead), NOW).is_empty(), is_believed, "{number}");
    }
}

#[test]
fn a_stored_response_is_as_new_as_what_was_seen_by_its_number_and_by_when_it_was_requested() {
    let (minute_ms, hour_ms) = (60_000, 3_600_000);
    // The stored response's age in seconds, its number and the reported one, both in milliseconds from now.
    let cases = [
        (10, -20_000, -20_000, true),
        (10, -20_000, -19_999, false),
        (10, -10_000, -10_000, true),
        // Made while the origin's clock was ahead, and requested before the reported write.
        (10, hour_ms, -9_000, false),
        (10, hour_ms, 0, false),
        (10, minute_ms, -9_000, false),
        // The same numbers, and the write was before the response was requested.
        (10, hour_ms, -11_000, true),
        // The numbers themselves run ahead of the clock: they alone count.
        (10, hour_ms, hour_ms, true),
        (10, hour_ms, hour_ms + 1, false),
    ];
    for (age_secs, number, seen, expected) in cases {
        let stored = stored(age_secs, number);
        let reported = Generations::parse(&catalog_at(seen));
        assert_eq!(is_as_new_as(&stored, &reported, NOW), expected, "{age_secs} s old, {number} against {seen}");
    }
}

#[test]
fn a_response_is_older_than_seen_only_by_numbers_that_can_be_true_beside_its_own() {
    let hour_ms = 3_600_000;
    // The response's number and the reported one, both in milliseconds from now.
    let cases = [
        (-2_000, -1_000, true),
        (-2_000, -2_000, false),
        (-2_000, AHEAD_MS, true),
        // Seen while the origin's clock was ahead; its numbers went back with it.
        (-2_000, hour_ms, false),
        // They did not go back.
        (hour_ms, hour_ms + 1, true),
    ];
    for (number, seen, expected) in cases {
        let request = reporting(paths::MODULES, &catalog_at(seen));
        assert_eq!(is_older_than_seen(&stored(1, number), &request, NOW), expected, "{number} against {seen}");
    }
}

#[test]
fn a_stored_response_supersedes_by_generations_that_can_be_true_while_it_is_fresh() {
    let hour_ms = 3_600_000;
    // For the stored response and the origin's: seconds since it was requested, and its number in milliseconds from now.
    let cases = [
        ("a late response", (10, -20_000), (5, -30_000), true),
        ("one at the same number", (10, -20_000), (5, -20_000), false),
        ("one at the same number, requested first", (5, -20_000), (10, -20_000), true),
        ("a newer one", (10, -20_000), (5, -10_000), false),
        ("a newer one, requested first", (5, -20_000), (10, -10_000), false),
        ("an older one when the stored one is stale", (60, -90_000), (5, -100_000), false),
        ("one that was overtaken by a stale one", (60, -90_000), (70, -100_000), true),
        ("a stored one from when the origin's clock was ahead", (10, hour_ms), (5, -1_000), false),
        ("the same, and the response was requested first", (10, hour_ms), (15, -1_000), true),
        ("an origin whose clock is ahead now", (10, -20_000), (5, hour_ms), false),
        ("the same, and it was requested first", (5, -20_000), (10, hour_ms), true),
        ("both ahead", (10, hour_ms), (5, hour_ms - 1), false),
        ("a stored one from the future: our own clock was set back", (-10, 0), (5, -1_000), false),
    ];
    for (name, (stored_age, stored_number), (response_age, response_number), expected) in cases {
        let response = stored(response_age, response_number);
        assert_eq!(supersedes(&stored(stored_age, stored_number), &response, NOW), expected, "{name}");
    }
}
