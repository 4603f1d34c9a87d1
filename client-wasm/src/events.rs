//! Who listens to the client, and what the client itself listens to in the page. Not here: what is done about it.

use std::cell::{Cell, RefCell};

use js_sys::Function;
use kairos_protocol::api::paths;
use serde::Serialize;
use wasm_bindgen::prelude::*;
use web_sys::EventTarget;

use crate::json;

/// What listeners are told; `ClientEvent` in `kairos-client.d.ts`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub(crate) enum Event {
    /// The responses of these paths may be different now.
    Changed {
        /// Without query.
        paths: Vec<String>,
    },
    Status,
    /// The session is over.
    SignedOut {
        /// `logout` or `expired`.
        reason: &'static str,
    },
}

impl Event {
    /// Operations were recorded or confirmed: all that is made from them changed.
    pub(crate) fn progress_changed() -> Self {
        let paths = [paths::PROGRESS, paths::STATISTICS, paths::HISTORY].map(str::to_owned);
        Self::Changed { paths: paths.into() }
    }
}

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = console, js_name = error)]
    fn console_error(value: &JsValue);
}

/// The listeners, each with the number it is removed by.
#[derive(Default)]
pub(crate) struct Listeners {
    next: Cell<u32>,
    all: RefCell<Vec<(u32, Function)>>,
}

impl Listeners {
    pub(crate) fn add(&self, listener: Function) -> u32 {
        let number = self.next.get();
        self.next.set(number.wrapping_add(1));
        self.all.borrow_mut().push((number, listener));
        number
    }

    pub(crate) fn remove(&self, number: u32) {
        self.all.borrow_mut().retain(|(other, _)| *other != number);
    }

    /// Tells all. One that throws is reported and harms nobody else. No borrow may be held: listeners call back.
    pub(crate) fn emit(&self, event: &Event) {
        let all: Vec<Function> = self.all.borrow().iter().map(|(_, listener)| listener.clone()).collect();
        for listener in all {
            if let Err(thrown) = listener.call1(&JsValue::UNDEFINED, &json::to_js(event)) {
                console_error(&thrown);
            }
        }
    }
}

/// A handler on an event of the page, removed when dropped.
pub(crate) struct PageListener {
    target: EventTarget,
    name: &'static str,
    handler: Closure<dyn FnMut()>,
}

impl PageListener {
    /// Listens on `target`; `None` where that is no event target (a worker has no document).
    pub(crate) fn new(target: JsValue, name: &'static str, handler: impl FnMut() + 'static) -> Option<Self> {
        let target: EventTarget = target.dyn_into().ok()?;
        let handler = Closure::<dyn FnMut()>::new(handler);
        target.add_event_listener_with_callback(name, handler.as_ref().unchecked_ref()).ok()?;
        Some(Self { target, name, handler })
    }
}

impl Drop for PageListener {
    fn drop(&mut self) {
        let handler = self.handler.as_ref().unchecked_ref();
        self.target.remove_event_listener_with_callback(self.name, handler).ok();
    }
}
