//! What the caller is shown: a stored or fetched answer with the learner's own operations on top. Not here: which answer is
//! taken ([`crate::reads`]), or how operations combine with it ([`crate::overlay`]).

use js_sys::JsString;
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
use crate::stored_response::{Metadata, Source, StoredResponse};

/// An answer for the caller.
pub(crate) struct View {
    body: JsString,
    metadata: Metadata,
    source: Source,
    stale: bool,
    pending: usize,
}

impl View {
    /// An `StoredResponse` of `kairos-client.d.ts`.
    pub(crate) fn to_js(&self, now: i64) -> Result<JsValue> {
        let body = json::parse(&self.body).map_err(|_| Error::storage("a stored answer is no JSON"))?;
        let answer = json::Object::new();
        answer.set("body", &body);
        answer.set("status", &self.metadata.status.into());
        answer.set("source", &self.source.name().into());
        answer.set("ageMs", &json::to_js(&self.metadata.age_ms(now)));
        answer.set("stale", &self.stale.into());
        if let Some(degraded) = &self.metadata.degraded {
            answer.set("degraded", &degraded.as_str().into());
        }
        answer.set("pending", &json::to_js(&self.pending));
        Ok(answer.into())
    }
}

/// An answer to show, and how.
pub(crate) struct Shown {
    /// The answer.
    pub(crate) answer: StoredResponse,
    /// Where it came from.
    pub(crate) source: Source,
    /// Whether something newer may exist.
    pub(crate) stale: bool,
    /// Whether its `applied_sequence` says how far it reaches. If not, it may include anything that was ever sent.
    pub(crate) is_base: bool,
}

/// All records known here, and what is known about the list.
type Replica = (Vec<ProgressRecord>, Metadata);

impl Core {
    /// The caller's view of `shown`.
    pub(crate) async fn view(&self, lookup: &Lookup, shown: Shown, outbox: Option<&Outbox>) -> View {
        let Shown { answer, source, stale, is_base } = shown;
        let operations = match outbox {
            Some(outbox) if lookup.overlay != Overlay::None => {
                if is_base {
                    outbox.since(answer.metadata.applied_sequence)
                } else {
                    outbox.never_sent()
                }
            }
            _ => Vec::new(),
        };
        let Some(outbox) = outbox.filter(|_| !operations.is_empty()) else {
            return View { body: answer.body, metadata: answer.metadata, source, stale, pending: 0 };
        };
        let replica = self.replica(lookup, outbox).await;
        let overlaid = match lookup.overlay {
            Overlay::None => None,
            Overlay::Progress { is_first } => json::read::<Page<ProgressRecord>>(&answer.body).map(|page| {
                let all = replica.map(|(records, _)| records).unwrap_or_default();
                json::to_text(&overlay::progress_page(page, is_first, &all, &operations))
            }),
            Overlay::History { is_first } => json::read::<Page<HistoryEntry>>(&answer.body)
                .map(|page| json::to_text(&overlay::history_page(page, is_first, &operations))),
            Overlay::Statistics => json::read::<Statistics>(&answer.body)
                .map(|said| json::to_text(&statistics(&said, &answer.metadata, replica, outbox))),
        };
        let pending = if is_base { outbox.pending.len() } else { operations.len() };
        let body = overlaid.map_or(answer.body, JsString::from);
        View { body, metadata: answer.metadata, source, stale, pending }
    }

    /// A view of the complete list where the answer itself was never fetched. The history has no such list.
    pub(crate) async fn derived_view(&self, lookup: &Lookup, outbox: &Outbox) -> Option<View> {
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
        Some(View { body: body.into(), metadata, source, stale: true, pending: outbox.pending.len() })
    }

    async fn replica(&self, lookup: &Lookup, outbox: &Outbox) -> Option<Replica> {
        let answer = self.storage.read(lookup.owner(), Some(REPLICA)).await.ok()?.answer?;
        let usable = outbox.reaches_back_to(answer.metadata.applied_sequence);
        usable.then(|| json::read(&answer.body)).flatten().map(|records| (records, answer.metadata))
    }
}

/// Statistics with operations: from the complete list when it is as new as what the origin said about it, else what the origin
/// said, moved by what the operations change.
fn statistics(said: &Statistics, metadata: &Metadata, replica: Option<Replica>, outbox: &Outbox) -> Statistics {
    let all_since = |applied_sequence: u64| outbox.since(applied_sequence);
    match replica {
        Some((records, list))
            if list.generations.satisfies(&metadata.generations)
                || list.applied_sequence > metadata.applied_sequence =>
        {
            reducer::statistics(&overlay::records(records, &all_since(list.applied_sequence)))
        }
        replica => {
            let (records, applied_sequence) = replica
                .map_or((Vec::new(), metadata.applied_sequence), |(records, list)| (records, list.applied_sequence));
            let then =
                overlay::records(records, &outbox.confirmed_between(applied_sequence, metadata.applied_sequence));
            let now = overlay::records(then.clone(), &all_since(metadata.applied_sequence));
            overlay::shift(said, &reducer::statistics(&then), &reducer::statistics(&now))
        }
    }
}
