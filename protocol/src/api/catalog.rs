//! Wire types of the catalogue: what a module is in a list, in full, and as an author sends it.

use serde::{Deserialize, Serialize};

use crate::UnixMillis;
use crate::api::ids::Slug;
use crate::api::whole;

/// Most characters in a title.
pub const MAX_TITLE_CHARS: usize = 200;
/// Most characters in a subject.
pub const MAX_SUBJECT_CHARS: usize = 100;
/// Most characters in a tag.
pub const MAX_TAG_CHARS: usize = 50;
/// Most tags of a module.
pub const MAX_TAGS: usize = 20;
/// Fewest characters in a language tag.
pub const MIN_LANGUAGE_CHARS: usize = 2;
/// Most characters in a language tag (RFC 5646 §4.4.1).
pub const MAX_LANGUAGE_CHARS: usize = 35;
/// Most characters in a summary.
pub const MAX_SUMMARY_CHARS: usize = 1_000;
/// Largest content, in bytes.
pub const MAX_CONTENT_BYTES: usize = 512 * 1024;
/// Most minutes that a module may be said to take.
pub const MAX_DURATION_MINUTES: u32 = 100_000;
/// No version is larger: 15 digits, as many as every reader of JSON keeps.
pub const MAX_VERSION: u64 = 999_999_999_999_999;
/// Most characters in a search.
pub const MAX_SEARCH_CHARS: usize = 200;

/// How hard a module is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
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
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
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

/// A module in a list: everything but its content.
// Row Q2.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ModuleSummary {
    /// Its name in paths.
    pub slug: Slug,
    /// Its title.
    #[cfg_attr(feature = "openapi", schemars(length(min = 1, max = MAX_TITLE_CHARS)))]
    pub title: String,
    /// What it belongs to: a course, a book.
    #[cfg_attr(feature = "openapi", schemars(length(min = 1, max = MAX_SUBJECT_CHARS)))]
    pub subject: String,
    /// Its place within the subject, from 0. Lists are in the order (subject, position, slug).
    #[cfg_attr(feature = "openapi", schemars(range(max = u32::MAX)))]
    pub position: u32,
    /// How hard it is.
    pub difficulty: Difficulty,
    /// Labels to filter by.
    #[cfg_attr(feature = "openapi", schemars(length(max = MAX_TAGS), inner(length(min = 1, max = MAX_TAG_CHARS))))]
    pub tags: Vec<String>,
    /// BCP 47 language tag of the content.
    #[cfg_attr(feature = "openapi", schemars(length(min = MIN_LANGUAGE_CHARS, max = MAX_LANGUAGE_CHARS)))]
    pub language: String,
    /// What it is about, in a sentence or two; may be empty.
    #[cfg_attr(feature = "openapi", schemars(length(max = MAX_SUMMARY_CHARS)))]
    pub summary: String,
    /// Minutes a learner needs for it.
    #[cfg_attr(feature = "openapi", schemars(range(max = MAX_DURATION_MINUTES)))]
    pub duration_minutes: u32,
    /// When it last changed.
    #[cfg_attr(feature = "openapi", schemars(with = "crate::api::schema::Millis"))]
    pub updated_at_ms: UnixMillis,
}

/// A module in full.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Module {
    /// What lists show.
    #[serde(flatten)]
    pub summary: ModuleSummary,
    /// Markdown (CommonMark). Untrusted: whoever shows it sanitises it.
    pub content: String,
    /// Whether learners see it.
    pub status: Publication,
    /// Grows by one with every change, from 1, and never comes twice under a slug: a module that takes a deleted one's slug goes on
    /// above its last version.
    #[cfg_attr(feature = "openapi", schemars(range(min = 1)))]
    pub version: u64,
    /// When it was created.
    #[cfg_attr(feature = "openapi", schemars(with = "crate::api::schema::Millis"))]
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
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(inline))]
#[serde(deny_unknown_fields)]
pub struct ModuleDraft {
    /// Its name in paths; on `PUT` the same as in the path.
    pub slug: Slug,
    /// Its title, with no space at either end.
    #[cfg_attr(feature = "openapi", schemars(length(min = 1, max = MAX_TITLE_CHARS), regex(pattern = crate::api::schema::UNPADDED)))]
    pub title: String,
    /// What it belongs to: a course, a book. No space at either end.
    #[cfg_attr(feature = "openapi", schemars(length(min = 1, max = MAX_SUBJECT_CHARS), regex(pattern = crate::api::schema::UNPADDED)))]
    pub subject: String,
    /// Place within the subject.
    #[serde(default, deserialize_with = "whole::number")]
    #[cfg_attr(feature = "openapi", schemars(range(max = u32::MAX)))]
    pub position: u32,
    /// How hard it is.
    pub difficulty: Difficulty,
    /// Labels to filter by, with no space at either end.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schemars(length(max = MAX_TAGS), inner(length(min = 1, max = MAX_TAG_CHARS), regex(pattern = crate::api::schema::UNPADDED))))]
    pub tags: Vec<String>,
    /// The form of a BCP 47 language tag.
    #[serde(default = "english")]
    #[cfg_attr(feature = "openapi", schemars(length(min = MIN_LANGUAGE_CHARS, max = MAX_LANGUAGE_CHARS), regex(pattern = crate::api::schema::LANGUAGE_TAG)))]
    pub language: String,
    /// What it is about, in a sentence or two.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schemars(length(max = MAX_SUMMARY_CHARS)))]
    pub summary: String,
    /// Markdown, at most 512 KiB in UTF-8.
    #[cfg_attr(feature = "openapi", schemars(length(max = MAX_CONTENT_BYTES)))]
    pub content: String,
    /// Minutes a learner needs for it.
    #[serde(default, deserialize_with = "whole::number")]
    #[cfg_attr(feature = "openapi", schemars(range(max = MAX_DURATION_MINUTES)))]
    pub duration_minutes: u32,
    /// Draft unless said otherwise.
    #[serde(default)]
    pub status: Publication,
    /// On `PUT`: the version that the author has seen. It is replaced, and no other: if the store has another one, that is a conflict
    /// (409). Not allowed on `POST`.
    #[serde(default, deserialize_with = "whole::present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schemars(range(min = 1, max = MAX_VERSION)))]
    pub version: Option<u64>,
}

fn english() -> String {
    "en".to_owned()
}

/// Whether `text` has the form of a language tag: subtags of 1 to 8 letters and digits.
fn is_language_tag(text: &str) -> bool {
    let is_subtag = |t: &str| (1..=8).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_alphanumeric());
    (MIN_LANGUAGE_CHARS..=MAX_LANGUAGE_CHARS).contains(&text.len()) && text.split('-').all(is_subtag)
}

impl ModuleDraft {
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
        check("title", word(&self.title, MAX_TITLE_CHARS));
        check("subject", word(&self.subject, MAX_SUBJECT_CHARS));
        check("summary", length(&self.summary, 0, MAX_SUMMARY_CHARS));
        check("language", (!is_language_tag(&self.language)).then(|| "must be a BCP 47 language tag".to_owned()));
        check("tags", (self.tags.len() > MAX_TAGS).then(|| format!("must be at most {MAX_TAGS}")));
        for tag in &self.tags {
            check("tags", word(tag, MAX_TAG_CHARS).map(|p| format!("each {p}")));
        }
        let too_large = (self.content.len() > MAX_CONTENT_BYTES).then_some(MAX_CONTENT_BYTES);
        check("content", too_large.map(|max| format!("must be at most {max} bytes long")));
        let no_version = self.version.is_some_and(|version| !(1..=MAX_VERSION).contains(&version));
        check("version", no_version.then(|| format!("must be 1 to {MAX_VERSION}")));
        let too_long = (self.duration_minutes > MAX_DURATION_MINUTES).then_some(MAX_DURATION_MINUTES);
        check("duration_minutes", too_long.map(|max| format!("must be at most {max}")));
        found
    }
}
