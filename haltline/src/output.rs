//! Writing to people and programs. A reader that has gone away is no reason to fail.

use std::error::Error;
use std::io::{IsTerminal, Write};

use haltline_evidence::is_unprintable;
use haltline_protocol::rfc3339_millis;
use jiff::{SignedDuration, Timestamp};
use serde::{Serialize, Serializer};

/// Prints a line on standard output.
pub(crate) fn line(text: impl AsRef<str>) {
    writeln!(std::io::stdout(), "{}", text.as_ref()).ok();
}

/// Prints a line on standard error.
pub(crate) fn note(text: impl AsRef<str>) {
    writeln!(std::io::stderr(), "{}", text.as_ref()).ok();
}

/// A text from outside without what acts on a terminal or hides: control characters, marks of direction, letters without
/// a width. Lines and tabs stay.
pub(crate) fn visible(text: &str) -> String {
    let is_hidden = |letter: &char| is_unprintable(*letter) || matches!(letter, '\u{2028}' | '\u{2029}');
    text.chars().filter(|letter| !is_hidden(letter)).collect()
}

/// The same on one line, of this many letters at most.
pub(crate) fn visible_line(text: &str, most: usize) -> String {
    let line = visible(text).split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// Writes a time into JSON, to the millisecond.
pub(crate) fn millis<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&rfc3339_millis(*time))
}

/// The same where there may be none.
#[expect(clippy::ref_option, reason = "the signature is serde's")]
pub(crate) fn maybe_millis<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => millis(time, serializer),
        None => serializer.serialize_none(),
    }
}

/// An age to one unit, as `45s`, `12m`, `3h` or `5d`.
pub(crate) fn age(age: SignedDuration) -> String {
    let seconds = age.as_secs().max(0);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..86_400 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// Prints one JSON object on standard output, on one line where a program reads it.
pub(crate) fn json(value: &impl Serialize) {
    let text = if std::io::stdout().is_terminal() {
        serde_json::to_string_pretty(value)
    } else {
        serde_json::to_string(value)
    };
    match text {
        Ok(text) => line(text),
        Err(error) => note(format!("haltline: cannot write the result as JSON: {error}")),
    }
}

/// Prints an error with its causes on standard error, once, at the top.
pub(crate) fn error(error: &dyn Error) {
    note(visible(&with_causes(error)));
}

fn with_causes(error: &dyn Error) -> String {
    let mut text = format!("haltline: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        let reason = error.to_string();
        // Many an error says what its cause says, and some say after it what to do.
        if !text.contains(&reason) {
            text.push_str(": ");
            text.push_str(&reason);
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use haltline_protocol::QueueError;

    use super::*;

    #[test]
    fn nothing_from_outside_acts_on_a_terminal() {
        assert_eq!(visible_line("a\nb\u{1b}\tcde", 5), "a b c…");
        assert_eq!(visible("a\u{1b}[31m\u{202e}b\r\n\tc\u{9b}\u{200b}d"), "a[31mb\n\tcd");
    }

    #[test]
    fn a_cause_is_told_once() {
        let source = || std::io::Error::from_raw_os_error(1);
        let denied = QueueError { action: "open", on: "/x".into(), cause: source().into(), hint: Some("look at it") };
        let expected = format!("haltline: cannot open /x: {}; look at it", source());
        assert_eq!(with_causes(&denied), expected);
        let expected = format!("haltline: cannot read the input: {}", source());
        assert_eq!(with_causes(&haltline_emitter::EmitError::Input(source())), expected);
    }

    #[test]
    fn an_age_is_told_in_its_largest_unit() {
        let told = [-5, 59, 60, 7_199, 86_400].map(|seconds| age(SignedDuration::from_secs(seconds)));
        assert_eq!(told, ["0s", "59s", "1m", "1h", "1d"]);
    }
}
