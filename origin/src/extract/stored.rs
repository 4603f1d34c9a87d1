//! The look-up that a read makes in memory before it is routed. Not for what needs a route: a query that is not valid, a token that was
//! not verified before; those go there.

use axum::extract::Request;
use axum::http::Method;
use kairos_protocol::api::paths;
use kairos_protocol::policy::{Policy, Sharing};

use super::session::bearer;
use crate::auth::tokens::Tokens;
use crate::response_cache::{CacheRequest, Lookup};

/// What `request` asks the caches for; `None` when it is nothing that they store, or must be looked at more closely first.
pub fn stored_lookup(request: &Request, tokens: &Tokens) -> Option<Lookup> {
    if request.method() != Method::GET {
        return None;
    }
    let uri = request.uri();
    let policy = Policy::of_path(uri.path());
    let subject = match policy.sharing() {
        Sharing::Nobody => return None,
        Sharing::Everyone => None,
        Sharing::Subject => Some(tokens.verified(bearer(request.headers()).ok()?.token())?.claims.sub.clone()),
    };
    let key = match uri.query() {
        None => uri.path().to_owned(),
        Some(query) => paths::canonical_target(uri.path(), query).ok()?.to_string(),
    };
    let request = CacheRequest::from_headers(request.headers());
    Some(Lookup { policy, subject, key, request, nothing_shared: None })
}
