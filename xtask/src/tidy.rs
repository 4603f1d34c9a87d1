//! `cargo xtask tidy`: the rules of the house that a program can check. What formatting and lints check already is not repeated here.

mod breach;
mod circles;
mod layers;
mod lengths;
mod modules;
mod requirements;
mod sources;
mod vocabulary;
mod words;

use anyhow::{Result, bail};

use crate::tidy::breach::Breach;
use crate::tidy::sources::Source;
use crate::workspace;

/// Prints every breach, by path and line.
///
/// # Errors
/// There is one, or the sources cannot be read.
pub(crate) fn run() -> Result<()> {
    let breaches = check(&sources::read(&workspace::root())?);
    breaches.iter().for_each(|breach| println!("{breach}"));
    if !breaches.is_empty() {
        bail!("{} breaches of the rules in docs/CONTRIBUTING.md", breaches.len());
    }
    println!("tidy");
    Ok(())
}

fn check(sources: &[Source]) -> Vec<Breach> {
    let mut breaches: Vec<Breach> = [
        lengths::check,
        words::check,
        layers::check,
        modules::check,
        circles::check,
        vocabulary::check,
        requirements::check,
    ]
    .iter()
    .flat_map(|rule| rule(sources))
    .collect();
    breaches.sort_by(|left, right| (&left.path, left.line).cmp(&(&right.path, right.line)));
    breaches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_is_tidy() {
        let breaches = check(&sources::read(&workspace::root()).expect("readable sources"));
        assert!(breaches.is_empty(), "{}", breaches.iter().map(|breach| format!("\n{breach}")).collect::<String>());
    }

    #[test]
    fn a_file_that_no_module_declares_is_a_breach() {
        let source = |path: &str, text: &str| Source { path: path.to_owned(), text: text.to_owned() };
        let sources = [
            source("edge/src/lib.rs", "//! Doc.\nmod route;\npub mod key;\n"),
            source("edge/src/route.rs", "//! Doc.\n#[cfg(test)]\nmod tests;\n"),
            source("edge/src/route/tests.rs", "//! Doc.\n"),
            source("edge/src/route/lost.rs", "//! Doc.\n"),
            source("edge/src/key/mod.rs", "//! Doc.\n"),
            source("edge/src/lost.rs", "//! Doc.\n"),
        ];
        let found: Vec<String> = check(&sources).into_iter().map(|breach| breach.path).collect();
        assert_eq!(found, ["edge/src/key/mod.rs", "edge/src/lost.rs", "edge/src/route/lost.rs"]);
    }

    #[test]
    fn breaches_are_found_where_they_are() {
        let long_function = format!("//! Doc.\nfn long() {{\n{}}}\n", "    step();\n".repeat(60));
        let long_file = "//! Doc.\n".repeat(401);
        let cases = [
            ("edge/src/lib.rs", "use worker::*;\n", Some(1)),
            ("edge/src/lib.rs", "//! Doc.\n", None),
            ("edge/src/route.rs", &long_function, Some(2)),
            ("edge/src/route.rs", &long_file, Some(401)),
            ("edge/src/helpers.rs", "//! Doc.\n", Some(1)),
            ("web/src/utils.ts", "export {};\n", Some(1)),
            ("edge/src/lib.rs", concat!("//! Doc.\nfn later() { to", "do!() }\n"), Some(2)),
            ("docs/A.md", concat!("Run it\nin /ro", "ot/kairos\n"), Some(2)),
            ("docs/A.md", "See https://example.com/home/page\n", None),
            ("protocol/src/lib.rs", "//! Doc.\nuse std::time::Instant;\n", Some(2)),
            ("protocol/Cargo.toml", "[dependencies]\nserde = \"1\"\nkairos-origin.workspace = true\n", Some(3)),
            ("edge/Cargo.toml", "[dependencies]\nkairos-protocol.workspace = true\n", None),
            ("edge/Cargo.toml", "[dev-dependencies]\nkairos-origin.workspace = true\n", Some(2)),
            ("origin/src/handlers/a.rs", "//! Doc.\nuse crate::store::sqlite::SqliteStore;\n", Some(2)),
            ("origin/src/state.rs", "//! Doc.\nuse crate::store::sqlite::SqliteStore;\n", None),
        ];
        for (path, text, line) in cases {
            let source = Source { path: path.to_owned(), text: text.to_owned() };
            let found = check(&[source]).first().map(|breach| breach.line);
            assert_eq!(found, line, "{path}: {}", text.lines().take(3).collect::<String>());
        }
    }
}
