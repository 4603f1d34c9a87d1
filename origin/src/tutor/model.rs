//! Asks a model behind an OpenAI-compatible API, through its breaker, and reads what it writes, each within the time that it is given. Not
//! here: which model is asked when, and what becomes of its words.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use kairos_protocol::api::tutor::AnswerSource;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use tokio::time::{Instant, timeout_at};

use super::breaker::{Breaker, Permit};
use super::completion::{Completion, Fault, Piece};
use super::config::{ModelConfig, TutorConfig};
use super::prompt::Prompt;
use crate::environment::Clock;
use crate::telemetry::request_trace::traceparent;
use crate::telemetry::trace_context::TRACEPARENT;

/// With less time than this a model is not asked: that it would not answer is no fault of its own.
const FAIR_WAIT: Duration = Duration::from_millis(300);

/// A host that does not answer at all is given up sooner than a model that thinks.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// A model.
pub(super) struct Model {
    /// What its answers are called.
    pub(super) source: AnswerSource,
    config: ModelConfig,
    client: Client,
    breaker: Arc<Breaker>,
}

/// Why there is no (more) text of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// It failed of late, so it was not asked.
    BreakerOpen,
    /// The time was over before it could be asked: this process, or the store, was too slow.
    NoTime,
    /// No text in time.
    TimedOut,
    /// No connection, or one that broke.
    Unreachable,
    /// Another status than 200.
    Status(StatusCode),
    /// The body is of no use.
    Body(Fault),
    /// It said nothing.
    Empty,
}

impl Failure {
    /// For metrics.
    const fn reason(self) -> &'static str {
        match self {
            Self::BreakerOpen => "breaker_open",
            Self::NoTime => "no_time",
            Self::TimedOut => "timed_out",
            Self::Unreachable => "unreachable",
            Self::Status(_) => "status",
            Self::Body(Fault::Malformed) => "malformed",
            Self::Body(Fault::TooLarge) => "too_large",
            Self::Body(Fault::BrokenOff) => "broken_off",
            Self::Body(Fault::Declined) => "declined",
            Self::Empty => "empty",
        }
    }
}

/// An answer that is being written. Dropped, its connection is closed, and the model stops.
pub(super) struct Generation {
    /// Who writes it.
    pub(super) source: AnswerSource,
    response: Response,
    completion: Completion,
    pieces: VecDeque<Piece>,
    permit: Option<Permit>,
}

/// The models that `config` has, in the order in which they are asked.
///
/// # Errors
/// One is asked over TLS, and this machine has no certificates to trust.
pub(super) fn models(config: &TutorConfig, clock: &Arc<dyn Clock>) -> reqwest::Result<Vec<Model>> {
    let first = config.model.iter().map(|model| (AnswerSource::Model, "tutor", model));
    let second = config.fallback.iter().map(|model| (AnswerSource::Fallback, "tutor-fallback", model));
    first
        .chain(second)
        .map(|(source, dependency, model)| {
            let breaker = Breaker::new(dependency, Arc::clone(clock));
            Ok(Model { source, config: model.clone(), client: client(model.url.scheme() == "https")?, breaker })
        })
        .collect()
}

/// A client that goes nowhere but where it is sent: a redirect would take the key and the question along.
fn client(is_tls: bool) -> reqwest::Result<Client> {
    // What TLS computes with. Only the first in a process counts, and any will do.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder().no_proxy().redirect(Policy::none()).connect_timeout(CONNECT_TIMEOUT);
    // The certificates that the system trusts are only looked for where they are needed.
    if is_tls { builder.build() } else { builder.tls_certs_only([]).build() }
}

impl Model {
    /// Whether it is asked at present.
    pub(super) fn is_reached(&self) -> bool {
        self.breaker.is_closed()
    }

    /// Asks it; gives its first text, and the rest to come.
    ///
    /// # Errors
    /// [`Failure`], by `first_text_by` at the latest.
    pub(super) async fn ask(&self, prompt: &Prompt, first_text_by: Instant) -> Result<(String, Generation), Failure> {
        if first_text_by.saturating_duration_since(Instant::now()) < FAIR_WAIT {
            return Err(report(self.source, Failure::NoTime, None));
        }
        let Some(permit) = self.breaker.acquire() else { return Err(report(self.source, Failure::BreakerOpen, None)) };
        let response = match timeout_at(first_text_by, self.send(prompt)).await {
            Ok(Ok(response)) => response,
            Ok(Err(failure)) => return Err(report(self.source, failure, Some(permit))),
            Err(_) => return Err(report(self.source, Failure::TimedOut, Some(permit))),
        };
        let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let completion = Completion::new(content_type);
        let mut generation =
            Generation { source: self.source, response, completion, pieces: VecDeque::new(), permit: Some(permit) };
        match generation.next_until(first_text_by).await {
            Some(Ok(Piece::Text(text))) => Ok((text, generation)),
            Some(Ok(Piece::End { .. })) => Err(generation.fail(Failure::Empty)),
            Some(Err(failure)) => Err(failure),
            None => Err(generation.time_out()),
        }
    }

    async fn send(&self, prompt: &Prompt) -> Result<Response, Failure> {
        let mut request = self.client.post(self.config.url.clone()).json(&prompt.body(&self.config.model));
        request = request.header(ACCEPT, HeaderValue::from_static("text/event-stream"));
        if let Some(traceparent) = traceparent() {
            request = request.header(TRACEPARENT, traceparent);
        }
        if let Some(key) = &self.config.api_key {
            request = request.bearer_auth(key);
        }
        let unreachable = |error: reqwest::Error| {
            tracing::warn!(model = self.source.as_str(), ?error, "the tutor's model is not reached");
            Failure::Unreachable
        };
        let response = request.send().await.map_err(unreachable)?;
        match response.status() {
            StatusCode::OK => Ok(response),
            status => Err(Failure::Status(status)),
        }
    }
}

impl Generation {
    /// What it writes next, `None` when that is not there by `by`; after [`Piece::End`] nothing.
    pub(super) async fn next_until(&mut self, by: Instant) -> Option<Result<Piece, Failure>> {
        loop {
            if let Some(piece) = self.pieces.pop_front() {
                if matches!(piece, Piece::End { .. }) {
                    self.succeed();
                }
                return Some(Ok(piece));
            }
            let read = match timeout_at(by, self.response.chunk()).await.ok()? {
                Ok(Some(bytes)) => self.completion.push(&bytes),
                Ok(None) => self.completion.finish(),
                Err(_) => return Some(Err(self.fail(Failure::Unreachable))),
            };
            match read {
                Ok(pieces) => self.pieces.extend(pieces),
                Err(fault) => return Some(Err(self.fail(Failure::Body(fault)))),
            }
        }
    }

    /// It did not write in time.
    pub(super) fn time_out(&mut self) -> Failure {
        self.fail(Failure::TimedOut)
    }

    /// What it wrote was of use, and no more is wanted.
    pub(super) fn succeed(&mut self) {
        if let Some(permit) = self.permit.take() {
            permit.succeed();
        }
    }

    fn fail(&mut self, failure: Failure) -> Failure {
        report(self.source, failure, self.permit.take())
    }
}

/// Logs and counts a failure, and tells the breaker.
fn report(source: AnswerSource, failure: Failure, permit: Option<Permit>) -> Failure {
    tracing::warn!(model = source.as_str(), ?failure, "the tutor's model gave no answer");
    let labels = [("model", source.as_str()), ("reason", failure.reason())];
    metrics::counter!("kairos_tutor_failures_total", &labels).increment(1);
    match permit {
        // It works, and says no.
        Some(permit) if failure == Failure::Body(Fault::Declined) => permit.succeed(),
        Some(permit) => permit.fail(),
        None => {}
    }
    failure
}
