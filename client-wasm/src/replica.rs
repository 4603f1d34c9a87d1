//! The learner's complete list of progress records, fetched in the background and stored like a response, so that
//! statistics are right with no network. Not here: the statistics ([`crate::overlay`]).

use std::rc::Rc;

use js_sys::encode_uri_component;
use kairos_protocol::api::ids::UserId;
use kairos_protocol::api::page::{MAX_LIMIT, Page};
use kairos_protocol::api::paths;
use kairos_protocol::api::progress::ProgressRecord;
use kairos_protocol::sync::generation::Generations;
use wasm_bindgen_futures::spawn_local;

use crate::core::Core;
use crate::database::Mode;
use crate::environment;
use crate::error::{Error, Result};
use crate::fetch::Request;
use crate::json;
use crate::signed_in::PrivateData;
use crate::stored_response::{Base, Metadata, StoredResponse};

/// Where it is stored: no path of the origin's.
pub(crate) const REPLICA: &str = "replica:progress";
/// Most pages asked for: 100,000 records.
const MOST_PAGES: usize = 1_000;

impl Core {
    /// Fetches the list again if it is older than what was seen. One at a time; a failure waits for the next occasion.
    pub(crate) fn refresh_replica(self: &Rc<Self>) {
        self.replica_wanted.set(true);
        if self.replica_running.replace(true) {
            return;
        }
        let core = Rc::clone(self);
        spawn_local(async move {
            while core.replica_wanted.replace(false) && !core.is_closed() {
                if let Some(user) = core.user() {
                    // What is there still serves.
                    core.try_refresh_replica(&user).await.ok();
                }
            }
            core.replica_running.set(false);
        });
    }

    async fn try_refresh_replica(self: &Rc<Self>, user: &UserId) -> Result<()> {
        let PrivateData { outbox, response: stored } = self.read_as(user, Some(REPLICA)).await?;
        let is_current = |stored: &StoredResponse| {
            let metadata = &stored.metadata;
            outbox.reaches_back_to(metadata.applied_sequence) && metadata.generations.satisfies(&outbox.seen)
        };
        if outbox.has_unconfirmed() || stored.as_ref().is_some_and(is_current) {
            return Ok(());
        }
        let list = self.fetch_replica(user, outbox.sequence, &outbox.seen).await?;
        let updated = self.update_as(user, Some(REPLICA), Mode::Write, |documents| {
            if documents.outbox_or_new().set_base(REPLICA, outbox.sequence) == Base::Known {
                documents.set_response(Some(list.clone()));
            }
        });
        updated.await
    }

    async fn fetch_replica(
        self: &Rc<Self>,
        user: &UserId,
        applied_sequence: u64,
        seen: &Generations,
    ) -> Result<StoredResponse> {
        let mut records: Vec<ProgressRecord> = Vec::new();
        let mut metadata: Option<Metadata> = None;
        let mut path = format!("{}?limit={MAX_LIMIT}", paths::PROGRESS);
        for _ in 0..MOST_PAGES {
            let request = Request { path: path.clone(), seen: seen.clone(), ..Request::default() };
            let reply = self.send_as(user, request).await?;
            if reply.degraded.is_some() {
                return Err(Error::offline("the origin itself has no current list"));
            }
            let page: Page<ProgressRecord> = reply.read()?;
            records.extend(page.items);
            // The first page's generations count: what changed since is not in it.
            metadata.get_or_insert(Metadata {
                status: reply.status,
                etag: None,
                generations: reply.generations,
                made_at_ms: environment::now(),
                degraded: None,
                applied_sequence,
            });
            match page.next_cursor {
                Some(cursor) => {
                    let cursor = String::from(encode_uri_component(&cursor));
                    path = format!("{}?limit={MAX_LIMIT}&cursor={cursor}", paths::PROGRESS);
                }
                None => break,
            }
        }
        let metadata = metadata.ok_or_else(|| Error::offline("no page came"))?;
        Ok(StoredResponse { metadata, body: json::to_text(&records).into() })
    }
}
