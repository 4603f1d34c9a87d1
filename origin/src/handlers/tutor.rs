//! `/v1/tutor/…`.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header::ACCEPT;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use kairos_protocol::api::headers::KAIROS_DEGRADED;
use kairos_protocol::api::tutor::TutorQuestion;
use serde_json::json;

use crate::error::Result;
use crate::extract::{Body, Session};
use crate::tutor::{Answered, StreamedAnswer, Tutor, TutorEvent};

/// `POST /v1/tutor/answers`
pub async fn answer_question(
    State(tutor): State<Arc<Tutor>>,
    Session { user, .. }: Session,
    headers: HeaderMap,
    Body(question): Body<TutorQuestion>,
) -> Result<Response> {
    let (mut response, is_degraded) = if accepts_events(&headers) {
        let StreamedAnswer { is_degraded, events } = tutor.stream(&user, question).await?;
        let events = stream::unfold(events, async |mut events| Some((event(events.recv().await?), events)));
        (Sse::new(events).into_response(), is_degraded)
    } else {
        let Answered { answer, is_degraded } = tutor.answer(&user, question).await?;
        (Json(answer).into_response(), is_degraded)
    };
    if is_degraded {
        let name = HeaderName::from_static(KAIROS_DEGRADED);
        response.headers_mut().insert(name, HeaderValue::from_static("default"));
    }
    Ok(response)
}

/// Whether the caller names the media type of events. One that takes anything gets JSON.
fn accepts_events(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let essence = |range: &str| range.split(';').next().unwrap_or_default().trim().to_owned();
    values.flat_map(|value| value.split(',')).any(|range| essence(range).eq_ignore_ascii_case("text/event-stream"))
}

fn event(event: TutorEvent) -> std::result::Result<Event, Infallible> {
    let (name, data) = match event {
        TutorEvent::Text(text) => ("text", json!({ "text": text })),
        TutorEvent::Done(answer) => ("done", json!(answer)),
        TutorEvent::Failed(answer) => ("error", json!(answer)),
    };
    // JSON on one line: an event's data has no line breaks of its own.
    Ok(Event::default().event(name).data(data.to_string()))
}
