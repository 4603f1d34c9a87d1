//! What the caller is given: a stored or fetched response with the learner's own operations on top. Not here: which response is
//! taken ([`crate::reads`]), or how operations combine with it ([`crate::overlay`]).

use js_sys::JsString;
use kairos_protocol::UnixMillis;
use kairos_protocol::api::history::HistoryEntry;
use kairos_protocol::api::page::Page;
use kairos_protocol::api::progress::{ProgressRecord, Statistics};
use kairos_protocol::sync::reducer;
use wasm_bindgen::JsValue;

use crate::core::Core;
use crate::error::{Error, Result};
use crate::json;
use crate::lookup::{Lookup, Overlay};
use crate::outbox::Outbox;
use crate::overlay;
use crate::replica::REPLICA;
use crate::stored_response::{Base, Metadata, Source, StoredResponse};

/// `QueryResult` of `kairos-client.d.ts`.
pub(crate) struct QueryResult {
    body: JsString,
    metadata: Metadata,
    source: Source,
    stale: bool,
    pending: usize,
}

impl QueryResult {
    /// As JavaScript sees it at `now`.
    pub(crate) fn to_js(&self, now: UnixMillis) -> Result<JsValue> {
        let body = json::parse(&self.body).map_err(|_| Error::storage("a stored response is no JSON"))?;
        let result = json::Object::new();
        result.set("body", &body);
        result.set("status", &self.metadata.status.into());
        result.set("source", &self.source.name().into());
        result.set("ageMs", &json::to_js(&self.metadata.age_ms(now)));
        result.set("stale", &self.stale.into());
        if let Some(degraded) = &self.metadata.degraded {
            result.set("degraded", &degraded.as_str().into());
        }
        result.set("pending", &json::to_js(&self.pending));
        Ok(result.into())
    }
}

/// A response to show, and how.
pub(crate) struct Shown {
    pub(crate) response: StoredResponse,
    pub(crate) source: Source,
    /// Whether something newer may exist.
    pub(crate) stale: bool,
    pub(crate) base: Base,
}

/// All records known here, and what is known about the list.
type Replica = (Vec<ProgressRecord>, Metadata);

impl Core {
    /// What the caller is given of `shown`.
    pub(crate) async fn query_result(&self, lookup: &Lookup, shown: Shown, outbox: Option<&Outbox>) -> QueryResult {
        let Shown { response, source, stale, base } = shown;
        let StoredResponse { metadata, body } = response;
        let operations = match outbox {
            Some(outbox) if lookup.overlay != Overlay::None => match base {
                Base::Known => outbox.since(metadata.applied_sequence),
                Base::Unknown => outbox.never_sent(),
            },
            _ => Vec::new(),
        };
        let Some(outbox) = outbox.filter(|_| !operations.is_empty()) else {
            return QueryResult { body, metadata, source, stale, pending: 0 };
        };
        let replica = self.replica(lookup, outbox).await;
        let overlaid = match lookup.overlay {
            Overlay::None => None,
            Overlay::Progress { is_first } => json::read::<Page<ProgressRecord>>(&body).map(|page| {
                let all = replica.map(|(records, _)| records).unwrap_or_default();
                json::to_text(&overlay::progress_page(page, is_first, &all, &operations))
            }),
            Overlay::History { is_first } => json::read::<Page<HistoryEntry>>(&body)
                .map(|page| json::to_text(&overlay::history_page(page, is_first, &operations))),
            Overlay::Statistics => json::read::<Statistics>(&body)
                .map(|said| json::to_text(&statistics(&said, &metadata, replica, outbox))),
        };
        let pending = match base {
            Base::Known => outbox.pending.len(),
            Base::Unknown => operations.len(),
        };
        let body = overlaid.map_or(body, JsString::from);
        QueryResult { body, metadata, source, stale, pending }
    }

    /// From the complete list, where the response itself was never fetched. The history has no such list.
    pub(crate) async fn derived_result(&self, lookup: &Lookup, outbox: &Outbox) -> Option<QueryResult> {
        if !matches!(lookup.overlay, Overlay::Statistics | Overlay::Progress { is_first: true }) {
            return None;
        }
        let (records, metadata) = self.replica(lookup, outbox).await?;
        let records = overlay::records(records, &outbox.since(metadata.applied_sequence));
        let body = if lookup.overlay == Overlay::Statistics {
            json::to_text(&reducer::statistics(&records))
        } else {
            json::to_text(&Page { items: records, next_cursor: None })
        };
        let source = if self.storage.is_durable() { Source::Disk } else { Source::Memory };
        Some(QueryResult { body: body.into(), metadata, source, stale: true, pending: outbox.pending.len() })
    }

    async fn replica(&self, lookup: &Lookup, outbox: &Outbox) -> Option<Replica> {
        let StoredResponse { metadata, body } = self.storage.read(lookup.owner(), Some(REPLICA)).await.ok()?.response?;
        let is_known = outbox.reaches_back_to(metadata.applied_sequence);
        is_known.then(|| json::read(&body)).flatten().map(|records| (records, metadata))
    }
}

/// Statistics with operations: from the complete list when it is as new as what the origin said about it, else what the origin
/// said, moved by what the operations change.
fn statistics(said: &Statistics, metadata: &Metadata, replica: Option<Replica>, outbox: &Outbox) -> Statistics {
    let is_as_new = |list: &Metadata| {
        list.generations.satisfies(&metadata.generations) || list.applied_sequence > metadata.applied_sequence
    };
    match replica {
        Some((records, list)) if is_as_new(&list) => {
            reducer::statistics(&overlay::records(records, &outbox.since(list.applied_sequence)))
        }
        replica => {
            let reaches = metadata.applied_sequence;
            let (records, from) =
                replica.map_or((Vec::new(), reaches), |(records, list)| (records, list.applied_sequence));
            let then = overlay::records(records, &outbox.confirmed_between(from, reaches));
            let now = overlay::records(then.clone(), &outbox.since(reaches));
            overlay::shift(said, &reducer::statistics(&then), &reducer::statistics(&now))
        }
    }
}
