//! Makes a model's text safe to show as Markdown: no HTML, no images, no links but to the modules that it was made from. What else it
//! would be is shown as the text that it is. It works as the text comes, piece by piece, and holds back only what may yet become a link,
//! code or an address. Not a substitute for sanitising where it is shown: parsers differ.

mod links;

use kairos_protocol::api::ids::Slug;

use self::links::{is_address, module_of};
use super::escaping::escape;

/// What stands where an address stood.
const REMOVED: &str = "(link removed)";
/// Longest text and target of a link, and longest code within a line, in bytes: what is longer is none.
const MAX_LINK_BYTES: usize = 300;
const MAX_CODE_BYTES: usize = 1_000;
/// Most backticks around code.
const MAX_TICKS: usize = 16;
/// A longer word is removed, as addresses are.
const MAX_WORD_BYTES: usize = 1_000;
/// Where words are not parted by spaces, they are let go at this length.
const RELEASED_WORD_BYTES: usize = 64;

/// See the module.
pub(super) struct Sanitiser {
    /// What may be linked to.
    modules: Vec<Slug>,
    state: State,
    /// The word that is being read, as it will be written.
    word: String,
    /// What is safe and not yet given out.
    safe: String,
    /// The last character of what is safe.
    last: Option<char>,
}

/// What is being read. The text in it is as it came.
enum State {
    Text,
    /// After a backslash.
    Escape,
    /// After an exclamation mark: what follows may make it an image.
    Bang,
    /// Backticks; at the start of a line they may open a fence.
    Ticks {
        ticks: usize,
        at_line_start: bool,
    },
    /// Code within a line. `run` is the number of backticks that it ends in so far.
    Code {
        ticks: usize,
        body: String,
        run: usize,
    },
    /// The rest of the line that opens a fence.
    FenceInfo {
        ticks: usize,
        info: String,
    },
    /// A line within a fence.
    Fence {
        ticks: usize,
        line: String,
    },
    /// After `[`.
    LinkText {
        text: String,
    },
    /// After `]`.
    LinkMiddle {
        text: String,
    },
    /// After `](`.
    LinkTarget {
        text: String,
        target: String,
    },
}

impl Sanitiser {
    /// Links to `modules` stay.
    pub(super) fn new(modules: impl IntoIterator<Item = Slug>) -> Self {
        let modules = modules.into_iter().collect();
        Self { modules, state: State::Text, word: String::new(), safe: String::new(), last: None }
    }

    /// `text`, made safe at once.
    pub(super) fn all(modules: impl IntoIterator<Item = Slug>, text: &str) -> String {
        let mut sanitiser = Self::new(modules);
        let mut safe = sanitiser.push(text);
        safe.push_str(&sanitiser.finish());
        safe
    }

    /// Takes the next piece; gives what has become safe by it.
    pub(super) fn push(&mut self, piece: &str) -> String {
        piece.chars().filter(|letter| is_shown(*letter)).for_each(|letter| self.push_char(letter));
        std::mem::take(&mut self.safe)
    }

    /// The text has ended: gives the rest.
    pub(super) fn finish(mut self) -> String {
        while !matches!(self.state, State::Text) {
            self.end_construct();
        }
        self.flush_word();
        self.safe
    }

    fn push_char(&mut self, letter: char) {
        match std::mem::replace(&mut self.state, State::Text) {
            State::Text => self.push_text(letter),
            State::Escape => self.push_escaped(letter),
            State::Bang => {
                self.word.push_str(if letter == '[' { "\\!" } else { "!" });
                self.push_text(letter);
            }
            State::Ticks { ticks, at_line_start } if letter == '`' && ticks < MAX_TICKS => {
                self.state = State::Ticks { ticks: ticks + 1, at_line_start };
            }
            State::Ticks { ticks, at_line_start: true } if ticks >= 3 && letter != '`' => {
                self.state = State::FenceInfo { ticks, info: String::new() };
                self.push_char(letter);
            }
            State::Ticks { ticks, .. } => {
                self.state = State::Code { ticks, body: String::new(), run: 0 };
                self.push_char(letter);
            }
            State::Code { ticks, body, run } => self.push_code(ticks, body, run, letter),
            State::FenceInfo { ticks, info } => self.push_fence_info(ticks, info, letter),
            State::Fence { ticks, line } => self.push_fence(ticks, line, letter),
            link => self.push_link(link, letter),
        }
    }

    fn push_text(&mut self, letter: char) {
        match letter {
            '\\' => self.state = State::Escape,
            '!' => self.state = State::Bang,
            '`' => {
                let at_line_start = self.word.is_empty() && self.last.is_none_or(|last| last == '\n');
                self.state = State::Ticks { ticks: 1, at_line_start };
            }
            '[' => self.state = State::LinkText { text: String::new() },
            '<' => self.word.push_str("&lt;"),
            // Three of them, on a line, some parsers take for the edge of data about the text, within which our fences would not count.
            '+' | '-' if self.word == letter.to_string().repeat(2) && self.last.is_none_or(|last| last == '\n') => {
                self.word.extend(['\\', letter]);
            }
            // What some parsers read as mathematics would tear code apart.
            '$' => self.word.push_str("\\$"),
            // Three of them would open a fence.
            '~' if self.word.ends_with('~') || (self.word.is_empty() && self.last == Some('~')) => {
                self.word.push_str("\\~");
            }
            space if space.is_whitespace() => {
                self.flush_word();
                self.emit(space.encode_utf8(&mut [0; 4]));
            }
            letter => {
                if !letter.is_ascii() && self.word.len() > RELEASED_WORD_BYTES {
                    self.flush_word();
                }
                self.word.push(letter);
            }
        }
    }

    /// A backslash takes the meaning from what follows, in our text as in theirs (CommonMark §2.4).
    fn push_escaped(&mut self, letter: char) {
        self.word.push('\\');
        if letter.is_ascii_punctuation() { self.word.push(letter) } else { self.push_text(letter) }
    }

    fn push_code(&mut self, ticks: usize, mut body: String, run: usize, letter: char) {
        if letter == '`' {
            body.push(letter);
            self.state = State::Code { ticks, body, run: run + 1 };
        } else if run == ticks || letter == '\n' || body.len() > MAX_CODE_BYTES {
            self.state = State::Code { ticks, body, run };
            self.end_construct();
            self.push_char(letter);
        } else {
            body.push(letter);
            self.state = State::Code { ticks, body, run: 0 };
        }
    }

    fn push_fence_info(&mut self, ticks: usize, mut info: String, letter: char) {
        match letter {
            '\n' => {
                self.emit(&"`".repeat(ticks));
                let name: String =
                    info.trim().chars().take_while(|c| c.is_ascii_alphanumeric() || "-+_".contains(*c)).collect();
                self.emit(&name);
                self.emit("\n");
                self.state = State::Fence { ticks, line: String::new() };
            }
            // Backticks in it: it is code within the line (CommonMark §4.5).
            '`' => {
                self.state = State::Code { ticks, body: String::new(), run: 0 };
                self.push_again(&info);
                self.push_char(letter);
            }
            _ if info.len() > MAX_LINK_BYTES => {
                self.state = State::FenceInfo { ticks, info };
                self.end_construct();
                self.push_char(letter);
            }
            _ => {
                info.push(letter);
                self.state = State::FenceInfo { ticks, info };
            }
        }
    }

    fn push_fence(&mut self, ticks: usize, mut line: String, letter: char) {
        if letter != '\n' {
            line.push(letter);
            self.state = State::Fence { ticks, line };
            return;
        }
        self.emit(&line);
        self.emit("\n");
        if !closes_fence(&line, ticks) {
            self.state = State::Fence { ticks, line: String::new() };
        }
    }

    fn push_link(&mut self, link: State, letter: char) {
        match (link, letter) {
            (State::LinkText { text }, ']') => self.state = State::LinkMiddle { text },
            (State::LinkText { mut text }, letter) if !"[\n".contains(letter) && text.len() < MAX_LINK_BYTES => {
                text.push(letter);
                self.state = State::LinkText { text };
            }
            (State::LinkMiddle { text }, '(') => self.state = State::LinkTarget { text, target: String::new() },
            (State::LinkTarget { text, target }, ')') => self.write_link(&text, &target),
            (State::LinkTarget { text, mut target }, letter) if letter != '\n' && target.len() < MAX_LINK_BYTES => {
                target.push(letter);
                self.state = State::LinkTarget { text, target };
            }
            (none, letter) => {
                self.state = none;
                self.end_construct();
                self.push_char(letter);
            }
        }
    }

    /// What was being read ends here, as what it is by now.
    fn end_construct(&mut self) {
        match std::mem::replace(&mut self.state, State::Text) {
            State::Text => {}
            State::Escape => self.word.push_str("\\\\"),
            State::Bang => self.word.push('!'),
            State::Ticks { ticks, .. } => self.word.push_str(&"\\`".repeat(ticks)),
            State::Code { ticks, body, run } => self.write_code(ticks, &body, run),
            State::FenceInfo { ticks, info } => {
                self.word.push_str(&"\\`".repeat(ticks));
                self.push_again(&info);
            }
            State::Fence { ticks, line } => {
                let is_closed = closes_fence(&line, ticks);
                self.emit(&line);
                if !is_closed {
                    self.emit(if line.is_empty() { "" } else { "\n" });
                    self.emit(&"`".repeat(ticks));
                }
            }
            State::LinkText { text } => self.write_no_link(&[&text]),
            State::LinkMiddle { text } => self.write_no_link(&[&text, "]"]),
            State::LinkTarget { text, target } => self.write_no_link(&[&text, "](", &target]),
        }
    }

    fn write_code(&mut self, ticks: usize, body: &str, run: usize) {
        let is_closed = run == ticks && body.len() > run;
        let code = body.get(..body.len().saturating_sub(run)).unwrap_or_default();
        // In a table a bar ends the cell, and with it the code.
        let may_be_torn = code.contains('|') && (code.contains(['<', '[', '!']) || is_address(code));
        if is_closed && !may_be_torn {
            self.flush_word();
            self.emit(&format!("{ticks}{code}{ticks}", ticks = "`".repeat(ticks)));
        } else {
            self.word.push_str(&"\\`".repeat(ticks));
            self.push_again(if is_closed { code } else { body });
            if is_closed {
                while !matches!(self.state, State::Text) {
                    self.end_construct();
                }
                self.word.push_str(&"\\`".repeat(ticks));
            }
        }
    }

    fn write_link(&mut self, text: &str, target: &str) {
        match module_of(target, &self.modules) {
            Some(slug) => {
                let link = format!("[{}](/modules/{slug})", escape(text));
                self.flush_word();
                self.emit(&link);
            }
            None => self.push_again(text),
        }
    }

    fn write_no_link(&mut self, parts: &[&str]) {
        self.word.push_str("\\[");
        parts.iter().for_each(|part| self.push_again(part));
    }

    fn push_again(&mut self, text: &str) {
        text.chars().for_each(|letter| self.push_char(letter));
    }

    fn flush_word(&mut self) {
        let word = std::mem::take(&mut self.word);
        let is_removed = word.len() > MAX_WORD_BYTES || is_address(&word);
        self.emit(if is_removed { REMOVED } else { &word });
    }

    fn emit(&mut self, text: &str) {
        self.safe.push_str(text);
        self.last = text.chars().next_back().or(self.last);
    }
}

/// Whether a line within a fence closes it (CommonMark §4.5).
fn closes_fence(line: &str, ticks: usize) -> bool {
    let text = line.trim_start_matches(' ');
    let rest = text.trim_start_matches('`');
    line.len() - text.len() <= 3 && text.len() - rest.len() >= ticks && rest.trim_matches([' ', '\t']).is_empty()
}

/// Control characters, and those that turn the direction of text, are left out.
fn is_shown(letter: char) -> bool {
    let turns =
        matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
    !turns && (!letter.is_control() || matches!(letter, '\n' | '\t'))
}

#[cfg(test)]
mod tests;
