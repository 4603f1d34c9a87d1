//! The modules of one crate and who uses whom, as [`super`] defines it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;

use super::paths::Paths;
use crate::tidy::sources::Source;

/// A module's place below the crate's root, which is the empty one.
type Name = Vec<String>;

/// Re-exports of re-exports that are followed.
const MOST_REEXPORTS: usize = 8;

struct Module<'a> {
    source: &'a Source,
    paths: Paths,
}

/// The modules of a crate by their names.
pub(super) struct Crate<'a> {
    modules: BTreeMap<Name, Module<'a>>,
}

/// What a path leads to, within the crate.
enum Found {
    Module(Name),
    ItemOf(Name),
}

impl<'a> Crate<'a> {
    /// The crate that begins in `root`: it, and what lies in its folder. Modules of tests alone are left out.
    pub(super) fn read(root: &'a Source, sources: &'a [Source]) -> Self {
        let folder = Path::new(&root.path).parent().unwrap_or(Path::new(""));
        let name = |source: &Source| -> Option<Name> {
            if source.path == root.path {
                return Some(Vec::new());
            }
            let inside = Path::new(&source.path).strip_prefix(folder).ok()?.with_extension("");
            let name: Name = inside.iter().map(|part| part.to_string_lossy().into_owned()).collect();
            let is_module = source.is_rust() && !["lib", "main"].contains(&name.first()?.as_str());
            (is_module && name.last()? != "tests").then_some(name)
        };
        let module = |source: &'a Source| {
            let name = name(source)?;
            Some((name, Module { source, paths: Paths::read(&source.text)? }))
        };
        let mut modules: BTreeMap<Name, Module<'a>> = sources.iter().filter_map(module).collect();
        // A program beside a library, and each file of tests, has only what it declares.
        let declared = declared(&modules);
        modules.retain(|name, _| declared.contains(name));
        Self { modules }
    }

    fn resolve(&self, from: &Name, path: &[String], depth: usize) -> Option<Found> {
        let mut at = from.clone();
        for (index, segment) in path.iter().enumerate() {
            let child = [at.as_slice(), std::slice::from_ref(segment)].concat();
            match segment.as_str() {
                "crate" if index == 0 => at = Vec::new(),
                "self" if index == 0 => {}
                "super" => {
                    at.pop()?;
                }
                _ if self.modules.contains_key(&child) => at = child,
                _ => {
                    let import = self.modules.get(&at)?.paths.imports.iter().find(|import| import.name == *segment);
                    return match import {
                        Some(import) if depth > 0 => match self.resolve(&at, &import.path, depth - 1)? {
                            Found::Module(module) => {
                                let rest = [&["self".to_owned()], path.get(index + 1..)?].concat();
                                self.resolve(&module, &rest, depth - 1)
                            }
                            item @ Found::ItemOf(_) => Some(item),
                        },
                        // A name that is neither declared nor imported here is another crate's, or the file's own.
                        _ => (index > 0).then_some(Found::ItemOf(at)),
                    };
                }
            }
        }
        Some(Found::Module(at))
    }

    /// The modules whose items `name` uses.
    fn uses(&self, name: &Name) -> BTreeSet<Name> {
        let Some(Module { paths, .. }) = self.modules.get(name) else { return BTreeSet::new() };
        let item = |path: &[String]| match self.resolve(name, path, MOST_REEXPORTS)? {
            Found::ItemOf(module) if module != *name => Some(module),
            _ => None,
        };
        let used = paths.used.iter().filter_map(|path| item(path));
        let is_inside = |module: &Name| module.starts_with(name);
        let imported = paths.imports.iter().filter_map(|import| {
            let module = item(&import.path)?;
            (!(import.is_public && is_inside(&module))).then_some(module)
        });
        used.chain(imported).collect()
    }

    /// One shortest circle for each set of modules that use each other.
    pub(super) fn circles(&self) -> Vec<Vec<&'a Source>> {
        let uses: BTreeMap<&Name, BTreeSet<Name>> = self.modules.keys().map(|name| (name, self.uses(name))).collect();
        let mut told: BTreeSet<Name> = BTreeSet::new();
        let mut circles = Vec::new();
        for name in self.modules.keys() {
            if let Some(circle) = shortest_circle(name, &uses).filter(|circle| !circle.iter().any(|m| told.contains(m)))
            {
                circles.push(circle.iter().filter_map(|name| Some(self.modules.get(name)?.source)).collect());
                told.extend(circle);
            }
        }
        circles
    }
}

/// Those that the root declares, or one of those does.
fn declared(modules: &BTreeMap<Name, Module<'_>>) -> BTreeSet<Name> {
    let mut declared = BTreeSet::from([Vec::new()]);
    let mut queue = VecDeque::from([Vec::new()]);
    while let Some(parent) = queue.pop_front() {
        let children = modules.get(&parent).map(|module| module.paths.declared.as_slice()).unwrap_or_default();
        for child in children {
            let child = [parent.as_slice(), std::slice::from_ref(child)].concat();
            if declared.insert(child.clone()) {
                queue.push_back(child);
            }
        }
    }
    declared
}

/// The shortest way from `start` back to it, breadth first.
fn shortest_circle(start: &Name, uses: &BTreeMap<&Name, BTreeSet<Name>>) -> Option<Vec<Name>> {
    let mut ways = VecDeque::from([vec![start.clone()]]);
    let mut seen: BTreeSet<Name> = BTreeSet::new();
    while let Some(way) = ways.pop_front() {
        for next in uses.get(way.last()?)? {
            if next == start {
                return Some(way);
            }
            if seen.insert(next.clone()) {
                ways.push_back([way.as_slice(), std::slice::from_ref(next)].concat());
            }
        }
    }
    None
}
