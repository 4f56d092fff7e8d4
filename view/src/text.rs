//! Texts and times as people read them.

use haltline_evidence::{Redactor, is_unprintable};
use haltline_protocol::rfc3339_millis;
use jiff::{SignedDuration, Timestamp};
use serde::Serializer;

/// Returns a text from outside without what acts on a terminal or hides: control characters, marks of direction, letters
/// without a width. Lines and tabs stay.
pub fn visible(text: &str) -> String {
    let is_hidden = |letter: &char| is_unprintable(*letter) || matches!(letter, '\u{2028}' | '\u{2029}');
    text.chars().filter(|letter| !is_hidden(letter)).collect()
}

/// Returns the same on one line, of this many letters at most.
pub fn visible_line(text: &str, most: usize) -> String {
    let line = visible(text).split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// Returns a text from outside on one line, of this many letters at most, without secrets and without what acts on a
/// terminal.
pub fn clean_line(text: &str, most: usize) -> String {
    visible_line(&Redactor::in_force().redact(text), most)
}

/// Writes an age to one unit, as `45s`, `12m`, `3h` or `5d`.
pub fn age(age: SignedDuration) -> String {
    let seconds = age.as_secs().max(0);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..86_400 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// Writes a time into JSON, to the millisecond.
///
/// # Errors
/// The serializer fails.
pub fn millis<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&rfc3339_millis(*time))
}

/// Writes a time into JSON, to the millisecond, or null.
///
/// # Errors
/// The serializer fails.
pub fn maybe_millis<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => millis(time, serializer),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_outside_acts_on_a_terminal() {
        assert_eq!(visible_line("a\nb\u{1b}\tcde", 5), "a b c…");
        assert_eq!(visible("a\u{1b}[31m\u{202e}b\r\n\tc\u{9b}\u{200b}d"), "a[31mb\n\tcd");
    }

    #[test]
    fn an_age_is_told_in_its_largest_unit() {
        let told = [-5, 59, 60, 7_199, 86_400].map(|seconds| age(SignedDuration::from_secs(seconds)));
        assert_eq!(told, ["0s", "59s", "1m", "1h", "1d"]);
    }
}
