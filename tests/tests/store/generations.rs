//! Generations: raised with the data and only with it, read with the data, larger after every restart.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use kairos_origin::store::Store;
use kairos_protocol::api::catalog::Module;
use kairos_protocol::api::ids::UserId;
use kairos_protocol::api::operation::Action;
use kairos_protocol::sync::generation::{Generation, Generations, Namespace};
use kairos_tests::world::World;

use super::samples::{NOW, account, module, operation, slug, user};

async fn number(store: &dyn Store, namespace: &Namespace) -> Generation {
    let namespaces = std::slice::from_ref(namespace);
    let (plain, confirmed) = (store.generations(namespaces).await, store.confirmed_generations(namespaces).await);
    assert_eq!(plain.as_ref().unwrap(), confirmed.as_ref().unwrap());
    plain.unwrap().get(namespace).unwrap()
}

pub(crate) async fn a_number_changes_with_the_data_and_only_with_it(world: World) {
    let store = world.store().await;
    let store = store.as_ref();
    let (ada, bob) = (user("ada"), user("bob"));
    let names = [Namespace::Catalog, Namespace::User(ada.clone()), Namespace::User(bob.clone())];
    let numbers =
        async || [number(store, &names[0]).await, number(store, &names[1]).await, number(store, &names[2]).await];
    assert_eq!(numbers().await, [Generation::default(); 3], "nothing was ever written");

    let mut before = numbers().await;
    let mut check = async |what: &str, told: &Generations, raised: Option<usize>| {
        let after = numbers().await;
        for (index, name) in names.iter().enumerate() {
            assert_eq!(after[index] > before[index], raised == Some(index), "{what}: {name}");
            assert!(
                told.get(name).is_none_or(|told| told == after[index]),
                "{what}: {told}, not {}",
                after[index].get()
            );
        }
        before = after;
    };
    let next = Module { version: 2, ..module("a") };
    let study = operation("one", "a", NOW, Action::Study { seconds: 60 });
    let other = operation("one", "a", NOW, Action::Study { seconds: 61 });
    check("a new module", &store.insert_module(&module("a"), NOW).await.unwrap().generations, Some(0)).await;
    check("a taken slug", &store.insert_module(&module("a"), NOW).await.unwrap().generations, None).await;
    check("a replacement", &store.replace_module(&next, 1, NOW).await.unwrap().generations, Some(0)).await;
    check("an old version", &store.replace_module(&next, 1, NOW).await.unwrap().generations, None).await;
    check("an import", &store.import_modules(&[module("b")], NOW).await.unwrap().generations, Some(0)).await;
    check("the same import", &store.import_modules(&[module("b")], NOW).await.unwrap().generations, None).await;
    let apply = async |one| store.apply_operations(&ada, &[one], NOW).await.unwrap().generations;
    check("an operation", &apply(study.clone()).await, Some(1)).await;
    check("the same operation", &apply(study).await, None).await;
    check("its id for another", &apply(other).await, None).await;
    check("an account", &store.put_account(&account("bob"), NOW).await.unwrap().generations, Some(2)).await;
    let imported = [(bob, operation("two", "a", NOW, Action::Open {}))];
    check("imported operations", &store.import_operations(&imported, NOW).await.unwrap().generations, Some(2)).await;
    check("the same again", &store.import_operations(&imported, NOW).await.unwrap().generations, None).await;
    let gone = store.delete_module(&slug("a"), 2, NOW).await.unwrap();
    check("a deletion", &gone.generations, Some(0)).await;
}

pub(crate) async fn a_number_is_larger_after_a_restart_whatever_the_clock_says(world: World) {
    let namespace = Namespace::User(user("ada"));
    let apply = async |id: &str, now: i64| {
        let store = world.store().await;
        let one = operation(id, "a", 1, Action::Study { seconds: 1 });
        store.apply_operations(&user("ada"), &[one], now).await.unwrap().generations.get(&namespace).unwrap()
    };
    let ahead = apply("one", NOW + 1_000_000_000).await;
    let behind = apply("two", NOW).await;
    assert!(behind > ahead, "{} after {}", behind.get(), ahead.get());
    assert!(apply("three", i64::MIN).await > behind);
}

/// Reads by one while another writes: whatever number comes with what is read, it is that of the state that this shows.
pub(crate) async fn what_is_read_comes_with_the_number_of_its_state(world: World) {
    const WRITES: u64 = 60;
    let (store, ada) = (world.store().await, user("ada"));
    let writing = {
        let (store, ada) = (world.store().await, ada.clone());
        tokio::spawn(async move {
            let mut written = HashMap::new();
            for n in 1..=WRITES {
                let one = operation(&format!("op-{n}"), "a", 1, Action::Study { seconds: 1 });
                let done = store.apply_operations(&ada, &[one], NOW).await.unwrap();
                written.insert(done.generations.to_string(), n);
            }
            written
        })
    };
    let read = async |store: &Arc<dyn Store>, ada: &UserId| {
        let statistics = store.statistics(ada).await.unwrap();
        let history = store.list_history(ada, None, 1_000).await.unwrap();
        [
            (statistics.generations.to_string(), statistics.value.time_spent_secs),
            (history.generations.to_string(), history.value.len() as u64),
        ]
    };
    let mut shown = Vec::new();
    while shown.last().is_none_or(|(_, count)| *count < WRITES) {
        shown.extend(read(&store, &ada).await);
    }
    let written = writing.await.unwrap();
    for (number, count) in shown.into_iter().filter(|(_, count)| *count > 0) {
        assert_eq!(written.get(&number), Some(&count), "{count} under {number}");
    }
}

pub(crate) async fn a_module_has_a_number_of_its_own(world: World) {
    let store = world.store().await;
    let store = store.as_ref();
    let names = [Namespace::Catalog, Namespace::Module(slug("a")), Namespace::Module(slug("b"))];
    let numbers = async || {
        let found = store.generations(&names).await.unwrap();
        [0, 1, 2].map(|index: usize| found.get(&names[index]).unwrap())
    };
    let mut before = numbers().await;
    let mut check = async |what: &str, told: &Generations, changed: &[&str]| {
        let after = numbers().await;
        let raised = [0, 1, 2].map(|index: usize| after[index] > before[index]);
        let wanted = [!changed.is_empty(), changed.contains(&"a"), changed.contains(&"b")];
        assert_eq!(raised, wanted, "{what}: the catalogue, a, b");
        assert_eq!(
            told.iter().collect::<Vec<_>>(),
            [(&names[0], after[0])],
            "{what}: its caller is told the catalogue's"
        );
        let found = store.module(&slug("a")).await.unwrap().generations;
        assert_eq!(
            [found.get(&names[0]), found.get(&names[1])],
            [Some(after[0]), Some(after[1])],
            "{what}: read with it"
        );
        before = after;
    };
    let next = Module { version: 2, ..module("a") };
    let other = Module { content: "Another text.".to_owned(), ..module("b") };
    check("a new module", &store.insert_module(&module("a"), NOW).await.unwrap().generations, &["a"]).await;
    check("a taken slug", &store.insert_module(&module("a"), NOW).await.unwrap().generations, &[]).await;
    check("a replacement", &store.replace_module(&next, 1, NOW).await.unwrap().generations, &["a"]).await;
    check("an old version", &store.replace_module(&next, 1, NOW).await.unwrap().generations, &[]).await;
    check("an import", &store.import_modules(&[module("b")], NOW).await.unwrap().generations, &["b"]).await;
    let both = [other, Module { version: 2, ..module("a") }];
    check("of two one is new", &store.import_modules(&both, NOW).await.unwrap().generations, &["b"]).await;
    check("the same import", &store.import_modules(&both, NOW).await.unwrap().generations, &[]).await;
    check("a deletion", &store.delete_module(&slug("a"), 2, NOW).await.unwrap().generations, &["a"]).await;
    check("of what is gone", &store.delete_module(&slug("a"), 2, NOW).await.unwrap().generations, &[]).await;
    check("again", &store.insert_module(&module("a"), NOW).await.unwrap().generations, &["a"]).await;
}

/// Numbers are asked for while modules change, each in its turn: two that are given together are of one state.
pub(crate) async fn numbers_that_are_asked_for_together_are_of_one_state(world: World) {
    const EDITIONS: u64 = 40;
    let names = [Namespace::Catalog, Namespace::Module(slug("a")), Namespace::Module(slug("b"))];
    let store = world.store().await;
    for name in ["a", "b"] {
        store.insert_module(&module(name), NOW).await.unwrap();
    }
    let first = store.generations(&names).await.unwrap();
    let writing = {
        let (store, names) = (world.store().await, names.clone());
        tokio::spawn(async move {
            let mut states = HashSet::from([first]);
            for n in 0..2 * EDITIONS {
                let (name, expected) = if n % 2 == 0 { ("a", 1 + n / 2) } else { ("b", 1 + n / 2) };
                let next = Module { version: expected + 1, ..module(name) };
                store.replace_module(&next, expected, NOW).await.unwrap();
                // Nobody else writes.
                states.insert(store.generations(&names).await.unwrap());
            }
            states
        })
    };
    let mut shown = HashSet::new();
    while !writing.is_finished() {
        shown.insert(store.generations(&names).await.unwrap());
    }
    let states = writing.await.unwrap();
    assert_eq!(states.len() as u64, 2 * EDITIONS + 1);
    assert!(shown.is_subset(&states), "never were: {:?}", shown.difference(&states).collect::<Vec<_>>());
}
