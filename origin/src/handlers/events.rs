//! `/v1/events`: what changes, as server-sent events (HTML, section 9.2).

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use kairos_protocol::sync::generation::Generations;

use crate::error::Result;
use crate::events::{Event, EventStream, EventStreams};
use crate::extract::{Query, Reader};

/// What the reader of a broken stream had seen: the `id` of its last event.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// `GET /v1/events`
pub async fn stream_events(
    State(streams): State<Arc<EventStreams>>,
    Reader(subscriber): Reader,
    headers: HeaderMap,
    _: Query,
) -> Result<Response> {
    let seen = headers.get(LAST_EVENT_ID).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let stream = streams.open(subscriber, &Generations::parse(seen)).await?;
    let events = stream::unfold(stream, async |mut stream: EventStream| {
        let event = stream.next().await?;
        Some((Ok::<_, Infallible>(text(&event)), stream))
    });
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        // nginx holds a response back until it has some kilobytes of it, unless told not to.
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    Ok((headers, Body::from_stream(events)).into_response())
}

fn text(event: &Event) -> Bytes {
    match event {
        Event::Generations(numbers) => format!("event: generations\nid: {numbers}\ndata: {numbers}\n\n").into(),
        Event::Heartbeat => Bytes::from_static(b":\n\n"),
    }
}
