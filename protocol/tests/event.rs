//! Any bytes, read as a row of the queue.

use proptest::prelude::*;

#[path = "../../fuzz/properties/event.rs"]
mod event;

const REQUIRED: [(&str, &str); 9] = [
    ("faultId", "\"PHASE_FAILED:all:302c3b29\""),
    ("runId", "\"build-42\""),
    ("stateSlug", "\"s\""),
    ("kind", "\"MANUAL_RECOVERY_INVOKED\""),
    ("severity", "\"HIGH\""),
    ("timestamp", "\"2026-05-20T08:14:00.123Z\""),
    ("message", "\"m\""),
    ("pointers", "{}"),
    ("snapshot", "{\"stdoutTail\": \"a\\nb\", \"failureReason\": \"red\"}"),
];

fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "null|true|false|0|-0|1\\.0|1e2|1E-7|12345678901234567890123|1e400|\"\\\\ud800\"|-1",
        any::<String>().prop_map(|text| serde_json::Value::from(text).to_string()),
        "\"(\\\\u00[0-7][0-9a-f]|\\\\n|[a-z]){0,6}\"",
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(" ,\n"))),
            proptest::collection::vec((name(), inner), 0..4).prop_map(|fields| object(&fields, "\t")),
        ]
    })
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "investigate|delivery|event|digits|faultId|kind|\\\\u0061|a|stdoutTail|worktreePath|attempts",
        any::<String>().prop_map(|text| serde_json::Value::from(text).to_string().trim_matches('"').to_owned()),
    ]
}

fn object(fields: &[(String, String)], gap: &str) -> String {
    let fields: Vec<_> = fields.iter().map(|(name, value)| format!("{gap}\"{name}\"{gap}: {value}")).collect();
    format!("{{{}{gap}}}", fields.join(","))
}

/// An event with more fields, some fields changed or gone, and now and then cut off or with a byte changed.
fn row() -> impl Strategy<Value = Vec<u8>> {
    let more = proptest::collection::vec((name(), value()), 0..4);
    let changed = proptest::option::weighted(0.2, (0..REQUIRED.len(), proptest::option::of(value())));
    let order = Just(()).prop_perturb(|(), mut random| random.random::<u64>());
    let gap = prop_oneof![Just(""), Just(" "), Just("\n  ")];
    let whole = (more, changed, order, gap, any::<bool>())
        .prop_map(|(more, changed, order, gap, has_mark)| {
            let mut fields: Vec<_> = REQUIRED.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
            match changed {
                Some((at, Some(value))) => fields[at].1 = value,
                Some((at, None)) => drop(fields.remove(at)),
                None => {}
            }
            for (number, field) in more.into_iter().enumerate() {
                let place = usize::try_from(order >> (8 * number) & 0xff).unwrap_or(0) % (fields.len() + 1);
                fields.insert(place, field);
            }
            let mark = if has_mark { "\u{feff}" } else { "" };
            format!("{mark}{}", object(&fields, gap)).into_bytes()
        })
        .boxed();
    let damaged =
        (whole.clone(), any::<prop::sample::Index>(), any::<Option<u8>>()).prop_map(|(mut bytes, at, byte)| {
            let at = at.index(bytes.len());
            match byte {
                Some(byte) => bytes[at] = byte,
                None => bytes.truncate(at),
            }
            bytes
        });
    prop_oneof![7 => whole, 2 => damaged, 1 => any::<Vec<u8>>()]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_an_event_to_the_byte_or_none(bytes in row()) {
        event::holds(&bytes);
    }
}
