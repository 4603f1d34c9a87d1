//! Wire types of the catalogue: what a module is in a list, in full, and as an author sends it.

use serde::{Deserialize, Serialize};

use crate::UnixMillis;
use crate::api::ids::Slug;
use crate::api::whole;

/// How hard a module is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Difficulty {
    /// Needs nothing before it.
    Beginner,
    /// Needs the basics.
    Intermediate,
    /// Needs practice.
    Advanced,
}

impl Difficulty {
    /// As on the wire and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Beginner => "beginner",
            Self::Intermediate => "intermediate",
            Self::Advanced => "advanced",
        }
    }

    /// The reverse of [`Difficulty::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Beginner, Self::Intermediate, Self::Advanced].into_iter().find(|d| d.as_str() == text)
    }
}

/// Whether learners see a module.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Publication {
    /// Only its authors know of it; no cacheable answer ever contains it.
    #[default]
    Draft,
    /// In the catalogue.
    Published,
}

impl Publication {
    /// As on the wire and in the store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Published => "published",
        }
    }

    /// The reverse of [`Publication::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Draft, Self::Published].into_iter().find(|p| p.as_str() == text)
    }
}

/// A module in a list: everything but its content (row Q2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModuleSummary {
    /// Its name in paths.
    pub slug: Slug,
    /// Its title, 1 to 200 characters.
    pub title: String,
    /// What it belongs to: a course, a book.
    pub subject: String,
    /// Its place within the subject, from 0. Lists are in the order (subject, position, slug).
    pub position: u32,
    /// How hard it is.
    pub difficulty: Difficulty,
    /// Labels to filter by, at most 20.
    pub tags: Vec<String>,
    /// BCP 47 language tag of the content.
    pub language: String,
    /// What it is about, in a sentence or two; may be empty.
    pub summary: String,
    /// Minutes a learner needs for it.
    pub duration_minutes: u32,
    /// When it last changed.
    pub updated_at_ms: UnixMillis,
}

/// A module in full.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Module {
    /// What lists show.
    #[serde(flatten)]
    pub summary: ModuleSummary,
    /// Markdown (CommonMark). Untrusted: whoever shows it sanitises it.
    pub content: String,
    /// Whether learners see it.
    pub status: Publication,
    /// Grows by one with every change, from 1. A module that takes a deleted one's slug goes on above its last version.
    pub version: u64,
    /// When it was created.
    pub created_at_ms: UnixMillis,
}

impl Module {
    /// What importing this over `present` writes: this where there is none (the store chooses its version), the next version
    /// where something differs, nothing (`None`) where only version and times do.
    #[must_use]
    pub fn imported_over(&self, present: Option<&Self>) -> Option<Self> {
        let Some(present) = present else {
            return Some(self.clone());
        };
        let mut same = self.clone();
        same.version = present.version;
        same.created_at_ms = present.created_at_ms;
        same.summary.updated_at_ms = present.summary.updated_at_ms;
        if same == *present {
            return None;
        }
        same.version += 1;
        same.summary.updated_at_ms = self.summary.updated_at_ms;
        Some(same)
    }
}

/// A module as an author sends it: body of `POST /v1/modules`, and of `PUT` together with the version it replaces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModuleDraft {
    /// Its name in paths; on `PUT` the same as in the path.
    pub slug: Slug,
    /// 1 to 200 characters.
    pub title: String,
    /// 1 to 100 characters.
    pub subject: String,
    /// Place within the subject.
    #[serde(default, deserialize_with = "whole::number")]
    pub position: u32,
    /// How hard it is.
    pub difficulty: Difficulty,
    /// At most 20, each 1 to 50 characters.
    #[serde(default)]
    pub tags: Vec<String>,
    /// BCP 47 language tag.
    #[serde(default = "english")]
    pub language: String,
    /// At most 1,000 characters.
    #[serde(default)]
    pub summary: String,
    /// Markdown, at most 512 KiB.
    pub content: String,
    /// At most 100,000.
    #[serde(default, deserialize_with = "whole::number")]
    pub duration_minutes: u32,
    /// Draft unless said otherwise.
    #[serde(default)]
    pub status: Publication,
    /// On `PUT`: the version this replaces; another one in the store is a conflict (409). Not allowed on `POST`.
    #[serde(default, deserialize_with = "whole::present", skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

fn english() -> String {
    "en".to_owned()
}

/// Whether `text` has the form of a language tag: subtags of 1 to 8 letters and digits, at most 35 characters (RFC 5646 §4.4.1).
fn is_language_tag(text: &str) -> bool {
    let is_subtag = |t: &str| (1..=8).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_alphanumeric());
    (2..=35).contains(&text.len()) && text.split('-').all(is_subtag)
}

impl ModuleDraft {
    /// Largest content, in bytes.
    pub const MAX_CONTENT_BYTES: usize = 512 * 1024;

    /// The module this becomes when it is new, at `now`, and its slug was never used.
    #[must_use]
    pub fn into_module(self, now: UnixMillis) -> Module {
        Module {
            summary: ModuleSummary {
                slug: self.slug,
                title: self.title,
                subject: self.subject,
                position: self.position,
                difficulty: self.difficulty,
                tags: self.tags,
                language: self.language,
                summary: self.summary,
                duration_minutes: self.duration_minutes,
                updated_at_ms: now,
            },
            content: self.content,
            status: self.status,
            version: 1,
            created_at_ms: now,
        }
    }

    /// What is wrong with the field values, as `(field, what it must be)`; empty when all is well.
    #[must_use]
    pub fn violations(&self) -> Vec<(&'static str, String)> {
        let length = |text: &str, min: usize, max: usize| {
            let count = text.chars().count();
            (count < min || count > max).then(|| format!("must be {min} to {max} characters long"))
        };
        let word = |text: &str, max: usize| {
            let is_padded = text.trim() != text;
            length(text, 1, max).or_else(|| is_padded.then(|| "must not begin or end with a space".to_owned()))
        };
        let mut found = Vec::new();
        let mut check = |field, problem: Option<String>| found.extend(problem.map(|p| (field, p)));
        check("title", word(&self.title, 200));
        check("subject", word(&self.subject, 100));
        check("summary", length(&self.summary, 0, 1_000));
        check("language", (!is_language_tag(&self.language)).then(|| "must be a BCP 47 language tag".to_owned()));
        check("tags", (self.tags.len() > 20).then(|| "must be at most 20".to_owned()));
        for tag in &self.tags {
            check("tags", word(tag, 50).map(|p| format!("each {p}")));
        }
        check(
            "content",
            (self.content.len() > Self::MAX_CONTENT_BYTES).then(|| "must be at most 524288 bytes long".to_owned()),
        );
        check("version", (self.version == Some(0)).then(|| "must be at least 1".to_owned()));
        check("duration_minutes", (self.duration_minutes > 100_000).then(|| "must be at most 100000".to_owned()));
        found
    }
}
