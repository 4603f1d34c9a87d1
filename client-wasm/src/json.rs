//! Values across the boundary to JavaScript, as JSON text that the engine's own parser reads: small code, and fast for what is
//! large. Not here: what the values mean.

use js_sys::{JSON, JsString, Reflect};
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// `JSON.parse` on a string that stays on JavaScript's side.
    #[wasm_bindgen(catch, js_namespace = JSON, js_name = parse)]
    pub(crate) fn parse(text: &JsString) -> Result<JsValue, JsValue>;
}

/// A plain object being filled.
pub(crate) struct Object(js_sys::Object);

impl Object {
    pub(crate) fn new() -> Self {
        Self(js_sys::Object::new())
    }

    /// Sets a property. Setting one of a plain object does not fail.
    pub(crate) fn set(&self, name: &str, value: &JsValue) {
        Reflect::set(&self.0, &name.into(), value).ok();
    }
}

impl From<Object> for JsValue {
    fn from(object: Object) -> Self {
        object.0.into()
    }
}

/// A property, `undefined` where there is none (or where `object` is none).
pub(crate) fn get(object: &JsValue, name: &str) -> JsValue {
    Reflect::get(object, &name.into()).unwrap_or(JsValue::UNDEFINED)
}

/// `value` as a JavaScript value of the caller's own.
pub(crate) fn to_js<T: Serialize>(value: &T) -> JsValue {
    JSON::parse(&to_text(value)).unwrap_or(JsValue::UNDEFINED)
}

/// `value` as JSON text. Our types have string keys and finite numbers only: nothing in them can fail.
pub(crate) fn to_text<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// Reads a JavaScript value that should have the shape of `T`.
pub(crate) fn from_js<T: DeserializeOwned>(value: &JsValue) -> Result<T, String> {
    let text = JSON::stringify(value).map_err(|_| "not a plain value".to_owned())?;
    let text = text.as_string().ok_or_else(|| "not a plain value".to_owned())?;
    serde_json::from_str(&text).map_err(|e| e.to_string())
}

/// Reads JSON text in a JavaScript string; `None` when it is not of that shape.
pub(crate) fn read<T: DeserializeOwned>(text: &JsValue) -> Option<T> {
    serde_json::from_str(&text.as_string()?).ok()
}

/// The string in `value`, left on JavaScript's side.
pub(crate) fn as_js_string(value: JsValue) -> Option<JsString> {
    value.dyn_into().ok()
}
