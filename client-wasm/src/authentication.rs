//! Signing in and out, and the access token: renewed before it expires or when it is refused, by one tab at a time. Not here:
//! whose data may be touched ([`crate::signed_in`]), or when operations are sent ([`crate::sync`]).

use std::rc::Rc;

use futures_util::future::LocalBoxFuture;
use kairos_protocol::api::account::{LoginRequest, Profile, RefreshRequest, RegisterRequest, TokenGrant};
use kairos_protocol::api::ids::UserId;
use kairos_protocol::api::paths;
use kairos_protocol::api::problem::ProblemType;

use crate::core::Core;
use crate::database::Mode;
use crate::documents::Documents;
use crate::environment;
use crate::error::{Error, Result};
use crate::events::Event;
use crate::fetch::{Request, ServerResponse};
use crate::json;
use crate::locks;
use crate::session::Session;

/// Wipes what is stored of `user` if nothing is lost by it, or all the same if `discard`; returns the session that ends. Counting
/// and wiping are one change: in no tab anything can be recorded in between.
fn sign_out(documents: &mut Documents, user: &UserId, discard: bool) -> Result<Option<Session>> {
    if documents.session.as_ref().is_some_and(|session| session.profile.id != *user) {
        // Somebody else has signed in. What waits here waits for this one's return.
        return Err(Error::unauthenticated());
    }
    let pending = documents.outbox.as_ref().map_or(0, |outbox| outbox.pending.len());
    if pending > 0 && !discard {
        return Err(Error::new("pending_operations", format!("{pending} operations are not sent")));
    }
    let session = documents.session.take();
    documents.wipe();
    Ok(session)
}

impl Core {
    pub(crate) async fn register(self: &Rc<Self>, request: &RegisterRequest) -> Result<Profile> {
        self.sign_in(paths::REGISTER, json::to_text(request)).await
    }

    pub(crate) async fn login(self: &Rc<Self>, request: &LoginRequest) -> Result<Profile> {
        self.sign_in(paths::LOGIN, json::to_text(request)).await
    }

    async fn sign_in(self: &Rc<Self>, path: &str, body: String) -> Result<Profile> {
        self.ensure_open()?;
        let reply = self.send(Request { body: Some(body), path: path.to_owned(), ..Request::default() }).await?;
        let session = Session::granted(reply.read::<TokenGrant>()?, environment::now());
        let profile = session.profile.clone();
        let owner = profile.id.as_str().to_owned();
        let signed_in = self.storage.update(&owner, None, Mode::WriteDurably, |documents| {
            documents.session = Some(session.clone());
            documents.outbox_or_new().seen.raise(&reply.generations);
            documents.clone()
        });
        self.apply_snapshot(&owner, &signed_in.await?);
        self.memory.borrow_mut().remove_where(|(other, _)| !other.is_empty() && *other != owner);
        self.request_persistent_storage();
        self.emit(&Event::Status);
        self.kick();
        self.refresh_replica();
        Ok(profile)
    }

    /// Ends the session and wipes the user's data.
    pub(crate) async fn logout(self: &Rc<Self>, discard: bool) -> Result<()> {
        self.ensure_open()?;
        let Some(user) = self.user() else { return Ok(()) };
        // What cannot be sent is counted next.
        self.flush().await.ok();
        let left = self.storage.update(user.as_str(), None, Mode::WriteDurably, |documents| {
            let session = sign_out(documents, &user, discard);
            (session, documents.clone())
        });
        let (session, documents) = left.await?;
        self.apply_snapshot(user.as_str(), &documents);
        self.emit(&Event::Status);
        let session = session?;
        if let Some(session) = session.filter(|session| !session.ended) {
            let body = json::to_text(&RefreshRequest { refresh_token: session.refresh_token });
            // Without a network the session ends at the origin when its refresh token expires.
            self.send(Request { body: Some(body), path: paths::LOGOUT.to_owned(), ..Request::default() }).await.ok();
        }
        Ok(())
    }

    /// Sends a request in `user`'s name, with a token renewed when it must be.
    ///
    /// # Errors
    /// `unauthenticated` when somebody else is signed in by now, or the session has ended; else as [`Core::send`].
    pub(crate) fn send_as<'a>(
        self: &'a Rc<Self>,
        user: &'a UserId,
        request: Request,
    ) -> LocalBoxFuture<'a, Result<ServerResponse>> {
        Box::pin(async move {
            let token = self.access_token(user, None).await?;
            match self.send(Request { token: Some(token.clone()), ..request.clone() }).await {
                Err(error) if error.refuses_token() => {
                    let token = self.access_token(user, Some(&token)).await?;
                    self.send(Request { token: Some(token), ..request }).await
                }
                outcome => outcome,
            }
        })
    }

    /// A token that should work: not `refused`, and not about to expire.
    pub(crate) async fn access_token(self: &Rc<Self>, user: &UserId, refused: Option<&str>) -> Result<String> {
        let session = self.session_of(user)?;
        if session.has_usable_token(refused, environment::now()) {
            return Ok(session.access_token);
        }
        let _one_tab = locks::hold(&self.lock_name("session")).await;
        // Another tab may have renewed it, or signed out, while this one waited.
        self.read_as(user, None).await?;
        let session = self.session_of(user)?;
        if session.has_usable_token(refused, environment::now()) {
            return Ok(session.access_token);
        }
        self.renew(user, session).await
    }

    async fn renew(self: &Rc<Self>, user: &UserId, session: Session) -> Result<String> {
        let body = json::to_text(&RefreshRequest { refresh_token: session.refresh_token.clone() });
        let request = Request { body: Some(body), path: paths::REFRESH.to_owned(), ..Request::default() };
        let renewed = match self.send(request).await {
            Ok(reply) => Session::granted(reply.read::<TokenGrant>()?, environment::now()),
            Err(error) if error.is(ProblemType::RefreshTokenInvalid) => session.clone().into_ended(),
            Err(error) => return Err(error),
        };
        if renewed.profile.id != *user {
            return Err(Error::unauthenticated());
        }
        let stored = self.update_as(user, None, Mode::WriteDurably, |documents| {
            // Signed in again meanwhile: that stands.
            if documents.session.as_ref().is_some_and(|now| now.refresh_token == session.refresh_token) {
                documents.session = Some(renewed.clone());
            }
        });
        match stored.await {
            // No room to store it: it serves this once, and the old one is renewed again, which gives the same.
            Err(error) if error.is_storage() && !renewed.ended => {
                self.read_as(user, None).await?;
                Ok(renewed.access_token)
            }
            Err(error) => Err(error),
            Ok(()) => Ok(self.session_of(user)?.access_token),
        }
    }

    /// The session, if it is `user`'s and goes on.
    fn session_of(&self, user: &UserId) -> Result<Session> {
        let theirs = self.session().filter(|session| session.profile.id == *user && !session.ended);
        theirs.ok_or_else(Error::unauthenticated)
    }
}
