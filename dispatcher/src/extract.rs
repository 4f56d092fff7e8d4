//! Finds the JSON objects in what a program printed: a bare object, one with prose around it, one in a fenced block.
//!
//! It looks from the end, since the last report counts, and it does a bounded amount of work per byte whatever the
//! text is: a scanner checks that braces, brackets and strings balance before a parser sees anything.

use std::iter;

use haltline_evidence::JsonStrings;

/// How deep an object may nest. A report needs four levels; serde_json itself stops at 128.
const DEEPEST: usize = 32;
/// How many bytes may be looked at for each byte of text. Every level of nesting looks at the bytes inside once more;
/// text that needs more than this is hostile.
const WORK_PER_BYTE: usize = 64;

/// The objects of a text that balance, the one that begins last first. An object inside another one comes before it.
pub(crate) fn objects(text: &str) -> impl Iterator<Item = &str> {
    let bytes = text.as_bytes();
    let mut work_left = bytes.len().saturating_mul(WORK_PER_BYTE);
    let mut end = bytes.len();
    iter::from_fn(move || {
        loop {
            let start = bytes[..end].iter().rposition(|byte| *byte == b'{')?;
            end = start;
            let (seen, length) = balance(&bytes[start..]);
            work_left = work_left.checked_sub(seen)?;
            if let Some(length) = length {
                return Some(&text[start..start + length]);
            }
        }
    })
}

/// How many bytes were looked at, and the length of the object at the beginning if it balances.
fn balance(bytes: &[u8]) -> (usize, Option<usize>) {
    let mut open = Vec::with_capacity(DEEPEST);
    let mut strings = JsonStrings::default();
    for (place, byte) in bytes.iter().enumerate() {
        let seen = place + 1;
        if strings.holds(*byte) {
            // A string holds no control character, so that prose in quotes ends the attempt at its line's end.
            if *byte < 0x20 {
                return (seen, None);
            }
            continue;
        }
        match byte {
            b'{' | b'[' if open.len() < DEEPEST => open.push(*byte),
            b'}' | b']' => {
                let opening = if *byte == b'}' { b'{' } else { b'[' };
                if open.pop() != Some(opening) {
                    return (seen, None);
                }
                if open.is_empty() {
                    return (seen, Some(seen));
                }
            }
            b' ' | b'\t' | b'\n' | b'\r' | b',' | b':' | b'+' | b'-' | b'.' | b'0'..=b'9' | b'E' => {}
            // The letters of `true`, `false`, `null` and of an exponent.
            b'a' | b'e' | b'f' | b'l' | b'n' | b'r' | b's' | b't' | b'u' => {}
            _ => return (seen, None),
        }
    }
    (bytes.len(), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<&str> {
        objects(text).collect()
    }

    #[test]
    fn objects_are_found_in_prose_and_fences_the_last_first() {
        let table: [(&str, &[&str]); 8] = [
            (r#"{"a":1}"#, &[r#"{"a":1}"#]),
            (
                "It's {broken} and \"odd\".\n```json\n{\"a\": {\"b\": []}}\n```\nDone }",
                &[r#"{"b": []}"#, r#"{"a": {"b": []}}"#],
            ),
            (r#"{"a":1} then {"a":2}"#, &[r#"{"a":2}"#, r#"{"a":1}"#]),
            (r#"{"a":"} \" {"}"#, &[r#"{"a":"} \" {"}"#]),
            (r#"{"a":"{\"b\":1}"}"#, &[r#"{"a":"{\"b\":1}"}"#]),
            ("{\"a\":1", &[]),
            ("no object", &[]),
            ("", &[]),
        ];
        for (text, expect) in table {
            assert_eq!(found(text), expect, "{text}");
        }
    }

    #[test]
    fn hostile_braces_cost_no_more_than_their_length_allows() {
        let size = 1 << 20;
        for part in ["{", "{\"", "{\"a\":", "{\"a\":[", "{\":", "[\",", "{}", "{\"a\":\"", "}{", "{\"a\":{},"] {
            let text = part.repeat(size / part.len());
            let mut looked_at = 0;
            objects(&text).for_each(|object| looked_at += object.len());
            assert!(looked_at <= size * WORK_PER_BYTE, "{part}");
        }
    }

    #[test]
    fn a_report_after_much_noise_is_found() {
        let text = format!("{}\n{}", "{\"a\":[".repeat(300_000), r#"{"faultId":"x"}"#);
        assert_eq!(objects(&text).next(), Some(r#"{"faultId":"x"}"#));
    }
}
