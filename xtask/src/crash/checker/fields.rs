//! Whether an event is the one that was emitted, to the byte but for its layout and the drain's own field.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// The field that a drain adds.
const DELIVERY: &str = "delivery";

/// The field that `upgrade` adds, and what it adds.
const FLAG: (&str, &str) = ("investigate", "false");

/// Whether `found` is `emitted`, byte for byte, or the same fields in the same order with another `delivery`.
///
/// With `may_be_flagged` it may also have gained `"investigate": false` behind all others, as `upgrade` adds it.
pub(super) fn is_same_event(found: &[u8], emitted: &[u8], may_be_flagged: bool) -> bool {
    if found == emitted {
        return true;
    }
    let (Some(mut found), Some(emitted)) = (fields(found), fields(emitted)) else { return false };
    if found != emitted && may_be_flagged && found.last().is_some_and(|(name, value)| (&**name, &**value) == FLAG) {
        found.pop();
    }
    found == emitted
}

/// The number of attempts that an event says it has behind it.
pub(super) fn attempts(event: &[u8]) -> u64 {
    let number = |event: serde_json::Value| event.get(DELIVERY)?.get("attempts")?.as_u64();
    serde_json::from_slice(event).ok().and_then(number).unwrap_or(0)
}

/// The fields of an object without `delivery`: names and texts without the white space between tokens.
fn fields(text: &[u8]) -> Option<Vec<(String, String)>> {
    let Fields(fields) = serde_json::from_slice(text).ok()?;
    Some(fields.into_iter().filter(|(name, _)| name != DELIVERY).collect())
}

struct Fields(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
            fields.push((name, without_layout(value.get())));
        }
        Ok(Fields(fields))
    }
}

/// A JSON text without the white space between its tokens.
fn without_layout(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let (mut in_string, mut escaped) = (false, false);
    for character in text.chars() {
        if in_string {
            in_string = escaped || character != '"';
            escaped = !escaped && character == '\\';
        } else if character.is_ascii_whitespace() {
            continue;
        } else {
            in_string = character == '"';
        }
        kept.push(character);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMITTED: &[u8] = br#"{"a": 12345678901234567890, "b": {"c": "x  \" y"}, "d": 1.0}"#;

    #[test]
    fn layout_and_delivery_may_differ_and_nothing_else() {
        for same in [
            &br#"{"a":12345678901234567890,"b":{"c":"x  \" y"},"d":1.0}"#[..],
            br#"{"a": 12345678901234567890, "b": {"c": "x  \" y"}, "d": 1.0, "delivery": {"attempts": 1}}"#,
        ] {
            assert!(is_same_event(same, EMITTED, false));
        }
        for other in [
            &br#"{"a": 12345678901234567000, "b": {"c": "x  \" y"}, "d": 1.0}"#[..],
            br#"{"a": 12345678901234567890, "b": {"c": "x \" y"}, "d": 1.0}"#,
            br#"{"a": 12345678901234567890, "b": {"c": "x  \" y"}, "d": 1}"#,
            br#"{"b": {"c": "x  \" y"}, "a": 12345678901234567890, "d": 1.0}"#,
            br#"{"a": 12345678901234567890, "b": {"c": "x  \" y"}, "d": 1.0, "e": 1}"#,
            br#"{"a": 12345678901234567890, "b": {"c": "x  \" y"}}"#,
            br#"{"a": 12345678901234567890, "b": {"c": "#,
        ] {
            assert!(!is_same_event(other, EMITTED, true), "{}", String::from_utf8_lossy(other));
        }
    }

    #[test]
    fn only_an_event_of_old_may_gain_the_flag() {
        let flagged = br#"{"a": 12345678901234567890, "b": {"c": "x  \" y"}, "d": 1.0, "investigate": false}"#;
        assert!(is_same_event(flagged, EMITTED, true));
        assert!(!is_same_event(flagged, EMITTED, false));
    }

    #[test]
    fn attempts_are_read_where_they_are() {
        assert_eq!(attempts(br#"{"delivery":{"attempts":2}}"#), 2);
        assert_eq!(attempts(b"{}"), 0);
        assert_eq!(attempts(b"{"), 0);
    }
}
