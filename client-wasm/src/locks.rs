//! Web Locks: one tab at a time. Where the browser has none, tabs go ahead at once, which costs requests and nothing else:
//! operations have ids, and a rotated refresh token may be shown again for a minute.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::{Function, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use crate::json;

#[wasm_bindgen]
extern "C" {
    /// web-sys keeps it behind an unstable flag.
    type LockManager;
    #[wasm_bindgen(method, catch)]
    fn request(this: &LockManager, name: &str, callback: &Function) -> Result<Promise, JsValue>;
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

/// Waits for the lock. A page that goes away loses its locks, so nobody waits for ever.
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
    let mut refused = false;
    let granted = Promise::new(&mut |resolve, _| {
        let held = held.clone();
        let callback = Closure::once_into_js(move || {
            resolve.call0(&JsValue::UNDEFINED).ok();
            held
        });
        refused = manager.request(name, callback.unchecked_ref()).is_err();
    });
    if refused {
        return Guard { release: None };
    }
    JsFuture::from(granted).await.ok();
    Guard { release: release.take() }
}
