//! Names by which everything in a world can be told apart: accounts, operations, and sets of operations. Not what becomes of them.

use kairos_protocol::api::paths;
use serde_json::{Value, json};

/// A set of a learner's operations in this browser, by index.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Set(u128);

impl std::fmt::Debug for Set {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_set().entries((0..128).filter(|index| self.has(*index))).finish()
    }
}

impl Set {
    /// Most operations of one learner in one world.
    pub(crate) const MOST: u8 = 120;

    /// With one more.
    #[must_use]
    pub(crate) const fn with(self, index: u8) -> Self {
        Self(self.0 | 1 << index)
    }

    /// Both.
    #[must_use]
    pub(crate) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Without those of another.
    #[must_use]
    pub(crate) const fn minus(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether it has it.
    #[must_use]
    pub(crate) const fn has(self, index: u8) -> bool {
        self.0 >> index & 1 == 1
    }

    /// Whether it has all of another.
    #[must_use]
    pub(crate) const fn has_all(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    /// How many.
    #[must_use]
    pub(crate) const fn len(self) -> u64 {
        self.0.count_ones() as u64
    }
}

/// An account's id.
#[must_use]
pub(crate) fn user_id(user: usize) -> String {
    format!("u{user}")
}

/// Whose id, or email, it is.
#[must_use]
pub(crate) fn user_of(id: &str) -> Option<usize> {
    id.split('@').next()?.strip_prefix('u')?.parse().ok()
}

/// Whose module it is: `u1-m3`.
#[must_use]
pub(crate) fn owner_of_module(module: &str) -> Option<usize> {
    user_of(module.split('-').next()?)
}

/// The body of a profile.
#[must_use]
pub(crate) fn profile(user: usize) -> Value {
    let id = user_id(user);
    let email = format!("{id}@example.org");
    json!({ "id": id, "email": email, "display_name": id, "roles": ["learner"], "created_at_ms": 1 })
}

/// The random bits of an operation: whose, which, and some that are.
#[must_use]
pub(crate) fn entropy(user: usize, index: u8, random: u64) -> [u8; 16] {
    let mut bits = [0xa5; 16];
    let user = u8::try_from(user).unwrap_or(u8::MAX);
    for (place, byte) in bits.iter_mut().zip([user, index].into_iter().chain(random.to_le_bytes())) {
        *place = byte;
    }
    bits
}

/// Whose operation it is, and which, by its id.
#[must_use]
pub(crate) fn operation_of(id: &str) -> Option<(usize, u8)> {
    let byte = |at: usize| u8::from_str_radix(id.get(at..at + 2)?, 16).ok();
    (id.len() == 32).then(|| Some((byte(0)?.into(), byte(2)?)))?
}

/// The number in a dictionary that has it alone.
#[must_use]
pub(crate) fn generation(field: &str, name: &str) -> Option<u64> {
    field.strip_prefix(name)?.parse().ok()
}

/// What is made up where there is nothing.
#[must_use]
pub(crate) fn nothing(pathname: &str) -> Value {
    match pathname {
        paths::STATISTICS => json!({
            "modules": 0, "completed": 0, "in_progress": 0, "time_spent_secs": 0, "attempts": 0, "scored": 0, "score_sum": 0,
        }),
        paths::ME => json!({ "id": "nobody" }),
        _ => json!({ "items": [] }),
    }
}

/// A member, or `null`.
#[must_use]
pub(crate) fn field<'a>(value: &'a Value, name: &str) -> &'a Value {
    value.get(name).unwrap_or(&Value::Null)
}
