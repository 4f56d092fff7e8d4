//! What holds of any bytes in the place of the pattern file: for the fuzz target and its twin.

use std::fs;
use std::path::Path;

use haltline_protocol::Document;
use serde_json::value::RawValue;

use crate::patterns::{PatternBook, count_hits};

/// Reading never panics and leaves the file as it is; a corrupt file puts no pattern in force. Hits are counted for the
/// patterns in force, and every other field and entry stays to the byte.
pub fn holds(folder: &Path, bytes: &[u8]) {
    let path = folder.join("learned-patterns.json");
    fs::write(&path, bytes).expect("the folder can be written to");
    let places = PatternBook::load(&path).places();
    assert!(read(&path) == bytes, "reading changed the file");
    let entries = match serde_json::from_slice::<Vec<Box<RawValue>>>(bytes) {
        Ok(entries) => entries,
        Err(_) => return assert!(places.is_empty(), "a corrupt file has patterns in force"),
    };
    assert!(places.iter().all(|place| *place < entries.len()));
    if places.is_empty() {
        return;
    }
    let hits = places.iter().map(|place| (*place, 3)).collect();
    count_hits(&path, &hits).expect("the folder can be written to");
    let counted = read(&path);
    let after: Vec<Box<RawValue>> = serde_json::from_slice(&counted).expect("a counted file is a list");
    assert_eq!(after.len(), entries.len());
    for (place, (before, after)) in entries.iter().zip(&after).enumerate() {
        if places.contains(&place) {
            is_counted(before.get(), after.get());
        } else {
            assert_eq!(before.get(), after.get(), "an entry without a hit was changed");
        }
    }
    assert_eq!(PatternBook::load(&path).places(), places, "counting put other patterns in force");
    count_hits(&path, &hits).expect("the folder can be written to");
    let grown = read(&path).len().saturating_sub(counted.len());
    assert!(grown <= places.len(), "counting once more made the file {grown} bytes longer");
}

/// A pattern whose hits were counted: nothing else is another. One that repeats a key cannot be written to.
fn is_counted(before: &str, after: &str) {
    let Ok(mut expected) = Document::parse(before.as_bytes()) else {
        assert_eq!(before, after);
        return;
    };
    let counted = Document::parse(after.as_bytes()).expect("a counted pattern is an object");
    for name in ["hitCount", "lastHit"] {
        let value: Box<RawValue> =
            serde_json::from_str(counted.get(name).expect("it was counted")).expect("it is JSON");
        expected.set(name, &value).expect("it is JSON");
    }
    assert_eq!(String::from_utf8_lossy(&counted.to_pretty()), String::from_utf8_lossy(&expected.to_pretty()));
}

fn read(path: &Path) -> Vec<u8> {
    fs::read(path).expect("the file is kept")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A piece of a pattern file, now and then of a damaged one.
    fn value() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("null".to_owned()),
            Just("1.0".to_owned()),
            Just("18446744073709551615".to_owned()),
            Just("[\n  1,\n  2\n]".to_owned()),
            "[a-z.*+?()|\\\\\\[\\]{}^$0-9 ]{0,12}".prop_map(|text| serde_json::Value::from(text).to_string()),
            any::<String>().prop_map(|text| serde_json::Value::from(text).to_string()),
        ];
        leaf.boxed()
    }

    fn entry() -> impl Strategy<Value = String> {
        let kind = prop_oneof![
            6 => Just("\"stdout_contains\"".to_owned()),
            6 => Just("\"failureReason_regex\"".to_owned()),
            1 => value(),
        ];
        let more = proptest::collection::vec(("hitCount|lastHit|own|category|pattern", value()), 0..3);
        let gap = prop_oneof![Just(""), Just("\n    "), Just(" \t")];
        let object = (kind, value(), more, gap).prop_map(|(kind, pattern, more, gap)| {
            let more: String = more.iter().map(|(name, value)| format!(",{gap}\"{name}\": {value}")).collect();
            format!("{{{gap}\"category\":\"c\",{gap}\"matcherKind\": {kind},\"pattern\":{pattern}{more}{gap}}}")
        });
        prop_oneof![9 => object, 1 => value()]
    }

    fn file() -> impl Strategy<Value = Vec<u8>> {
        let whole =
            proptest::collection::vec(entry(), 0..4).prop_map(|entries| format!(" [{}]", entries.join(",\n"))).boxed();
        let cut = (whole.clone(), any::<prop::sample::Index>()).prop_map(|(text, at)| {
            let mut bytes = text.into_bytes();
            bytes.truncate(at.index(bytes.len()));
            bytes
        });
        prop_oneof![8 => whole.prop_map(String::into_bytes), 1 => cut, 1 => any::<Vec<u8>>()]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_pattern_file_is_kept_and_a_corrupt_one_has_no_pattern_in_force(bytes in file()) {
            thread_local! {
                static FOLDER: tempfile::TempDir = tempfile::tempdir().unwrap();
            }
            FOLDER.with(|folder| holds(folder.path(), &bytes));
        }
    }
}
