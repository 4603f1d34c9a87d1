//! The service, as one function of a request: what is stored is served at once; everything else goes through the routes.
//! Not how a request gets here ([`crate::server`]).

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRef, Request};
use axum::response::IntoResponse as _;
use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{Response, StatusCode};
use http_body_util::{Either, Full};
use kairos_protocol::policy::Policy;
use tokio::time::Instant;
use tower::Service as _;

use crate::auth::tokens::Tokens;
use crate::error::AppError;
use crate::extract::stored_lookup;
use crate::response_cache::{Lookup, Quick, ResponseCache, ResponseScope, write_policy};
use crate::routes;
use crate::state::{AppState, Observed};
use crate::telemetry::requests::write_common;

/// The service. Cheap to clone.
#[derive(Clone)]
pub struct Service {
    router: Router,
    parts: Arc<Parts>,
}

struct Parts {
    responses: ResponseCache,
    tokens: Arc<Tokens>,
    observed: Observed,
}

impl Service {
    /// The routes over `state`, and the stored responses before them.
    #[must_use]
    pub fn new(state: AppState) -> Self {
        let parts = Parts {
            responses: FromRef::from_ref(&state),
            tokens: FromRef::from_ref(&state),
            observed: FromRef::from_ref(&state),
        };
        Self { router: routes::router(state), parts: Arc::new(parts) }
    }

    /// The response to `request`. There always is one: what fails is a problem (RFC 9457).
    ///
    /// # Errors
    /// None.
    pub async fn respond(mut self, mut request: Request) -> Result<Response<Either<Full<Bytes>, Body>>, Infallible> {
        let began = Instant::now();
        if let Some(lookup) = stored_lookup(&request, &self.parts.tokens) {
            match self.parts.responses.get_stored(&lookup).await {
                Quick::Hit(response) => return Ok(self.parts.finish(&lookup, response, began).map(Either::Left)),
                Quick::NothingShared(known) => drop(request.extensions_mut().insert(known)),
                Quick::Refused(why) => return Ok(self.parts.refuse(&lookup, why, began).map(Either::Right)),
                Quick::Miss => {}
            }
        }
        // A router is always ready.
        let mut response = self.router.call(request).await?;
        if response.status() == StatusCode::NOT_MODIFIED {
            // It would be that of the 200 (RFC 9110 §8.6); to `HEAD` the router gives that of no body, 0.
            response.headers_mut().remove(CONTENT_LENGTH);
        }
        Ok(response.map(Either::Right))
    }
}

impl Parts {
    /// A stored `response`, with what every response has.
    fn finish(&self, lookup: &Lookup, mut response: Response<Full<Bytes>>, began: Instant) -> Response<Full<Bytes>> {
        write_common(response.headers_mut(), &self.observed.ids.next());
        self.observed.metrics.record_unrouted(lookup.policy, response.status(), began.elapsed());
        tracing::debug!(target = lookup.key, status = response.status().as_u16(), "answered from what is stored");
        response
    }
    /// Why there is no response, as one.
    fn refuse(&self, lookup: &Lookup, why: AppError, began: Instant) -> Response<Body> {
        let mut response = why.into_response();
        write_policy(response.headers_mut(), Policy::NoStore, ResponseScope::Policy);
        write_common(response.headers_mut(), &self.observed.ids.next());
        self.observed.metrics.record_unrouted(lookup.policy, response.status(), began.elapsed());
        response
    }
}
