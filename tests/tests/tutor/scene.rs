//! What the tests of the tutor have in common: an origin with a tutor and something to ask about, and how answers are read.

use std::time::{Duration, Instant};

use kairos_origin::tutor::config::TutorConfig;
use kairos_protocol::api::paths;
use kairos_protocol::api::tutor::TutorAnswer;
use kairos_tests::model::ScriptedModel;
use kairos_tests::origin::{Person, TestOrigin, draft};
use kairos_tests::reply::Reply;
use reqwest::Method;
use serde_json::{Value, json};

/// Row I1.
pub(crate) const IN_TIME: Duration = Duration::from_secs(2);
pub(crate) const QUESTION: &str = "What does the Vary field say?";
pub(crate) const SENTENCE: &str =
    "The Vary field names the request fields that chose this response, so that a cache does not mix them up.";

/// A tutor with this model, and no other.
pub(crate) fn with(model: &ScriptedModel) -> TutorConfig {
    TutorConfig { model: Some(model.config()), learner_daily: 1_000, ..TutorConfig::default() }
}

/// An origin with a tutor, a few modules and a learner.
pub(crate) struct Scene {
    pub(crate) origin: TestOrigin,
    pub(crate) author: Person,
    pub(crate) ada: Person,
}

impl Scene {
    pub(crate) async fn new(tutor: TutorConfig) -> Self {
        Self::in_origin(TestOrigin::builder().with_tutor(tutor).start().await.unwrap()).await
    }

    pub(crate) async fn in_origin(origin: TestOrigin) -> Self {
        let author = origin.author().await;
        let scene = Self { ada: origin.learner("ada").await, origin, author };
        scene
            .publish("vary", "# The field\n\nThe Vary field names the request fields that a response depends on.")
            .await;
        scene.publish("freshness", "# Age\n\nA response is fresh while its age is below its lifetime.").await;
        scene
    }

    pub(crate) async fn publish(&self, slug: &str, content: &str) {
        let mut module = draft(slug);
        module["content"] = json!(content);
        let _ = self.origin.send_as(&self.author, Method::POST, paths::MODULES, &module).await.expect(201);
    }

    pub(crate) async fn ask(&self, body: &Value) -> Reply {
        self.origin.send_as(&self.ada, Method::POST, paths::TUTOR_ANSWERS, body).await
    }

    /// The answer to a question that is to be answered, in time.
    pub(crate) async fn answer(&self, question: &str) -> TutorAnswer {
        let began = Instant::now();
        let answer = self.ask(&json!({ "question": question })).await.ok();
        assert!(began.elapsed() < IN_TIME, "{:?}", began.elapsed());
        answer
    }

    pub(crate) async fn events(&self, question: &str) -> Events {
        let request = self.origin.request(Method::POST, paths::TUTOR_ANSWERS).bearer_auth(&self.ada.token);
        let request = request.header("accept", "text/event-stream").json(&json!({ "question": question }));
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        Events { response, read: String::new() }
    }
}

/// A streamed answer.
pub(crate) struct Events {
    response: reqwest::Response,
    read: String,
}

impl Events {
    pub(crate) fn is_degraded(&self) -> bool {
        self.response.headers().get("kairos-degraded").is_some_and(|value| value == "default")
    }

    /// The next event: its name and its data.
    pub(crate) async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((event, rest)) = self.read.split_once("\n\n") {
                let (name, data) = event.split_once('\n').unwrap();
                let name = name.strip_prefix("event: ").unwrap().to_owned();
                let data = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
                self.read = rest.to_owned();
                return Some((name, data));
            }
            let bytes = self.response.chunk().await.unwrap()?;
            self.read.push_str(std::str::from_utf8(&bytes).unwrap());
        }
    }

    /// The text of all that is left, and the last event.
    pub(crate) async fn rest(mut self) -> (String, String, TutorAnswer) {
        let mut text = String::new();
        loop {
            let (name, data) = self.next().await.unwrap();
            if name == "text" {
                text.push_str(data["text"].as_str().unwrap());
                continue;
            }
            assert!(self.next().await.is_none(), "the last event is the last");
            return (text, name, serde_json::from_value(data).unwrap());
        }
    }
}
