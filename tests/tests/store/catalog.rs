//! The catalogue: order, filters, search, versions.

use std::collections::BTreeSet;

use kairos_origin::store::Store;
use kairos_origin::store::records::{ModuleFilter, ModulePosition, Replaced};
use kairos_protocol::catalog::{Difficulty, Module, Publication};
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
        let page = store.list_modules(filter, after.as_ref(), limit).await.unwrap();
        seen.extend(page.iter().map(|m| m.slug.to_string()));
        assert!(seen.len() <= 60, "the list does not end");
        match page.last() {
            Some(last) if page.len() == limit as usize => after = Some(ModulePosition::from(last)),
            _ => return seen,
        }
    }
}

fn expected(modules: &[Module], keep: impl Fn(&Module) -> bool) -> Vec<String> {
    let mut kept: Vec<_> = modules.iter().filter(|m| keep(m)).map(|m| &m.summary).collect();
    kept.sort_by(|a, b| (&a.subject, a.position, &a.slug).cmp(&(&b.subject, b.position, &b.slug)));
    kept.iter().map(|m| m.slug.to_string()).collect()
}

pub(crate) async fn lists_are_in_order_and_pages_fit_together(world: World) {
    let store = world.store().await;
    let modules = sixty();
    assert_eq!(store.import_modules(&modules).await.unwrap(), 60);
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
    store.import_modules(&modules).await.unwrap();
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
    assert_eq!(store.list_modules(&rust, Some(&place("Caching")), 100).await.unwrap().len(), 20);
    assert!(store.list_modules(&rust, Some(&place("rust")), 100).await.unwrap().is_empty());
}

pub(crate) async fn drafts_are_in_no_list_and_no_search(world: World) {
    let store = world.store().await;
    let mut hidden = module("hidden");
    hidden.status = Publication::Draft;
    hidden.summary.tags = vec!["secret".to_owned()];
    assert!(store.insert_module(&hidden).await.unwrap());
    let by_tag = ModuleFilter { tag: Some("secret".to_owned()), ..ModuleFilter::default() };
    assert!(store.list_modules(&ModuleFilter::default(), None, 10).await.unwrap().is_empty());
    assert!(store.list_modules(&by_tag, None, 10).await.unwrap().is_empty());
    assert!(store.search_modules("hidden secret", 10).await.unwrap().is_empty());
    assert!(store.published_among(&BTreeSet::from([slug("hidden")])).await.unwrap().is_empty());
    assert_eq!(store.module(&slug("hidden")).await.unwrap(), Some(hidden));
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
    store.import_modules(&[in_content, unrelated, in_summary, in_title]).await.unwrap();
    // Stemmed: "borrowed" is "borrowing".
    for words in ["borrowing", "Borrowed", "borrow zebra"] {
        let found = store.search_modules(words, 10).await.unwrap();
        let found: Vec<_> = found.iter().map(|m| m.slug.as_str()).collect();
        assert_eq!(found.first(), Some(&"one"), "{words}: {found:?}");
        assert_eq!(BTreeSet::from_iter(found), BTreeSet::from(["one", "two", "three"]), "{words}");
    }
    assert_eq!(store.search_modules("borrowing", 2).await.unwrap().len(), 2);
}

pub(crate) async fn search_text_is_never_syntax(world: World) {
    let store = world.store().await;
    let mut zebra = module("one");
    zebra.summary.title = "Zebra crossing".to_owned();
    store.insert_module(&zebra).await.unwrap();
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
        assert_eq!(store.search_modules(words, 10).await.unwrap().len(), 1, "{words}");
    }
    assert!(store.search_modules("… --", 10).await.unwrap().is_empty());
}

pub(crate) async fn a_taken_slug_is_refused(world: World) {
    let store = world.store().await;
    let first = module("one");
    assert!(store.insert_module(&first).await.unwrap());
    let mut second = module("one");
    second.content = "Other.".to_owned();
    assert!(!store.insert_module(&second).await.unwrap());
    assert_eq!(store.module(&slug("one")).await.unwrap(), Some(first));
}

pub(crate) async fn only_the_version_seen_is_replaced(world: World) {
    let store = world.store().await;
    let mut next = module("one");
    next.version = 2;
    next.summary.tags = vec!["new".to_owned()];
    next.summary.updated_at_ms = NOW + 1;
    next.created_at_ms = NOW + 1;
    assert_eq!(store.replace_module(&next, 1).await.unwrap(), Replaced::Missing);
    store.insert_module(&module("one")).await.unwrap();
    assert_eq!(store.replace_module(&next, 7).await.unwrap(), Replaced::Conflict { version: 1 });
    assert_eq!(store.replace_module(&next, 1).await.unwrap(), Replaced::Done);
    assert_eq!(store.replace_module(&next, 1).await.unwrap(), Replaced::Conflict { version: 2 });
    next.created_at_ms = NOW;
    assert_eq!(store.module(&slug("one")).await.unwrap(), Some(next));
    let by_tag = ModuleFilter { tag: Some("new".to_owned()), ..ModuleFilter::default() };
    assert_eq!(store.list_modules(&by_tag, None, 10).await.unwrap().len(), 1);
}

pub(crate) async fn a_deleted_module_is_gone_everywhere(world: World) {
    let store = world.store().await;
    let mut gone = module("one");
    gone.summary.tags = vec!["all".to_owned()];
    store.insert_module(&gone).await.unwrap();
    assert!(store.delete_module(&slug("one")).await.unwrap());
    assert!(!store.delete_module(&slug("one")).await.unwrap());
    let by_tag = ModuleFilter { tag: Some("all".to_owned()), ..ModuleFilter::default() };
    assert_eq!(store.module(&slug("one")).await.unwrap(), None);
    assert!(store.list_modules(&by_tag, None, 10).await.unwrap().is_empty());
    assert!(store.search_modules("one", 10).await.unwrap().is_empty());
    assert!(store.insert_module(&gone).await.unwrap());
}

pub(crate) async fn an_import_touches_only_what_differs(world: World) {
    let store = world.store().await;
    let (same, mut other) = (module("same"), module("other"));
    assert_eq!(store.import_modules(&[same.clone(), other.clone()]).await.unwrap(), 2);
    let later = |mut module: Module| {
        module.summary.updated_at_ms = NOW + 5;
        module.created_at_ms = NOW + 5;
        module
    };
    other.content = "Changed.".to_owned();
    assert_eq!(store.import_modules(&[later(same.clone()), later(other.clone())]).await.unwrap(), 1);
    other.version = 2;
    other.summary.updated_at_ms = NOW + 5;
    assert_eq!(store.module(&slug("same")).await.unwrap(), Some(same));
    assert_eq!(store.module(&slug("other")).await.unwrap(), Some(other));
}
