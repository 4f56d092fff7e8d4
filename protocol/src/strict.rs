//! A walk over any JSON value that keeps nothing and refuses what two readers could read differently:
//! a key that stands twice in one object, at any depth.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Objects up to this many keys are compared key by key; larger ones by hash, so that a hostile object
/// of many keys costs linear time.
const SMALL_OBJECT_KEYS: usize = 16;

/// A JSON key, borrowed from the input where it has no escapes.
#[derive(Deserialize)]
#[serde(transparent)]
pub(crate) struct Key<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

/// The keys of one object so far.
#[derive(Default)]
pub(crate) struct SeenKeys<'a> {
    few: Vec<Cow<'a, str>>,
    many: HashSet<Cow<'a, str>>,
}

impl<'a> SeenKeys<'a> {
    /// Notes a key.
    pub(crate) fn insert<E: Error>(&mut self, key: Cow<'a, str>) -> Result<(), E> {
        let repeated = if self.many.is_empty() { self.few.contains(&key) } else { self.many.contains(&key) };
        if repeated {
            return Err(E::custom(format_args!("the key `{}` stands twice", key.escape_debug())));
        }
        if self.many.is_empty() && self.few.len() < SMALL_OBJECT_KEYS {
            self.few.push(key);
        } else {
            self.many.extend(self.few.drain(..));
            self.many.insert(key);
        }
        Ok(())
    }
}

/// Any value, checked and dropped.
pub(crate) struct Checked;

impl<'de> Deserialize<'de> for Checked {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CheckedVisitor)
    }
}

struct CheckedVisitor;

impl<'de> Visitor<'de> for CheckedVisitor {
    type Value = Checked;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Checked, E> {
        Ok(Checked)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Checked, E> {
        Ok(Checked)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Checked, E> {
        Ok(Checked)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Checked, E> {
        Ok(Checked)
    }

    fn visit_str<E>(self, _: &str) -> Result<Checked, E> {
        Ok(Checked)
    }

    fn visit_unit<E>(self) -> Result<Checked, E> {
        Ok(Checked)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Checked, A::Error> {
        while seq.next_element::<Checked>()?.is_some() {}
        Ok(Checked)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Checked, A::Error> {
        let mut seen = SeenKeys::default();
        while let Some(Key(key)) = map.next_key()? {
            seen.insert(key)?;
            map.next_value::<Checked>()?;
        }
        Ok(Checked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<(), String> {
        serde_json::from_str::<Checked>(text).map(|_| ()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_repeated_key_is_found_at_any_depth_and_in_any_spelling() {
        let many: String = (0..40).map(|n| format!("\"k{n}\":{n},")).collect();
        for text in [
            r#"{"a":1,"a":2}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"[{"x":{"y":[{"b":1,"b":1}]}}]"#,
            &format!("{{{many}\"k39\":0}}"),
            &format!("{{{many}\"k3\":0}}"),
        ] {
            assert!(check(text).unwrap_err().contains("stands twice"), "{text}");
        }
        check(&format!("{{{many}\"k40\":{{\"k1\":1}}}}")).unwrap();
    }

    #[test]
    fn what_no_parser_should_take_is_an_error_and_no_panic() {
        let deep = "[".repeat(200_000);
        for text in ["1e400", r#""\ud800""#, "{", "[1,]", &deep] {
            check(text).unwrap_err();
        }
    }
}
