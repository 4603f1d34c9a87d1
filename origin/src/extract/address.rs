//! Where a request comes from.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use aide::OperationInput;
use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;

use crate::error::{AppError, Result};
use crate::limits::RateLimits;

/// The other end of the connection that a request came on: an extension of the request, put there by [`crate::server`].
#[derive(Clone, Copy, Debug)]
pub struct PeerAddress(pub SocketAddr);

/// The address that asks, of IPv6 its network; `None` where nobody says.
pub struct ClientAddress(pub Option<IpAddr>);

impl<S: Send + Sync> FromRequestParts<S> for ClientAddress
where
    Arc<RateLimits>: FromRef<S>,
{
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let limits = Arc::<RateLimits>::from_ref(state);
        let peer = parts.extensions.get::<PeerAddress>();
        Ok(Self(peer.and_then(|peer| limits.trusted_proxies().client(peer.0.ip(), &parts.headers))))
    }
}

// The caller has no say in it.
impl OperationInput for ClientAddress {}
