//! What was asked, with all that an answer is made from, and how answers are put together that are given whole. Not who is asked for them.

use std::collections::BTreeSet;

use kairos_protocol::api::ids::Slug;
use kairos_protocol::api::tutor::{AnswerSource, MAX_ANSWER_BYTES, Passage, TutorAnswer};
use tokio::time::Instant;

use super::answer_cache::AnswerKey;
use super::completion::Piece;
use super::cutting::whole_sentences;
use super::escaping::escape;
use super::model::Generation;

/// A question, and what was found for it.
pub(super) struct Asked {
    pub(super) question: String,
    pub(super) passages: Vec<Passage>,
    /// What an answer to it is found by.
    pub(super) key: AnswerKey,
    /// When it came.
    pub(super) began: Instant,
}

impl Asked {
    /// What an answer may link to.
    pub(super) fn modules(&self) -> BTreeSet<Slug> {
        self.passages.iter().map(|passage| passage.module.clone()).collect()
    }

    pub(super) fn answer(&self, answer: String, source: AnswerSource, is_cut: bool) -> TutorAnswer {
        TutorAnswer { answer, source, is_cut, passages: self.passages.clone() }
    }

    /// Counts an answer that is given.
    pub(super) fn count(&self, answer: &TutorAnswer) {
        metrics::counter!("kairos_tutor_answers_total", "source" => answer.source.as_str()).increment(1);
    }

    /// Records how long its caller waited, for all of it or, streamed, for the first of it.
    pub(super) fn time(&self, source: AnswerSource) {
        let secs = self.began.elapsed().as_secs_f64();
        metrics::histogram!("kairos_tutor_answer_seconds", "source" => source.as_str()).record(secs);
    }
}

/// What a model wrote, as it came.
pub(super) struct Written {
    pub(super) source: AnswerSource,
    pub(super) text: String,
    /// It had more to say.
    pub(super) is_cut: bool,
}

/// All that `generation` writes after `text`, or, when it breaks off or is not done by `by`, its whole sentences, if they are enough.
pub(super) async fn collect(mut text: String, mut generation: Generation, by: Instant) -> Option<Written> {
    let source = generation.source;
    let is_complete = loop {
        if text.len() > MAX_ANSWER_BYTES {
            generation.succeed();
            text.truncate(text.floor_char_boundary(MAX_ANSWER_BYTES));
            break false;
        }
        match generation.next_until(by).await {
            Some(Ok(Piece::Text(more))) => text.push_str(&more),
            Some(Ok(Piece::End { is_cut })) => break !is_cut,
            Some(Err(_)) => break false,
            // It writes, and is slow: no failure.
            None => {
                generation.succeed();
                break false;
            }
        }
    };
    if is_complete {
        let is_empty = text.trim().is_empty();
        return (!is_empty).then_some(Written { source, text, is_cut: false });
    }
    let text = whole_sentences(&text)?.to_owned();
    Some(Written { source, text, is_cut: true })
}

/// An answer that names the passages.
pub(super) fn in_passages(passages: &[Passage]) -> String {
    if passages.is_empty() {
        return "No part of the modules fits this question. Try other words.".to_owned();
    }
    let mut lines: Vec<String> = Vec::new();
    for Passage { module, title, heading, .. } in passages {
        let under =
            if heading.is_empty() || heading == title { String::new() } else { format!(": {}", escape(heading)) };
        let line = format!("- [{}](/modules/{module}){under}", escape(title));
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    format!("These parts of the modules fit the question best:\n\n{}", lines.join("\n"))
}
