//! The look-up that a read makes in the caches: its key and what the caller said of stored responses, taken from the request as it came.

use std::sync::Arc;

use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::{Operation, ReferenceOr, Response, StatusCode};
use aide::operation::ParamLocation;
use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use kairos_protocol::api::ids::UserId;
use kairos_protocol::api::problem::ProblemType;
use kairos_protocol::policy::{Policy, Sharing};
use schemars::JsonSchema;

use super::described::describe_parameters;
use super::query::Query;
use super::session::Session;
use crate::auth::tokens::Tokens;
use crate::error::{AppError, Result};
use crate::response_cache::{CacheRequest, Lookup};

/// A `GET` that may be answered from a cache, by the policy of its path. Where that is for one subject only, the request must
/// come from one.
pub struct Read {
    /// Who asks, where the response depends on it.
    pub subject: Option<UserId>,
    /// The query.
    pub query: Query,
    /// For [`crate::response_cache::ResponseCache::get_or_load`].
    pub lookup: Lookup,
}

impl<S: Send + Sync> FromRequestParts<S> for Read
where
    Arc<Tokens>: FromRef<S>,
{
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let policy = Policy::of_path(parts.uri.path());
        let subject = match policy.sharing() {
            Sharing::Subject => Some(Session::from_request_parts(parts, state).await?.user),
            Sharing::Everyone | Sharing::Nobody => None,
        };
        let query = Query::from_request_parts(parts, state).await?;
        let request = CacheRequest::from_headers(&parts.headers);
        let (key, nothing_shared) = (query.target().to_string(), parts.extensions.remove());
        let lookup = Lookup { policy, subject: subject.clone(), key, request, nothing_shared };
        Ok(Self { subject, query, lookup })
    }
}

/// What a read may send besides, for the API's description.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is wanted")]
struct ReadHeaders {
    /// The newest generations that the caller has seen.
    #[schemars(rename = "Kairos-Min-Gen")]
    min_gen: Option<String>,
    /// Entity tags of the responses that the caller has stored.
    #[schemars(rename = "If-None-Match")]
    if_none_match: Option<String>,
}

impl OperationInput for Read {
    fn operation_input(context: &mut GenContext, operation: &mut Operation) {
        describe_parameters::<ReadHeaders>(context, operation, ParamLocation::Header, |_| true);
        let description = "The caller's stored response is the current one.".to_owned();
        let not_modified = ReferenceOr::Item(Response { description, ..Response::default() });
        let responses = operation.responses.get_or_insert_with(Default::default);
        responses.responses.insert(StatusCode::Code(304), not_modified);
    }
}

impl Read {
    /// Who asks.
    ///
    /// # Errors
    /// Nobody does: the path's policy is not for a subject, so this is a defect of the route.
    pub fn user(&self) -> Result<UserId> {
        let defect = || AppError::with_cause(ProblemType::Internal, "a path without a subject");
        self.subject.clone().ok_or_else(defect)
    }
}
