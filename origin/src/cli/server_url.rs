//! The URL of a server, which may hold a password: never printed. Not what the URL means, which its driver knows.

use std::convert::Infallible;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

use anyhow::{Context, bail};
use percent_encoding::percent_decode_str;

/// A URL as it was given.
#[derive(Clone)]
pub struct ServerUrl(String);

impl FromStr for ServerUrl {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.trim().to_owned()))
    }
}

impl fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerUrl(…)")
    }
}

impl ServerUrl {
    /// Reads the first line of a file.
    ///
    /// # Errors
    /// It cannot be read, or is empty; the file's name is in the error, and nothing that is in it.
    pub(super) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let line = text.lines().next().unwrap_or_default().trim();
        if line.is_empty() {
            bail!("{} is empty", path.display());
        }
        Ok(Self(line.to_owned()))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// `text` without the credentials of this URL, however it quotes them.
    pub(super) fn redact(&self, text: &str) -> String {
        let after_scheme = self.0.split_once("://").map_or(self.0.as_str(), |(_, rest)| rest);
        let Some((credentials, _)) = after_scheme.rsplit_once('@') else { return text.to_owned() };
        let password = credentials.split_once(':').map_or(credentials, |(_, password)| password);
        let decoded = percent_decode_str(password).decode_utf8_lossy();
        let secrets = [credentials, password, &decoded];
        secrets
            .iter()
            .filter(|secret| !secret.is_empty())
            .fold(text.to_owned(), |text, secret| text.replace(secret, "…"))
    }
}
