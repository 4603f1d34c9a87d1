//! What stands in the text: how files open, names that say nothing, leftovers, paths of one person's machine.

use std::path::Path;

use crate::tidy::breach::Breach;
use crate::tidy::sources::Source;

const EMPTY_NAMES: [&str; 5] = ["utils", "util", "helpers", "common", "misc"];
/// Written in two parts, so that this file does not contain them.
const LEFTOVERS: [&str; 4] =
    [concat!("to", "do!"), concat!("unimple", "mented!"), concat!("FIX", "ME"), concat!("TO", "DO")];
const MACHINE_PATHS: [&str; 3] = [concat!("/ro", "ot/"), concat!("/wo", "rk/"), concat!("/ho", "me/")];

pub(crate) fn check(sources: &[Source]) -> Vec<Breach> {
    sources
        .iter()
        .flat_map(|source| [check_opening(source), check_name(source)].into_iter().flatten().chain(check_lines(source)))
        .collect()
}

fn check_opening(source: &Source) -> Option<Breach> {
    let opens = !source.is_rust() || source.text.starts_with("//! ");
    (!opens).then(|| Breach::new(source, 1, "does not open with `//!`", "say what the file is for, and what it is not"))
}

fn check_name(source: &Source) -> Option<Breach> {
    let path = Path::new(&source.path).with_extension("");
    let name = source
        .is_code()
        .then(|| path.iter().filter_map(|part| part.to_str()).find(|part| EMPTY_NAMES.contains(part)))??;
    Some(Breach::new(source, 1, format!("`{name}` says nothing"), "name it after what it holds"))
}

fn check_lines(source: &Source) -> impl Iterator<Item = Breach> + '_ {
    source.lines().flat_map(move |(number, line)| {
        let leftover = LEFTOVERS.iter().find(|leftover| source.is_code() && line.contains(**leftover));
        let path = MACHINE_PATHS.iter().find(|path| has_path(line, path));
        let leftover =
            leftover.map(|found| Breach::new(source, number, format!("`{found}`"), "finish it, or open an issue"));
        let path = path.map(|found| {
            Breach::new(source, number, format!("`{found}` is a path of one machine"), "make it relative or an option")
        });
        leftover.into_iter().chain(path)
    })
}

/// Whether an absolute path starts in `line`: not the tail of a longer one or of an address.
fn has_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line.get(..at).and_then(|before| before.chars().next_back());
        !before.is_some_and(|letter| letter.is_alphanumeric() || "_-.}*$/".contains(letter))
    })
}
