//! No text makes a parser panic, and what was written is read back the same.

#![expect(clippy::expect_used, reason = "what a test sets up is there, or the test fails")]

use kairos_protocol::api::account::Role;
use kairos_protocol::api::catalog::{Difficulty, ModuleDraft, Publication};
use kairos_protocol::api::ids::{OperationId, Slug, UserId};
use kairos_protocol::api::operation::Operation;
use kairos_protocol::api::progress::ProgressStatus;
use kairos_protocol::http::cache_control::CacheControl;
use kairos_protocol::http::cache_status;
use kairos_protocol::http::encoding::{Encoding, negotiate};
use kairos_protocol::http::validator::none_match_names;
use kairos_protocol::policy::Policy;
use kairos_protocol::sync::generation::{Generation, Generations, Namespace};
use proptest::prelude::*;

/// Any text, and text made of what headers are made of.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "[a-z\"\\\\,;=* .0-9é-]{0,60}", "(max-age|no-store|gzip|catalog|\"|,|=|;|q|0|1){0,20}"]
}

fn any_generations() -> impl Strategy<Value = Generations> {
    let namespace = prop_oneof![
        Just(Namespace::Catalog),
        "[a-c-]{1,2}".prop_map(|id| Namespace::User(UserId::new(id).expect("an id")))
    ];
    let generation = prop_oneof![0..4_u64, any::<u64>()].prop_map(Generation::new);
    proptest::collection::vec((namespace, generation), 0..6).prop_map(Generations::from_iter)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_text_makes_a_parser_panic(text in any_text(), other in any_text()) {
        let _ = (CacheControl::parse(&text), Generations::parse(&text), Namespace::parse(&text));
        let _ = (negotiate(Some(&text), Encoding::PREFERRED), Encoding::parse(&text), Policy::of_path(&text));
        let _ = (none_match_names(&text, &other), cache_status::is_hit(&text, &other));
        let _ = (Slug::new(&text), UserId::new(&text), OperationId::new(&text));
        let _ = (Role::parse(&text), Difficulty::parse(&text), Publication::parse(&text), ProgressStatus::parse(&text));
        let _ = serde_json::from_str::<Operation>(&text);
        let _ = serde_json::from_str::<ModuleDraft>(&text);
    }

    #[test]
    fn generations_are_read_back_as_written(written in any_generations()) {
        prop_assert_eq!(Generations::parse(&written.to_string()), written);
    }

    #[test]
    fn raising_gives_the_least_that_satisfies_both(one in any_generations(), other in any_generations()) {
        let raised = |mut low: Generations, high: &Generations| { low.raise(high); low };
        let both = raised(one.clone(), &other);
        prop_assert_eq!(&both, &raised(other.clone(), &one), "the order does not matter");
        prop_assert_eq!(&both, &raised(both.clone(), &other), "nor does a repetition");
        prop_assert!(both.satisfies(&one) && both.satisfies(&other));
        for (namespace, generation) in both.iter() {
            prop_assert!(one.get(namespace) == Some(generation) || other.get(namespace) == Some(generation));
        }
        prop_assert_eq!(one.satisfies(&other), one.iter().all(|(n, g)| other.get(n).is_none_or(|least| g >= least)));
    }

    #[test]
    fn a_next_generation_always_grows(number in 0..Generation::MAX.get(), now in any::<i64>()) {
        let previous = Generation::new(number);
        prop_assert!(previous.next(now) > previous);
    }

    #[test]
    fn ids_keep_their_text(text in "[a-z0-9-]{1,64}") {
        prop_assume!(text != "search");
        prop_assert_eq!(Slug::new(&text).map(String::from), Ok(text.clone()));
        prop_assert_eq!(UserId::new(&text).map(String::from), Ok(text.clone()));
        let namespace = Namespace::User(UserId::new(&text).expect("an id"));
        prop_assert_eq!(Namespace::parse(&namespace.to_string()), Some(namespace));
    }
}
