//! An answer that is given as it is written: pieces of text, then one last event. Until the first text the caller waits, as long as for an
//! answer that is given whole; what comes after has a limit for each pause and one for all of it. Not how events look (`handlers`).

use std::sync::Arc;
use std::time::Duration;

use kairos_protocol::api::tutor::{AnswerSource, MAX_ANSWER_BYTES, TutorAnswer};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::{Instant, timeout, timeout_at};

use super::answer_cache::AnswerCache;
use super::completion::Piece;
use super::model::Generation;
use super::sanitise::Sanitiser;
use super::writing::Asked;

/// The longest pause of a model. Then the answer is broken off.
const LONGEST_PAUSE: Duration = Duration::from_secs(3);
/// The longest that an answer is written. Then it is cut, as it is.
const LONGEST_STREAM: Duration = Duration::from_secs(30);
/// How long a caller who does not read may take for the last event.
const LAST_EVENT_BY: Duration = Duration::from_secs(5);
/// Events that wait for a caller who reads slowly; then the model waits too.
const WAITING_EVENTS: usize = 16;

/// What happens in the course of an answer.
#[derive(Clone, Debug)]
pub enum TutorEvent {
    /// More text.
    Text(String),
    /// It is complete: all of it once more, with its passages.
    Done(TutorAnswer),
    /// The model broke off, and its text is void: this is the answer instead.
    Failed(TutorAnswer),
}

/// An answer to come.
pub struct StreamedAnswer {
    /// There is a model, and it will not write it.
    pub is_degraded: bool,
    /// The last is [`TutorEvent::Done`] or [`TutorEvent::Failed`]. Dropped, the model stops.
    pub events: mpsc::Receiver<TutorEvent>,
}

/// How a model's text ended.
enum Ending {
    Complete,
    Cut,
    Failed,
    /// The caller is gone.
    Unread,
}

/// What is written of an answer, and to whom.
pub(super) struct Stream {
    pub(super) source: AnswerSource,
    pub(super) generation: Generation,
    pub(super) sanitiser: Sanitiser,
    pub(super) events: mpsc::Sender<TutorEvent>,
    /// Given back when the answer has ended.
    pub(super) place: OwnedSemaphorePermit,
}

/// The events of an answer that is there already.
pub(super) async fn at_once(answer: TutorAnswer) -> mpsc::Receiver<TutorEvent> {
    let (events, receiver) = channel();
    // There is room for both.
    let _ = events.send(TutorEvent::Text(answer.answer.clone())).await;
    let _ = events.send(TutorEvent::Done(answer)).await;
    receiver
}

pub(super) fn channel() -> (mpsc::Sender<TutorEvent>, mpsc::Receiver<TutorEvent>) {
    mpsc::channel(WAITING_EVENTS)
}

impl Stream {
    /// Gives what is written, from its first text to the last event; `otherwise` when the model breaks off. A complete answer is stored.
    pub(super) async fn run(mut self, first: String, asked: Asked, otherwise: TutorAnswer, answers: Arc<AnswerCache>) {
        let ends = Instant::now() + LONGEST_STREAM;
        let mut answer = String::new();
        // A caller who does not read may not keep the place either.
        let pumped = timeout_at(ends + LAST_EVENT_BY, self.pump(first, &mut answer, ends)).await;
        let Self { source, sanitiser, events, place, .. } = self;
        drop(place);
        let is_cut = match pumped.unwrap_or(Ending::Unread) {
            Ending::Complete => false,
            Ending::Cut => true,
            Ending::Failed => {
                asked.count(&otherwise);
                return send_last(&events, TutorEvent::Failed(otherwise)).await;
            }
            Ending::Unread => return,
        };
        let rest = sanitiser.finish();
        answer.push_str(&rest);
        if !is_cut {
            answers.insert(asked.key, &answer);
        }
        let answer = asked.answer(answer, source, is_cut);
        asked.count(&answer);
        if !rest.is_empty() {
            send_last(&events, TutorEvent::Text(rest)).await;
        }
        send_last(&events, TutorEvent::Done(answer)).await;
    }

    async fn pump(&mut self, first: String, answer: &mut String, ends: Instant) -> Ending {
        let mut piece = first;
        let mut read_bytes = 0;
        loop {
            let room = MAX_ANSWER_BYTES - read_bytes;
            let is_full = piece.len() >= room;
            piece.truncate(piece.floor_char_boundary(room));
            read_bytes += piece.len();
            let safe = self.sanitiser.push(&piece);
            answer.push_str(&safe);
            if !safe.is_empty() && self.events.send(TutorEvent::Text(safe)).await.is_err() {
                return Ending::Unread;
            }
            if is_full {
                self.generation.succeed();
                return Ending::Cut;
            }
            piece = match self.next(ends).await {
                Ok(text) => text,
                Err(ending) => return ending,
            };
        }
    }

    /// The model's next text.
    async fn next(&mut self, ends: Instant) -> Result<String, Ending> {
        let by = ends.min(Instant::now() + LONGEST_PAUSE);
        let next = tokio::select! {
            next = self.generation.next_until(by) => next,
            () = self.events.closed() => return Err(Ending::Unread),
        };
        match next {
            Some(Ok(Piece::Text(text))) => Ok(text),
            Some(Ok(Piece::End { is_cut: false })) => Err(Ending::Complete),
            Some(Ok(Piece::End { is_cut: true })) => Err(Ending::Cut),
            Some(Err(_)) => Err(Ending::Failed),
            None if by == ends => {
                self.generation.succeed();
                Err(Ending::Cut)
            }
            None => {
                self.generation.time_out();
                Err(Ending::Failed)
            }
        }
    }
}

async fn send_last(events: &mpsc::Sender<TutorEvent>, event: TutorEvent) {
    // A caller who is gone misses nothing.
    let _ = timeout(LAST_EVENT_BY, events.send(event)).await;
}
