//! Property tests of the overlay: what is shown before sending equals what the origin says after applying.

use kairos_protocol::api::operation::Action;
use proptest::prelude::*;

use super::*;

fn slug(n: u8) -> Slug {
    Slug::new(format!("m{n}")).unwrap()
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        Just(Action::Open {}),
        (1u32..1_000).prop_map(|seconds| Action::Study { seconds }),
        proptest::option::of(0u8..=100).prop_map(|score| Action::Submit { score }),
        Just(Action::Complete {}),
    ]
}

/// Operations with ids of their own, on nine modules.
fn operations(prefix: &'static str) -> impl Strategy<Value = Vec<Operation>> {
    let one = (0u8..9, 0i64..50, action());
    proptest::collection::vec(one, 0..30).prop_map(move |rows| {
        let operation = |(index, (module, at_ms, action)): (usize, (u8, i64, Action))| {
            let id = OperationId::new(format!("{prefix}{index}")).unwrap();
            Operation { id, module: slug(module), at_ms, action }
        };
        rows.into_iter().enumerate().map(operation).collect()
    })
}

/// The origin's pages of `records`: keyset by slug, `limit` to a page.
fn pages(records: &[ProgressRecord], limit: usize) -> Vec<Page<ProgressRecord>> {
    let chunks: Vec<_> = records.chunks(limit).collect();
    let cursor = |index: usize| (index + 1 < chunks.len()).then(|| index.to_string());
    let page = |(index, chunk): (usize, &&[ProgressRecord])| Page { items: chunk.to_vec(), next_cursor: cursor(index) };
    let pages: Vec<_> = chunks.iter().enumerate().map(page).collect();
    if pages.is_empty() { vec![Page { items: Vec::new(), next_cursor: None }] } else { pages }
}

fn newest_first(operations: &[Operation]) -> Vec<HistoryEntry> {
    let mut entries: Vec<_> = operations.iter().map(entry).collect();
    entries.sort_by_key(|entry| std::cmp::Reverse(place(entry)));
    entries
}

proptest! {
    #[test]
    fn records_equal_what_the_origin_will_say(applied in operations("a"), pending in operations("p")) {
        let everything = records(Vec::new(), &[applied.clone(), pending.clone()].concat());
        let base = records(Vec::new(), &applied);
        prop_assert_eq!(records(base, &pending), everything);
    }

    #[test]
    fn pages_together_hold_every_record_once(
        applied in operations("a"), pending in operations("p"), limit in 1usize..5,
    ) {
        let base = records(Vec::new(), &applied);
        let everything = records(base.clone(), &pending);
        let shown: Vec<_> = pages(&base, limit)
            .into_iter()
            .enumerate()
            .flat_map(|(index, page)| progress_page(page, index == 0, &base, &pending).items)
            .collect();
        prop_assert_eq!(shown, everything);
    }

    #[test]
    fn statistics_shift_to_what_the_origin_will_say(
        applied in operations("a"), confirmed in operations("c"), pending in operations("p"),
    ) {
        let replica = records(Vec::new(), &applied);
        let at_response = records(replica, &confirmed);
        let said = reducer::statistics(&at_response);
        let all = records(at_response.clone(), &pending);
        let shifted = shift(&said, &reducer::statistics(&at_response), &reducer::statistics(&all));
        prop_assert_eq!(shifted, reducer::statistics(&all));
    }

    #[test]
    fn the_first_page_of_the_history_equals_what_the_origin_will_say(
        applied in operations("a"), pending in operations("p"),
    ) {
        let page = Page { items: newest_first(&applied), next_cursor: None };
        let expected = newest_first(&[applied, pending.clone()].concat());
        prop_assert_eq!(&history_page(page, true, &pending).items, &expected);
        let twice = Page { items: expected.clone(), next_cursor: None };
        prop_assert_eq!(history_page(twice, true, &pending).items, expected, "an entry that is there already stays single");
    }
}

#[test]
fn an_entry_older_than_the_page_waits_for_its_own_page() {
    let at = |n: i64| {
        let id = OperationId::new(format!("o{n}")).unwrap();
        Operation { id, module: slug(1), at_ms: n, action: Action::Open {} }
    };
    let page = Page { items: newest_first(&[at(5), at(6)]), next_cursor: Some("next".to_owned()) };
    let shown = history_page(page, true, &[at(4), at(7)]);
    assert_eq!(shown.items.iter().map(|e| e.at_ms).collect::<Vec<_>>(), [7, 6, 5]);
}
