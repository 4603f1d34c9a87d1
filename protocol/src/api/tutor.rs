//! Wire types of the tutor: a learner's question, and the answer with the passages of modules that it was made from. Not here: who
//! writes the answer, and how long that may take.

use serde::{Deserialize, Serialize};

use crate::api::ids::Slug;

/// Most characters in a question.
pub const MAX_QUESTION_CHARS: usize = 500;
/// Most passages with an answer.
pub const MAX_PASSAGES: usize = 4;
/// Most bytes in the text of a passage.
pub const MAX_PASSAGE_BYTES: usize = 1_200;
/// Most bytes of a model's text that are used. Made safe to show, they may become more.
pub const MAX_ANSWER_BYTES: usize = 8 * 1024;

/// A question: body of `POST /v1/tutor/answers`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct TutorQuestion {
    /// What the learner wants to know. All of it is text.
    #[cfg_attr(feature = "openapi", schemars(length(min = 1, max = MAX_QUESTION_CHARS), regex(pattern = crate::api::schema::NOT_BLANK)))]
    pub question: String,
    /// The module that it is about, if it is about one: its passages come first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<Slug>,
}

impl TutorQuestion {
    /// What is wrong with the question, if anything is.
    #[must_use]
    pub fn violation(&self) -> Option<String> {
        let chars = self.question.chars().count();
        if self.question.trim().is_empty() || chars > MAX_QUESTION_CHARS {
            return Some(format!("must be 1 to {MAX_QUESTION_CHARS} characters long, and not blank"));
        }
        self.question.contains('\0').then(|| "must not contain NUL".to_owned())
    }
}

/// An answer, and what it was made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct TutorAnswer {
    /// Markdown (CommonMark) without HTML, images, or any link but `/modules/{slug}` to modules of the passages. Written by a model:
    /// untrusted, and whoever shows it sanitises it.
    pub answer: String,
    /// Who wrote it.
    pub source: AnswerSource,
    /// The model had more to say: the answer ends, after a whole sentence, where the time or the length did.
    pub is_cut: bool,
    /// What it was made from, best first. Empty when nothing in the catalogue fits the question.
    #[cfg_attr(feature = "openapi", schemars(length(max = MAX_PASSAGES)))]
    pub passages: Vec<Passage>,
}

/// Who wrote an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AnswerSource {
    /// The model.
    Model,
    /// The model that is asked when the first one fails.
    Fallback,
    /// One of them, when the same was asked before of the same versions of the same modules.
    Cached,
    /// None: it names the passages.
    Passages,
}

impl AnswerSource {
    /// As on the wire and in metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::Fallback => "fallback",
            Self::Cached => "cached",
            Self::Passages => "passages",
        }
    }
}

/// A part of a published module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct Passage {
    /// The module that it is from.
    pub module: Slug,
    /// The version of the module.
    #[cfg_attr(feature = "openapi", schemars(range(min = 1)))]
    pub version: u64,
    /// The module's title.
    pub title: String,
    /// The heading that it stands under; empty where there is none.
    pub heading: String,
    /// Markdown, as the module has it. Untrusted: whoever shows it sanitises it.
    pub text: String,
}
