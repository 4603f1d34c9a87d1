//! The catalogue: order, filters, search, versions.

use std::collections::BTreeSet;

use kairos_origin::store::Store;
use kairos_origin::store::catalog::{ModuleFilter, ModulePosition, Replaced};
use kairos_protocol::api::catalog::{Difficulty, Module, Publication};
use kairos_tests::world::World;

use super::samples::{NOW, module, slug};

/// Sixty modules over three subjects, difficulties and tags; some share a position.
fn sixty() -> Vec<Module> {
    let subjects = ["Caching", "Rust", "rust"];
    let one = |n: u32| {
        let mut module = module(&format!("m{:02}", (n * 37) % 60));
        module.summary.subject = subjects[(n % 3) as usize].to_owned();
        module.summary.position = n / 6;
        module.summary.difficulty =
            [Difficulty::Beginner, Difficulty::Intermediate, Difficulty::Advanced][(n / 7 % 3) as usize];
        module.summary.tags =
            if n.is_multiple_of(2) { vec!["even".to_owned(), "all".to_owned()] } else { vec!["all".to_owned()] };
        module
    };
    (0..60).map(one).collect()
}

/// The whole list, page by page.
async fn walk(store: &dyn Store, filter: &ModuleFilter, limit: u32) -> Vec<String> {
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = store.list_modules(filter, after.as_ref(), limit).await.unwrap().value;
        seen.extend(page.iter().map(|m| m.slug.to_string()));
        assert!(seen.len() <= 60, "the list does not end");
        match page.last() {
            Some(last) if page.len() == limit as usize => after = Some(ModulePosition::from(last)),
            _ => return seen,
        }
    }
}

fn expected(modules: &[Module], fits: impl Fn(&Module) -> bool) -> Vec<String> {
    let mut wanted: Vec<_> = modules.iter().filter(|m| fits(m)).map(|m| &m.summary).collect();
    wanted.sort_by(|a, b| (&a.subject, a.position, &a.slug).cmp(&(&b.subject, b.position, &b.slug)));
    wanted.iter().map(|m| m.slug.to_string()).collect()
}

pub(crate) async fn lists_are_in_order_and_pages_fit_together(world: World) {
    let store = world.store().await;
    let modules = sixty();
    assert_eq!(store.import_modules(&modules, NOW).await.unwrap().value, 60);
    for limit in [1, 7, 60, 100] {
        assert_eq!(
            walk(store.as_ref(), &ModuleFilter::default(), limit).await,
            expected(&modules, |_| true),
            "{limit}"
        );
    }
}

pub(crate) async fn filters_combine(world: World) {
    let store = world.store().await;
    let modules = sixty();
    store.import_modules(&modules, NOW).await.unwrap();
    for subject in [None, Some("Rust"), Some("Nothing")] {
        for difficulty in [None, Some(Difficulty::Advanced)] {
            for tag in [None, Some("even"), Some("all")] {
                let filter =
                    ModuleFilter { subject: subject.map(str::to_owned), difficulty, tag: tag.map(str::to_owned) };
                let wanted = expected(&modules, |m| {
                    subject.is_none_or(|s| m.summary.subject == s)
                        && difficulty.is_none_or(|d| m.summary.difficulty == d)
                        && tag.is_none_or(|t| m.summary.tags.iter().any(|have| have == t))
                });
                assert_eq!(walk(store.as_ref(), &filter, 4).await, wanted, "{filter:?}");
            }
        }
    }
    // A place in another subject: the list starts after it, or is over.
    let place = |subject: &str| ModulePosition { subject: subject.to_owned(), position: 3, slug: slug("m00") };
    let rust = ModuleFilter { subject: Some("Rust".to_owned()), ..ModuleFilter::default() };
    assert_eq!(store.list_modules(&rust, Some(&place("Caching")), 100).await.unwrap().value.len(), 20);
    assert!(store.list_modules(&rust, Some(&place("rust")), 100).await.unwrap().value.is_empty());
}

pub(crate) async fn drafts_are_in_no_list_and_no_search(world: World) {
    let store = world.store().await;
    let mut hidden = module("hidden");
    hidden.status = Publication::Draft;
    hidden.summary.tags = vec!["secret".to_owned()];
    assert_eq!(store.insert_module(&hidden, NOW).await.unwrap().value, Some(1));
    let by_tag = ModuleFilter { tag: Some("secret".to_owned()), ..ModuleFilter::default() };
    assert!(store.list_modules(&ModuleFilter::default(), None, 10).await.unwrap().value.is_empty());
    assert!(store.list_modules(&by_tag, None, 10).await.unwrap().value.is_empty());
    assert!(store.search_modules("hidden secret", 10).await.unwrap().value.is_empty());
    assert!(store.published_among(&BTreeSet::from([slug("hidden")])).await.unwrap().is_empty());
    assert_eq!(store.module(&slug("hidden")).await.unwrap().value, Some(hidden));
}

pub(crate) async fn search_puts_titles_first(world: World) {
    let store = world.store().await;
    let mut in_title = module("one");
    in_title.summary.title = "Borrowing explained".to_owned();
    let mut in_content = module("two");
    in_content.content = "Here borrowing is named, and borrowing again.".to_owned();
    let mut in_summary = module("three");
    in_summary.summary.summary = "On borrowing.".to_owned();
    let unrelated = module("four");
    store.import_modules(&[in_content, unrelated, in_summary, in_title], NOW).await.unwrap();
    // Stemmed: "borrowed" is "borrowing".
    for words in ["borrowing", "Borrowed", "borrow zebra"] {
        let found = store.search_modules(words, 10).await.unwrap().value;
        let found: Vec<_> = found.iter().map(|m| m.slug.as_str()).collect();
        assert_eq!(found.first(), Some(&"one"), "{words}: {found:?}");
        assert_eq!(BTreeSet::from_iter(found), BTreeSet::from(["one", "two", "three"]), "{words}");
    }
    assert_eq!(store.search_modules("borrowing", 2).await.unwrap().value.len(), 2);
}

pub(crate) async fn search_text_is_never_syntax(world: World) {
    let store = world.store().await;
    let mut zebra = module("one");
    zebra.summary.title = "Zebra crossing".to_owned();
    store.insert_module(&zebra, NOW).await.unwrap();
    for words in [
        "\"",
        "-zebra",
        "zebra -crossing",
        "title:zebra",
        "ab* OR",
        "NEAR(zebra crossing)",
        "(",
        "a AND",
        "'; DROP TABLE",
        "$where",
        "{}",
        "é\u{301}",
    ] {
        let found = store.search_modules(words, 10).await;
        assert!(found.is_ok(), "{words}: {found:?}");
    }
    // All of it is text: the minus does not exclude.
    for words in ["-zebra", "zebra -crossing", "\"zebra", "title:zebra"] {
        assert_eq!(store.search_modules(words, 10).await.unwrap().value.len(), 1, "{words}");
    }
    assert!(store.search_modules("… --", 10).await.unwrap().value.is_empty());
}

pub(crate) async fn a_taken_slug_is_refused(world: World) {
    let store = world.store().await;
    let first = module("one");
    assert_eq!(store.insert_module(&first, NOW).await.unwrap().value, Some(1));
    let mut second = module("one");
    second.content = "Other.".to_owned();
    assert_eq!(store.insert_module(&second, NOW).await.unwrap().value, None);
    assert_eq!(store.module(&slug("one")).await.unwrap().value, Some(first));
}

pub(crate) async fn only_the_version_seen_is_replaced(world: World) {
    let store = world.store().await;
    let mut next = module("one");
    next.version = 2;
    next.summary.tags = vec!["new".to_owned()];
    next.summary.updated_at_ms = NOW + 1;
    next.created_at_ms = NOW + 1;
    assert_eq!(store.replace_module(&next, 1, NOW).await.unwrap().value, Replaced::Missing);
    store.insert_module(&module("one"), NOW).await.unwrap();
    assert_eq!(store.replace_module(&next, 7, NOW).await.unwrap().value, Replaced::Conflict { version: 1 });
    assert_eq!(store.replace_module(&next, 1, NOW).await.unwrap().value, Replaced::Done);
    assert_eq!(store.replace_module(&next, 1, NOW).await.unwrap().value, Replaced::Conflict { version: 2 });
    next.created_at_ms = NOW;
    assert_eq!(store.module(&slug("one")).await.unwrap().value, Some(next));
    let by_tag = ModuleFilter { tag: Some("new".to_owned()), ..ModuleFilter::default() };
    assert_eq!(store.list_modules(&by_tag, None, 10).await.unwrap().value.len(), 1);
}

pub(crate) async fn a_deleted_module_is_gone_everywhere(world: World) {
    let store = world.store().await;
    let mut gone = module("one");
    gone.summary.tags = vec!["all".to_owned()];
    store.insert_module(&gone, NOW).await.unwrap();
    assert_eq!(store.delete_module(&slug("one"), 1, NOW).await.unwrap().value, Replaced::Done);
    assert_eq!(store.delete_module(&slug("one"), 1, NOW).await.unwrap().value, Replaced::Missing);
    let by_tag = ModuleFilter { tag: Some("all".to_owned()), ..ModuleFilter::default() };
    assert_eq!(store.module(&slug("one")).await.unwrap().value, None);
    assert!(store.list_modules(&by_tag, None, 10).await.unwrap().value.is_empty());
    assert!(store.search_modules("one", 10).await.unwrap().value.is_empty());
    assert!(store.published_among(&BTreeSet::from([slug("one")])).await.unwrap().is_empty());
    assert_eq!(store.insert_module(&gone, NOW).await.unwrap().value, Some(2));
    assert_eq!(store.list_modules(&by_tag, None, 10).await.unwrap().value.len(), 1);
}

pub(crate) async fn a_slug_never_has_a_version_twice(world: World) {
    let store = world.store().await;
    let one = slug("one");
    // Text that would mean something to a database stays text.
    let mut module = module("one");
    module.content = "$version $$ROOT".to_owned();
    assert_eq!(store.insert_module(&module, NOW).await.unwrap().value, Some(1));
    let second = Module { version: 2, ..module.clone() };
    assert_eq!(store.replace_module(&second, 1, NOW).await.unwrap().value, Replaced::Done);
    assert_eq!(store.delete_module(&one, 1, NOW).await.unwrap().value, Replaced::Conflict { version: 2 });
    assert_eq!(store.delete_module(&one, 2, NOW).await.unwrap().value, Replaced::Done);
    for version in [1, 2] {
        assert_eq!(store.replace_module(&second, version, NOW).await.unwrap().value, Replaced::Missing);
        assert_eq!(store.delete_module(&one, version, NOW).await.unwrap().value, Replaced::Missing);
    }
    assert_eq!(store.insert_module(&module, NOW).await.unwrap().value, Some(3));
    assert_eq!(store.module(&one).await.unwrap().value, Some(Module { version: 3, ..module.clone() }));
    assert_eq!(store.replace_module(&second, 2, NOW).await.unwrap().value, Replaced::Conflict { version: 3 });

    // Nor does an import begin again, be it of a draft or of what was there before.
    assert_eq!(store.delete_module(&one, 3, NOW).await.unwrap().value, Replaced::Done);
    module.status = Publication::Draft;
    for (version, status) in [(4, Publication::Draft), (4, Publication::Draft), (5, Publication::Published)] {
        module.status = status;
        store.import_modules(std::slice::from_ref(&module), NOW).await.unwrap();
        assert_eq!(store.module(&one).await.unwrap().value, Some(Module { version, ..module.clone() }));
    }
}

pub(crate) async fn a_slug_never_has_a_version_twice_however_many_write(world: World) {
    let stores = [world.store().await, world.store().await];
    let writers = (0..6_usize).map(|n| {
        let store = stores[n % 2].clone();
        tokio::spawn(async move {
            let mut written = Vec::new();
            for round in 0..12 {
                let mut module = module("one");
                module.content = format!("by {n} in round {round}");
                written.extend(store.insert_module(&module, NOW).await.unwrap().value);
                if n < 2 && store.import_modules(std::slice::from_ref(&module), NOW).await.unwrap().value == 1 {
                    // Which version an import wrote nobody says; that it took one shows in the sum.
                    written.push(0);
                }
                let Some(present) = store.module(&slug("one")).await.unwrap().value else { continue };
                let next = Module { version: present.version + 1, ..module };
                if store.replace_module(&next, present.version, NOW).await.unwrap().value == Replaced::Done {
                    written.push(next.version);
                }
                if round % 3 == 2 {
                    let _ = store.delete_module(&slug("one"), next.version, NOW).await.unwrap().value;
                }
            }
            written
        })
    });
    let mut written = Vec::new();
    for writer in writers.collect::<Vec<_>>() {
        written.extend(writer.await.unwrap());
    }
    let count = written.len() as u64;
    let named: Vec<_> = written.into_iter().filter(|version| *version > 0).collect();
    let last = match stores[0].module(&slug("one")).await.unwrap().value {
        Some(module) => module.version,
        None => stores[0].insert_module(&module("one"), NOW).await.unwrap().value.unwrap() - 1,
    };
    assert_eq!(named.iter().collect::<BTreeSet<_>>().len(), named.len(), "{named:?}");
    assert_eq!(last, count, "each write took one version, and none was written over unseen");
}

pub(crate) async fn an_import_touches_only_what_differs(world: World) {
    let store = world.store().await;
    let (same, mut other) = (module("same"), module("other"));
    assert_eq!(store.import_modules(&[same.clone(), other.clone()], NOW).await.unwrap().value, 2);
    let later = |mut module: Module| {
        module.summary.updated_at_ms = NOW + 5;
        module.created_at_ms = NOW + 5;
        module
    };
    other.content = "Changed.".to_owned();
    assert_eq!(store.import_modules(&[later(same.clone()), later(other.clone())], NOW).await.unwrap().value, 1);
    other.version = 2;
    other.summary.updated_at_ms = NOW + 5;
    assert_eq!(store.module(&slug("same")).await.unwrap().value, Some(same));
    assert_eq!(store.module(&slug("other")).await.unwrap().value, Some(other));
}
