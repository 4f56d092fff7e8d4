//! The one gate for text that comes from a log: whatever reaches a row has passed [`admit`], and then [`fit`].

use std::borrow::Cow;

use haltline_protocol::Redactor;

/// The most of a log tail that a row keeps, in bytes. It holds 200 long lines and leaves a row far below its limit.
pub(crate) const LONGEST_TAIL: usize = 256 * 1024;

/// The most that a tail may take as JSON, in bytes. Plain text stays below it at [`LONGEST_TAIL`]; a log of control
/// characters, which take six bytes each, is cut further, so that the row still fits.
const LONGEST_WRITTEN_TAIL: usize = 2 * LONGEST_TAIL;

/// Takes text of a log in. It is called before anything is cut off, so that nothing is half seen; secrets are taken out
/// here. Bytes that are no UTF-8 become U+FFFD.
pub(crate) fn admit(bytes: &[u8]) -> Cow<'_, str> {
    let redactor = Redactor::in_force();
    match String::from_utf8_lossy(bytes) {
        Cow::Borrowed(text) => redactor.redact(text),
        Cow::Owned(text) => Cow::Owned(redactor.redact(&text).into_owned()),
    }
}

/// What a drain goes by: the ids, the kind, the times. They hold nothing of a log, and have to stay what they are.
const GONE_BY: [&str; 5] = ["faultId", "runId", "kind", "severity", "timestamp"];

/// Takes secrets out of every other text of a row: its message, its pointers, the fields of an orchestrator's own.
pub(crate) fn admit_row(row: &[u8]) -> Cow<'_, [u8]> {
    Redactor::in_force().redact_json(row, &GONE_BY)
}

/// Cuts a tail from the front, at a character, so that a row can hold it.
pub(crate) fn fit(tail: &str) -> &str {
    let from = tail.ceil_char_boundary(tail.len().saturating_sub(LONGEST_TAIL));
    let tail = &tail[from..];
    let mut written = 0;
    for (place, letter) in tail.char_indices().rev() {
        written += written_length(letter);
        if written > LONGEST_WRITTEN_TAIL {
            return &tail[place + letter.len_utf8()..];
        }
    }
    tail
}

/// How many bytes a character takes in a JSON string (RFC 8259, section 7).
fn written_length(letter: char) -> usize {
    match letter {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        '\0'..='\u{1f}' => 6,
        _ => letter.len_utf8(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_is_cut_from_the_front_at_a_character() {
        let long = "é".repeat(LONGEST_TAIL);
        assert_eq!(fit(&long).len(), LONGEST_TAIL);
        let odd = format!("{}z", "é".repeat(LONGEST_TAIL));
        assert_eq!(fit(&odd).len(), LONGEST_TAIL - 1);
        assert!(fit(&odd).ends_with("éz"));
        assert_eq!(fit("short"), "short");
    }

    #[test]
    fn control_characters_cannot_blow_a_tail_up() {
        let hostile = "\0".repeat(LONGEST_TAIL);
        let kept = fit(&hostile);
        let written = serde_json::to_string(kept).unwrap();
        assert!(written.len() <= LONGEST_WRITTEN_TAIL + 2 && written.len() > LONGEST_WRITTEN_TAIL - 6);
        for letter in ('\0'..='\u{80}').chain(['\u{2028}', '\u{fffd}', '😀']) {
            let text = letter.to_string();
            assert_eq!(serde_json::to_string(&text).unwrap().len(), written_length(letter) + 2, "{letter:?}");
        }
    }
}
