//! Who may know whom: the tiers meet in `protocol` alone, `protocol` is pure, and the origin's handlers know traits, not adapters.

use toml::{Table, Value};

use crate::tidy::breach::Breach;
use crate::tidy::sources::Source;

/// The crates whose dependencies on other members are limited, and to which.
const MEMBERS: [(&str, &[&str]); 5] = [
    ("protocol", &[]),
    ("origin", &["kairos-protocol"]),
    ("edge", &["kairos-protocol"]),
    ("client-wasm", &["kairos-protocol"]),
    ("client-wasm/core", &["kairos-protocol"]),
];

/// What reaches outside of the process, or asks it for the time.
const IMPURE: [&str; 11] = [
    "Instant",
    "SystemTime",
    "std::fs",
    "std::net",
    "std::env",
    "std::io",
    "std::process",
    "std::thread",
    "tokio::",
    "js_sys::",
    "getrandom",
];

/// The adapters behind the traits of the origin, as modules and as types.
const ADAPTERS: [&str; 6] =
    ["store::mongo", "store::sqlite", "cache::redis", "MongoStore", "SqliteStore", "RedisCache"];
/// Where adapters are written, chosen and put together.
const KNOW_ADAPTERS: [&str; 6] = [
    "origin/src/store",
    "origin/src/cache",
    "origin/src/main.rs",
    "origin/src/state",
    "origin/src/cli",
    "origin/src/lib.rs",
];

pub(crate) fn check(sources: &[Source]) -> Vec<Breach> {
    let manifests = sources.iter().flat_map(check_manifest);
    let protocol = sources.iter().filter(|source| source.path.starts_with("protocol/src/")).flat_map(|source| {
        let remedy = "pass it in: protocol has no I/O and no clock";
        check_words(source, &IMPURE, remedy)
    });
    let handlers = sources.iter().filter(|source| is_above_adapters(&source.path)).flat_map(|source| {
        let remedy = "use the trait: only main, state and cli choose adapters";
        check_words(source, &ADAPTERS, remedy)
    });
    manifests.chain(protocol).chain(handlers).collect()
}

fn is_above_adapters(path: &str) -> bool {
    path.starts_with("origin/src/") && !KNOW_ADAPTERS.iter().any(|known| path.starts_with(known))
}

fn check_words<'a>(source: &'a Source, words: &'a [&str], remedy: &'static str) -> impl Iterator<Item = Breach> + 'a {
    let code = source.lines().filter(|(_, line)| !line.trim_start().starts_with("//"));
    code.filter_map(move |(number, line)| {
        let word = words.iter().find(|word| line.contains(**word))?;
        Some(Breach::new(source, number, format!("`{word}` does not belong here"), remedy))
    })
}

fn check_manifest(source: &Source) -> Vec<Breach> {
    let member = MEMBERS.iter().find(|(member, _)| source.path == format!("{member}/Cargo.toml"));
    let (Some((_, allowed)), Ok(manifest)) = (member, source.text.parse::<Table>()) else { return Vec::new() };
    let mut dependencies = Vec::new();
    collect_dependencies(&manifest, &mut dependencies);
    dependencies.retain(|name| name.starts_with("kairos-") && !allowed.contains(&name.as_str()));
    let breach = |name: String| {
        let line =
            source.lines().find(|(_, line)| line.trim_start().starts_with(&name)).map_or(1, |(number, _)| number);
        Breach::new(source, line, format!("depends on `{name}`"), "tiers share through protocol only")
    };
    dependencies.into_iter().map(breach).collect()
}

/// The names in every table of dependencies, those for one target too.
fn collect_dependencies(table: &Table, names: &mut Vec<String>) {
    for (key, value) in table {
        match value {
            Value::Table(inner) if key.ends_with("dependencies") => names.extend(inner.keys().cloned()),
            Value::Table(inner) => collect_dependencies(inner, names),
            _ => {}
        }
    }
}
