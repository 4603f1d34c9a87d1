//! The tutor's options: which models it asks, and how much it may. Not what it does with them.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, ensure};
use clap::Args;
use reqwest::Url;
use reqwest::header::HeaderValue;

use crate::tutor::config::{CONCURRENCY, DAILY, LEARNER_DAILY, ModelConfig, TutorConfig};

/// Without a model the tutor answers from passages of the modules.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Tutor")]
pub(super) struct TutorOptions {
    /// API of the tutor's model, compatible with OpenAI's: https://HOST/v1
    #[arg(long, env = "TUTOR_URL", value_name = "URL", hide_env_values = true)]
    tutor_url: Option<String>,
    /// The model's name there
    #[arg(long, env = "TUTOR_MODEL", value_name = "NAME")]
    tutor_model: Option<String>,
    /// Key for it. Whoever sees the process's arguments sees it: better a variable, or a file
    #[arg(long, env = "TUTOR_API_KEY", value_name = "KEY", hide_env_values = true)]
    tutor_api_key: Option<String>,
    /// File that has the key, and nothing else
    #[arg(long, env = "TUTOR_API_KEY_FILE", value_name = "FILE")]
    tutor_api_key_file: Option<PathBuf>,
    /// API of the model that is asked when the first one fails
    #[arg(long, env = "TUTOR_FALLBACK_URL", value_name = "URL", hide_env_values = true)]
    tutor_fallback_url: Option<String>,
    /// That model's name
    #[arg(long, env = "TUTOR_FALLBACK_MODEL", value_name = "NAME")]
    tutor_fallback_model: Option<String>,
    /// Key for it
    #[arg(long, env = "TUTOR_FALLBACK_API_KEY", value_name = "KEY", hide_env_values = true)]
    tutor_fallback_api_key: Option<String>,
    /// File that has that key, and nothing else
    #[arg(long, env = "TUTOR_FALLBACK_API_KEY_FILE", value_name = "FILE")]
    tutor_fallback_api_key_file: Option<PathBuf>,
    /// Questions that a learner may ask a day, of this instance
    #[arg(long, env = "TUTOR_LEARNER_DAILY", value_name = "COUNT", default_value_t = LEARNER_DAILY)]
    tutor_learner_daily: u32,
    /// Questions that all learners together may ask a day, of this instance
    #[arg(long, env = "TUTOR_DAILY", value_name = "COUNT", default_value_t = DAILY)]
    tutor_daily: u32,
    /// Answers that models may write at once; whoever asks meanwhile gets passages
    #[arg(long, env = "TUTOR_CONCURRENCY", value_name = "COUNT", default_value_t = CONCURRENCY)]
    tutor_concurrency: usize,
}

/// The options of one model.
struct ModelOptions<'o> {
    /// What its options begin with.
    prefix: &'static str,
    url: Option<&'o String>,
    model: Option<&'o String>,
    api_key: Option<&'o String>,
    api_key_file: Option<&'o PathBuf>,
}

impl TutorOptions {
    /// What they say.
    ///
    /// # Errors
    /// A URL is none, a model has no name, a key's file cannot be read, or there is a fallback for no model.
    pub(super) fn config(&self) -> anyhow::Result<TutorConfig> {
        let first = ModelOptions {
            prefix: "--tutor",
            url: self.tutor_url.as_ref(),
            model: self.tutor_model.as_ref(),
            api_key: self.tutor_api_key.as_ref(),
            api_key_file: self.tutor_api_key_file.as_ref(),
        };
        let second = ModelOptions {
            prefix: "--tutor-fallback",
            url: self.tutor_fallback_url.as_ref(),
            model: self.tutor_fallback_model.as_ref(),
            api_key: self.tutor_fallback_api_key.as_ref(),
            api_key_file: self.tutor_fallback_api_key_file.as_ref(),
        };
        let (model, fallback) = (first.config()?, second.config()?);
        ensure!(
            model.is_some() || fallback.is_none(),
            "--tutor-fallback-url: there is no --tutor-url to fall back from"
        );
        let (learner_daily, daily) = (self.tutor_learner_daily, self.tutor_daily);
        Ok(TutorConfig { model, fallback, learner_daily, daily, concurrency: self.tutor_concurrency })
    }
}

impl ModelOptions<'_> {
    /// The model, if there is a URL. An empty variable is as good as none.
    fn config(&self) -> anyhow::Result<Option<ModelConfig>> {
        let prefix = self.prefix;
        let Some(url) = self.url.filter(|url| !url.is_empty()) else { return Ok(None) };
        let url = Url::parse(url).with_context(|| format!("{prefix}-url"))?;
        ensure!(matches!(url.scheme(), "http" | "https"), "{prefix}-url: must begin with http:// or https://");
        let model = self.model.filter(|model| !model.is_empty());
        let model = model.with_context(|| format!("{prefix}-model: the model at {prefix}-url needs its name"))?;
        Ok(Some(ModelConfig::new(url, model, self.key()?)))
    }

    fn key(&self) -> anyhow::Result<Option<String>> {
        let prefix = self.prefix;
        let file = self.api_key_file.filter(|file| !file.as_os_str().is_empty());
        let key = match (self.api_key.filter(|key| !key.is_empty()), file) {
            (Some(key), _) => Some(key.clone()),
            (None, Some(file)) => {
                let read = fs::read_to_string(file);
                Some(read.with_context(|| format!("{prefix}-api-key-file {}", file.display()))?)
            }
            (None, None) => None,
        };
        let key = key.map(|key| key.trim().to_owned()).filter(|key| !key.is_empty());
        let is_sent = key.as_deref().is_none_or(|key| HeaderValue::from_str(key).is_ok());
        ensure!(is_sent, "{prefix}-api-key: has characters that no header may have");
        Ok(key)
    }
}
