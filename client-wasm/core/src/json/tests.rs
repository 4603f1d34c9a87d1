//! The reader and the writer against serde_json, and against text that is no JSON.

use proptest::prelude::*;
use serde_json::Value;

use super::{reader, writer::Writer};

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((any::<String>(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// The value that is read by ours, with numbers by serde_json.
fn read(text: &str) -> Option<Value> {
    Some(match text.as_bytes().first()? {
        b'{' => {
            let member = |(name, value): (&str, &str)| {
                let quoted = ["\"", name, "\""].concat();
                Some((reader::string(&quoted)?.into_owned(), read(value)?))
            };
            Value::Object(reader::object(text)?.into_iter().map(member).collect::<Option<_>>()?)
        }
        b'[' => Value::Array(reader::array(text)?.into_iter().map(read).collect::<Option<_>>()?),
        b'"' => Value::String(reader::string(text)?.into_owned()),
        _ => serde_json::from_str(text).ok()?,
    })
}

proptest! {
    #[test]
    fn what_serde_writes_is_read_as_the_same(value in value(), is_pretty in any::<bool>()) {
        let text = if is_pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        prop_assert!(reader::is_value(&text));
        // Of a double serde_json reads the last digit as it likes: both are read by it.
        let theirs: Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(read(&text), Some(theirs));
    }

    #[test]
    fn text_is_a_value_where_serde_says_so(text in "[\\[\\]{}:,\"\\\\ untrefalsd0-9.eE+-]{0,24}") {
        let theirs = match serde_json::from_str::<Value>(&text) {
            Ok(_) => true,
            // Too large for a double, or half a surrogate pair: well-formed all the same.
            Err(error) if error.to_string().contains("out of range") || error.to_string().contains("surrogate") => return Ok(()),
            Err(_) => false,
        };
        prop_assert_eq!(reader::is_value(&text), theirs, "{}", text);
    }

    #[test]
    fn nothing_makes_it_panic(text in any::<String>(), bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        for text in [text.as_str(), &String::from_utf8_lossy(&bytes)] {
            let _ = (reader::is_value(text), reader::object(text), reader::array(text), reader::string(text));
        }
    }

    #[test]
    fn what_is_written_serde_reads(said in any::<String>(), number in any::<i64>()) {
        let mut writer = Writer::default();
        writer.begin('{').name("said").string(&said).name("list").begin('[').integer(number).integer(1).end(']').end('}');
        let read: Value = serde_json::from_str(&writer.into_text()).unwrap();
        prop_assert_eq!(read, serde_json::json!({ "said": said, "list": [number, 1] }));
    }

    #[test]
    fn a_quotient_is_written_as_serde_writes_the_double(count in 1_u64..20_000, share in 0.0..=1.0_f64) {
        let sum = (share * 100.0 * count as f64) as u64;
        let mut writer = Writer::default();
        writer.quotient(sum, count);
        let theirs = serde_json::to_string(&(sum as f64 / count as f64)).unwrap();
        let ours = writer.into_text();
        // Below a hundred-thousandth serde_json writes an exponent.
        prop_assert!(ours == theirs || theirs.contains('e'), "{} {}", ours, theirs);
        prop_assert_eq!(ours.parse::<f64>(), Ok(sum as f64 / count as f64));
    }
}

#[test]
fn depth_is_bounded() {
    let nested = |depth: usize| ["[".repeat(depth), "]".repeat(depth)].concat();
    assert!(reader::is_value(&nested(64)));
    assert!(!reader::is_value(&nested(65)));
    assert!(!reader::is_value(&"[".repeat(1_000_000)));
}
