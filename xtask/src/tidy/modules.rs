//! Where modules lie: `foo.rs` beside `foo/`, and no source file that no module declares: the compiler does not see those, so nobody
//! notices when they rot.

use std::path::{Path, PathBuf};

use crate::tidy::breach::Breach;
use crate::tidy::sources::Source;

const REMEDY: &str = "declare it as a module, or delete it";

pub(crate) fn check(sources: &[Source]) -> Vec<Breach> {
    let undeclared = sources.iter().filter(|source| is_undeclared(source, sources));
    let undeclared = undeclared.map(|source| Breach::new(source, 1, "no module declares it", REMEDY));
    let misplaced = sources.iter().filter(|source| source.path.ends_with("/mod.rs"));
    let misplaced =
        misplaced.map(|source| Breach::new(source, 1, "the other module style", "name it `foo.rs` beside `foo/`"));
    undeclared.chain(misplaced).collect()
}

fn is_undeclared(source: &Source, sources: &[Source]) -> bool {
    let Some((parent, name)) = module(source) else { return false };
    let files = [parent.join("lib.rs"), parent.join("main.rs"), parent.with_extension("rs")];
    let mut parents = sources.iter().filter(|other| files.iter().any(|file| file == Path::new(&other.path))).peekable();
    let declaration = format!("mod {name};");
    parents.peek().is_some() && !parents.any(|parent| parent.lines().any(|(_, line)| line.ends_with(&declaration)))
}

/// The folder of the module's parent, and its name.
fn module(source: &Source) -> Option<(PathBuf, String)> {
    let path = Path::new(&source.path);
    let (folder, stem) = (path.parent()?, path.file_stem()?.to_str()?);
    let is_root = folder.ends_with("src") && ["lib", "main"].contains(&stem);
    let is_module = source.is_rust() && source.path.contains("/src/") && !is_root && stem != "mod";
    is_module.then(|| (folder.to_owned(), stem.to_owned()))
}
