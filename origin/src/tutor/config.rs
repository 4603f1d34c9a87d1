//! What the tutor is to work with: its models and its limits. Not where that is read from (`cli/tutor.rs`).

use std::fmt;

use reqwest::Url;

/// Questions that one learner may ask a day, unless said otherwise.
pub const LEARNER_DAILY: u32 = 50;
/// Questions that all learners together may ask a day of one instance, unless said otherwise.
pub const DAILY: u32 = 5_000;
/// Answers that models may write at once, unless said otherwise.
pub const CONCURRENCY: usize = 32;

/// The tutor's configuration. By default there is no model: it answers from passages.
#[derive(Clone, Debug)]
pub struct TutorConfig {
    /// The model that is asked first.
    pub model: Option<ModelConfig>,
    /// The one that is asked when that fails.
    pub fallback: Option<ModelConfig>,
    /// Questions a day for one learner.
    pub learner_daily: u32,
    /// Questions a day for all of them. It also bounds the memory that counting takes.
    pub daily: u32,
    /// Answers that models may write at once; with more, passages are given.
    pub concurrency: usize,
}

impl Default for TutorConfig {
    fn default() -> Self {
        Self { model: None, fallback: None, learner_daily: LEARNER_DAILY, daily: DAILY, concurrency: CONCURRENCY }
    }
}

/// A model behind an OpenAI-compatible API.
#[derive(Clone)]
pub struct ModelConfig {
    /// Where completions are asked for: ends in `/chat/completions`.
    pub url: Url,
    /// The model's name there.
    pub model: String,
    /// What is sent as a bearer token, if anything is.
    pub api_key: Option<String>,
}

impl ModelConfig {
    /// A model at `url`: the address of its API, with or without `/v1` and `/chat/completions`.
    #[must_use]
    pub fn new(mut url: Url, model: impl Into<String>, api_key: Option<String>) -> Self {
        let path = url.path().trim_end_matches('/').to_owned();
        let rest = match path.as_str() {
            complete if complete.ends_with("/chat/completions") => "",
            versioned if versioned.ends_with("/v1") => "/chat/completions",
            _ => "/v1/chat/completions",
        };
        url.set_path(&format!("{path}{rest}"));
        Self { url, model: model.into(), api_key }
    }
}

impl fmt::Debug for ModelConfig {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelConfig")
            .field("url", &self.url.as_str())
            .field("model", &self.model)
            .finish_non_exhaustive()
    }
}
