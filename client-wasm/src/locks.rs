//! Web Locks: one tab at a time. Where the browser has none, refuses one, or has granted it to a tab that hangs, this tab goes
//! ahead, which costs requests and nothing else: operations have ids, and a refresh token may be shown again.

use std::cell::RefCell;
use std::rc::Rc;

use futures_util::future::select;
use js_sys::{Function, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use crate::environment;
use crate::json;

/// Longer than the one who has the lock waits for a response.
const PATIENCE_MS: u32 = 30_000;

#[wasm_bindgen]
extern "C" {
    /// web-sys has it behind an unstable flag.
    type LockManager;
    #[wasm_bindgen(method, catch)]
    fn request(this: &LockManager, name: &str, callback: &Function) -> Result<LockRequest, JsValue>;

    /// A promise: resolved when the lock was let go of, or is refused.
    type LockRequest;
    #[wasm_bindgen(method, catch)]
    fn then(this: &LockRequest, fulfilled: &Function, rejected: &Function) -> Result<JsValue, JsValue>;
}

/// Held until dropped.
pub(crate) struct Guard {
    release: Option<Function>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(release) = &self.release {
            release.call0(&JsValue::UNDEFINED).ok();
        }
    }
}

/// Waits for the lock, but not for ever.
pub(crate) async fn hold(name: &str) -> Guard {
    let manager = json::get(&json::get(&js_sys::global(), "navigator"), "locks");
    if manager.is_undefined() {
        return Guard { release: None };
    }
    let release: Rc<RefCell<Option<Function>>> = Rc::default();
    let held = Promise::new(&mut |resolve, _| {
        release.replace(Some(resolve));
    });
    let manager: &LockManager = manager.unchecked_ref();
    let granted = Promise::new(&mut |resolve, _| {
        let held = held.clone();
        let go_ahead = resolve.clone();
        let callback = Closure::once_into_js(move || {
            resolve.call0(&JsValue::UNDEFINED).ok();
            held
        });
        let request = manager.request(name, callback.unchecked_ref());
        if request.and_then(|request| request.then(&go_ahead, &go_ahead)).is_err() {
            go_ahead.call0(&JsValue::UNDEFINED).ok();
        }
    });
    select(JsFuture::from(granted), std::pin::pin!(environment::sleep(PATIENCE_MS))).await;
    // Granted after all, later: it is let go of with this guard, or at once.
    Guard { release: release.take() }
}
