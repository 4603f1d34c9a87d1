//! What is told about the running service is told of what there is: every metric that the documents, the rules and the dashboard name is
//! recorded in a run, and the other way round.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed check fails the test")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use kairos_origin::auth::keys::{Keys, Start};
use kairos_origin::environment::Environment;
use kairos_origin::limits::{RateLimitConfig, Rates};
use kairos_origin::telemetry::catalog::{Kind, METRICS};
use kairos_origin::tutor::config::TutorConfig;
use kairos_protocol::api::paths;
use kairos_tests::breakable::Breakable;
use kairos_tests::model::{Script, ScriptedModel};
use kairos_tests::origin::{TestOrigin, draft};
use kairos_tests::world::StoreKind;
use reqwest::Method;
use serde_json::json;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Names of ours in a text, without what Prometheus adds to those of histograms.
fn names(text: &str) -> BTreeSet<String> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    let metrics = words.filter(|word| word.starts_with("kairos_"));
    let base = |name: &str| {
        let ends = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
        ends.filter(|base| base.ends_with("_seconds")).unwrap_or(name).to_owned()
    };
    metrics.map(base).collect()
}

fn all() -> BTreeSet<String> {
    METRICS.iter().map(|metric| metric.name.to_owned()).collect()
}

/// Something of everything.
async fn run(origin: &TestOrigin, model: &ScriptedModel) -> String {
    let author = origin.author().await;
    origin.publish(&author, &["vary"]).await;
    let sibling = origin.sibling().await;
    for instance in [origin, origin, &sibling] {
        assert_eq!(instance.get(&paths::module("vary")).await.status, 200);
    }
    let ada = origin.learner("ada").await;
    let ask = |question: &str| {
        let request = origin.request(Method::POST, paths::TUTOR_ANSWERS).bearer_auth(&ada.token);
        origin.send(request.json(&json!({ "question": question })))
    };
    assert_eq!(ask("What does vary text say?").await.status, 200);
    model.now(Script::Reply(500, "text/plain", String::new()));
    assert_eq!(ask("And what else does vary text say?").await.status, 200);
    // More modules than an author may write.
    let mut refused = false;
    for n in 0..1_000 {
        let written = origin.send_as(&author, Method::POST, paths::MODULES, &draft(&format!("module-{n}"))).await;
        if written.status == 429 {
            refused = true;
            break;
        }
    }
    assert!(refused);
    // A response older than its freshness is loaded anew behind what is given.
    let _ = origin.get(&paths::module("vary")).await;
    origin.clock.advance_ms(10 * 60_000 + 1_000);
    for _ in 0..3 {
        let _ = origin.get(&paths::module("vary")).await;
    }
    let keys = Keys::new(std::sync::Arc::<Breakable>::clone(&origin.store), Environment::system());
    keys.rotate(Start::AtOnce).await.unwrap();
    origin.tokens.look_up("time").await;
    origin.store.break_down();
    assert_eq!(origin.get("/v1/modules/search?q=vary").await.status, 503);
    origin.get(paths::METRICS).await.text()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_documented_is_recorded_and_the_other_way_round() {
    let model = ScriptedModel::start(Script::says("Vary names the fields. They chose the response.")).await;
    let builder = || {
        let tutor = TutorConfig { model: Some(model.config()), ..TutorConfig::default() };
        let limits = RateLimitConfig { rates: Some(Rates::default()), ..RateLimitConfig::default() };
        TestOrigin::builder().with_store(StoreKind::Sqlite).with_tutor(tutor).with_limits(limits)
    };
    let documented = read("docs/OPERATIONS.md");
    let (_, table) = documented.split_once("### All metrics").unwrap();
    let table: BTreeSet<String> = table.lines().filter(|line| line.starts_with("| `kairos_")).flat_map(names).collect();
    assert_eq!(table, all(), "docs/OPERATIONS.md, \"All metrics\"");
    for metric in METRICS {
        assert!(
            documented.contains(metric.help),
            "docs/OPERATIONS.md does not say of {}: {}",
            metric.name,
            metric.help
        );
        assert_eq!(metric.kind == Kind::Counter, metric.name.ends_with("_total"), "{}", metric.name);
    }
    // Without a Redis the rest is seen all the same.
    let (origin, is_shared) = match builder().with_redis(true).start().await {
        Some(origin) => (origin, true),
        None => (builder().start().await.unwrap(), false),
    };
    let shown = run(&origin, &model).await;
    let lines = shown.lines().filter(|line| !line.starts_with('#'));
    let recorded: BTreeSet<String> = lines.flat_map(|line| names(line.split(['{', ' ']).next().unwrap())).collect();
    let of_redis = |name: &String| name.contains("redis") || name.contains("leases");
    let expected: BTreeSet<String> = all()
        .into_iter()
        // A Redis that fails is in `coherence.rs`; samples are off where the clock is moved.
        .filter(|name| (is_shared || !of_redis(name)) && name != "kairos_redis_failures_total")
        .filter(|name| !name.starts_with("kairos_staleness"))
        .collect();
    let unseen: Vec<_> = expected.difference(&recorded).collect();
    let unlisted: Vec<_> = recorded.difference(&all()).cloned().collect();
    assert!(unseen.is_empty() && unlisted.is_empty(), "not recorded: {unseen:?}; not listed: {unlisted:?}");
    for metric in METRICS.iter().filter(|metric| recorded.contains(metric.name)) {
        assert!(shown.contains(&format!("# HELP {} ", metric.name)), "{}", metric.name);
    }
}
