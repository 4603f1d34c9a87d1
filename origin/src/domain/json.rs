//! What is said of JSON that is not what was expected. Not how it is read: serde does that.

/// serde's message without the value it met: that may be a password.
pub fn what_was_expected(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let shown = match message.split_once(", expected ") {
        Some((before, expected)) if before.starts_with("invalid ") => format!("expected {expected}"),
        _ => message,
    };
    shown.chars().take(300).collect()
}
