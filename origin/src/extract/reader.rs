//! Who reads a stream of events: a learner, or somebody who has not signed in.

use std::sync::Arc;

use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::Operation;
use aide::operation::ParamLocation;
use axum::extract::{FromRef, FromRequestParts};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use schemars::JsonSchema;

use super::address::ClientAddress;
use super::described::{describe_parameters, require_bearer};
use super::session::bearer;
use crate::auth::tokens::{ACCESS_TOKEN_SECS, Tokens};
use crate::environment::Environment;
use crate::error::{AppError, Result};
use crate::events::Subscriber;
use crate::limits::RateLimits;

/// A token is not needed; one that is no good is refused all the same, so that nobody takes the catalogue for all there is.
pub struct Reader(pub Subscriber);

impl<S: Send + Sync> FromRequestParts<S> for Reader
where
    Arc<Tokens>: FromRef<S>,
    Arc<RateLimits>: FromRef<S>,
    Environment: FromRef<S>,
{
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let ClientAddress(address) = ClientAddress::from_request_parts(parts, state).await?;
        if !parts.headers.contains_key(AUTHORIZATION) {
            let ends_in_ms = i64::from(ACCESS_TOKEN_SECS) * 1_000;
            return Ok(Self(Subscriber { user: None, address, ends_in_ms }));
        }
        let token = Arc::<Tokens>::from_ref(state).verify(bearer(&parts.headers)?.token()).await?;
        let claims = &token.claims;
        let ends_in_ms = claims.exp.saturating_mul(1_000) - Environment::from_ref(state).now();
        Ok(Self(Subscriber { user: Some(claims.sub.clone()), address, ends_in_ms }))
    }
}

/// What a reader may send besides, for the API's description.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is wanted")]
struct ReaderHeaders {
    /// The `id` of the last event that the reader has seen.
    #[schemars(rename = "Last-Event-ID")]
    last_event_id: Option<String>,
}

impl OperationInput for Reader {
    fn operation_input(context: &mut GenContext, operation: &mut Operation) {
        describe_parameters::<ReaderHeaders>(context, operation, ParamLocation::Header, |_| true);
        require_bearer(operation);
        // Or none.
        operation.security.push(Default::default());
    }
}
