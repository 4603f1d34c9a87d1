//! A request's trace: taken over from the caller, in the log, passed on to the tutor's model; and what the response says took how long.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failed check fails the test")]

use kairos_origin::tutor::config::TutorConfig;
use kairos_protocol::api::paths;
use kairos_tests::in_every_world;
use kairos_tests::model::{Script, ScriptedModel};
use kairos_tests::origin::{PASSWORD, TestOrigin};
use kairos_tests::reply::Reply;
use kairos_tests::serving::Serving;
use kairos_tests::world::{StoreKind, World};
use reqwest::Method;
use serde_json::{Value, json};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

in_every_world! {
    a_response_says_what_took_how_long_unless_memory_had_it
}

/// Each part of `Server-Timing` with what it says.
fn timing(reply: &Reply) -> Option<Vec<(String, String)>> {
    let header = reply.header("server-timing")?;
    let part = |part: &str| part.split_once(';').map(|(name, said)| (name.to_owned(), said.to_owned())).unwrap();
    Some(header.split(", ").map(part).collect())
}

fn names(reply: &Reply) -> Vec<String> {
    timing(reply).unwrap().into_iter().map(|(name, _)| name).collect()
}

async fn a_response_says_what_took_how_long_unless_memory_had_it(origin: TestOrigin) {
    let author = origin.author().await;
    origin.publish(&author, &["vary"]).await;
    let path = paths::module("vary");
    let first = timing(&origin.get(&path).await).unwrap();
    assert_eq!(first[0], ("cache".to_owned(), "desc=\"uri-miss\"".to_owned()));
    assert_eq!(first.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["cache", "db", "total"]);
    let ms = |said: &str| said.strip_prefix("dur=").unwrap().parse::<f64>().unwrap();
    assert!(ms(&first[1].1) <= ms(&first[2].1), "{first:?}");
    // Memory's own way writes nothing more than it must.
    let hit = origin.get(&path).await;
    assert!(hit.header("cache-status").unwrap().contains("hit"), "{hit:?}");
    assert_eq!(hit.header("server-timing"), None);
    // What a task of its own does for the request counts too.
    let ada = origin.learner("ada").await;
    let body =
        json!({ "operations": [{ "id": "operation-1", "module": "vary", "at_ms": 1, "action": { "type": "open" } }] });
    let written = origin.send_as(&ada, Method::POST, paths::OPERATIONS, &body).await;
    assert_eq!(names(&written), ["db", "total"], "{written:?}");
    assert_eq!(names(&origin.get("/v1/nothing").await), ["total"]);
    // Where a password is checked nothing is told of it.
    for email in ["ada@example.org", "nobody@example.org"] {
        for password in [PASSWORD, "wrong password"] {
            let reply = origin.post(paths::LOGIN, &json!({ "email": email, "password": password })).await;
            assert_eq!(reply.header("server-timing"), None, "{reply:?}");
        }
    }
}

#[tokio::test]
async fn the_tutors_model_is_asked_in_the_callers_trace() {
    let model = ScriptedModel::start(Script::says("Vary names the fields. They chose the response.")).await;
    let tutor = TutorConfig { model: Some(model.config()), ..TutorConfig::default() };
    let origin = TestOrigin::builder().with_tutor(tutor).start().await.unwrap();
    let author = origin.author().await;
    origin.publish(&author, &["vary"]).await;
    let ada = origin.learner("ada").await;
    let ask = async |traceparent: &str, question: &str| {
        let request = origin.request(Method::POST, paths::TUTOR_ANSWERS).bearer_auth(&ada.token);
        let reply =
            origin.send(request.header("traceparent", traceparent).json(&json!({ "question": question }))).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        let asked = model.asked().pop().unwrap();
        (asked.headers["traceparent"].to_str().unwrap().to_owned(), reply.header("x-request-id").unwrap().to_owned())
    };
    let (passed_on, id) = ask(&format!("00-{TRACE}-{CALLER}-01"), "What does about vary text say?").await;
    assert_eq!(passed_on, format!("00-{TRACE}-{id}-01"), "the trace is the caller's, the span this request");
    let (begun, id) = ask(&format!("00-{TRACE}-{CALLER}"), "And what else does vary text say?").await;
    assert!(!begun.contains(TRACE) && begun.ends_with(&format!("{id}-00")), "{begun}");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_is_logged_for_a_request_has_its_trace() {
    let Some(world) = World::new(StoreKind::Sqlite, false) else { return };
    let data = world.data().display().to_string();
    let arguments = ["--data", &data, "--log-format", "json", "--log", "kairos_origin=debug", "--slow-query-ms", "0"];
    let Some(server) = Serving::start(&arguments, &[]).await else { return };
    let register = json!({ "email": "ada@example.org", "display_name": "Ada", "password": PASSWORD });
    let request = server.request(Method::POST, paths::REGISTER).json(&register);
    let reply = request.header("traceparent", format!("00-{TRACE}-{CALLER}-00")).send().await.unwrap();
    assert_eq!(reply.status(), 201);
    let id = reply.headers()["x-request-id"].to_str().unwrap().to_owned();
    let malformed = server.request(Method::GET, paths::ME).header("traceparent", "00-malformed");
    let malformed = malformed.send().await.unwrap().headers()["x-request-id"].to_str().unwrap().to_owned();
    let said = server.stop().await;
    let lines: Vec<Value> = said.errors.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |id: &str| -> Vec<&Value> { lines.iter().filter(|line| line["span"]["id"] == *id).collect() };
    let messages: Vec<_> = of(&id).iter().map(|line| line["fields"]["message"].as_str().unwrap()).collect();
    assert!(messages.contains(&"answered") && messages.contains(&"slow query"), "{messages:?}");
    assert!(of(&id).iter().all(|line| line["span"]["trace_id"] == TRACE), "{:?}", of(&id));
    let begun = of(&malformed)[0]["span"]["trace_id"].as_str().unwrap();
    assert!(begun.len() == 32 && begun != TRACE && begun.ends_with(&malformed), "{begun}");
}
