//! The headers that a response's policy gives it: who may store it, and for how long. Which response has which policy is tested on
//! the routes.

#![expect(clippy::unwrap_used, reason = "a failed check fails the test")]

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::from_fn;
use axum::response::Response;
use axum::routing::get;
use kairos_origin::response_cache::{ResponseScope, write_cache_headers};
use kairos_protocol::policy::{Policy, Sharing};
use tower::ServiceExt as _;

fn header(response: &Response, name: &str) -> String {
    response.headers().get(name).map(|v| v.to_str().unwrap().to_owned()).unwrap_or_default()
}

#[tokio::test]
async fn the_policy_of_a_response_decides_who_may_store_it() {
    let cases = [
        (Some(Policy::CatalogList), None, "public, no-cache", "max-age=60, stale-if-error=86400", "catalog-list"),
        (Some(Policy::CatalogList), Some(ResponseScope::Degraded), "no-store", "", "catalog-list"),
        (Some(Policy::CatalogList), Some(ResponseScope::Caller), "no-store", "", "catalog-list"),
        (Some(Policy::Statistics), Some(ResponseScope::Policy), "private, no-cache", "", "statistics"),
        (Some(Policy::NoStore), None, "no-store", "", "no-store"),
        (None, None, "no-store", "", "no-store"),
    ];
    for (policy, scope, general, targeted, name) in cases {
        let handler = move || async move {
            let mut response = Response::new(Body::empty());
            response.headers_mut().insert("cdn-cache-control", "max-age=1".parse().unwrap());
            scope.map(|scope| response.extensions_mut().insert(scope));
            policy.map(|policy| response.extensions_mut().insert(policy));
            response
        };
        let router = Router::new().route("/", get(handler)).layer(from_fn(write_cache_headers));
        let response = router.oneshot(Request::new(Body::empty())).await.unwrap();
        let headers = ["cache-control", "cdn-cache-control", "kairos-policy"].map(|name| header(&response, name));
        assert_eq!(headers, [general, targeted, name], "{policy:?}, {scope:?}");
        let vary: Vec<_> = response.headers().get_all("vary").iter().collect();
        let by_subject = policy.is_some_and(|policy| policy.sharing() == Sharing::Subject);
        assert_eq!(vary, if by_subject { vec!["accept-encoding", "authorization"] } else { vec!["accept-encoding"] });
    }
}
