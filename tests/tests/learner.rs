//! What learners do and read over HTTP: each operation counts once (I-ONCE), nobody reads another's data (I-PRIVATE), and what was
//! written is read back (I-SESSION).

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a failed check fails the test")]

use std::collections::BTreeMap;

use kairos_origin::environment::Clock;
use kairos_protocol::api::account::Profile;
use kairos_protocol::api::history::HistoryEntry;
use kairos_protocol::api::ids::Slug;
use kairos_protocol::api::operation::{Operation, OperationResult, OperationResults, Outcome};
use kairos_protocol::api::page::Page;
use kairos_protocol::api::paths;
use kairos_protocol::api::problem::ProblemType;
use kairos_protocol::api::progress::{ProgressRecord, Statistics};
use kairos_protocol::sync::reducer;
use kairos_tests::in_every_world;
use kairos_tests::origin::{Person, TestOrigin, draft};
use kairos_tests::reply::Reply;
use reqwest::Method;
use serde_json::{Value, json};

in_every_world! {
    operations_show_in_progress_statistics_and_history
    each_operation_counts_once
    each_operation_is_evaluated_by_itself
    a_batch_sent_many_times_at_once_counts_once
    a_time_in_the_future_becomes_now
    a_batch_has_one_to_a_hundred
    nobody_reads_another_learners_data
    pages_go_through_all_of_it
    what_a_deleted_module_leaves_stays
    without_the_store_nothing_is_said_to_be_saved
}

async fn send(origin: &TestOrigin, person: &Person, operations: &[Value]) -> Reply {
    origin.send_as(person, Method::POST, paths::OPERATIONS, &json!({ "operations": operations })).await
}

async fn results(origin: &TestOrigin, person: &Person, operations: &[Value]) -> Vec<OperationResult> {
    send(origin, person, operations).await.ok::<OperationResults>().results
}

fn operation(id: &str, module: &str, action: Value) -> Value {
    json!({ "id": id, "module": module, "at_ms": 1_760_000_000_000_i64, "action": action })
}

fn outcome(result: &OperationResult) -> &'static str {
    match &result.outcome {
        Outcome::Applied { .. } => "applied",
        Outcome::Duplicate { .. } => "duplicate",
        Outcome::Rejected { .. } => "rejected",
    }
}

fn record(result: &OperationResult) -> &ProgressRecord {
    match &result.outcome {
        Outcome::Applied { record } | Outcome::Duplicate { record } => record,
        Outcome::Rejected { problem } => panic!("rejected: {problem:?}"),
    }
}

async fn statistics(origin: &TestOrigin, person: &Person) -> Statistics {
    origin.get_as(person, paths::STATISTICS).await.ok()
}

async fn progress(origin: &TestOrigin, person: &Person) -> Vec<ProgressRecord> {
    origin.get_as(person, paths::PROGRESS).await.ok::<Page<ProgressRecord>>().items
}

async fn history(origin: &TestOrigin, person: &Person) -> Vec<HistoryEntry> {
    origin.get_as(person, paths::HISTORY).await.ok::<Page<HistoryEntry>>().items
}

async fn with_modules(origin: &TestOrigin, slugs: &[&str]) -> Person {
    let author = origin.author().await;
    origin.publish(&author, slugs).await;
    origin.learner("ada").await
}

async fn operations_show_in_progress_statistics_and_history(origin: TestOrigin) {
    let ada = with_modules(&origin, &["caching", "vary"]).await;
    // Read first, so that what follows must replace what is stored.
    assert_eq!(statistics(&origin, &ada).await, Statistics::default());
    assert!(progress(&origin, &ada).await.is_empty() && history(&origin, &ada).await.is_empty());

    let mut sent = Vec::new();
    let batches = [
        vec![
            ("a", "caching", 5, json!({ "kind": "open" })),
            ("b", "caching", 6, json!({ "kind": "study", "seconds": 300 })),
        ],
        vec![("c", "vary", 9, json!({ "kind": "submit", "score": 35 })), ("d", "vary", 7, json!({ "kind": "submit" }))],
        vec![
            ("e", "vary", 8, json!({ "kind": "submit", "score": 90 })),
            ("f", "caching", 1, json!({ "kind": "complete" })),
        ],
    ];
    for batch in batches {
        let operations: Vec<Value> = batch
            .into_iter()
            .map(|(id, module, at, action)| json!({ "id": id, "module": module, "at_ms": at, "action": action }))
            .collect();
        let reply = send(&origin, &ada, &operations).await.expect(200);
        assert!(reply.generations().starts_with(&format!("user.{}=", ada.id)), "{}", reply.generations());
        assert!(reply.json::<OperationResults>().results.iter().all(|r| outcome(r) == "applied"), "{}", reply.text());
        sent.extend(operations.into_iter().map(|o| serde_json::from_value::<Operation>(o).unwrap()));

        let mut records = BTreeMap::<Slug, ProgressRecord>::new();
        reducer::apply_all(&mut records, &sent);
        assert_eq!(statistics(&origin, &ada).await, reducer::statistics(records.values()));
        assert_eq!(progress(&origin, &ada).await, records.into_values().collect::<Vec<_>>());
        let mut entries: Vec<_> = history(&origin, &ada).await.iter().map(|e| (e.at_ms, e.id.clone())).collect();
        assert!(entries.is_sorted_by(|a, b| a > b), "{entries:?}");
        entries.sort();
        let mut wanted: Vec<_> = sent.iter().map(|o| (o.at_ms, o.id.clone())).collect();
        wanted.sort();
        assert_eq!(entries, wanted);
    }
}

async fn each_operation_counts_once(origin: TestOrigin) {
    let ada = with_modules(&origin, &["caching"]).await;
    let study = operation("op-1", "caching", json!({ "kind": "study", "seconds": 60 }));
    let first = results(&origin, &ada, std::slice::from_ref(&study)).await;
    assert_eq!((outcome(&first[0]), record(&first[0]).time_spent_secs), ("applied", 60));
    // Again, and differently written.
    let spelled = json!({ "action": { "seconds": 60, "kind": "study" }, "at_ms": 1_760_000_000_000_i64, "module": "caching", "id": "op-1" });
    for again in [&study, &spelled] {
        let result = &results(&origin, &ada, std::slice::from_ref(again)).await[0];
        assert_eq!((outcome(result), record(result)), ("duplicate", record(&first[0])));
    }
    // Another operation under the same id.
    for other in [
        operation("op-1", "caching", json!({ "kind": "study", "seconds": 61 })),
        operation("op-1", "caching", json!({ "kind": "open" })),
    ] {
        let Outcome::Rejected { problem } = &results(&origin, &ada, &[other]).await[0].outcome else {
            panic!("not rejected")
        };
        assert_eq!(problem.uri, ProblemType::OperationIdReused.uri());
    }
    // Twice in one batch.
    let twice = operation("op-2", "caching", json!({ "kind": "study", "seconds": 5 }));
    let reused = operation("op-2", "caching", json!({ "kind": "complete" }));
    let batch = results(&origin, &ada, &[twice.clone(), twice, reused]).await;
    assert_eq!(batch.iter().map(outcome).collect::<Vec<_>>(), ["applied", "duplicate", "rejected"]);
    assert_eq!(batch.iter().map(|r| r.id.as_deref()).collect::<Vec<_>>(), [Some("op-2"); 3]);
    assert_eq!(statistics(&origin, &ada).await.time_spent_secs, 65);
    assert_eq!(history(&origin, &ada).await.len(), 2);

    // Ids are each learner's own.
    let bob = origin.learner("bob").await;
    assert_eq!(outcome(&results(&origin, &bob, &[study]).await[0]), "applied");
}

async fn each_operation_is_evaluated_by_itself(origin: TestOrigin) {
    let ada = with_modules(&origin, &["caching"]).await;
    let author = Person {
        token: origin.tokens.sign(&ada.id, &[kairos_protocol::api::account::Role::Author]).unwrap(),
        ..ada.clone()
    };
    let mut hidden = draft("hidden");
    hidden["status"] = json!("draft");
    let _ = origin.send_as(&author, Method::POST, paths::MODULES, &hidden).await.expect(201);
    let bad = [
        (json!(null), None, ProblemType::InvalidBody),
        (json!("text"), None, ProblemType::InvalidBody),
        (json!([]), None, ProblemType::InvalidBody),
        (json!({}), None, ProblemType::InvalidBody),
        (json!({ "id": 7 }), None, ProblemType::InvalidBody),
        (json!(["s1", "caching", 5, { "kind": "open" }]), None, ProblemType::InvalidBody),
        (operation("s2", "caching", json!(["open"])), Some("s2"), ProblemType::InvalidBody),
        (operation("", "caching", json!({ "kind": "open" })), Some(""), ProblemType::InvalidBody),
        (operation("sp ace", "caching", json!({ "kind": "open" })), Some("sp ace"), ProblemType::InvalidBody),
        (operation("r1", "Caching", json!({ "kind": "open" })), Some("r1"), ProblemType::InvalidBody),
        (operation("r2", "caching", json!({ "kind": "fly" })), Some("r2"), ProblemType::InvalidBody),
        (operation("r3", "caching", json!({ "kind": "open", "seconds": 1 })), Some("r3"), ProblemType::InvalidBody),
        (operation("r4", "caching", json!({ "kind": "study", "seconds": -1 })), Some("r4"), ProblemType::InvalidBody),
        (operation("r5", "caching", json!({ "kind": "study", "seconds": 0 })), Some("r5"), ProblemType::InvalidFields),
        (
            operation("r6", "caching", json!({ "kind": "study", "seconds": 86_401 })),
            Some("r6"),
            ProblemType::InvalidFields,
        ),
        (operation("r7", "caching", json!({ "kind": "submit", "score": 101 })), Some("r7"), ProblemType::InvalidFields),
        (operation("r8", "missing", json!({ "kind": "open" })), Some("r8"), ProblemType::UnknownModule),
        (operation("r9", "hidden", json!({ "kind": "open" })), Some("r9"), ProblemType::UnknownModule),
        (
            json!({ "id": "r10", "module": "caching", "at_ms": -1, "action": { "kind": "open" } }),
            Some("r10"),
            ProblemType::InvalidFields,
        ),
        (
            json!({ "id": "r11", "module": "caching", "at_ms": 1, "action": { "kind": "open" }, "more": 1 }),
            Some("r11"),
            ProblemType::InvalidBody,
        ),
    ];
    let good = operation("good", "caching", json!({ "kind": "study", "seconds": 1 }));
    let mut batch: Vec<Value> = bad.iter().map(|(value, ..)| value.clone()).collect();
    batch.push(good);
    let results = results(&origin, &ada, &batch).await;
    assert_eq!(results.len(), batch.len());
    for ((value, id, expected), result) in bad.iter().zip(&results) {
        let Outcome::Rejected { problem } = &result.outcome else { panic!("{value} was not rejected") };
        assert_eq!((problem.uri.as_str(), result.id.as_deref()), (expected.uri(), *id), "{value}: {problem:?}");
    }
    assert_eq!(outcome(results.last().unwrap()), "applied");
    assert_eq!(history(&origin, &ada).await.len(), 1);
}

async fn a_batch_sent_many_times_at_once_counts_once(origin: TestOrigin) {
    let ada = with_modules(&origin, &["caching", "vary"]).await;
    let study = |n: usize| {
        let module = if n.is_multiple_of(2) { "caching" } else { "vary" };
        operation(&format!("op-{n}"), module, json!({ "kind": "study", "seconds": 10 }))
    };
    let batch: Vec<Value> = (0..20).map(study).collect();
    let replies = futures_util::future::join_all((0..6).map(|_| results(&origin, &ada, &batch))).await;
    for n in 0..20 {
        let applied = replies.iter().filter(|results| outcome(&results[n]) == "applied").count();
        let duplicates = replies.iter().filter(|results| outcome(&results[n]) == "duplicate").count();
        assert_eq!((applied, duplicates), (1, 5), "op-{n}");
    }
    assert_eq!(statistics(&origin, &ada).await.time_spent_secs, 200);
    assert_eq!(history(&origin, &ada).await.len(), 20);
}

async fn a_time_in_the_future_becomes_now(origin: TestOrigin) {
    let ada = with_modules(&origin, &["caching"]).await;
    let now = origin.clock.now();
    let ahead =
        json!({ "id": "ahead", "module": "caching", "at_ms": now + 3_600_000, "action": { "kind": "complete" } });
    let first = results(&origin, &ada, std::slice::from_ref(&ahead)).await;
    let completed = record(&first[0]).completed_at_ms.unwrap();
    assert!((now..now + 60_000).contains(&completed), "{completed} after {now}");
    // Sent again when the origin's time is another, it is the same operation.
    origin.clock.advance_ms(120_000);
    let again = results(&origin, &ada, &[ahead]).await;
    assert_eq!((outcome(&again[0]), record(&again[0]).completed_at_ms), ("duplicate", Some(completed)));
}

async fn a_batch_has_one_to_a_hundred(origin: TestOrigin) {
    let ada = with_modules(&origin, &["caching"]).await;
    let study = |n: usize| operation(&format!("op-{n}"), "caching", json!({ "kind": "study", "seconds": 1 }));
    for count in [0, 101] {
        let batch: Vec<Value> = (0..count).map(study).collect();
        let problem = send(&origin, &ada, &batch).await.problem(ProblemType::InvalidFields);
        assert_eq!(problem.errors[0].field, "operations");
    }
    assert_eq!(statistics(&origin, &ada).await, Statistics::default());
    let batch: Vec<Value> = (0..100).map(study).collect();
    assert_eq!(results(&origin, &ada, &batch).await.len(), 100);
    assert_eq!(statistics(&origin, &ada).await.time_spent_secs, 100);
}

async fn nobody_reads_another_learners_data(origin: TestOrigin) {
    let ada = with_modules(&origin, &["caching"]).await;
    let bob = origin.learner("bob").await;
    let _ = results(&origin, &ada, &[operation("a", "caching", json!({ "kind": "complete" }))]).await;
    for path in [paths::ME, paths::PROGRESS, paths::STATISTICS, paths::HISTORY] {
        // Stored for Ada, twice over.
        let hers = origin.get_as(&ada, path).await.expect(200);
        let again = origin.get_as(&ada, path).await.expect(200);
        assert!(again.cache_status().contains("hit"), "{path}: {}", again.cache_status());
        let his = origin.get_as(&bob, path).await.expect(200);
        assert_ne!(his.body, hers.body, "{path}");
        assert!(!his.generations().contains(ada.id.as_str()));
        let with_her_tag = origin.request(Method::GET, path).bearer_auth(&bob.token);
        let with_her_tag = origin.send(with_her_tag.header("if-none-match", hers.header("etag").unwrap())).await;
        assert_eq!(with_her_tag.status, 200, "{path}");
        let _ = origin.get(path).await.problem(ProblemType::Unauthenticated);
        for reply in [&hers, &his] {
            assert_eq!(reply.header("cache-control"), Some("private, no-cache"), "{path}");
            let vary = reply.headers.get_all("vary").iter().any(|v| v.to_str().unwrap().contains("authorization"));
            assert!(vary, "{path}: {:?}", reply.headers);
        }
    }
    assert_eq!(origin.get_as(&bob, paths::ME).await.ok::<Profile>().id, bob.id);
    assert_eq!(statistics(&origin, &bob).await, Statistics::default());
}

async fn pages_go_through_all_of_it(origin: TestOrigin) {
    let slugs: Vec<String> = (0..12).map(|n| format!("m-{n:02}")).collect();
    let names: Vec<&str> = slugs.iter().map(String::as_str).collect();
    let ada = with_modules(&origin, &names).await;
    let open = |n: usize| {
        // Several at the same time: then the ids decide.
        let at = 1_000 + (n as i64) / 4;
        json!({ "id": format!("op-{n:03}"), "module": names[n % 12], "at_ms": at, "action": { "kind": "open" } })
    };
    let operations: Vec<Value> = (0..60).map(open).collect();
    let _ = results(&origin, &ada, &operations).await;

    let mut modules = Vec::new();
    let mut entries = Vec::new();
    let mut cursor = String::new();
    for size in [5, 5, 2] {
        let page: Page<ProgressRecord> =
            origin.get_as(&ada, &format!("{}?limit=5{cursor}", paths::PROGRESS)).await.ok();
        assert_eq!(page.items.len(), size);
        modules.extend(page.items.iter().map(|r| r.module.to_string()));
        cursor = page.next_cursor.map(|c| format!("&cursor={c}")).unwrap_or_default();
    }
    assert_eq!((modules, cursor.as_str()), (slugs.clone(), ""));
    for size in [50, 10] {
        let page: Page<HistoryEntry> = origin.get_as(&ada, &format!("{}?{cursor}", paths::HISTORY)).await.ok();
        assert_eq!(page.items.len(), size);
        entries.extend(page.items.iter().map(|e| e.id.to_string()));
        cursor = page.next_cursor.map(|c| format!("&cursor={c}")).unwrap_or_default();
    }
    assert_eq!(cursor, "");
    assert_eq!(entries, (0..60).rev().map(|n| format!("op-{n:03}")).collect::<Vec<_>>());
}

async fn what_a_deleted_module_leaves_stays(origin: TestOrigin) {
    let author = origin.author().await;
    origin.publish(&author, &["caching"]).await;
    let ada = origin.learner("ada").await;
    let complete = operation("a", "caching", json!({ "kind": "complete" }));
    let counted = results(&origin, &ada, std::slice::from_ref(&complete)).await;
    let deleted = origin.request(Method::DELETE, "/v1/modules/caching?version=1").bearer_auth(&author.token);
    let _ = origin.send(deleted).await.expect(204);
    assert_eq!(statistics(&origin, &ada).await.completed, 1);
    let Outcome::Rejected { problem } =
        &results(&origin, &ada, &[operation("b", "caching", json!({ "kind": "open" }))]).await[0].outcome
    else {
        panic!("applied to a module that is gone")
    };
    assert_eq!(problem.uri, ProblemType::UnknownModule.uri());

    // Whose response was lost sends the operation again, with what came after it.
    let batch = [complete, operation("c", "caching", json!({ "kind": "open" }))];
    let again = results(&origin, &ada, &batch).await;
    assert_eq!(again.iter().map(outcome).collect::<Vec<_>>(), ["duplicate", "rejected"]);
    assert_eq!(record(&again[0]), record(&counted[0]));
    let reused = operation("a", "caching", json!({ "kind": "open" }));
    let Outcome::Rejected { problem } = &results(&origin, &ada, &[reused]).await[0].outcome else {
        panic!("an id was used twice")
    };
    assert_eq!(problem.uri, ProblemType::OperationIdReused.uri());
    assert_eq!(statistics(&origin, &ada).await.completed, 1);
}

async fn without_the_store_nothing_is_said_to_be_saved(origin: TestOrigin) {
    let ada = with_modules(&origin, &["caching"]).await;
    let study = operation("a", "caching", json!({ "kind": "study", "seconds": 9 }));
    let _ = results(&origin, &ada, &[operation("b", "caching", json!({ "kind": "study", "seconds": 1 }))]).await;
    let known = origin.get_as(&ada, paths::STATISTICS).await.expect(200);
    origin.store.break_down();
    let refused = send(&origin, &ada, std::slice::from_ref(&study)).await;
    let _ = refused.problem(ProblemType::Unavailable);
    assert!(refused.header("retry-after").unwrap().parse::<u32>().unwrap() > 0);
    let body = json!({ "email": "bob@example.org", "display_name": "Bob", "password": "long enough" });
    let _ = origin.post(paths::REGISTER, &body).await.problem(ProblemType::Unavailable);
    // What is known is still said. (That it may be old, where it may: `response_cache.rs`.)
    let still = origin.get_as(&ada, paths::STATISTICS).await.expect(200);
    assert_eq!(still.body, known.body);
    let _ = origin.get_as(&ada, paths::HISTORY).await.problem(ProblemType::Unavailable);

    origin.store.repair();
    assert_eq!(outcome(&results(&origin, &ada, &[study]).await[0]), "applied");
    assert_eq!(statistics(&origin, &ada).await.time_spent_secs, 10);
}
