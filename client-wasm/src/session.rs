//! Who is signed in on this device, as plain data: the session with its tokens, and what this client last read of it. Not here:
//! signing in and renewing ([`crate::authentication`]), reading and writing in somebody's name ([`crate::signed_in`]).

use std::cell::RefCell;

use kairos_protocol::UnixMillis;
use kairos_protocol::api::account::{Profile, TokenGrant};
use kairos_protocol::sync::generation::Generations;
use serde::{Deserialize, Serialize};

use crate::outbox::Outbox;

/// An access token this close to its end is renewed first.
const RENEW_BEFORE_MS: UnixMillis = 10_000;

/// Who is signed in, in all tabs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Session {
    pub(crate) profile: Profile,
    pub(crate) access_token: String,
    access_expires_at_ms: UnixMillis,
    pub(crate) refresh_token: String,
    /// The origin refused to renew it: data and unsent operations wait for the same user.
    pub(crate) ended: bool,
}

impl Session {
    /// The session that begins, or goes on, with what the origin granted at `now`.
    pub(crate) fn granted(grant: TokenGrant, now: UnixMillis) -> Self {
        Self {
            profile: grant.profile,
            access_token: grant.access_token,
            access_expires_at_ms: now.saturating_add(UnixMillis::from(grant.expires_in_secs) * 1_000),
            refresh_token: grant.refresh_token,
            ended: false,
        }
    }

    /// The session that the origin refused to renew.
    pub(crate) fn into_ended(self) -> Self {
        Self { ended: true, ..self }
    }

    /// Whether the access token should work: it is not the `refused` one, and not about to expire.
    pub(crate) fn has_usable_token(&self, refused: Option<&str>, now: UnixMillis) -> bool {
        let lasts = self.access_expires_at_ms > now.saturating_add(RENEW_BEFORE_MS);
        lasts && refused != Some(self.access_token.as_str())
    }
}

/// The session and what waits, as last read or written. They change together: nobody is ever shown another's operations.
#[derive(Default)]
pub(crate) struct SignedIn {
    pub(crate) session: RefCell<Option<Session>>,
    pub(crate) outbox: RefCell<Outbox>,
    /// Generations that were seen while the disk took nothing.
    pub(crate) seen: RefCell<Generations>,
}
