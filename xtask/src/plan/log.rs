//! Where the programs of a step say what they have to say: a file each, so that steps which run side by side do not talk at once.

use std::fs;
use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::process;

/// What cargo says of things that go well.
const GOOD_NEWS: [&str; 10] = [
    "Adding",
    "Blocking",
    "Building",
    "Compiling",
    "Downloaded",
    "Downloading",
    "Finished",
    "Locking",
    "Running",
    "Updating",
];

/// The file of one step.
#[derive(Clone)]
pub(crate) struct Log {
    path: PathBuf,
}

impl Log {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Runs `command` to its end; the log has the output of the last that was run.
    ///
    /// # Errors
    /// It cannot be started or fails, or [`crate::error::Interrupted`].
    pub(crate) fn run(&self, name: &str, command: &mut Command) -> Result<()> {
        // Cargo then tells how many crates it has done, and writes as it would to whom we write.
        command.env("CARGO_TERM_PROGRESS_WHEN", "always").env("CARGO_TERM_PROGRESS_WIDTH", "80");
        command.env("CARGO_TERM_COLOR", if io::stdout().is_terminal() { "always" } else { "never" });
        process::run_logged(name, command, &self.path)
    }

    /// The output, without what went well.
    pub(super) fn told(&self) -> String {
        let text = fs::read_to_string(&self.path).unwrap_or_default();
        let lines = text.lines().map(last_writing).filter(|line| !is_good_news(line));
        format!("It said ({}):\n{}", self.path.display(), lines.map(|line| format!("{line}\n")).collect::<String>())
    }

    /// `212/411`, when cargo is building.
    pub(super) fn crates_done(&self) -> Option<String> {
        let text = fs::read(&self.path).ok()?;
        let text = String::from_utf8_lossy(&text);
        let (_, last) = text.rsplit_once("] ")?;
        let (done, _) = last.split_once(':')?;
        let is_count = done.split_once('/').is_some_and(|(done, of)| [done, of].iter().all(|count| is_number(count)));
        is_count.then(|| done.to_owned())
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// What a terminal shows of a line that was written over.
fn last_writing(line: &str) -> &str {
    let line = line.trim_end_matches('\r');
    let line = line.rsplit_once('\r').map_or(line, |(_, last)| last);
    line.strip_prefix("\u{1b}[K").unwrap_or(line)
}

fn is_good_news(line: &str) -> bool {
    GOOD_NEWS
        .iter()
        .any(|news| line.trim_start_matches(|letter: char| !letter.is_alphabetic() || letter == 'm').starts_with(news))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_cargos_output_the_bad_news_and_the_count() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = Log::new(folder.path().join("log"));
        let text = "   Compiling a v1.0.0\n    Building [=>  ] 2/41: a, b\r\u{1b}[Kerror[E0425]: no `x`\n\u{1b}[1m\u{1b}[92m   Compiling\u{1b}[0m b\n\
            \x20   Building [==> ] 12/41: b\r";
        fs::write(&log.path, text).expect("a file");
        assert_eq!(log.crates_done().as_deref(), Some("12/41"));
        assert!(log.told().ends_with("\nerror[E0425]: no `x`\n"), "{}", log.told());
    }
}
