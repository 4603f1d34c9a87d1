//! Answers that come as they are written.

use std::time::{Duration, Instant};

use kairos_origin::tutor::config::TutorConfig;
use kairos_protocol::api::tutor::AnswerSource;
use kairos_tests::model::{Script, ScriptedModel, Step, word};
use serde_json::json;

use super::scene::{IN_TIME, QUESTION, SENTENCE, Scene, with};

#[tokio::test]
async fn a_stream_comes_as_it_is_written() {
    let steps =
        [word("Vary names "), word("[fields](/modules/va"), Step::Gate, word("ry) and more. "), Step::Finish("stop")];
    let model = ScriptedModel::start(Script::steps(steps)).await;
    let scene = Scene::new(with(&model)).await;
    let mut events = scene.events(QUESTION).await;
    assert_eq!(events.next().await.unwrap(), ("text".to_owned(), json!({ "text": "Vary names " })));
    // The rest is yet to be written.
    model.open_gate();
    let (text, last, answer) = events.rest().await;
    assert_eq!((text.as_str(), last.as_str()), ("[fields](/modules/vary) and more. ", "done"));
    assert_eq!(
        (answer.answer.as_str(), answer.source),
        ("Vary names [fields](/modules/vary) and more. ", AnswerSource::Model)
    );
    assert_eq!(answer.passages[0].module.as_str(), "vary");
}

#[tokio::test]
async fn a_stream_that_breaks_ends_with_an_answer_that_stands_in() {
    for (what, end) in [("breaks", Step::Break), ("sends garbage", Step::Flood(300_000)), ("stops", Step::Hang)] {
        let model = ScriptedModel::start(Script::steps([word("The Vary "), Step::Gate, end])).await;
        let scene = Scene::new(with(&model)).await;
        let mut events = scene.events(QUESTION).await;
        assert!(!events.is_degraded(), "the model had begun");
        assert_eq!(events.next().await.unwrap().1, json!({ "text": "The Vary " }), "{what}");
        model.open_gate();
        let (text, last, answer) = events.rest().await;
        assert_eq!((text.as_str(), last.as_str(), answer.source), ("", "error", AnswerSource::Passages), "{what}");
        assert!(answer.answer.contains("(/modules/vary)"), "{what}");
    }
}

#[tokio::test]
async fn a_stream_without_a_first_word_is_passages_in_time() {
    let model = ScriptedModel::start(Script::steps([Step::Hang])).await;
    let scene = Scene::new(with(&model)).await;
    let began = Instant::now();
    let events = scene.events(QUESTION).await;
    assert!(events.is_degraded());
    let (text, last, answer) = events.rest().await;
    assert!(began.elapsed() < IN_TIME, "{:?}", began.elapsed());
    assert_eq!((text, last.as_str(), answer.source), (answer.answer, "done", AnswerSource::Passages));
}

#[tokio::test]
async fn an_endless_answer_is_cut() {
    let model = ScriptedModel::start(Script::steps((0..20_000).map(|_| word("endless ")))).await;
    let scene = Scene::new(with(&model)).await;
    let (text, last, answer) = scene.events(QUESTION).await.rest().await;
    assert_eq!((last.as_str(), answer.is_cut), ("done", true));
    assert!(text == answer.answer && (8_000..8_300).contains(&text.len()), "{}", text.len());
}

#[tokio::test]
async fn who_hangs_up_gives_the_place_back() {
    let model = ScriptedModel::start(Script::steps([word("The Vary "), Step::Hang])).await;
    let scene = Scene::new(TutorConfig { concurrency: 1, ..with(&model) }).await;
    drop(scene.events(QUESTION).await);
    model.now(Script::says(SENTENCE));
    let mut answer = scene.answer(QUESTION).await;
    let began = Instant::now();
    while answer.source != AnswerSource::Model && began.elapsed() < Duration::from_secs(30) {
        answer = scene.answer(QUESTION).await;
    }
    assert_eq!(answer.source, AnswerSource::Model);
    assert!(began.elapsed() < IN_TIME, "the model's pause was not waited for: {:?}", began.elapsed());
}
