//! `kairos-origin import`.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::adapters::Adapters;
use super::output::{complain, say};
use crate::environment::Environment;
use crate::import::markdown::import_markdown;
use crate::import::oulad::import_oulad;
use crate::import::{Report, Target};

/// Most bad rows that are printed; the rest is counted.
const SHOWN_BAD_ROWS: usize = 50;

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  kairos-origin import --markdown book/src --subject 'The Rust Programming Language'
  kairos-origin import --data school.db --oulad anonymisedData
  kairos-origin import --mongodb-url mongodb://127.0.0.1:27017/kairos --markdown course

An import that was interrupted is finished by running it again. A server that runs on the same embedded store shows what
was imported after two seconds; with Redis, at once.")]
/// Options of `import`.
pub struct Import {
    #[command(flatten)]
    source: Source,
    /// Subject of modules whose file does not name one; else the title in SUMMARY.md, else the folder's name.
    #[arg(long, conflicts_with = "oulad")]
    subject: Option<String>,
    #[command(flatten)]
    adapters: Adapters,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Source {
    /// A folder of Markdown files, in the order of its SUMMARY.md if there is one.
    #[arg(long, value_name = "DIR")]
    markdown: Option<PathBuf>,
    /// A folder with assessments.csv and studentAssessment.csv of OULAD.
    #[arg(long, value_name = "DIR")]
    oulad: Option<PathBuf>,
}

impl Import {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let dir = self.source.markdown.as_deref().or(self.source.oulad.as_deref()).unwrap_or(Path::new("."));
        if !dir.is_dir() {
            bail!("{} is not a folder", dir.display());
        }
        let environment = Environment::system();
        let (store, cache) = self.adapters.open(&environment).await?;
        let began = tokio::time::Instant::now();
        let bar = progress_bar();
        let target = Target { store: store.as_ref(), cache: &cache, now: environment.now(), bar: &bar };
        let report = match &self.source.oulad {
            Some(dir) => import_oulad(&target, dir).await?,
            None => import_markdown(&target, dir, self.subject.as_deref()).await?,
        };
        bar.finish_and_clear();
        print(&report, began.elapsed().as_secs_f64());
        if report.modules == 0 && !report.bad_rows.is_empty() {
            bail!("nothing could be imported");
        }
        Ok(())
    }
}

/// On a terminal only: logs and scripts get the report alone.
fn progress_bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    if !std::io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    let style = ProgressStyle::with_template("{bar:40} {human_pos} of {human_len}, {eta} left");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn print(report: &Report, secs: f64) {
    for bad in report.bad_rows.iter().take(SHOWN_BAD_ROWS) {
        complain(&format!("left out {bad}"));
    }
    if let Some(more @ 1..) = report.bad_rows.len().checked_sub(SHOWN_BAD_ROWS) {
        complain(&format!("left out {more} more"));
    }
    say(&format!("modules: {} ({} written)", report.modules, report.modules_written));
    if report.learners > 0 {
        say(&format!("learners: {} ({} added)", report.learners, report.learners_added));
        say(&format!("progress records: {} ({} without a score)", report.progress_records, report.unscored));
        say(&format!("operations applied: {}", report.operations_applied));
    }
    say(&format!("left out: {}", report.bad_rows.len()));
    say(&format!("took {secs:.1} s"));
}
