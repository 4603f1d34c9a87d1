//! Who is signed in on this device, in all tabs, and with which tokens, as rows. Not here: signing in and out, renewing.
//!
//! Whoever is signed in, the row has a number, the *epoch*, which grows each time that somebody signs in or out. Everything that is written
//! in a learner's name is written on condition that the epoch is the one that it was decided under: so nothing is ever written of
//! somebody who has signed out, or over whom somebody else has signed in, in whatever tab (I-PRIVATE).

use std::rc::Rc;

use crate::storage::row::{Guard, Key, Row, Store, Transaction};
use crate::wire::{self, Grant};

const SESSION: &str = "session";
const TOKENS: &str = "tokens";
/// The highest generation that was seen: of the catalogue under everybody's, of a learner under their own. The stamp says it.
pub(crate) const SEEN: &str = "seen";

/// An access token this close to its end is renewed first.
const RENEW_BEFORE_MS: i64 = 10_000;

/// An account on this device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) id: Rc<str>,
    /// JSON.
    pub(crate) profile: Rc<str>,
    /// The origin refused to renew the session: data and operations wait for the same user.
    pub(crate) is_ended: bool,
}

/// Tokens, as last read or written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tokens {
    /// Grows with each renewal.
    pub(crate) stamp: u64,
    pub(crate) access: Rc<str>,
    pub(crate) refresh: Rc<str>,
    expires_at_ms: i64,
}

/// The session, as last read or written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) epoch: u64,
    pub(crate) user: Option<User>,
    /// Their id, also where a newer version wrote the row: the second line of all versions.
    pub(crate) owner: Option<Rc<str>>,
    pub(crate) tokens: Tokens,
}

fn key(name: &str) -> Key {
    Key::meta(&"".into(), name)
}

fn line(text: &mut String, said: &str) {
    text.push('\n');
    text.push_str(said);
}

impl Session {
    /// From the rows of everybody's in [`Store::Meta`]. What a newer version wrote is as if nobody were signed in, but for the epoch.
    pub(crate) fn from_rows(rows: &[Row], format: u8) -> Self {
        let row = |name: &str| rows.iter().find(|row| row.key.store == Store::Meta && row.key == key(name));
        let epoch = row(SESSION).map_or(0, |row| row.stamp);
        let user = row(SESSION).and_then(|row| User::from_text(&row.text, format));
        let tokens = row(TOKENS).and_then(|row| Tokens::from_text(&row.text, row.stamp, format));
        let owner = row(SESSION).and_then(|row| row.text.split('\n').nth(1)).map(Rc::from);
        Self { epoch, user, owner, tokens: tokens.unwrap_or_default() }
    }

    /// The session that begins with a grant.
    pub(crate) fn granted(&self, grant: &Grant, now: i64) -> Self {
        let user = User { id: Rc::clone(&grant.user), profile: Rc::clone(&grant.profile), is_ended: false };
        let owner = Some(Rc::clone(&grant.user));
        Self { epoch: self.epoch + 1, user: Some(user), owner, tokens: self.tokens.renewed(grant, now) }
    }

    /// The session in which nobody is signed in.
    pub(crate) fn signed_out(&self) -> Self {
        let tokens = Tokens { stamp: self.tokens.stamp + 1, ..Tokens::default() };
        Self { epoch: self.epoch + 1, user: None, owner: None, tokens }
    }

    pub(crate) fn user_id(&self) -> Option<&Rc<str>> {
        self.user.as_ref().map(|user| &user.id)
    }

    /// The id, while the session goes on.
    pub(crate) fn active_id(&self) -> Option<&Rc<str>> {
        self.user.as_ref().filter(|user| !user.is_ended).map(|user| &user.id)
    }

    /// That the session on disk is this one.
    pub(crate) fn guard(&self) -> Guard {
        Guard::Stamp(key(SESSION), self.epoch)
    }

    /// That the tokens on disk are these.
    pub(crate) fn tokens_guard(&self) -> Guard {
        Guard::Stamp(key(TOKENS), self.tokens.stamp)
    }

    pub(crate) fn put(&self, transaction: &mut Transaction, format: u8) {
        let mut text = String::from(char::from(format));
        if let Some(user) = &self.user {
            line(&mut text, &user.id);
            line(&mut text, if user.is_ended { "ended" } else { "active" });
            line(&mut text, &user.profile);
        }
        transaction.put(key(SESSION), self.epoch, text.into());
    }

    pub(crate) fn put_tokens(&self, transaction: &mut Transaction, format: u8) {
        let mut text = String::from(char::from(format));
        line(&mut text, &self.tokens.access);
        line(&mut text, &self.tokens.refresh);
        text.push('\n');
        crate::json::writer::push_integer(&mut text, self.tokens.expires_at_ms);
        transaction.put(key(TOKENS), self.tokens.stamp, text.into());
    }
}

impl User {
    fn from_text(text: &str, format: u8) -> Option<Self> {
        let mut lines = text.splitn(4, '\n');
        let is_readable = lines.next()?.as_bytes().first()? <= &format;
        lines.next()?;
        let is_ended = lines.next()? == "ended";
        let profile = lines.next()?;
        is_readable.then(|| Some(Self { id: wire::profile_id(profile)?, profile: profile.into(), is_ended }))?
    }
}

impl Tokens {
    fn from_text(text: &str, stamp: u64, format: u8) -> Option<Self> {
        let mut lines = text.splitn(4, '\n');
        let is_readable = lines.next()?.as_bytes().first()? <= &format;
        let (access, refresh) = (lines.next()?.into(), lines.next()?.into());
        let expires_at_ms = lines.next()?.parse().ok()?;
        is_readable.then_some(Self { stamp, access, refresh, expires_at_ms })
    }

    pub(crate) fn renewed(&self, grant: &Grant, now: i64) -> Self {
        Self {
            stamp: self.stamp + 1,
            access: Rc::clone(&grant.access_token),
            refresh: Rc::clone(&grant.refresh_token),
            expires_at_ms: now.saturating_add(grant.expires_in_secs.saturating_mul(1_000)),
        }
    }

    /// Whether the access token should work: it is not the `refused` one, and not about to expire.
    pub(crate) fn is_usable(&self, refused: Option<&str>, now: i64) -> bool {
        let lasts = self.expires_at_ms > now.saturating_add(RENEW_BEFORE_MS);
        lasts && !self.access.is_empty() && refused != Some(&*self.access)
    }
}
