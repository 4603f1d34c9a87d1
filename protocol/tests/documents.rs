//! `docs/PROTOCOL.md` says what the code does: its tables of problem types and cache policies are compared with the code row by
//! row, and every path must be in it.

use kairos_protocol::api::ids::UserId;
use kairos_protocol::api::problem::ProblemType;
use kairos_protocol::api::{headers, paths};
use kairos_protocol::http::freshness::FreshnessLifetime;
use kairos_protocol::policy::{Policy, Sharing};
use kairos_protocol::sync::generation::Namespace;

const DOCUMENT: &str = include_str!("../../docs/PROTOCOL.md");

/// The first `columns` cells of each row of the table under `heading`, without the table's own heading.
fn table(heading: &str, columns: usize) -> Vec<Vec<String>> {
    let section = DOCUMENT.lines().skip_while(|line| *line != heading).skip(1);
    let rows = section.take_while(|line| !line.starts_with("## ")).filter(|line| line.starts_with('|'));
    let cells = |row: &str| row.split('|').skip(1).take(columns).map(|cell| cell.trim().to_owned()).collect();
    rows.skip(2).map(cells).collect()
}

#[test]
fn the_table_of_problems_is_that_of_the_code() {
    let expected: Vec<_> = ProblemType::ALL
        .iter()
        .map(|p| vec![format!("`{}`", p.uri()), p.status().to_string(), p.title().to_owned()])
        .collect();
    assert_eq!(table("## Problems", 3), expected);
}

#[test]
fn the_table_of_policies_is_that_of_the_code() {
    let expected: Vec<_> = Policy::ALL.iter().map(|policy| policy_row(*policy)).collect();
    assert_eq!(table("## Cache policies", 7), expected);
}

fn policy_row(policy: Policy) -> Vec<String> {
    let sharing = match policy.sharing() {
        Sharing::Everyone => "everyone",
        Sharing::Subject => "one account",
        Sharing::Nobody => "nobody",
    };
    let user = UserId::new("id").ok();
    let code = |namespace: &Namespace| format!("`{namespace}`").replace("user.id", "user.<id>");
    let namespaces: Vec<_> = policy.namespaces(user.as_ref()).iter().map(code).collect();
    vec![
        format!("`{}`", policy.name()),
        sharing.to_owned(),
        lifetime(policy.at_origin()),
        lifetime(policy.at_edge()),
        lifetime(policy.in_browser()),
        if namespaces.is_empty() { "–".to_owned() } else { namespaces.join(", ") },
        format!("`{}`", policy.cache_control()),
    ]
}

/// `fresh / stale-while-revalidate / stale-if-error`, in seconds.
fn lifetime(lifetime: FreshnessLifetime) -> String {
    match (lifetime.fresh_secs, lifetime.stale_while_revalidate_secs, lifetime.stale_if_error_secs) {
        (0, 0, 0) => "–".to_owned(),
        (fresh, revalidate, error) => format!("{fresh} / {revalidate} / {error}"),
    }
}

#[test]
fn the_query_parameters_of_each_path_are_those_of_the_code() {
    for row in table("## Routes", 3) {
        let (route, parameters) = (&row[0], &row[2]);
        let Some(path) = route.strip_prefix("`GET ").and_then(|rest| rest.strip_suffix('`')) else { continue };
        let mut described: Vec<_> = parameters.split(['`', ',', ' ']).filter(|name| !name.is_empty()).collect();
        described.sort_unstable();
        assert_eq!(described, paths::query_parameters(path), "{path}");
    }
}

#[test]
fn every_path_and_header_is_described() {
    for path in [
        paths::HEALTH_LIVE,
        paths::HEALTH_READY,
        paths::METRICS,
        paths::OPENAPI,
        paths::JWKS,
        paths::REGISTER,
        paths::LOGIN,
        paths::REFRESH,
        paths::LOGOUT,
        paths::ME,
        paths::MODULES,
        paths::MODULES_SEARCH,
        paths::PROGRESS,
        paths::STATISTICS,
        paths::HISTORY,
        paths::OPERATIONS,
        paths::TUTOR_ANSWERS,
    ] {
        assert!(DOCUMENT.contains(&format!(" {path}`")), "{path} is not described");
    }
    let document = DOCUMENT.to_lowercase();
    for header in [
        headers::KAIROS_GEN,
        headers::KAIROS_MIN_GEN,
        headers::KAIROS_DEGRADED,
        headers::KAIROS_POLICY,
        headers::CACHE_STATUS,
        headers::CDN_CACHE_CONTROL,
    ] {
        assert!(document.contains(&format!("`{header}`")), "{header} is not described");
    }
}
