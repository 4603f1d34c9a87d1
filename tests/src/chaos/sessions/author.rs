//! The author of one module: writes one edition after the other, and reads in between. Nobody else writes this module, so a higher edition
//! is a later state.

use std::sync::Arc;

use kairos_protocol::api::account::TokenGrant;
use kairos_protocol::api::paths;
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::reading::edition_text;
use super::{Account, Request, Session, slug};
use crate::chaos::event::Observed;

pub(crate) struct Author {
    pub(crate) session: Session,
    pub(crate) module: usize,
    pub(crate) account: Arc<Account>,
    /// The edition that was tried last: none is tried twice.
    pub(crate) edition: u64,
    /// The version that the next one replaces.
    pub(crate) version: Option<u64>,
}

#[derive(Deserialize)]
struct Versioned {
    version: u64,
}

/// What an author sends.
pub(crate) fn draft(module: usize, edition: u64, version: Option<u64>) -> Vec<u8> {
    let text = edition_text(edition);
    let mut draft = json!({
        "slug": slug(module), "title": format!("Chaos, part {module}"), "subject": "Chaos", "position": module,
        "difficulty": "beginner", "summary": text, "content": text, "status": "published",
    });
    if let (Some(version), Some(fields)) = (version, draft.as_object_mut()) {
        fields.insert("version".to_owned(), version.into());
    }
    draft.to_string().into_bytes()
}

impl Author {
    /// Goes on until it is over.
    pub(crate) async fn run(mut self) {
        while !self.session.context.is_over() {
            match self.version {
                Some(version) => self.write(version).await,
                None => self.find_version().await,
            }
            self.session.listen(None).await;
            for _ in 0..self.session.random.between(1, 6) {
                self.session.read_catalog().await;
            }
            // Bursts, and pauses in which caches fill.
            let is_burst = self.session.random.percent(60);
            self.session.think(0, if is_burst { 60 } else { 2_500 }).await;
        }
    }

    async fn write(&mut self, version: u64) {
        self.edition += 1;
        let body = Some(draft(self.module, self.edition, Some(version)));
        let path = paths::module(&slug(self.module));
        let token = Some(self.account.token());
        let mut reply = self.session.send(Request { method: Method::PUT, body, token, ..Request::get(path) }).await;
        self.version = None;
        match reply.exchange.status {
            Some(200) => {
                self.version = serde_json::from_slice::<Versioned>(&reply.body).ok().map(|module| module.version);
                reply.exchange.observed = Observed::Written { module: self.module, edition: self.edition };
            }
            Some(401) => self.session.sign_in(&self.account).await,
            _ => {}
        }
        self.session.report(reply.exchange).await;
    }

    /// After a conflict, or a write without a response: it may have happened, or happen yet.
    async fn find_version(&mut self) {
        let reply =
            self.session.send(Request { no_cache: true, ..Request::get(paths::module(&slug(self.module))) }).await;
        if reply.exchange.status == Some(200) {
            self.version = serde_json::from_slice::<Versioned>(&reply.body).ok().map(|module| module.version);
        }
        self.session.report(reply.exchange).await;
    }
}

impl Session {
    /// Gets the account a new token, if somebody answers.
    pub(super) async fn sign_in(&mut self, account: &Account) {
        let body = json!({ "email": account.email, "password": crate::origin::PASSWORD }).to_string().into_bytes();
        let request = Request { method: Method::POST, body: Some(body), ..Request::get(paths::LOGIN) };
        let reply = self.send(request).await;
        if let Ok(grant) = serde_json::from_slice::<TokenGrant>(&reply.body) {
            account.renew(&grant.access_token);
        }
        self.report(reply.exchange).await;
    }
}
