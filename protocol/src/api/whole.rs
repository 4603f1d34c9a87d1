//! Whole numbers as they come in JSON, which does not tell 85.0 from 85 (RFC 8259 §6; JSON Schema's `integer` takes both). serde does,
//! and takes `null` for an absent field besides.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserializer;
use serde::de::{Error, Unexpected, Visitor};

/// Beyond this, a fraction's neighbours are whole numbers apart (2^53): what is meant is not certain.
const MOST: f64 = 9_007_199_254_740_992.0;

/// Reads a whole number, however it is spelled.
pub(crate) fn number<'de, D: Deserializer<'de>, T: TryFrom<i128>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_any(Whole(PhantomData))
}

/// The same for a field that may be absent, but not `null`.
pub(crate) fn present<'de, D: Deserializer<'de>, T: TryFrom<i128>>(deserializer: D) -> Result<Option<T>, D::Error> {
    number(deserializer).map(Some)
}

struct Whole<T>(PhantomData<T>);

impl<T: TryFrom<i128>> Visitor<'_> for Whole<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number in the field's range")
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<T, E> {
        T::try_from(value.into()).map_err(|_| E::invalid_value(Unexpected::Unsigned(value), &self))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<T, E> {
        T::try_from(value.into()).map_err(|_| E::invalid_value(Unexpected::Signed(value), &self))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<T, E> {
        #[expect(clippy::cast_possible_truncation, reason = "it is whole, and far from the end of the type")]
        let whole = (value.fract() == 0.0 && value.abs() <= MOST).then_some(value as i128);
        whole.and_then(|n| T::try_from(n).ok()).ok_or_else(|| E::invalid_value(Unexpected::Float(value), &self))
    }
}
