//! Source files that no module declares: the compiler does not see them, so nobody notices when they rot.

use std::path::{Path, PathBuf};

use crate::tidy::Breach;
use crate::tidy::sources::Source;

const REMEDY: &str = "declare it as a module, or delete it";

pub(crate) fn check(sources: &[Source]) -> Vec<Breach> {
    let orphans = sources.iter().filter(|source| is_orphan(source, sources));
    orphans.map(|source| Breach::new(source, 1, "no module declares it", REMEDY)).collect()
}

fn is_orphan(source: &Source, sources: &[Source]) -> bool {
    let Some((parent, name)) = module(source) else { return false };
    let files = [parent.join("mod.rs"), parent.join("lib.rs"), parent.join("main.rs"), parent.with_extension("rs")];
    let mut parents = sources.iter().filter(|other| files.iter().any(|file| file == Path::new(&other.path))).peekable();
    let declaration = format!("mod {name};");
    parents.peek().is_some() && !parents.any(|parent| parent.lines().any(|(_, line)| line.ends_with(&declaration)))
}

/// The folder of the module's parent, and its name. `a/b.rs` and `a/b/mod.rs` are both the module `b` of `a`.
fn module(source: &Source) -> Option<(PathBuf, String)> {
    let path = Path::new(&source.path);
    let (folder, stem) = (path.parent()?, path.file_stem()?.to_str()?);
    let is_root = folder.ends_with("src") && ["lib", "main"].contains(&stem);
    let (parent, name) = if stem == "mod" { (folder.parent()?, folder.file_name()?.to_str()?) } else { (folder, stem) };
    let is_module = source.is_rust() && source.path.contains("/src/") && !is_root;
    is_module.then(|| (parent.to_owned(), name.to_owned()))
}
