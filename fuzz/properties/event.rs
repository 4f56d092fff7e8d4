//! What holds of any bytes that are read as a row of the queue.

use std::collections::BTreeSet;
use std::fmt;

use haltline_protocol::{Delivery, HaltEvent, QueueRow};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
const DELIVERY: &str = "delivery";

/// Reading never panics. What is accepted as an event is kept to the byte, and a rewritten row is the same event with
/// every other field in its place, to the digit.
pub(crate) fn holds(bytes: &[u8]) {
    let Ok(QueueRow::Event(event)) = QueueRow::parse(bytes) else {
        assert!(HaltEvent::parse(bytes).is_err(), "two readers disagree");
        return;
    };
    let text = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    assert!(event.raw() == text, "the row is not kept to the byte");
    let mut document = event.to_document().expect("an event is an object");
    let fields = Fields::of(text);
    let names: BTreeSet<_> = fields.0.iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), fields.0.len(), "a key stands twice");
    assert_eq!(Fields::of(&document.to_pretty()), fields);

    let delivery = Delivery { attempts: 2, not_before: None, last_error: Some(event.failure_reason()) };
    document.set(DELIVERY, &delivery).expect("a delivery is JSON");
    let rewritten = document.to_pretty();
    let again = HaltEvent::parse(&rewritten).expect("a rewritten event is an event");
    assert_eq!(again.delivery, delivery);
    assert_eq!(Fields::of(&rewritten).without(DELIVERY), fields.without(DELIVERY));
    assert_eq!(
        (again.key(), again.is_audit_only(), again.severity()),
        (event.key(), event.is_audit_only(), event.severity())
    );
    assert_eq!((again.timestamp, again.stdout_tail()), (event.timestamp, event.stdout_tail()));
}

/// The fields of an object in their order, each value as the text that it is.
#[derive(Debug, PartialEq)]
struct Fields(Vec<(String, String)>);

impl Fields {
    fn of(text: &[u8]) -> Self {
        serde_json::from_slice(text).expect("an event is an object")
    }

    fn without(&self, name: &str) -> Vec<&(String, String)> {
        self.0.iter().filter(|(field, _)| field != name).collect()
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;

        impl<'de> Visitor<'de> for Pairs {
            type Value = Fields;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    fields.push((name, value.get().to_owned()));
                }
                Ok(Fields(fields))
            }
        }

        deserializer.deserialize_map(Pairs)
    }
}
