//! No import circle within a crate: modules that use each other can only be read, and changed, together. Not cargo's affair, which
//! forbids circles among crates; who may know whom by design is `layers`' affair.
//!
//! A module is a file. It uses another when a path in it, followed through re-exports, names an item that is defined there. A parent
//! that declares children and re-exports their items uses none of them. What is compiled for tests only does not count.

mod graph;
mod paths;

use std::path::Path;

use crate::tidy::breach::Breach;
use crate::tidy::sources::Source;
use graph::Crate;

const REMEDY: &str = "move what both need into a file of its own";

pub(crate) fn check(sources: &[Source]) -> Vec<Breach> {
    sources.iter().filter(|source| is_root(&source.path)).flat_map(|root| check_crate(root, sources)).collect()
}

/// Whether a crate begins in the file: a library, a program, or a file of integration tests.
fn is_root(path: &str) -> bool {
    let path = Path::new(path);
    let in_folder = |name: &str| path.parent().is_some_and(|folder| folder.ends_with(name));
    let is_named = |names: &[&str]| path.file_name().is_some_and(|name| names.iter().any(|wanted| name == *wanted));
    let is_rust = path.extension().is_some_and(|suffix| suffix == "rs");
    is_rust && (in_folder("src") && is_named(&["lib.rs", "main.rs"]) || in_folder("src/bin") || in_folder("tests"))
}

fn check_crate(root: &Source, sources: &[Source]) -> Vec<Breach> {
    let graph = Crate::read(root, sources);
    let breach = |circle: Vec<&Source>| {
        let first = circle.first()?;
        let names: Vec<&str> = circle.iter().chain([first]).map(|source| source.path.as_str()).collect();
        Some(Breach::new(first, 1, format!("an import circle: {}", names.join(" -> ")), REMEDY))
    };
    graph.circles().into_iter().filter_map(breach).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let source = |(path, text): &(&str, &str)| Source { path: (*path).to_owned(), text: (*text).to_owned() };
        let sources: Vec<Source> = files.iter().map(source).collect();
        check(&sources).into_iter().map(|breach| breach.what).collect()
    }

    #[test]
    fn modules_that_use_each_other_are_a_circle() {
        let root = ("a/src/lib.rs", "mod one;\nmod two;\nmod three;\n");
        let circle = "an import circle: a/src/one.rs -> a/src/two.rs -> a/src/one.rs";
        for (one, two) in [
            ("use crate::two::B;\nstruct A;", "use crate::one::A;\nstruct B;"),
            ("struct A(crate::two::B);", "use super::one;\nstruct B(one::A);"),
            ("use super::two;\nfn a() { two::b() }", "fn b() { crate::one::a() }"),
            ("fn a() { println!(\"{}\", crate::two::B) }", "use crate::one::a;\nconst B: u8 = 1;"),
        ] {
            assert_eq!(found(&[root, ("a/src/one.rs", one), ("a/src/two.rs", two)]), [circle], "{one}");
        }
        let longer = [
            root,
            ("a/src/one.rs", "use crate::two::B;\nstruct A;"),
            ("a/src/two.rs", "use crate::three::C;\nstruct B;"),
            ("a/src/three.rs", "use crate::one::A;\nstruct C;"),
        ];
        assert_eq!(found(&longer).len(), 1);
    }

    #[test]
    fn a_child_that_uses_what_its_parent_defines_is_one_if_the_parent_uses_the_child() {
        let root = ("a/src/lib.rs", "mod parent;\n");
        let child = ("a/src/parent/child.rs", "use super::Item;\nstruct Inner(Item);");
        for (parent, circles) in [
            ("mod child;\nuse child::Inner;\nstruct Item;", 1),
            ("mod child;\npub use child::Inner;\nstruct Item;", 0),
            ("mod child;\nstruct Item;", 0),
        ] {
            assert_eq!(found(&[root, ("a/src/parent.rs", parent), child]).len(), circles, "{parent}");
        }
    }

    #[test]
    fn re_exports_are_followed_and_tests_do_not_count() {
        let root = ("a/src/lib.rs", "mod parent;\n");
        let parent = ("a/src/parent.rs", "mod one;\nmod two;\npub use one::A;\nuse two::B;\nfn f(_: B) {}");
        let one = ("a/src/parent/one.rs", "pub struct A;\n#[cfg(test)]\nmod tests { use super::super::two::B; }");
        let two = ("a/src/parent/two.rs", "use super::A;\npub struct B(A);");
        assert_eq!(found(&[root, parent, one, two]), Vec::<String>::new());
    }
}
