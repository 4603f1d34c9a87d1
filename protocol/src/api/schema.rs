//! What the wire types' JSON Schema needs and nothing else does: patterns, and what holds for all of them. Not the schemas: they are
//! derived where the types stand, from the constants that the checks use.

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value};

/// What [`char::is_whitespace`] says yes to, as the inside of a class.
macro_rules! white {
    () => {
        r"\u0009-\u000d\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
    };
}

/// No space at either end.
pub const UNPADDED: &str = concat!("^[^", white!(), r"]([\s\S]*[^", white!(), "])?$");
/// Something that is no space, and no NUL.
pub const NOT_BLANK: &str = concat!(r"^[^\u0000]*[^\u0000", white!(), r"][^\u0000]*$");
/// Subtags of 1 to 8 letters and digits.
pub const LANGUAGE_TAG: &str = "^[A-Za-z0-9]{1,8}(-[A-Za-z0-9]{1,8})*$";
/// Base64url without padding.
pub const BASE64URL: &str = "^[A-Za-z0-9_-]+$";

/// 1 to `max` characters of `class`, but none of `reserved`.
pub(crate) fn id_pattern(class: &str, max: usize, reserved: &[&str]) -> String {
    let but: String = reserved.iter().map(|word| format!("(?!{word}$)")).collect();
    format!("^{but}[{class}]{{1,{max}}}$")
}

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(JsonSchema)]
pub struct Millis(#[expect(dead_code, reason = "only its schema is wanted")] crate::UnixMillis);

/// How all schemas are made: for OpenAPI 3.1, as [`as_on_the_wire`] has them.
#[must_use]
pub fn settings() -> SchemaSettings {
    SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
        settings.transforms.push(Box::new(RecursiveTransform(as_on_the_wire)));
    })
}

/// What holds for every body: an object has no other fields, and what is absent is absent, not `null`. A description is one line
/// for each paragraph of the doc comment that it is made from.
pub fn as_on_the_wire(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else { return };
    if object.contains_key("properties") {
        object.insert("additionalProperties".to_owned(), false.into());
    }
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(choices)) = object.get_mut("anyOf") {
        choices.retain(|choice| choice.get("type").is_none_or(|name| name != "null"));
        if let [Value::Object(only)] = choices.as_mut_slice() {
            let mut only = std::mem::take(only);
            object.remove("anyOf");
            object.append(&mut only);
        }
    }
    if let Some(Value::String(description)) = object.get_mut("description") {
        let lines = |paragraph: &str| paragraph.lines().map(str::trim).collect::<Vec<_>>().join(" ");
        *description = description.split("\n\n").map(lines).collect::<Vec<_>>().join("\n\n");
    }
}

/// A result of an operation, whose fields stand beside those of its outcome: all of them in each outcome. One that has a record has
/// the id too, since it could be read.
pub(crate) fn spread_result(schema: &mut Schema) {
    let object = schema.ensure_object();
    object.remove("type");
    let Some(Value::Object(shared)) = object.remove("properties") else { return };
    let outcomes = object.get_mut("oneOf").and_then(Value::as_array_mut).into_iter().flatten();
    for outcome in outcomes.filter_map(Value::as_object_mut) {
        let properties = outcome.get_mut("properties").and_then(Value::as_object_mut);
        let has_record = properties.as_ref().is_some_and(|properties| properties.contains_key("record"));
        properties.into_iter().for_each(|properties| properties.extend(shared.clone()));
        if has_record {
            require(outcome, "id");
        }
    }
}

/// Adds `field` to those that `object` must have.
pub(crate) fn require(object: &mut Map<String, Value>, field: &str) {
    if let Some(required) = object.get_mut("required").and_then(Value::as_array_mut) {
        required.push(field.into());
    }
}
