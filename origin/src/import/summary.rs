//! `SUMMARY.md` as mdBook has it: the book's title and its chapters in order. Only the links matter, not their nesting.

use pulldown_cmark::{Event, HeadingLevel, Parser, Tag, TagEnd};

/// What `SUMMARY.md` says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Summary {
    /// The first heading, unless it is just "Summary".
    pub(super) title: Option<String>,
    /// The chapters in order.
    pub(super) chapters: Vec<Chapter>,
}

/// One link of `SUMMARY.md`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Chapter {
    /// Relative to the folder.
    pub(super) path: String,
    pub(super) title: String,
    /// Its line in `SUMMARY.md`, from 1.
    pub(super) line: u64,
}

/// Reads `SUMMARY.md`. Links without a target (drafts in mdBook) and links to other hosts are left out.
pub(super) fn parse(text: &str) -> Summary {
    let mut summary = Summary::default();
    let mut heading: Option<String> = None;
    let mut link: Option<Chapter> = None;
    for (event, range) in Parser::new(text).into_offset_iter() {
        match event {
            Event::Start(Tag::Heading { level: HeadingLevel::H1, .. }) => heading = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => {
                let title = heading.take().filter(|t| !t.is_empty() && !t.eq_ignore_ascii_case("summary"));
                summary.title = summary.title.take().or(title);
            }
            Event::Start(Tag::Link { dest_url, .. }) => {
                let before = text.get(..range.start).unwrap_or_default();
                let line = 1 + before.matches('\n').count() as u64;
                link = Some(Chapter { path: dest_url.to_string(), title: String::new(), line });
            }
            Event::End(TagEnd::Link) => {
                let is_chapter = |c: &Chapter| !c.path.is_empty() && !c.path.contains("://");
                summary.chapters.extend(link.take().filter(is_chapter));
            }
            Event::Text(text) | Event::Code(text) => {
                let title = link.as_mut().map(|c| &mut c.title).or(heading.as_mut());
                title.into_iter().for_each(|t| t.push_str(&text));
            }
            _ => {}
        }
    }
    summary
}
