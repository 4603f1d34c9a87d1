//! A model as the tutor asks it, behind the API that it knows, which does what the test wrote down: answers, is slow, lies, breaks off or
//! says nothing. Keeps what it was asked.

#![expect(clippy::expect_used, reason = "what a test cannot set up fails it")]

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use futures_util::stream::{self, Stream, StreamExt};
use kairos_origin::tutor::config::ModelConfig;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// What the model does next in a response.
#[derive(Clone, Debug)]
pub enum Step {
    /// Writes a word, as an event.
    Word(String),
    /// Sends these bytes as they are.
    Raw(String),
    /// Sends this many bytes that are no event.
    Flood(usize),
    /// Waits.
    Pause(Duration),
    /// Waits until the test opens the gate.
    Gate,
    /// Says that it is done, and why.
    Finish(&'static str),
    /// Breaks the connection.
    Break,
    /// Says no more, and does not hang up.
    Hang,
}

/// What the model does with a request.
#[derive(Clone, Debug)]
pub enum Script {
    /// Sends no head.
    Silence,
    /// Answers with this status, media type and body.
    Reply(u16, &'static str, String),
    /// Streams.
    Stream(Vec<Step>),
}

impl Script {
    /// An honest answer, a word at a time.
    #[must_use]
    pub fn says(text: &str) -> Self {
        let words = text.split_inclusive(' ').map(|word| Step::Word(word.to_owned()));
        Self::Stream(words.chain([Step::Finish("stop")]).collect())
    }

    /// A stream.
    #[must_use]
    pub fn steps(steps: impl IntoIterator<Item = Step>) -> Self {
        Self::Stream(steps.into_iter().collect())
    }
}

/// A word, as an event.
#[must_use]
pub fn word(text: &str) -> Step {
    Step::Word(text.to_owned())
}

/// A request that came.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Value,
}

impl Asked {
    /// What the user's message has, which is JSON.
    #[must_use]
    pub fn data(&self) -> Value {
        let message = self.body.pointer("/messages/1/content").and_then(Value::as_str).unwrap_or_default();
        serde_json::from_str(message).unwrap_or_default()
    }
}

struct Shared {
    script: Mutex<Script>,
    asked: Mutex<Vec<Asked>>,
    came: Notify,
    gate: watch::Sender<bool>,
}

/// A running model. It stops when this is dropped.
pub struct ScriptedModel {
    address: SocketAddr,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

impl ScriptedModel {
    /// Starts one that does `script`.
    pub async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it has an address");
        let (gate, _) = watch::channel(false);
        let (script, asked) = (Mutex::new(script), Mutex::default());
        let shared = Arc::new(Shared { script, asked, came: Notify::new(), gate });
        let router = Router::new().route("/v1/chat/completions", post(complete)).with_state(Arc::clone(&shared));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.expect("the server runs") });
        Self { address, shared, serving }
    }

    /// Does `script` from the next request on.
    pub fn now(&self, script: Script) {
        *self.shared.script.lock() = script;
    }

    /// Lets all who wait at a gate go on.
    pub fn open_gate(&self) {
        self.shared.gate.send_replace(true);
    }

    /// What it was asked so far.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().clone()
    }

    /// Waits until it was asked this often.
    pub async fn wait_for_requests(&self, count: usize) {
        loop {
            let came = self.shared.came.notified();
            if self.shared.asked.lock().len() >= count {
                return;
            }
            came.await;
        }
    }

    /// How the tutor is told of it.
    #[must_use]
    pub fn config(&self) -> ModelConfig {
        let url = format!("http://{}", self.address).parse().expect("a URL");
        ModelConfig::new(url, "scripted", Some("a key".to_owned()))
    }
}

impl Drop for ScriptedModel {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn complete(State(shared): State<Arc<Shared>>, headers: HeaderMap, Json(body): Json<Value>) -> Response {
    shared.asked.lock().push(Asked { headers, body });
    shared.came.notify_waiters();
    let script = shared.script.lock().clone();
    match script {
        Script::Silence => std::future::pending().await,
        Script::Reply(status, media_type, body) => {
            let status = StatusCode::from_u16(status).expect("a status");
            (status, [(CONTENT_TYPE, media_type)], body).into_response()
        }
        Script::Stream(steps) => {
            let body = Body::from_stream(streamed(steps.into(), shared.gate.subscribe()));
            ([(CONTENT_TYPE, "text/event-stream")], body).into_response()
        }
    }
}

fn streamed(steps: VecDeque<Step>, gate: watch::Receiver<bool>) -> impl Stream<Item = io::Result<Bytes>> {
    let bytes = stream::unfold((steps, gate), async |(mut steps, mut gate)| {
        let bytes = match steps.pop_front()? {
            Step::Word(text) => event(&json!({ "choices": [{ "index": 0, "delta": { "content": text } }] })),
            Step::Raw(text) => Ok(text.into()),
            Step::Flood(count) => Ok(vec![b'x'; count].into()),
            Step::Pause(time) => {
                sleep(time).await;
                Ok(Bytes::new())
            }
            Step::Gate => {
                // The sender is there as long as the model.
                let _ = gate.wait_for(|is_open| *is_open).await;
                Ok(Bytes::new())
            }
            Step::Finish(reason) => {
                event(&json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": reason }] }))
            }
            Step::Break => Err(io::ErrorKind::ConnectionReset.into()),
            Step::Hang => std::future::pending().await,
        };
        Some((bytes, (steps, gate)))
    });
    bytes.filter(|bytes| std::future::ready(!bytes.as_ref().is_ok_and(Bytes::is_empty)))
}

fn event(data: &Value) -> io::Result<Bytes> {
    Ok(format!("data: {data}\n\n").into())
}
