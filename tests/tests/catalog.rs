//! The catalogue over HTTP: what authors write, what everybody reads, and that nobody reads what is no longer so.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed check fails the test")]

use std::collections::BTreeSet;

use kairos_origin::environment::Environment;
use kairos_origin::store::CatalogStore;
use kairos_protocol::api::catalog::{Module, ModuleDraft, ModuleSummary};
use kairos_protocol::api::page::Page;
use kairos_protocol::api::paths;
use kairos_protocol::api::problem::ProblemType;
use kairos_protocol::sync::generation::{Generation, Generations, Namespace};
use kairos_tests::in_every_world;
use kairos_tests::origin::{Person, TestOrigin, draft};
use kairos_tests::reply::Reply;
use reqwest::Method;
use serde_json::{Value, json};

in_every_world! {
    what_is_created_is_read_by_everyone
    a_draft_is_seen_by_nobody
    a_change_replaces_the_version_its_author_saw
    what_is_deleted_is_gone
    a_deletion_names_the_version_its_author_saw
    a_deleted_version_never_comes_back
    a_refusal_makes_nothing_old_and_says_where_its_reason_is_seen
    a_write_is_never_followed_by_an_older_response
    pages_hold_each_module_once_in_order
    lists_are_filtered
    a_search_takes_any_text
    responses_are_validated_and_compressed
    what_nobody_can_have_seen_changes_no_response
}

async fn create(origin: &TestOrigin, author: &Person, body: &Value) -> Reply {
    origin.send_as(author, Method::POST, paths::MODULES, body).await
}

async fn replace(origin: &TestOrigin, author: &Person, slug: &str, body: &Value) -> Reply {
    origin.send_as(author, Method::PUT, &paths::module(slug), body).await
}

async fn delete(origin: &TestOrigin, author: &Person, slug: &str, query: &str) -> Reply {
    let path = format!("{}{query}", paths::module(slug));
    origin.send(origin.request(Method::DELETE, &path).bearer_auth(&author.token)).await
}

fn slugs(page: &Page<ModuleSummary>) -> Vec<&str> {
    page.items.iter().map(|module| module.slug.as_str()).collect()
}

async fn list(origin: &TestOrigin, query: &str) -> Page<ModuleSummary> {
    origin.get(&format!("{}{query}", paths::MODULES)).await.ok()
}

async fn what_is_created_is_read_by_everyone(origin: TestOrigin) {
    let author = origin.author().await;
    let created = create(&origin, &author, &draft("caching")).await.expect(201);
    let module: Module = created.json();
    assert_eq!(created.header("location"), Some("/v1/modules/caching"));
    assert!(created.generations().starts_with("catalog="), "{:?}", created.headers);
    assert_eq!((module.version, module.summary.language.as_str()), (1, "en"));
    assert_eq!(module.created_at_ms, module.summary.updated_at_ms);

    assert_eq!(origin.get("/v1/modules/caching").await.ok::<Module>(), module);
    assert_eq!(list(&origin, "").await.items, std::slice::from_ref(&module.summary));
    assert_eq!(origin.get("/v1/modules/search?q=caching").await.ok::<Page<ModuleSummary>>().items, [module.summary]);
    assert!(!origin.get(paths::MODULES).await.text().contains("content"));
    let _ = create(&origin, &author, &draft("caching")).await.problem(ProblemType::SlugTaken);
}

async fn a_draft_is_seen_by_nobody(origin: TestOrigin) {
    let author = origin.author().await;
    let mut body = draft("hidden");
    body["status"] = json!("draft");
    let _ = create(&origin, &author, &body).await.expect(201);
    for person in [None, Some(&author)] {
        let reply = match person {
            Some(person) => origin.get_as(person, "/v1/modules/hidden").await,
            None => origin.get("/v1/modules/hidden").await,
        };
        let _ = reply.problem(ProblemType::NotFound);
    }
    assert!(list(&origin, "").await.items.is_empty());
    assert!(origin.get("/v1/modules/search?q=hidden").await.ok::<Page<ModuleSummary>>().items.is_empty());
    assert!(origin.get("/v1/modules/search?q=zzz").await.expect(200).header("etag").is_some());

    body["status"] = json!("published");
    body["version"] = json!(1);
    let _ = replace(&origin, &author, "hidden", &body).await.expect(200);
    assert_eq!(origin.get("/v1/modules/hidden").await.status, 200);
    assert_eq!(slugs(&list(&origin, "").await), ["hidden"]);
}

async fn a_change_replaces_the_version_its_author_saw(origin: TestOrigin) {
    let author = origin.author().await;
    let first: Module = create(&origin, &author, &draft("caching")).await.expect(201).json();
    origin.clock.advance_ms(5_000);
    let mut body = draft("caching");
    body["title"] = json!("Caching, second edition");
    body["version"] = json!(1);
    let second: Module = replace(&origin, &author, "caching", &body).await.ok();
    assert_eq!((second.version, second.created_at_ms), (2, first.created_at_ms));
    assert!(second.summary.updated_at_ms > first.summary.updated_at_ms);

    let cases = [
        ("caching", json!({}), ProblemType::VersionConflict),
        ("caching", json!({ "version": 3 }), ProblemType::VersionConflict),
        ("caching", json!({ "version": null }), ProblemType::InvalidBody),
        ("caching", json!({ "version": 0 }), ProblemType::InvalidFields),
        ("caching", json!({ "slug": "other" }), ProblemType::InvalidFields),
        ("caching", json!({ "title": "" }), ProblemType::InvalidFields),
        ("missing", json!({ "slug": "missing" }), ProblemType::NotFound),
    ];
    for (slug, change, expected) in cases {
        let mut body = body.clone();
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let _ = replace(&origin, &author, slug, &body).await.problem(expected);
    }
    assert_eq!(origin.get("/v1/modules/caching").await.ok::<Module>(), second);
}

async fn what_is_deleted_is_gone(origin: TestOrigin) {
    let author = origin.author().await;
    origin.publish(&author, &["caching", "vary"]).await;
    assert_eq!(slugs(&list(&origin, "").await), ["caching", "vary"]);
    let path = paths::module("caching");
    let deleted = delete(&origin, &author, "caching", "?version=1").await.expect(204);
    assert!(deleted.body.is_empty() && deleted.generations().starts_with("catalog="));
    let _ = origin.get(&path).await.problem(ProblemType::NotFound);
    assert_eq!(slugs(&list(&origin, "").await), ["vary"]);
    let _ = delete(&origin, &author, "caching", "?version=1").await.problem(ProblemType::NotFound);
    let _ = create(&origin, &author, &draft("caching")).await.expect(201);
}

async fn a_deletion_names_the_version_its_author_saw(origin: TestOrigin) {
    let author = origin.author().await;
    origin.publish(&author, &["caching"]).await;
    let mut body = draft("caching");
    body["version"] = json!(1);
    let _ = replace(&origin, &author, "caching", &body).await.expect(200);
    for (query, expected) in [
        ("", ProblemType::InvalidQuery),
        ("?version=", ProblemType::InvalidQuery),
        ("?version=0", ProblemType::InvalidQuery),
        ("?version=-2", ProblemType::InvalidQuery),
        ("?version=two", ProblemType::InvalidQuery),
        ("?version=9999999999999999", ProblemType::InvalidQuery),
        ("?version=2&version=2", ProblemType::InvalidQuery),
        ("?version=2&force=1", ProblemType::InvalidQuery),
        ("?version=1", ProblemType::VersionConflict),
        ("?version=3", ProblemType::VersionConflict),
    ] {
        let refused = delete(&origin, &author, "caching", query).await;
        println!("{query}: {}", refused.text());
        let _ = refused.problem(expected);
    }
    let _ = origin.get("/v1/modules/caching").await.expect(200);
    let _ = delete(&origin, &author, "caching", "?version=2").await.expect(204);
}

async fn a_deleted_version_never_comes_back(origin: TestOrigin) {
    let author = origin.author().await;
    origin.publish(&author, &["caching"]).await;
    let _ = delete(&origin, &author, "caching", "?version=1").await.expect(204);
    let again: Module = create(&origin, &author, &draft("caching")).await.expect(201).json();
    assert_eq!(again.version, 2);

    // Whoever has the first one before them would overwrite what they have never seen.
    let mut body = draft("caching");
    body["title"] = json!("From another life");
    body["version"] = json!(1);
    let _ = replace(&origin, &author, "caching", &body).await.problem(ProblemType::VersionConflict);
    let _ = delete(&origin, &author, "caching", "?version=1").await.problem(ProblemType::VersionConflict);
    assert_eq!(origin.get("/v1/modules/caching").await.ok::<Module>(), again);
}

async fn a_refusal_makes_nothing_old_and_says_where_its_reason_is_seen(origin: TestOrigin) {
    let author = origin.author().await;
    origin.publish(&author, &["caching"]).await;
    let old = origin.get("/v1/modules/caching").await.expect(200).generations();
    let mut body = draft("caching");
    body["version"] = json!(1);
    body["title"] = json!("By somebody else");
    let _ = replace(&origin, &author, "caching", &body).await.expect(200);
    let _ = origin.get(paths::MODULES).await.expect(200);

    let missing = json!({ "slug": "missing" });
    let mut other = body.clone();
    other.as_object_mut().unwrap().extend(missing.as_object().unwrap().clone());
    let refusals = [
        (create(&origin, &author, &draft("caching")).await, ProblemType::SlugTaken),
        (replace(&origin, &author, "caching", &body).await, ProblemType::VersionConflict),
        (replace(&origin, &author, "missing", &other).await, ProblemType::NotFound),
        (delete(&origin, &author, "caching", "?version=1").await, ProblemType::VersionConflict),
        (delete(&origin, &author, "missing", "?version=1").await, ProblemType::NotFound),
    ];
    let seen = |text: &str| Generations::parse(text).get(&Namespace::Catalog);
    for (refused, kind) in refusals {
        let _ = refused.problem(kind);
        // A response stored before, at the edge or anywhere, is not enough for an author who sends this along.
        assert!(seen(&refused.generations()) > seen(&old), "{kind:?}: {:?} after {old}", refused.headers);
        let request =
            origin.request(Method::GET, "/v1/modules/caching").header("kairos-min-gen", refused.generations());
        let read: Module = origin.send(request).await.ok();
        assert_eq!((read.version, read.summary.title.as_str()), (2, "By somebody else"));
    }
    // Refused before the store was touched.
    body["title"] = json!("");
    let _ = replace(&origin, &author, "caching", &body).await.problem(ProblemType::InvalidFields);

    let list = origin.get(paths::MODULES).await.expect(200);
    assert!(list.cache_status().contains("hit"), "no stored response became old: {}", list.cache_status());
}

async fn a_write_is_never_followed_by_an_older_response(origin: TestOrigin) {
    let author = origin.author().await;
    origin.publish(&author, &["caching"]).await;
    let reads = ["/v1/modules", "/v1/modules?limit=10", "/v1/modules/caching", "/v1/modules/search?q=edition"];
    for edition in 1..=5 {
        let mut body = draft("caching");
        body["title"] = json!(format!("Caching, edition {edition}"));
        body["summary"] = json!(format!("The edition {edition}"));
        body["version"] = json!(edition);
        let _ = replace(&origin, &author, "caching", &body).await.expect(200);
        for path in reads {
            let first = origin.get(path).await.expect(200);
            let second = origin.get(path).await.expect(200);
            assert!(first.text().contains(&format!("edition {edition}")), "{path}: {}", first.text());
            assert_eq!(first.body, second.body);
            assert!(second.cache_status().contains("hit"), "{path}: {}", second.cache_status());
        }
    }
}

/// Modules `m-000` and so on, over two subjects; put there as an import does.
async fn fill(origin: &TestOrigin, count: u32) -> Vec<ModuleSummary> {
    let module = |number: u32| {
        let mut body = draft(&format!("m-{number:03}"));
        body["subject"] = json!(if number.is_multiple_of(2) { "Rust" } else { "HTTP" });
        // Runs against the order of the slugs, with ties.
        body["position"] = json!((count - number) / 3);
        body["tags"] = json!([format!("tag {}", number % 5), "all"]);
        body["difficulty"] = json!(["beginner", "intermediate", "advanced"][(number % 3) as usize]);
        body["content"] = json!("A long text that lists never show. ".repeat(60));
        serde_json::from_value::<ModuleDraft>(body).unwrap().into_module(1)
    };
    let modules: Vec<Module> = (0..count).map(module).collect();
    origin.store.import_modules(&modules, 0).await.unwrap();
    let mut summaries: Vec<_> = modules.into_iter().map(|m| m.summary).collect();
    summaries.sort_by_key(|m| (m.subject.clone(), m.position, m.slug.clone()));
    summaries
}

async fn pages_hold_each_module_once_in_order(origin: TestOrigin) {
    let all = fill(&origin, 120).await;
    for (query, sizes) in [("?", vec![50, 50, 20]), ("?limit=100", vec![100, 20]), ("?limit=60", vec![60, 60])] {
        let mut seen = Vec::new();
        let mut cursor = None::<String>;
        for size in sizes {
            let next = cursor.map(|c| format!("&cursor={c}")).unwrap_or_default();
            let page = list(&origin, &format!("{query}{next}")).await;
            assert_eq!(page.items.len(), size, "{query}");
            seen.extend(page.items);
            cursor = page.next_cursor;
        }
        assert_eq!((seen, cursor), (all.clone(), None), "{query}");
    }
}

async fn lists_are_filtered(origin: TestOrigin) {
    let all = fill(&origin, 40).await;
    let check = async |query: &str, fits: &dyn Fn(&ModuleSummary) -> bool| {
        let wanted: BTreeSet<_> = all.iter().filter(|m| fits(m)).map(|m| m.slug.as_str()).collect();
        let page = list(&origin, query).await;
        assert_eq!(slugs(&page).into_iter().collect::<BTreeSet<_>>(), wanted, "{query}");
    };
    check("?subject=Rust", &|m| m.subject == "Rust").await;
    check("?subject=rust", &|_| false).await;
    check("?tag=tag%203", &|m| m.tags[0] == "tag 3").await;
    check("?tag=tag+3", &|m| m.tags[0] == "tag 3").await;
    check("?difficulty=advanced", &|m| m.difficulty.as_str() == "advanced").await;
    check("?subject=HTTP&difficulty=beginner&tag=all", &|m| m.subject == "HTTP" && m.difficulty.as_str() == "beginner")
        .await;
    check("?subject=HTTP&tag=%24ne", &|_| false).await;

    // However it is spelled, it is one question, and a cursor goes on within its filter.
    let first = origin.get("/v1/modules?tag=all&subject=Rust&limit=5").await.expect(200);
    let again = origin.get("/v1/modules?limit=5&subject=%52ust&tag=all").await.expect(200);
    assert!(again.cache_status().contains("hit"), "{}", again.cache_status());
    let cursor = first.json::<Page<ModuleSummary>>().next_cursor.unwrap();
    let second = list(&origin, &format!("?tag=all&subject=Rust&limit=5&cursor={cursor}")).await;
    let rust: Vec<_> = all.iter().filter(|m| m.subject == "Rust").map(|m| m.slug.as_str()).collect();
    assert_eq!(slugs(&second), rust[5..10]);
}

async fn a_search_takes_any_text(origin: TestOrigin) {
    let author = origin.author().await;
    let module = |slug: &str, title: &str, content: &str| {
        let mut body = draft(slug);
        body["title"] = json!(title);
        body["content"] = json!(content);
        body
    };
    for body in [
        module("ownership", "Ownership", "Who frees memory."),
        module("loops", "Loops", "Repeats, and a word about ownership."),
        module("strings", "C++ \"strings\"", "Text."),
    ] {
        let _ = create(&origin, &author, &body).await.expect(201);
    }
    for (q, wanted) in [
        ("ownership", vec!["ownership", "loops"]),
        ("OWNERSHIP", vec!["ownership", "loops"]),
        ("repeat", vec!["loops"]),
        ("strings", vec!["strings"]),
        ("nonexistentword", vec![]),
    ] {
        let page: Page<ModuleSummary> = origin.get(&format!("/v1/modules/search?q={q}")).await.ok();
        assert_eq!(slugs(&page), wanted, "{q}");
        assert!(page.next_cursor.is_none());
    }
    let page: Page<ModuleSummary> = origin.get("/v1/modules/search?q=ownership&limit=1").await.ok();
    assert_eq!(slugs(&page), ["ownership"]);
    // What would be syntax elsewhere is text here.
    for q in [
        "\"",
        "'",
        "-ownership",
        "title:ownership",
        "*",
        "a AND",
        "NOT",
        "NEAR(",
        "{$ne:1}",
        "%",
        "';--",
        "C++",
        "é",
        "日本",
    ] {
        let encoded: String = q.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let reply = origin.get(&format!("{}?q={encoded}", paths::MODULES_SEARCH)).await;
        assert_eq!(reply.status, 200, "{q}: {}", reply.text());
    }
}

async fn responses_are_validated_and_compressed(origin: TestOrigin) {
    let author = origin.author().await;
    let mut body = draft("caching");
    body["content"] = json!("The origin sends an answer once and says for how long it may be used. ".repeat(50));
    let _ = create(&origin, &author, &body).await.expect(201);
    let get = |name: &'static str, value: String| {
        origin.send(origin.request(Method::GET, "/v1/modules/caching").header(name, value))
    };
    let plain = get("accept-encoding", "identity".to_owned()).await.expect(200);
    for coding in ["gzip", "br", "zstd"] {
        let reply = get("accept-encoding", coding.to_owned()).await.expect(200);
        assert_eq!(reply.header("content-encoding"), Some(coding));
        assert!(reply.body.len() * 5 < plain.body.len() * 2, "{coding}: {} of {}", reply.body.len(), plain.body.len());
        assert_ne!(reply.header("etag"), plain.header("etag"));
    }
    let tag = plain.header("etag").unwrap().to_owned();
    let same = get("if-none-match", tag.clone()).await.expect(304);
    assert!(same.body.is_empty());
    assert_eq!(same.header("etag"), Some(tag.as_str()));
    assert!(same.header("cache-control").is_some());

    body["version"] = json!(1);
    body["title"] = json!("Changed");
    let _ = replace(&origin, &author, "caching", &body).await.expect(200);
    let _ = get("if-none-match", tag).await.expect(200);
}

async fn what_nobody_can_have_seen_changes_no_response(origin: TestOrigin) {
    let stored = origin.get(paths::MODULES).await.expect(200);
    assert!(stored.header("cdn-cache-control").unwrap().contains("max-age"));
    for ahead_ms in [30_000, 1_000_000_000] {
        let seen = Generation::at(Environment::system().now() + ahead_ms).get();
        let asked = origin.request(Method::GET, paths::MODULES).header("kairos-min-gen", format!("catalog={seen}"));
        let response = origin.send(asked).await.expect(200);
        for name in ["kairos-gen", "cache-control", "cdn-cache-control", "etag"] {
            assert_eq!(response.header(name), stored.header(name), "{name}");
        }
        assert_eq!(response.body, stored.body);
    }
}
