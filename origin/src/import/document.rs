//! One Markdown file as a module: its front matter, and what can be told from the text where there is none. Reads no files.

use kairos_protocol::api::catalog::{Difficulty, ModuleDraft, Publication};
use kairos_protocol::api::ids::Slug;
use pulldown_cmark::{Event, Parser, Tag, TagEnd};
use serde::Deserialize;

const MAX_SUMMARY_CHARS: usize = 300;
const WORDS_PER_MINUTE: usize = 200;

/// What a file says between two lines of `+++` at its start, in TOML. Every key may be absent.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct FrontMatter {
    title: Option<String>,
    subject: Option<String>,
    position: Option<u32>,
    difficulty: Option<Difficulty>,
    #[serde(default)]
    tags: Vec<String>,
    language: Option<String>,
    summary: Option<String>,
    duration_minutes: Option<u32>,
    status: Option<Publication>,
}

/// What the folder knows of a file, for where the file itself says nothing.
pub(super) struct Surroundings<'a> {
    pub(super) slug: Slug,
    pub(super) subject: &'a str,
    pub(super) position: u32,
    /// The text of its link in `SUMMARY.md`, else its name.
    pub(super) title: &'a str,
}

/// What is wrong with a file, and in which line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) line: u64,
    pub(super) detail: String,
}

/// Reads one file.
///
/// # Errors
/// The front matter is no TOML, has an unknown key, or a value out of range.
pub(super) fn parse(text: &str, around: Surroundings<'_>) -> Result<ModuleDraft, Fault> {
    let (front, content) = split_front_matter(text.trim_start_matches('\u{feff}'))?;
    let outline = outline(content);
    let words = content.split_whitespace().count();
    let draft = ModuleDraft {
        slug: around.slug,
        title: front.title.or(outline.title).unwrap_or_else(|| around.title.to_owned()),
        subject: front.subject.unwrap_or_else(|| around.subject.to_owned()),
        position: front.position.unwrap_or(around.position),
        difficulty: front.difficulty.unwrap_or(Difficulty::Beginner),
        tags: front.tags,
        language: front.language.unwrap_or_else(|| "en".to_owned()),
        summary: front.summary.unwrap_or(outline.summary),
        content: content.to_owned(),
        duration_minutes: front.duration_minutes.unwrap_or_else(|| minutes(words)),
        status: front.status.unwrap_or(Publication::Published),
        version: None,
    };
    match draft.violations().into_iter().next() {
        Some((field, detail)) => Err(Fault { line: 1, detail: format!("{field} {detail}") }),
        None => Ok(draft),
    }
}

fn minutes(words: usize) -> u32 {
    u32::try_from(words.div_ceil(WORDS_PER_MINUTE).max(1)).unwrap_or(u32::MAX)
}

fn split_front_matter(text: &str) -> Result<(FrontMatter, &str), Fault> {
    let Some(rest) = text.strip_prefix("+++\n").or_else(|| text.strip_prefix("+++\r\n")) else {
        return Ok((FrontMatter::default(), text));
    };
    let Some(end) = rest.split_inclusive('\n').scan(0, offsets).find(|(line, _)| line.trim_end() == "+++") else {
        return Err(Fault { line: 1, detail: "the front matter is not closed by a line of +++".to_owned() });
    };
    let (toml, after) = rest.split_at(end.1);
    let content = after.split_once('\n').map_or("", |(_, content)| content);
    let front = toml::from_str(toml).map_err(|error| {
        let before = error.span().and_then(|span| toml.get(..span.start)).unwrap_or_default();
        Fault { line: 2 + before.matches('\n').count() as u64, detail: format!("front matter: {}", error.message()) }
    })?;
    Ok((front, content.trim_start_matches(['\r', '\n'])))
}

/// Gives each line with the offset it starts at.
#[expect(clippy::unnecessary_wraps, reason = "the shape that `scan` takes")]
fn offsets<'a>(next: &mut usize, line: &'a str) -> Option<(&'a str, usize)> {
    let start = *next;
    *next += line.len();
    Some((line, start))
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Outline {
    /// The first heading.
    title: Option<String>,
    /// The first paragraph as plain text, cut to [`MAX_SUMMARY_CHARS`].
    summary: String,
}

fn outline(content: &str) -> Outline {
    let mut found = Outline::default();
    let mut text = String::new();
    for event in Parser::new(content) {
        match event {
            Event::Start(Tag::Heading { .. } | Tag::Paragraph) => text.clear(),
            Event::End(TagEnd::Heading(_)) if found.title.is_none() => found.title = non_empty(&text),
            Event::End(TagEnd::Paragraph) if !text.trim().is_empty() => {
                found.summary = shorten(text.trim());
                break;
            }
            Event::Text(part) | Event::Code(part) => text.push_str(&part),
            Event::SoftBreak | Event::HardBreak => text.push(' '),
            _ => {}
        }
    }
    found
}

fn non_empty(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// At most [`MAX_SUMMARY_CHARS`]: whole sentences where the first one fits, else whole words and an ellipsis.
fn shorten(text: &str) -> String {
    let Some((end, _)) = text.char_indices().nth(MAX_SUMMARY_CHARS) else {
        return text.to_owned();
    };
    let head = text.get(..end).unwrap_or(text);
    if let Some(stop) = head.rfind(". ") {
        return head.get(..=stop).unwrap_or(head).to_owned();
    }
    let words = head.rfind(' ').and_then(|space| head.get(..space)).unwrap_or(head);
    format!("{}…", words.trim_end_matches([',', ';', ':']))
}
