//! Every form that each shape takes, asked with sampled values: by the functions that the service itself asks with. Not what the plans
//! are assessed by (`explain`).

use kairos_protocol::sync::generation::Namespace;
use mongodb::bson::Document;

use super::account_queries::{
    by_email_query, end_query, end_sessions_query, password_query, profile_query, put_query, rotate_query,
};
use super::generations::{confirm_query, raise_query, read_query};
use super::health::probe_query;
use super::keys::{key_query, put_query as put_keys_query};
use super::module_queries::{find_query, list_query, published_query, search_query, version_query, write_query};
use super::progress_queries;
use super::query::{Pipeline, Query};
use super::samples::{AccountSample, LearnerSample, ModuleSample, Samples};
use super::shapes::{SCHEMA_VERSION, Shape};
use super::version;
use crate::store::catalog::ModuleFilter;

/// The usual page, and the one more that tells whether there is another.
const PAGE: u32 = kairos_protocol::api::page::DEFAULT_LIMIT + 1;

/// One form of a shape.
pub(super) struct Form {
    pub(super) shape: &'static Shape,
    /// Empty where there is only one.
    pub(super) name: String,
    pub(super) command: Document,
    /// Whether it asks about several at once, which may be on as many shards.
    pub(super) is_of_many: bool,
}

impl Form {
    fn new(name: impl Into<String>, query: &Query) -> Self {
        Self { shape: query.shape, name: name.into(), command: query.command(), is_of_many: false }
    }
}

/// All forms of all shapes.
pub(super) fn all_forms(samples: &Samples) -> Vec<Form> {
    let mut forms = of_modules(&samples.module);
    forms.extend(of_accounts(&samples.account));
    forms.extend(of_learners(&samples.learner));
    let namespaces = [Namespace::User(samples.learner.user.clone()), Namespace::Catalog];
    for (name, some) in [("", &namespaces[..1]), ("several at once", &namespaces[..])] {
        for query in [read_query(some), raise_query(some)] {
            forms.push(Form { is_of_many: some.len() > 1, ..Form::new(name, &query) });
        }
    }
    let (confirm, version) = (confirm_query(&Namespace::Catalog), Query::by_id(&SCHEMA_VERSION, version::ID));
    let rest = [confirm, key_query(), put_keys_query(), probe_query(), version];
    forms.extend(rest.iter().map(|query| Form::new("", query)));
    forms
}

fn of_modules(module: &ModuleSample) -> Vec<Form> {
    let mut forms = Vec::new();
    let slug = &module.position.slug;
    for choice in 0..8 {
        let (by_subject, by_difficulty, by_tag) = (choice & 1 != 0, choice & 2 != 0, choice & 4 != 0);
        let filter = ModuleFilter {
            subject: by_subject.then(|| module.position.subject.clone()),
            difficulty: by_difficulty.then_some(module.difficulty),
            tag: by_tag.then(|| module.tag.clone()),
        };
        let names = [(by_subject, "subject"), (by_difficulty, "difficulty"), (by_tag, "tag")];
        let names = names.into_iter().filter(|(is_used, _)| *is_used).map(|(_, name)| name);
        for after in [None, Some(&module.position)] {
            let name: Vec<&str> = names.clone().chain(after.map(|_| "next page")).collect();
            forms.push(Form::new(name.join(", "), &list_query(&filter, after, PAGE)));
        }
    }
    forms.extend(search_query(&module.title, PAGE - 1).map(|query| Form::new("", &query)));
    let rest = [find_query(slug), published_query([slug.as_str()]), version_query(slug), write_query(slug)];
    forms.extend(rest.iter().map(|query| Form::new("", query)));
    forms
}

fn of_accounts(account: &AccountSample) -> Vec<Form> {
    let queries = [
        by_email_query(&account.email),
        put_query(&account.email),
        profile_query(&account.user),
        password_query(&account.user, &account.hashed_password),
        rotate_query(&account.family, 0),
        end_query(&account.family),
        end_sessions_query(&account.session_user),
    ];
    queries.iter().map(|query| Form::new("", query)).collect()
}

fn of_learners(learner: &LearnerSample) -> Vec<Form> {
    let LearnerSample { user, module, history, operations } = learner;
    let statistics: Pipeline = progress_queries::statistics_query(user);
    let (shape, command) = (statistics.shape, statistics.command());
    let statistics = Form { shape, name: String::new(), command, is_of_many: false };
    let record = super::documents::progress_id(user, module);
    let queries = [
        ("", progress_queries::list_query(user, None, PAGE)),
        ("next page", progress_queries::list_query(user, Some(module), PAGE)),
        ("", progress_queries::history_query(user, None, PAGE)),
        ("next page", progress_queries::history_query(user, Some(history), PAGE)),
        ("", progress_queries::load_query([(user, module)])),
        ("", progress_queries::write_query(user, &record)),
        ("", progress_queries::known_query(operations.clone())),
    ];
    queries.iter().map(|(name, query)| Form::new(*name, query)).chain([statistics]).collect()
}
