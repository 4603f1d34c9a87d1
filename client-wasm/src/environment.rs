//! Time, randomness and timers: the only place that takes them from the browser. Everything else is handed what it needs.

use js_sys::{Function, Promise};
use kairos_protocol::UnixMillis;
use kairos_protocol::api::ids::OperationId;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::Crypto;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(thread_local_v2, js_name = crypto)]
    static CRYPTO: Crypto;

    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(callback: &Function, milliseconds: f64) -> JsValue;
}

/// Now, by the browser's clock.
#[expect(clippy::disallowed_methods, clippy::cast_possible_truncation, reason = "this is the adapter; times fit")]
pub(crate) fn now() -> UnixMillis {
    js_sys::Date::now() as UnixMillis
}

/// Resolves after that many milliseconds. Background tabs may be made to wait longer.
pub(crate) async fn sleep(milliseconds: u32) {
    let promise = Promise::new(&mut |resolve, _| {
        set_timeout(&resolve, milliseconds.into());
    });
    JsFuture::from(promise).await.ok();
}

/// 16 bytes nobody else has.
fn random_bytes() -> [u8; 16] {
    let mut bytes = [0; 16];
    // Fails only for more than 64 KiB.
    CRYPTO.with(|crypto| crypto.get_random_values_with_u8_array(&mut bytes)).ok();
    bytes
}

/// A new operation's id: 128 random bits in hexadecimal. (`crypto.randomUUID` would do, but is missing outside secure contexts.)
pub(crate) fn new_operation_id() -> Option<OperationId> {
    let text: String = random_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    OperationId::new(text).ok()
}

/// A number in `0..=255`, to spread retries.
pub(crate) fn random_byte() -> u8 {
    random_bytes().first().copied().unwrap_or(0)
}
