//! Reads JSON text. Values are slices of it; whoever wants what is inside one, looks inside.

use std::borrow::Cow;

/// Values nested deeper are refused: nothing of Kaïros is.
const MAX_DEPTH: u32 = 64;

struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Whether `byte` comes next; then it is behind us.
    fn takes(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.takes(byte).then_some(())
    }

    fn word(&mut self, word: &str) -> Option<()> {
        self.text.get(self.at..)?.starts_with(word).then(|| self.at += word.len())
    }

    fn digits(&mut self) -> Option<()> {
        let from = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        (self.at > from).then_some(())
    }

    fn number(&mut self) -> Option<()> {
        self.takes(b'-');
        if !self.takes(b'0') {
            self.digits()?;
        }
        if self.takes(b'.') {
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if !self.takes(b'+') {
                self.takes(b'-');
            }
            self.digits()?;
        }
        Some(())
    }

    fn string(&mut self) -> Option<&'a str> {
        let from = self.at;
        self.expect(b'"')?;
        loop {
            match self.peek()? {
                b'"' => break,
                b'\\' => {
                    self.at += 1;
                    let is_unicode = self.peek()? == b'u';
                    let is_escape =
                        matches!(self.peek()?, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' | b'u');
                    self.at += 1;
                    let digits = self.text.as_bytes().get(self.at..self.at + 4);
                    let is_hex = digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
                    if !is_escape || (is_unicode && !is_hex) {
                        return None;
                    }
                    self.at += if is_unicode { 4 } else { 0 };
                }
                0..=0x1f => return None,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        self.text.get(from..self.at)
    }

    /// The next value, without the space around it.
    fn value(&mut self, depth: u32) -> Option<&'a str> {
        self.skip_space();
        let from = self.at;
        match self.peek()? {
            b'"' => drop(self.string()?),
            b'{' => self.members(depth, &mut |_, _| {})?,
            b'[' => self.items(depth, &mut |_| {})?,
            b't' => self.word("true")?,
            b'f' => self.word("false")?,
            b'n' => self.word("null")?,
            _ => self.number()?,
        }
        let value = self.text.get(from..self.at);
        self.skip_space();
        value
    }

    fn members(&mut self, depth: u32, found: &mut dyn FnMut(&'a str, &'a str)) -> Option<()> {
        self.expect(b'{')?;
        let depth = depth.checked_sub(1)?;
        self.skip_space();
        if self.takes(b'}') {
            return Some(());
        }
        loop {
            self.skip_space();
            let name = self.string()?;
            self.skip_space();
            self.expect(b':')?;
            let value = self.value(depth)?;
            found(name, value);
            if !self.takes(b',') {
                return self.expect(b'}');
            }
        }
    }

    fn items(&mut self, depth: u32, found: &mut dyn FnMut(&'a str)) -> Option<()> {
        self.expect(b'[')?;
        let depth = depth.checked_sub(1)?;
        self.skip_space();
        if self.takes(b']') {
            return Some(());
        }
        loop {
            let value = self.value(depth)?;
            found(value);
            if !self.takes(b',') {
                return self.expect(b']');
            }
        }
    }
}

/// Whether `text` is one JSON value.
pub(crate) fn is_value(text: &str) -> bool {
    let mut scanner = Scanner { text, at: 0 };
    scanner.value(MAX_DEPTH).is_some() && scanner.at == text.len()
}

/// The members of an object, in order, names without their quotes but with their escapes.
pub(crate) fn object(text: &str) -> Option<Vec<(&str, &str)>> {
    let mut members = Vec::new();
    let mut scanner = Scanner { text, at: 0 };
    scanner.skip_space();
    scanner.members(MAX_DEPTH, &mut |name, value| {
        members.push((name.get(1..name.len() - 1).unwrap_or_default(), value));
    })?;
    scanner.skip_space();
    (scanner.at == text.len()).then_some(members)
}

/// The items of an array.
pub(crate) fn array(text: &str) -> Option<Vec<&str>> {
    let mut items = Vec::new();
    let mut scanner = Scanner { text, at: 0 };
    scanner.skip_space();
    scanner.items(MAX_DEPTH, &mut |item| items.push(item))?;
    scanner.skip_space();
    (scanner.at == text.len()).then_some(items)
}

/// The member of that name; of several, the last.
pub(crate) fn get<'a>(members: &[(&str, &'a str)], name: &str) -> Option<&'a str> {
    members.iter().rev().find(|(named, _)| *named == name).map(|(_, value)| *value)
}

/// What a string says. `None`: it is none, or has half of a surrogate pair.
pub(crate) fn string(text: &str) -> Option<Cow<'_, str>> {
    let inside = text.strip_prefix('"')?.strip_suffix('"')?;
    if !inside.contains('\\') {
        return Some(Cow::Borrowed(inside));
    }
    let mut said = String::with_capacity(inside.len());
    let mut rest = inside;
    while let Some((before, after)) = rest.split_once('\\') {
        said.push_str(before);
        let escape = after.chars().next()?;
        rest = after.get(escape.len_utf8()..)?;
        match escape {
            'b' => said.push('\u{8}'),
            'f' => said.push('\u{c}'),
            'n' => said.push('\n'),
            'r' => said.push('\r'),
            't' => said.push('\t'),
            'u' => {
                let (letter, behind) = unicode(rest)?;
                said.push(letter);
                rest = behind;
            }
            other => said.push(other),
        }
    }
    said.push_str(rest);
    Some(Cow::Owned(said))
}

/// The letter whose digits `text` begins with, and what comes behind.
fn unicode(text: &str) -> Option<(char, &str)> {
    let unit = |text: &str| u32::from_str_radix(text.get(..4)?, 16).ok();
    let first = unit(text)?;
    let rest = text.get(4..)?;
    if !(0xd800..0xdc00).contains(&first) {
        return char::from_u32(first).map(|letter| (letter, rest));
    }
    let second = unit(rest.strip_prefix("\\u")?).filter(|unit| (0xdc00..0xe000).contains(unit))?;
    let letter = char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00))?;
    Some((letter, rest.get(6..)?))
}

/// What a whole number says. `None`: it is none, or too large.
pub(crate) fn integer(text: &str) -> Option<i64> {
    text.parse().ok()
}
