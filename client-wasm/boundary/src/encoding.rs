//! How inputs, effects and what is known cross the boundary: bytes, in the order of the fields. The other side is `driver/encoding.ts`.
//! Not JSON, and nothing that describes itself: both sides are built together.
//!
//! A kind or a choice is a byte; a number is an `f64` (whole ones are exact up to 2^53, which no stamp reaches); a text is its length in
//! bytes as `u32`, or [`ABSENT`], and UTF-8; a list is its length as `u32` and its items. All little-endian, none aligned.

mod effects;
mod inputs;
#[cfg(test)]
mod tests;

pub(crate) use effects::{response, write_effect, write_status};
pub(crate) use inputs::read_input;

/// The length of a text that is not there.
const ABSENT: u32 = u32::MAX;

/// Reads what JavaScript wrote. `None`: it is something else.
pub(crate) struct Reader<'a> {
    left: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { left: bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, left) = self.left.split_at_checked(length)?;
        self.left = left;
        Some(taken)
    }

    fn array<const LENGTH: usize>(&mut self) -> Option<[u8; LENGTH]> {
        self.take(LENGTH)?.try_into().ok()
    }

    fn byte(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn flag(&mut self) -> Option<bool> {
        self.byte().map(|byte| byte != 0)
    }

    fn length(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn number(&mut self) -> Option<f64> {
        self.array().map(f64::from_le_bytes)
    }

    /// A whole number; the nearest one if it is none.
    fn small(&mut self) -> Option<u32> {
        self.number().map(|number| number as u32)
    }

    fn large(&mut self) -> Option<u64> {
        self.number().map(|number| number as u64)
    }

    fn optional_text(&mut self) -> Option<Option<&'a str>> {
        match self.length()? {
            ABSENT => Some(None),
            length => std::str::from_utf8(self.take(length as usize)?).ok().map(Some),
        }
    }

    fn text(&mut self) -> Option<&'a str> {
        self.optional_text()?
    }

    fn string(&mut self) -> Option<String> {
        self.text().map(str::to_owned)
    }

    fn optional_string(&mut self) -> Option<Option<String>> {
        self.optional_text().map(|text| text.map(str::to_owned))
    }

    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let length = self.length()?;
        let mut items = Vec::new();
        for _ in 0..length {
            items.push(item(self)?);
        }
        Some(items)
    }
}

/// Writes what JavaScript reads.
#[derive(Default)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn byte(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    fn length(&mut self, length: usize) {
        self.bytes.extend((length as u32).to_le_bytes());
    }

    fn number(&mut self, number: f64) {
        self.bytes.extend(number.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.length(text.len());
        self.bytes.extend(text.as_bytes());
    }

    fn optional(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.text(text),
            None => self.length(ABSENT as usize),
        }
    }
}
