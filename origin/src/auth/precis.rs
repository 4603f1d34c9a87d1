//! Text that people type, made comparable: the same word is other bytes from another keyboard (`é` is one character or two).
//! After RFC 8265, whose other half, refusing characters that Unicode has added since 2013, would refuse names and passwords that
//! people have. Not here: what makes an email or a password acceptable (`domain/accounts.rs`).

use unicode_normalization::UnicodeNormalization;

/// What an email is stored and compared as: without space around it, composed (NFC), in lower case.
#[must_use]
pub fn email_key(typed: &str) -> String {
    // Lower case may leave what can be composed.
    typed.trim().nfc().collect::<String>().to_lowercase().nfc().collect()
}

/// Under what an account with this email may be stored, to be looked for in this order. Releases that did not normalise
/// stored what was typed: who could sign in so still can.
#[must_use]
pub fn email_forms(typed: &str) -> Vec<String> {
    let key = email_key(typed);
    let mut forms = vec![typed.trim().to_lowercase()];
    for form in [key.nfd().collect(), key] {
        if !forms.contains(&form) {
            forms.push(form);
        }
    }
    forms
}

/// A password as typed, in the forms that it may have been hashed in.
pub struct Password {
    /// As RFC 8265 §4.2.1 prepares it (OpaqueString): every space is U+0020, then NFC.
    prepared: String,
    /// As typed, where that differs: releases that did not prepare it hashed this.
    unprepared: Option<String>,
}

impl Password {
    /// Prepares what was typed.
    #[must_use]
    pub fn new(typed: String) -> Self {
        let prepared: String = typed.chars().map(|c| if is_space(c) { ' ' } else { c }).nfc().collect();
        let unprepared = Some(typed).filter(|typed| *typed != prepared);
        Self { prepared, unprepared }
    }

    /// The form that is hashed from now on.
    #[must_use]
    pub fn prepared(&self) -> &str {
        &self.prepared
    }

    /// The forms to compare, one or two.
    pub fn forms(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.prepared.as_str()).chain(self.unprepared.as_deref())
    }
}

/// Unicode's general category Zs.
const fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\u{A0}' | '\u{1680}' | '\u{2000}'..='\u{200A}' | '\u{202F}' | '\u{205F}' | '\u{3000}')
}
