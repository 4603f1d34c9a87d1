//! One suite for both stores: what the rest of the origin relies on. How a store does it is its own affair, but for the queries
//! that MongoDB is sent, which are explained ([`queries`]).

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a failed check fails the test")]

mod store {
    pub(crate) mod accounts;
    pub(crate) mod catalog;
    pub(crate) mod generations;
    pub(crate) mod progress;
    pub(crate) mod queries;
    pub(crate) mod samples;
}

/// Makes of each check a test on the embedded store and one on MongoDB.
macro_rules! on_every_store {
    ($($area:ident: $($check:ident)*;)*) => {
        mod sqlite {
            $($(#[tokio::test(flavor = "multi_thread")]
            async fn $check() {
                crate::run(kairos_tests::world::StoreKind::Sqlite, crate::store::$area::$check).await;
            })*)*
        }
        mod mongo {
            $($(#[tokio::test(flavor = "multi_thread")]
            async fn $check() {
                crate::run(kairos_tests::world::StoreKind::Mongo, crate::store::$area::$check).await;
            })*)*
        }
    };
}

on_every_store! {
    catalog: lists_are_in_order_and_pages_fit_together filters_combine drafts_are_in_no_list_and_no_search
        search_puts_titles_first search_text_is_never_syntax a_taken_slug_is_refused
        only_the_version_seen_is_replaced a_deleted_module_is_gone_everywhere a_slug_never_has_a_version_twice
        a_slug_never_has_a_version_twice_however_many_write an_import_touches_only_what_differs;
    accounts: emails_are_unique an_account_is_put_over_the_one_with_its_email
        a_new_password_ends_the_sessions no_session_begins_under_an_old_password
        a_password_change_and_a_sign_in_at_once_leave_no_session imports_leave_accounts_alone
        a_token_is_traded_again_until_its_successor_is_used a_token_that_never_was_the_sessions_ends_it
        one_token_shown_by_many_at_once_is_traded_once a_session_ended_while_it_is_continued_stays_ended
        an_ended_session_is_over expired_tokens_do_not_work all_instances_get_the_same_signing_keys;
    progress: an_operation_is_applied_once twins_at_the_same_moment_apply_once an_id_is_not_used_twice what_was_sent_before_is_known
        statistics_are_the_reducers records_and_history_page_without_gaps an_import_is_the_same_as_sending
        learners_do_not_see_each_other a_store_opened_again_has_everything;
    generations: a_number_changes_with_the_data_and_only_with_it
        a_number_is_larger_after_a_restart_whatever_the_clock_says what_is_read_comes_with_the_number_of_its_state
        a_module_has_a_number_of_its_own numbers_that_are_asked_for_together_are_of_one_state;
}

async fn run<F: Future<Output = ()>>(
    kind: kairos_tests::world::StoreKind,
    check: impl FnOnce(kairos_tests::world::World) -> F,
) {
    if let Some(world) = kairos_tests::world::World::new(kind, false) {
        check(world).await;
    }
}
