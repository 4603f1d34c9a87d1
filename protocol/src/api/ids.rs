//! Identifiers and the text they may consist of: checked once, where they enter. Not how they are made.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a text is no identifier of the wanted kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidId {
    /// Not 1 to `max` characters long.
    #[error("must be 1 to {max} characters long")]
    Length {
        /// The most characters this kind may have.
        max: usize,
    },
    /// Has a character outside the kind's alphabet.
    #[error("may only contain {allowed}")]
    Character {
        /// The alphabet, for people.
        allowed: &'static str,
    },
    /// Means something else in a path.
    #[error("is reserved")]
    Reserved,
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, max = $max:literal, allowed = $allowed:literal = $class:literal, $is_allowed:expr,
        reserved = $reserved:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
        #[cfg_attr(feature = "openapi", schemars(extend("pattern" = crate::api::schema::id_pattern($class, $max, &$reserved))))]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks `text`.
            ///
            /// # Errors
            /// [`InvalidId`] says what is wrong with it.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidId> {
                let text = text.into();
                let reserved: &[&str] = &$reserved;
                if text.is_empty() || text.len() > $max {
                    return Err(InvalidId::Length { max: $max });
                }
                if !text.bytes().all($is_allowed) {
                    return Err(InvalidId::Character { allowed: $allowed });
                }
                if reserved.contains(&text.as_str()) {
                    return Err(InvalidId::Reserved);
                }
                Ok(Self(text))
            }

            /// The text itself.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id!(
    /// A module's name in paths, unique and never changed: progress and history refer to it. Not `search`.
    Slug, max = 100, allowed = "a-z, 0-9 and -" = "a-z0-9-",
    |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-', reserved = ["search"]
);
text_id!(
    /// An account's id, made by the origin. Its alphabet fits a structured-field key, so that it can name a namespace.
    UserId, max = 64, allowed = "a-z, 0-9 and -" = "a-z0-9-",
    |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-', reserved = []
);
text_id!(
    /// An operation's id, made by whoever records it, the same for each attempt to send it: what makes a replay harmless.
    OperationId, max = 64, allowed = "A-Z, a-z, 0-9, - and _" = "A-Za-z0-9_-",
    |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_', reserved = []
);
