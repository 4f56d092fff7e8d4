//! A row that is rewritten: its fields in order, each value as the text that it was.

use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::strict::{Key, SeenKeys};

/// A JSON object whose values are kept to the byte: a 20-digit integer and `1.0` survive, and so does the order.
///
/// A field that is set anew keeps its place; a new one comes last.
#[derive(Debug, Clone)]
pub struct Document {
    fields: Vec<(String, Box<RawValue>)>,
}

impl Document {
    /// Reads an object.
    ///
    /// # Errors
    /// The text is no JSON object, or a key stands twice in it.
    pub fn parse(text: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(text)
    }

    /// An object without fields.
    pub fn empty() -> Self {
        Self { fields: Vec::new() }
    }

    /// The value of a field as JSON text.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(key, _)| key == name).map(|(_, value)| value.get())
    }

    /// Sets a field.
    ///
    /// # Errors
    /// The value cannot be written as JSON, as a map with keys that are no strings.
    pub fn set<V: Serialize>(&mut self, name: &str, value: &V) -> Result<(), serde_json::Error> {
        let mut text = Vec::new();
        value.serialize(&mut serde_json::Serializer::with_formatter(&mut text, Nested::default()))?;
        let value: Box<RawValue> = serde_json::from_slice(&text)?;
        match self.fields.iter_mut().find(|(key, _)| key == name) {
            Some((_, old)) => *old = value,
            None => self.fields.push((name.to_owned(), value)),
        }
        Ok(())
    }

    /// Takes a field out.
    pub fn remove(&mut self, name: &str) {
        self.fields.retain(|(key, _)| key != name);
    }

    /// Writes the object as rows are written: a field a line, indented by two spaces, and a final newline.
    pub fn to_pretty(&self) -> Vec<u8> {
        let mut out = self.to_pretty_at(0);
        out.push(b'\n');
        out
    }

    /// The same as a value that stands `depth` levels deep, without the final newline.
    pub fn to_pretty_at(&self, depth: usize) -> Vec<u8> {
        let line = format!("\n{}", "  ".repeat(depth));
        let mut out = Vec::from(b"{");
        for (place, (key, value)) in self.fields.iter().enumerate() {
            out.extend_from_slice(if place == 0 { b"" } else { b"," });
            out.extend_from_slice(line.as_bytes());
            out.extend_from_slice(b"  ");
            out.extend_from_slice(serde_json::Value::from(key.as_str()).to_string().as_bytes());
            out.extend_from_slice(b": ");
            out.extend_from_slice(value.get().as_bytes());
        }
        if !self.fields.is_empty() {
            out.extend_from_slice(line.as_bytes());
        }
        out.push(b'}');
        out
    }
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = Document;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Document, A::Error> {
                let mut seen = SeenKeys::default();
                let mut fields = Vec::new();
                while let Some(Key(key)) = map.next_key()? {
                    fields.push((key.clone().into_owned(), map.next_value()?));
                    seen.insert(key)?;
                }
                Ok(Document { fields })
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

/// Pretty JSON that already stands one level deep.
#[derive(Default)]
struct Nested<'a> {
    inner: serde_json::ser::PrettyFormatter<'a>,
    begun: bool,
}

impl Nested<'_> {
    /// Lets the formatter believe that it is inside an object, so that it indents by one level more.
    fn begin(&mut self) -> std::io::Result<()> {
        if !self.begun {
            self.begun = true;
            serde_json::ser::Formatter::begin_object(&mut self.inner, &mut std::io::sink())?;
        }
        Ok(())
    }
}

macro_rules! delegate {
    ($($name:ident($($argument:ident: $type:ty),*);)*) => {
        $(fn $name<W: ?Sized + std::io::Write>(&mut self, writer: &mut W $(, $argument: $type)*) -> std::io::Result<()> {
            self.begin()?;
            self.inner.$name(writer $(, $argument)*)
        })*
    };
}

impl serde_json::ser::Formatter for Nested<'_> {
    delegate! {
        begin_array();
        end_array();
        begin_array_value(first: bool);
        end_array_value();
        begin_object();
        end_object();
        begin_object_key(first: bool);
        begin_object_value();
        end_object_value();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_fields_keep_their_order_and_their_digits() {
        let text =
            "{\n  \"z\": 12345678901234567890123,\n  \"a\": 1.0,\n  \"m\": {\n    \"deep\": [1e2, null]\n  }\n}\n";
        let mut document = Document::parse(text.as_bytes()).unwrap();
        assert_eq!(String::from_utf8(document.to_pretty()).unwrap(), text);

        document.set("delivery", &serde_json::json!({"attempts": 1, "more": []})).unwrap();
        document.set("a", &false).unwrap();
        let written = String::from_utf8(document.to_pretty()).unwrap();
        assert_eq!(
            written,
            "{\n  \"z\": 12345678901234567890123,\n  \"a\": false,\n  \"m\": {\n    \"deep\": [1e2, null]\n  },\n  \
             \"delivery\": {\n    \"attempts\": 1,\n    \"more\": []\n  }\n}\n"
        );
    }

    #[test]
    fn an_object_without_fields_is_written_on_one_line() {
        assert_eq!(Document::empty().to_pretty(), b"{}\n");
        assert!(Document::parse(b"[]").is_err());
        assert!(Document::parse(br#"{"a":1,"a":1}"#).is_err());
    }
}
