//! Reads the body of an OpenAI-compatible completion: events as they come (`chat.completion.chunk`), or, from a server that does not
//! stream, one JSON document. Believes nothing: what is too long or of another shape is a fault. Not here: where bytes come from.

use serde::Deserialize;

/// Most bytes of a body. An event of some 300 bytes carries a word.
const MAX_BODY_BYTES: usize = 2 * 1024 * 1024;
/// Most bytes of one event, and of a document.
const MAX_EVENT_BYTES: usize = 128 * 1024;

/// What a body says next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Text, never empty.
    Text(String),
    /// It is complete; cut short when the model had more to say.
    End { is_cut: bool },
}

/// Why a body cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Not what it should be.
    Malformed,
    /// Longer than any answer.
    TooLarge,
    /// It ended before it was complete.
    BrokenOff,
    /// The model declined: its own filter did.
    Declined,
}

/// A body that is being read.
pub(super) struct Completion {
    is_stream: bool,
    buffer: Vec<u8>,
    read_bytes: usize,
    is_ended: bool,
}

#[derive(Deserialize)]
struct Document {
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    delta: Option<Message>,
    message: Option<Message>,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    content: Option<String>,
}

impl Completion {
    /// A body of this media type: events, unless it says JSON.
    pub(super) fn new(content_type: Option<&str>) -> Self {
        let is_stream = !content_type.is_some_and(|value| value.trim_start().starts_with("application/json"));
        Self { is_stream, buffer: Vec::new(), read_bytes: 0, is_ended: false }
    }

    /// Takes the next bytes; gives what they complete.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Vec<Piece>, Fault> {
        self.read_bytes = self.read_bytes.saturating_add(bytes.len());
        if self.read_bytes > MAX_BODY_BYTES {
            return Err(Fault::TooLarge);
        }
        let mut pieces = Vec::new();
        if self.is_stream {
            for part in bytes.split_inclusive(|byte| *byte == b'\n') {
                self.buffer.extend_from_slice(part);
                if part.ends_with(b"\n") {
                    let line = std::mem::take(&mut self.buffer);
                    self.read_line(&line, &mut pieces)?;
                }
                self.check_buffer()?;
            }
        } else {
            self.buffer.extend_from_slice(bytes);
            self.check_buffer()?;
        }
        Ok(pieces)
    }

    /// The body has ended.
    pub(super) fn finish(&mut self) -> Result<Vec<Piece>, Fault> {
        let rest = std::mem::take(&mut self.buffer);
        let mut pieces = Vec::new();
        if self.is_stream {
            self.read_line(&rest, &mut pieces)?;
        } else {
            self.read_document(&rest, &mut pieces)?;
            self.end(false, &mut pieces);
        }
        if self.is_ended { Ok(pieces) } else { Err(Fault::BrokenOff) }
    }

    fn check_buffer(&self) -> Result<(), Fault> {
        if self.buffer.len() > MAX_EVENT_BYTES { Err(Fault::TooLarge) } else { Ok(()) }
    }

    /// A line of `text/event-stream`: only those with data mean anything here.
    fn read_line(&mut self, line: &[u8], pieces: &mut Vec<Piece>) -> Result<(), Fault> {
        let line = line.trim_ascii();
        let Some(data) = line.strip_prefix(b"data:").map(<[u8]>::trim_ascii_start) else {
            // JSON that is no event is an error that came with status 200, or another protocol.
            return if line.starts_with(b"{") || line.starts_with(b"<") { Err(Fault::Malformed) } else { Ok(()) };
        };
        match data {
            b"" => {}
            b"[DONE]" => self.end(false, pieces),
            data => self.read_document(data, pieces)?,
        }
        Ok(())
    }

    fn read_document(&mut self, json: &[u8], pieces: &mut Vec<Piece>) -> Result<(), Fault> {
        let document: Document = serde_json::from_slice(json).map_err(|_| Fault::Malformed)?;
        // The last event of some servers has no choice, only what it cost.
        let Some(choice) = document.choices.into_iter().next() else { return Ok(()) };
        let text = choice.delta.or(choice.message).and_then(|message| message.content).unwrap_or_default();
        if !text.is_empty() && !self.is_ended {
            pieces.push(Piece::Text(text));
        }
        match choice.finish_reason.as_deref() {
            None | Some("") => {}
            Some("content_filter") => return Err(Fault::Declined),
            Some(reason) => self.end(reason == "length", pieces),
        }
        Ok(())
    }

    fn end(&mut self, is_cut: bool, pieces: &mut Vec<Piece>) {
        if !std::mem::replace(&mut self.is_ended, true) {
            pieces.push(Piece::End { is_cut });
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(content_type: &str, body: &[u8], at_once: usize) -> Result<Vec<Piece>, Fault> {
        let mut completion = Completion::new(Some(content_type));
        let mut pieces = Vec::new();
        for bytes in body.chunks(at_once.max(1)) {
            pieces.extend(completion.push(bytes)?);
        }
        pieces.extend(completion.finish()?);
        Ok(pieces)
    }

    #[test]
    fn bodies_are_what_they_should_be_or_a_fault() {
        let text = |text: &str| Piece::Text(text.to_owned());
        let end = |is_cut| Piece::End { is_cut };
        let hello = r#"{"choices":[{"delta":{"content":"Hello"}}]}"#;
        let many = format!("data: {hello}\n\n").repeat(50_000);
        let cases = [
            ("text/event-stream", format!("data: {hello}\n\ndata: [DONE]\n\n"), Ok(vec![text("Hello"), end(false)])),
            (
                "text/event-stream",
                format!(": hi\r\ndata:{hello}\r\n\r\ndata: [DONE]"),
                Ok(vec![text("Hello"), end(false)]),
            ),
            (
                "text/event-stream",
                r#"data: {"choices":[{"delta":{"content":"é"},"finish_reason":"length"}]}"#.to_owned(),
                Ok(vec![text("é"), end(true)]),
            ),
            ("text/event-stream", r#"data: {"choices":[],"usage":{}}"#.to_owned(), Err(Fault::BrokenOff)),
            ("text/event-stream", format!("data: {hello}\n"), Err(Fault::BrokenOff)),
            ("text/event-stream", String::new(), Err(Fault::BrokenOff)),
            (
                "text/event-stream",
                "data: {\"choices\":[{\"delta\":{\"content\":5}}]}\n".to_owned(),
                Err(Fault::Malformed),
            ),
            ("text/event-stream", "data: {\"choices\":7}\n".to_owned(), Err(Fault::Malformed)),
            ("text/event-stream", "data: nonsense\n".to_owned(), Err(Fault::Malformed)),
            ("text/event-stream", "{\"error\":{\"message\":\"no\"}}\n".to_owned(), Err(Fault::Malformed)),
            ("text/html", "<html>".to_owned(), Err(Fault::Malformed)),
            ("text/event-stream", "x".repeat(200_000), Err(Fault::TooLarge)),
            ("text/event-stream", many, Err(Fault::TooLarge)),
            ("application/json", "x".repeat(200_000), Err(Fault::TooLarge)),
            (
                "application/json; charset=utf-8",
                r#"{"choices":[{"message":{"content":"Hello"},"finish_reason":"stop"}]}"#.to_owned(),
                Ok(vec![text("Hello"), end(false)]),
            ),
            (
                "application/json",
                r#"{"choices":[{"message":{"content":""},"finish_reason":"content_filter"}]}"#.to_owned(),
                Err(Fault::Declined),
            ),
            ("application/json", r#"{"choices":[{"mess"#.to_owned(), Err(Fault::Malformed)),
            ("application/json", "[]".to_owned(), Err(Fault::Malformed)),
        ];
        for (content_type, body, expected) in cases {
            for at_once in [1, 7, 1_000_000] {
                let shown: String = body.chars().take(80).collect();
                assert_eq!(read(content_type, body.as_bytes(), at_once), expected, "{shown}");
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken(body in prop::collection::vec(any::<u8>(), 0..300), at_once in 1_usize..50) {
            let _ = read("text/event-stream", &body, at_once);
            let _ = read("application/json", &body, at_once);
        }
    }
}
