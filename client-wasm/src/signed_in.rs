//! Who is signed in on this device, as this client last saw it on disk, and reading and writing in their name. All tabs share
//! one session: whatever belongs to an account is read and written together with a look at whose the session is. When it has
//! become another's nothing is done, and this client follows (I-PRIVATE). Not here: signing in and out ([`crate::authentication`]).

use std::rc::Rc;

use kairos_protocol::api::ids::UserId;
use kairos_protocol::sync::generation::Generations;
use wasm_bindgen_futures::spawn_local;

use crate::core::Core;
use crate::database::Mode;
use crate::documents::{Documents, EVERYONE};
use crate::error::{Error, Result};
use crate::events::Event;
use crate::outbox::Outbox;
use crate::session::Session;
use crate::stored_response::StoredResponse;

/// What is stored of one account.
pub(crate) struct PrivateData {
    pub(crate) outbox: Outbox,
    /// What is stored at the path that was named.
    pub(crate) response: Option<StoredResponse>,
}

impl Core {
    /// Who is signed in, as last read.
    pub(crate) fn session(&self) -> Option<Session> {
        self.signed_in.session.borrow().clone()
    }

    /// The id of who is signed in.
    pub(crate) fn user(&self) -> Option<UserId> {
        self.signed_in.session.borrow().as_ref().map(|session| session.profile.id.clone())
    }

    /// The signed-in user's outbox, as last read.
    pub(crate) fn outbox(&self) -> Outbox {
        self.signed_in.outbox.borrow().clone()
    }

    /// What is stored of `user`, with the response at `path`. Where the disk cannot be read, what this client last knew.
    ///
    /// # Errors
    /// `unauthenticated` when nobody is signed in any more, or somebody else.
    pub(crate) async fn read_as(self: &Rc<Self>, user: &UserId, path: Option<&str>) -> Result<PrivateData> {
        let documents = match self.storage.read(user.as_str(), path).await {
            Ok(documents) => {
                self.apply_snapshot(user.as_str(), &documents);
                documents
            }
            Err(_) => Documents { session: self.session(), outbox: Some(self.outbox()), ..Documents::default() },
        };
        let is_theirs = documents.is_of(user);
        let mut outbox = documents.outbox.filter(|_| is_theirs).ok_or_else(Error::unauthenticated)?;
        outbox.seen.raise(&self.signed_in.seen.borrow());
        Ok(PrivateData { outbox, response: documents.response })
    }

    /// Changes what is stored of `user`.
    ///
    /// # Errors
    /// `unauthenticated` as for [`Core::read_as`], `storage`. Nothing was changed then.
    pub(crate) async fn update_as<R>(
        self: &Rc<Self>,
        user: &UserId,
        path: Option<&str>,
        mode: Mode,
        change: impl Fn(&mut Documents) -> R,
    ) -> Result<R> {
        let updated = self.storage.update(user.as_str(), path, mode, |documents| {
            let result = documents.is_of(user).then(|| change(documents));
            (result, documents.clone())
        });
        let updated = updated.await;
        self.tell_persistence();
        let (result, documents) = updated?;
        self.apply_snapshot(user.as_str(), &documents);
        result.ok_or_else(Error::unauthenticated)
    }

    /// Changes the outbox of `user`, durably; fails as [`Core::update_as`].
    pub(crate) async fn change_outbox<R>(
        self: &Rc<Self>,
        user: &UserId,
        change: impl Fn(&mut Outbox) -> R,
    ) -> Result<R> {
        self.update_as(user, None, Mode::WriteDurably, |documents| change(documents.outbox_or_new())).await
    }

    /// Stores in memory what was seen of a learner's generations, when the disk takes nothing.
    pub(crate) fn raise_seen(&self, seen: &Generations) {
        self.signed_in.seen.borrow_mut().raise(seen);
    }

    /// Applies what was read from disk, or written there, of `owner`. When another tab has signed out, or somebody else in, this one
    /// follows.
    pub(crate) fn apply_snapshot(self: &Rc<Self>, owner: &str, documents: &Documents) {
        let now = documents.session.clone();
        let before = self.signed_in.session.replace(now.clone());
        let id_of = |session: &Option<Session>| session.as_ref().map(|session| session.profile.id.clone());
        let (before_id, now_id) = (id_of(&before), id_of(&now));
        let is_owner = now_id.as_ref().is_some_and(|user| user.as_str() == owner);
        if is_owner {
            self.signed_in.outbox.replace(documents.outbox.clone().unwrap_or_default());
        } else if before_id != now_id {
            self.signed_in.outbox.replace(Outbox::default());
            if now_id.is_some() {
                self.wake();
            }
        }
        if let Some(before) = before_id.as_ref().filter(|before| now_id.as_ref() != Some(before)) {
            self.remove_all_of(before);
        }
        let has_ended = |session: &Option<Session>| session.as_ref().is_some_and(|session| session.ended);
        if before_id.is_some() && now_id.is_none() {
            self.emit(&Event::SignedOut { reason: "logout" });
        } else if before_id == now_id && has_ended(&now) && !has_ended(&before) {
            self.emit(&Event::SignedOut { reason: "expired" });
        }
        if before_id != now_id || has_ended(&now) != has_ended(&before) {
            self.emit(&Event::Status);
        }
    }

    fn remove_all_of(&self, user: &UserId) {
        self.memory.borrow_mut().remove_where(|(owner, _)| owner == user.as_str());
        self.revalidations.borrow_mut().retain(|(owner, _), _| owner != user.as_str());
    }

    /// Looks on disk for what other tabs did: who is signed in, what waits to be sent, what was seen of the catalogue.
    pub(crate) async fn follow_disk(self: &Rc<Self>) {
        let Ok(documents) = self.storage.read(EVERYONE, None).await else { return };
        self.catalog_seen.borrow_mut().raise(&documents.catalog_seen);
        let Some(session) = &documents.session else { return self.apply_snapshot(EVERYONE, &documents) };
        let before = (self.user(), self.outbox().pending);
        self.read_as(&session.profile.id, None).await.ok();
        if before != (self.user(), self.outbox().pending) {
            self.emit(&Event::Status);
            self.emit(&Event::progress_changed());
        }
    }

    /// Follows the disk, and sends what waits there.
    pub(crate) fn wake(self: &Rc<Self>) {
        let core = Rc::clone(self);
        spawn_local(async move {
            if !core.is_closed() {
                core.follow_disk().await;
                core.kick();
            }
        });
    }
}
