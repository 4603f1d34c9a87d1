//! How much may be asked: of the tutor in a day, of a model at once, and of one that fails.

use kairos_origin::tutor::config::TutorConfig;
use kairos_protocol::api::account::Role;
use kairos_protocol::api::paths;
use kairos_protocol::api::problem::ProblemType;
use kairos_protocol::api::tutor::{AnswerSource, TutorAnswer};
use kairos_tests::model::{Script, ScriptedModel, Step, word};
use kairos_tests::origin::Person;
use reqwest::Method;
use serde_json::{Value, json};

use super::scene::{QUESTION, SENTENCE, Scene, with};

#[tokio::test]
async fn a_model_that_fails_again_and_again_is_left_alone_for_a_while() {
    let model = ScriptedModel::start(Script::Reply(500, "text/plain", String::new())).await;
    let scene = Scene::new(with(&model)).await;
    let status = async || scene.origin.get(paths::HEALTH_READY).await.ok::<Value>();
    let health = async || status().await["tutor"].clone();
    assert_eq!((health().await, status().await["status"].clone()), (json!("reached"), json!("ready")));
    for _ in 0..5 {
        assert_eq!(scene.answer(QUESTION).await.source, AnswerSource::Passages);
    }
    assert_eq!((model.asked().len(), health().await), (3, json!("degraded")));
    assert_eq!(status().await["status"], "degraded");
    model.now(Script::says(SENTENCE));
    assert_eq!(scene.answer(QUESTION).await.source, AnswerSource::Passages, "not yet");
    scene.origin.clock.advance_ms(5_000);
    assert_eq!(scene.answer(QUESTION).await.source, AnswerSource::Model);
    assert_eq!((model.asked().len(), health().await), (4, json!("reached")));
}

#[tokio::test]
async fn questions_have_a_daily_limit_for_each_learner_and_for_all() {
    let scene = Scene::new(TutorConfig { learner_daily: 2, daily: 3, ..TutorConfig::default() }).await;
    let grace = scene.origin.learner("grace").await;
    let ask_as = async |person: &Person| {
        let body = json!({ "question": QUESTION });
        scene.origin.send_as(person, Method::POST, paths::TUTOR_ANSWERS, &body).await
    };
    for _ in 0..2 {
        let _ = ask_as(&scene.ada).await.expect(200);
    }
    let refused = ask_as(&scene.ada).await;
    assert!(refused.problem(ProblemType::TooManyRequests).detail.contains("2 questions"), "{}", refused.text());
    let retry_after: i64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=86_400).contains(&retry_after), "{retry_after}");
    let _ = ask_as(&grace).await.expect(200);
    let all = ask_as(&grace).await;
    assert!(all.problem(ProblemType::TooManyRequests).detail.contains("All learners"), "{}", all.text());
    scene.origin.clock.advance_ms(retry_after * 1_000);
    let token = scene.origin.tokens.sign(&scene.ada.id, &[Role::Learner]).unwrap();
    let _ = ask_as(&Person { token, ..scene.ada.clone() }).await.expect(200);
}

#[tokio::test]
async fn questions_that_are_none_are_refused_and_not_counted() {
    let scene = Scene::new(TutorConfig { learner_daily: 1, ..TutorConfig::default() }).await;
    for (question, is_good) in [("", false), (" \t", false), ("a\0b", false), (&"é".repeat(501), false)] {
        let refused = scene.ask(&json!({ "question": question })).await;
        assert!(!is_good && refused.problem(ProblemType::InvalidFields).errors[0].field == "question");
    }
    for body in [
        json!({}),
        json!({ "question": 5 }),
        json!({ "question": "x", "module": "A" }),
        json!({ "question": "x", "user": "eve" }),
    ] {
        let _ = scene.ask(&body).await.problem(ProblemType::InvalidBody);
    }
    let nobody = scene.origin.post(paths::TUTOR_ANSWERS, &json!({ "question": QUESTION })).await;
    let _ = nobody.problem(ProblemType::Unauthenticated);
    let _ = scene.ask(&json!({ "question": "é".repeat(500) })).await.expect(200);
}

#[tokio::test]
async fn who_finds_the_model_busy_does_not_wait() {
    let model = ScriptedModel::start(Script::steps([Step::Gate, word(SENTENCE), Step::Finish("stop")])).await;
    let scene = Scene::new(TutorConfig { concurrency: 1, ..with(&model) }).await;
    let question = json!({ "question": QUESTION });
    let first = scene.ask(&question);
    let second = async {
        model.wait_for_requests(1).await;
        let reply = scene.ask(&question).await.expect(200);
        model.open_gate();
        reply
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!(first.ok::<TutorAnswer>().source, AnswerSource::Model);
    assert_eq!(second.header("kairos-degraded"), Some("default"));
    assert_eq!(second.json::<TutorAnswer>().source, AnswerSource::Passages);
    assert_eq!(model.asked().len(), 1);
    assert_eq!(scene.answer(QUESTION).await.source, AnswerSource::Model, "the place is free again");
}
