//! Sorting in little code: the standard library's sorts are 3 KB each. Not for long lists: an index of a disk at the most.

/// Sorts so that no item `comes_before` one that stands before it (Shell sort; not stable).
pub(crate) fn sort<T>(items: &mut [T], comes_before: impl Fn(&T, &T) -> bool) {
    let mut gap = items.len() / 2;
    while gap > 0 {
        for end in gap..items.len() {
            let mut place = end;
            while let Some(before) = place.checked_sub(gap) {
                let is_right = match (items.get(place), items.get(before)) {
                    (Some(item), Some(other)) => !comes_before(item, other),
                    _ => true,
                };
                if is_right {
                    break;
                }
                items.swap(place, before);
                place = before;
            }
        }
        gap = if gap == 2 { 1 } else { gap * 5 / 11 };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_sorts(mut items in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut expected = items.clone();
            expected.sort();
            super::sort(&mut items, |one, other| one < other);
            prop_assert_eq!(items, expected);
        }
    }
}
