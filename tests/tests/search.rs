//! Search finds whole words by their stems and the last word by its beginning, as one types; the same on both stores.

#![expect(clippy::indexing_slicing, reason = "a failed check fails the test")]

use kairos_protocol::api::catalog::ModuleSummary;
use kairos_protocol::api::page::Page;
use kairos_protocol::api::paths;
use kairos_tests::in_every_world;
use kairos_tests::origin::{Person, TestOrigin, draft};
use reqwest::Method;
use serde_json::{Value, json};

in_every_world! { modules_are_found_as_one_types what_is_gone_is_not_found_by_its_beginning }

fn module(slug: &str, title: &str, tags: &[&str], summary: &str, content: &str) -> Value {
    let mut module = draft(slug);
    let fields =
        [("title", json!(title)), ("tags", json!(tags)), ("summary", json!(summary)), ("content", json!(content))];
    for (field, value) in fields {
        module[field] = value;
    }
    module
}

async fn publish(origin: &TestOrigin, author: &Person, module: &Value) {
    let _ = origin.send_as(author, Method::POST, paths::MODULES, module).await.expect(201);
}

/// Percent-encoded, all of it.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

async fn found(origin: &TestOrigin, query: &str) -> Vec<String> {
    let reply = origin.get(&format!("{}?q={}", paths::MODULES_SEARCH, encoded(query))).await;
    reply.ok::<Page<ModuleSummary>>().items.into_iter().map(|module| module.slug.as_str().to_owned()).collect()
}

async fn modules_are_found_as_one_types(origin: TestOrigin) {
    let author = origin.author().await;
    for module in [
        module("freshness", "Freshness explained", &["http"], "Ages.", "Wholewords of the content."),
        module("vary", "The Vary field", &["negotiation"], "A key with more in it.", "Text."),
        module("society", "Caf\u{e9} society", &[], "Aardvarks and zebras.", "Text."),
        module("z-free", "Free", &[], "", "Text."),
        module("b-freebies", "Freebies", &[], "", "Text."),
        module("a-freedom", "Freedom", &[], "", "Text."),
    ] {
        publish(&origin, &author, &module).await;
    }
    for (query, slugs) in [
        ("freshn", &["freshness"][..]),
        ("FRESHNES", &["freshness"]),
        ("freshness", &["freshness"]),
        ("negot", &["vary"]),
        ("cafe", &["society"]),
        ("ca", &["society"]),
        ("caf\u{e9}", &["society"]),
        ("cafe\u{301} soc", &["society"]),
        ("aardv", &["society"]),
        // The last word alone may be half typed; what has whole words comes first.
        ("vary negot", &["vary"]),
        ("vary aardv", &["vary", "society"]),
        ("negot vary", &["vary"]),
        ("aardv vary", &["vary"]),
        // A whole word, then what only begins so, by slug.
        ("free", &["z-free", "a-freedom", "b-freebies"]),
        ("fre", &["a-freedom", "b-freebies", "freshness", "z-free"]),
        // Between two words of one module.
        ("mm", &[]),
        // One letter begins too much, and the content's words are found whole.
        ("n", &[]),
        ("wholew", &[]),
        ("wholewords", &["freshness"]),
        // Never syntax.
        ("fre*", &["a-freedom", "b-freebies", "freshness", "z-free"]),
        ("nego.*", &["vary"]),
        ("\"negot", &["vary"]),
    ] {
        assert_eq!(found(&origin, query).await, slugs, "{query}");
    }
    let page = origin.get("/v1/modules/search?q=fre&limit=2").await.ok::<Page<ModuleSummary>>().items;
    assert_eq!(page.iter().map(|module| module.slug.as_str()).collect::<Vec<_>>(), ["a-freedom", "b-freebies"]);
}

async fn what_is_gone_is_not_found_by_its_beginning(origin: TestOrigin) {
    let author = origin.author().await;
    let mut vary = module("vary", "Negotiation", &[], "", "Text.");
    publish(&origin, &author, &vary).await;
    let mut hidden = module("hidden", "Negotiating in secret", &[], "", "Text.");
    hidden["status"] = json!("draft");
    publish(&origin, &author, &hidden).await;
    assert_eq!(found(&origin, "negot").await, ["vary"]);
    vary["title"] = json!("Variants");
    vary["version"] = json!(1);
    let _ = origin.send_as(&author, Method::PUT, "/v1/modules/vary", &vary).await.expect(200);
    assert_eq!((found(&origin, "negot").await, found(&origin, "varia").await), (vec![], vec!["vary".to_owned()]));
    let delete = origin.request(Method::DELETE, "/v1/modules/vary?version=2").bearer_auth(&author.token);
    let _ = origin.send(delete).await.expect(204);
    assert!(found(&origin, "varia").await.is_empty());
}
