//! Cursors: where a list goes on, opaque to callers. Base64url of JSON, read as strictly as any other input.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kairos_protocol::api::page::{MAX_CURSOR_CHARS, Page};
use kairos_protocol::api::problem::ProblemType;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::Result;

/// Reads a cursor, if there is one.
///
/// # Errors
/// [`ProblemType::InvalidCursor`] when it is not one of this kind of list.
pub fn read<T: DeserializeOwned>(cursor: Option<&str>) -> Result<Option<T>> {
    let Some(text) = cursor else {
        return Ok(None);
    };
    let bytes = (text.len() <= MAX_CURSOR_CHARS).then(|| URL_SAFE_NO_PAD.decode(text).ok()).flatten();
    let place = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let broken = || ProblemType::InvalidCursor.with_detail("Take `next_cursor` of the page before as it is.");
    place.map(Some).ok_or_else(|| broken().into())
}

/// Makes a page of `limit` items out of up to one more, whose being there shows that the list goes on after the last item.
pub fn page<T, P: Serialize>(mut items: Vec<T>, limit: u32, place: impl FnOnce(&T) -> P) -> Page<T> {
    let goes_on = items.len() > limit as usize;
    items.truncate(limit as usize);
    let last = items.last().filter(|_| goes_on);
    let next_cursor = last.and_then(|item| serde_json::to_vec(&place(item)).ok()).map(|b| URL_SAFE_NO_PAD.encode(b));
    Page { items, next_cursor }
}
