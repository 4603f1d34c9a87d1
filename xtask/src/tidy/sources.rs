//! The text files of the workspace that rules speak of. What is built or installed is left out.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

/// One text file; `path` is relative to the workspace, with `/`.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
}

const LEFT_OUT: [&str; 7] = ["target", "node_modules", "dist", "pkg", ".git", ".wrangler", "edge/build"];
const TEXTS: [&str; 12] = ["rs", "ts", "tsx", "mjs", "js", "css", "html", "toml", "json", "md", "sh", "yml"];

impl Source {
    pub(crate) fn is_rust(&self) -> bool {
        self.has_suffix(&["rs"])
    }

    /// Code that people read: Rust and the JavaScript family.
    pub(crate) fn is_code(&self) -> bool {
        self.has_suffix(&["rs", "ts", "tsx", "mjs", "js"])
    }

    fn has_suffix(&self, suffixes: &[&str]) -> bool {
        Path::new(&self.path).extension().is_some_and(|suffix| suffixes.iter().any(|wanted| suffix == *wanted))
    }

    /// Lines with their numbers, from 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(at, line)| (at + 1, line))
    }
}

/// Every text file below `root`.
///
/// # Errors
/// A file cannot be read or is no UTF-8.
pub(crate) fn read(root: &Path) -> Result<Vec<Source>> {
    let mut sources = Vec::new();
    read_folder(root, root, &mut sources)?;
    Ok(sources)
}

fn read_folder(root: &Path, folder: &Path, sources: &mut Vec<Source>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let file = entry?.path();
        let path = file.strip_prefix(root)?.to_string_lossy().replace('\\', "/");
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if LEFT_OUT.contains(&name.as_str()) || LEFT_OUT.contains(&path.as_str()) || name == "package-lock.json" {
            continue;
        }
        if file.is_dir() {
            read_folder(root, &file, sources)?;
        } else if path.starts_with(".ci/")
            || file.extension().is_some_and(|suffix| TEXTS.iter().any(|text| suffix == *text))
        {
            let text = fs::read_to_string(&file).with_context(|| format!("cannot read {path}"))?;
            sources.push(Source { path, text });
        }
    }
    Ok(())
}
