//! What is checked in is what the code generates, and says nothing that only the code's readers understand.

#![expect(clippy::unwrap_used, reason = "a failed check fails the test")]

use std::fs;
use std::path::Path;

use kairos_origin::routes;
use kairos_protocol::api::ids::{OperationId, Slug, UserId};
use kairos_tests::contracts;
use serde_json::{Value, json};

#[test]
fn what_is_checked_in_is_what_is_generated() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for file in contracts::generate().unwrap() {
        let checked_in = fs::read_to_string(root.join(file.path)).unwrap_or_default();
        assert!(checked_in == file.text, "{} is not what the code says: run `cargo xtask generate`", file.path);
    }
}

fn document() -> Value {
    serde_json::to_value(routes::description()).unwrap()
}

/// Every description in `value`.
fn descriptions(value: &Value) -> Vec<String> {
    let own = value.get("description").and_then(Value::as_str).map(str::to_owned);
    let within: Vec<&Value> = match value {
        Value::Object(fields) => fields.values().collect(),
        Value::Array(items) => items.iter().collect(),
        _ => Vec::new(),
    };
    own.into_iter().chain(within.into_iter().flat_map(descriptions)).collect()
}

#[test]
fn descriptions_have_no_links_into_the_code() {
    let descriptions = descriptions(&document());
    assert!(descriptions.len() > 100, "{}", descriptions.len());
    for description in descriptions {
        assert!(!description.contains("[`") && !description.contains("crate::"), "{description}");
    }
}

#[test]
fn the_patterns_of_ids_allow_what_the_checks_do() {
    let document = document();
    let is_described = |name: &str| {
        let schema = json!({ "$ref": format!("#/components/schemas/{name}"), "components": document["components"] });
        let validator = jsonschema::draft202012::new(&schema).unwrap();
        move |text: &str| validator.is_valid(&json!(text))
    };
    let (slug, user, operation) = (is_described("Slug"), is_described("UserId"), is_described("OperationId"));
    let letters = (0..=255_u8).map(|byte| char::from(byte).to_string());
    let lengths = [0, 1, 64, 65, 100, 101].map(|length| "a".repeat(length));
    for text in letters.chain(lengths).chain(["search", "search-more", "a\n"].map(str::to_owned)) {
        assert_eq!(slug(&text), Slug::new(text.as_str()).is_ok(), "slug {text:?}");
        assert_eq!(user(&text), UserId::new(text.as_str()).is_ok(), "user {text:?}");
        assert_eq!(operation(&text), OperationId::new(text.as_str()).is_ok(), "operation {text:?}");
    }
}
