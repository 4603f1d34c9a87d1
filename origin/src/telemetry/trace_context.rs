//! Which trace a request belongs to (W3C Trace Context, level 1): read from `traceparent`, or begun here. Not what is measured in it
//! ([`super::request_trace`]).

use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue};

/// `traceparent`.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// `version-trace_id-parent_id-flags` of version 00.
const TRACEPARENT_BYTES: usize = 55;
/// The one flag that is known: the caller may record the trace.
const SAMPLED: u8 = 1;

/// A trace, and one span of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// Never 0.
    pub trace: TraceId,
    /// Never 0.
    pub span: u64,
    /// Whether whoever began the trace may record it.
    pub is_sampled: bool,
}

/// The id of a trace; shown as 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceId(pub u128);

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl TraceContext {
    /// The caller's. `None` where there is none, several, or one that is malformed: the trace then begins here, as the
    /// recommendation has it (§4.3).
    #[must_use]
    pub fn of_caller(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(TRACEPARENT).iter();
        let only = values.next().filter(|_| values.next().is_none())?;
        Self::parse(only.to_str().ok()?)
    }

    /// Reads a `traceparent` of this version, and of a later one what this version has (§2.2.3, §4.3).
    fn parse(text: &str) -> Option<Self> {
        let (version, trace) = (text.get(..2)?, text.get(3..35)?);
        let (span, flags) = (text.get(36..52)?, text.get(53..TRACEPARENT_BYTES)?);
        let is_separated = [2, 35, 52].iter().all(|at| text.as_bytes().get(*at) == Some(&b'-'));
        let rest = text.get(TRACEPARENT_BYTES..)?;
        let ends = if version == "00" { rest.is_empty() } else { rest.is_empty() || rest.starts_with('-') };
        let version = u8::try_from(digits(version)?).ok()?;
        let (trace, span) = (digits(trace)?, u64::try_from(digits(span)?).ok()?);
        let flags = u8::try_from(digits(flags)?).ok()?;
        let is_valid = is_separated && ends && version != 0xff && trace != 0 && span != 0;
        is_valid.then_some(Self { trace: TraceId(trace), span, is_sampled: flags & SAMPLED != 0 })
    }

    /// For whoever is asked in this span.
    #[must_use]
    pub fn to_header(&self) -> Option<HeaderValue> {
        let flags = if self.is_sampled { SAMPLED } else { 0 };
        HeaderValue::from_str(&format!("00-{}-{:016x}-{flags:02x}", self.trace, self.span)).ok()
    }
}

/// A number in lower-case hexadecimal; no signs and no capitals, which `from_str_radix` would take.
fn digits(text: &str) -> Option<u128> {
    let are_digits = text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    u128::from_str_radix(text, 16).ok().filter(|_| are_digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const SPAN: &str = "00f067aa0ba902b7";

    #[test]
    fn what_is_well_formed_is_read_and_written_again() {
        for (flags, written) in [("01", "01"), ("00", "00"), ("ff", "01"), ("02", "00")] {
            let read = TraceContext::parse(&format!("00-{TRACE}-{SPAN}-{flags}")).unwrap();
            assert_eq!(read.trace.to_string(), TRACE);
            assert_eq!(read.to_header().unwrap(), format!("00-{TRACE}-{SPAN}-{written}"));
        }
        for later in [format!("01-{TRACE}-{SPAN}-01"), format!("cc-{TRACE}-{SPAN}-01-what-the-future-brings")] {
            assert!(TraceContext::parse(&later).is_some(), "{later}");
        }
    }

    #[test]
    fn what_is_malformed_is_none() {
        let zeros = "0".repeat(32);
        let malformed = [
            String::new(),
            "00".to_owned(),
            format!("00-{TRACE}-{SPAN}"),
            format!("00-{TRACE}-{SPAN}-0"),
            format!("00-{TRACE}-{SPAN}-01-more"),
            format!("00-{TRACE}-{SPAN}-01 "),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("cc-{TRACE}-{SPAN}-01more"),
            format!("00-{zeros}-{SPAN}-01"),
            format!("00-{TRACE}-{}-01", "0".repeat(16)),
            format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
            format!("00-{}-{SPAN}-01", TRACE.replace('4', "g")),
            format!("00-+{}-{SPAN}-01", &TRACE[1..]),
            format!("00_{TRACE}_{SPAN}_01"),
            format!("00-{}é-{SPAN}-01", &TRACE[2..]),
        ];
        for text in malformed {
            assert_eq!(TraceContext::parse(&text), None, "{text}");
        }
    }

    #[test]
    fn of_two_none_counts() {
        let mut headers = HeaderMap::new();
        let value: HeaderValue = format!("00-{TRACE}-{SPAN}-01").parse().unwrap();
        headers.append(TRACEPARENT, value.clone());
        assert!(TraceContext::of_caller(&headers).is_some());
        headers.append(TRACEPARENT, value);
        assert_eq!(TraceContext::of_caller(&headers), None);
    }
}
