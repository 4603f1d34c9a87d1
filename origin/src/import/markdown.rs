//! `import --markdown DIR`: a folder of Markdown files becomes modules of one subject, in the order of `SUMMARY.md` where there
//! is one (as mdBook has it), else of their names. Not here: what one file says (`document`).

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use kairos_protocol::api::catalog::Module;
use kairos_protocol::api::ids::Slug;
use kairos_protocol::sync::generation::Namespace;

use super::document::{self, Surroundings};
use super::summary::{self, Summary};
use super::{BadRow, ImportError, Report, Target};

const SUMMARY_FILE: &str = "SUMMARY.md";
const MODULES_PER_BATCH: usize = 50;

/// A file to read, and what is known of it before.
struct Source {
    path: PathBuf,
    /// Relative to the folder, without its extension.
    name: String,
    title: String,
}

/// Imports the Markdown files of `dir` and its subfolders. `subject` goes before the title in `SUMMARY.md` and the folder's
/// name, but not before a file's own front matter. A file with a fault is reported and left out.
///
/// # Errors
/// The folder cannot be read or has no Markdown, or the store fails; see [`ImportError`].
pub async fn import_markdown(target: &Target<'_>, dir: &Path, subject: Option<&str>) -> Result<Report, ImportError> {
    let mut report = Report::default();
    let summary = read_summary(dir)?;
    let sources = sources(dir, &summary, &mut report.bad_rows)?;
    let folder = dir.canonicalize().ok().and_then(|d| d.file_name().map(|name| name.to_string_lossy().into_owned()));
    let subject = subject.or(summary.title.as_deref()).or(folder.as_deref()).unwrap_or("Modules");
    target.bar.set_length(sources.len() as u64);

    let mut modules = Vec::new();
    let mut slugs = BTreeSet::new();
    for (source, position) in sources.iter().zip(0..) {
        match read_module(target, source, subject, position).await? {
            Ok(module) if !slugs.insert(module.summary.slug.clone()) => {
                let detail = format!("another file has the slug `{}` too; rename one", module.summary.slug);
                report.bad_rows.push(BadRow { file: source.path.clone(), line: 1, detail });
            }
            Ok(module) => modules.push(module),
            Err(bad) => report.bad_rows.push(bad),
        }
        target.bar.inc(1);
    }
    report.modules = modules.len() as u64;
    for batch in modules.chunks(MODULES_PER_BATCH) {
        let written = target.store.import_modules(batch, target.now);
        report.modules_written += target.write(vec![Namespace::Catalog], written).await?;
    }
    Ok(report)
}

fn read_summary(dir: &Path) -> Result<Summary, ImportError> {
    let path = dir.join(SUMMARY_FILE);
    match fs::read(&path) {
        Ok(bytes) => Ok(summary::parse(&String::from_utf8_lossy(&bytes))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Summary::default()),
        Err(source) => Err(ImportError::Read { path, source }),
    }
}

/// The files in order: those of `SUMMARY.md`, then the others by name.
fn sources(dir: &Path, summary: &Summary, bad: &mut Vec<BadRow>) -> Result<Vec<Source>, ImportError> {
    let mut files = BTreeSet::new();
    find_markdown(dir, dir, &mut files)?;
    let mut ordered = Vec::new();
    for chapter in &summary.chapters {
        let path = chapter.path.split(['#', '?']).next().unwrap_or_default().trim_start_matches("./");
        if let Some(file) = files.take(path) {
            ordered.push(source(dir, &file, Some(&chapter.title)));
        } else if !ordered.iter().any(|s: &Source| s.path == dir.join(path)) {
            let detail = format!("`{path}` is not a Markdown file in this folder");
            bad.push(BadRow { file: dir.join(SUMMARY_FILE), line: chapter.line, detail });
        }
    }
    ordered.extend(files.iter().map(|file| source(dir, file, None)));
    if ordered.is_empty() { Err(ImportError::Empty(dir.to_owned())) } else { Ok(ordered) }
}

fn source(dir: &Path, file: &str, title: Option<&str>) -> Source {
    let name = file.strip_suffix(".md").unwrap_or(file).to_owned();
    let title = title.filter(|t| !t.is_empty()).unwrap_or(&name).to_owned();
    Source { path: dir.join(file), name, title }
}

/// Collects the paths of Markdown files relative to `root`, with `/` between folders. Hidden ones are left out.
fn find_markdown(root: &Path, dir: &Path, found: &mut BTreeSet<String>) -> Result<(), ImportError> {
    let failed = |source| ImportError::Read { path: dir.to_owned(), source };
    for entry in fs::read_dir(dir).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let (path, name) = (entry.path(), entry.file_name());
        if name.to_string_lossy().starts_with('.') || name == SUMMARY_FILE {
            continue;
        }
        if entry.file_type().map_err(failed)?.is_dir() {
            find_markdown(root, &path, found)?;
        } else if path.is_file() && path.extension().is_some_and(|e| e == "md") {
            let relative = path.strip_prefix(root).unwrap_or(&path);
            let parts: Vec<_> = relative.iter().map(|part| part.to_string_lossy()).collect();
            found.insert(parts.join("/"));
        }
    }
    Ok(())
}

/// Reads one file as the module it is to become, or says what is wrong with it.
async fn read_module(
    target: &Target<'_>,
    source: &Source,
    subject: &str,
    position: u32,
) -> Result<Result<Module, BadRow>, ImportError> {
    let bad = |line, detail| Ok(Err(BadRow { file: source.path.clone(), line, detail }));
    let text = match fs::read(&source.path).map(String::from_utf8) {
        Ok(Ok(text)) => text,
        Ok(Err(error)) => {
            let before = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
            let line = 1 + before.iter().filter(|b| **b == b'\n').count() as u64;
            return bad(line, "is not UTF-8".to_owned());
        }
        Err(error) => return bad(1, error.to_string()),
    };
    let slug = match Slug::new(slugify(&source.name)) {
        Ok(slug) => slug,
        Err(error) => return bad(1, format!("the file's name makes no slug: it {error}")),
    };
    let around = Surroundings { slug, subject, position, title: &source.title };
    let draft = match document::parse(&text, around) {
        Ok(draft) => draft,
        Err(fault) => return bad(fault.line, fault.detail),
    };
    match target.store.module(&draft.slug).await?.value {
        Some(other) if other.summary.subject != draft.subject => {
            let (slug, owner) = (&draft.slug, &other.summary.subject);
            bad(1, format!("the slug `{slug}` belongs to a module of `{owner}`; rename the file"))
        }
        _ => Ok(Ok(draft.into_module(target.now))),
    }
}

/// Lower case, every run of other characters one hyphen; an accent is dropped with its letter.
fn slugify(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("-")
}
