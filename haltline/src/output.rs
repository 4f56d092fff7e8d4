//! Writing to people and programs. A reader that has gone away is no reason to fail.

use std::error::Error;
use std::io::{IsTerminal, Write};

use serde::Serialize;

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
    let is_hidden = |letter: char| {
        matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
            || (letter.is_control() && !matches!(letter, '\n' | '\t'))
    };
    text.chars().filter(|letter| !is_hidden(*letter)).collect()
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
    let mut text = format!("haltline: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        let reason = error.to_string();
        // An error that is passed through says what its cause says.
        if !text.ends_with(&reason) {
            text.push_str(": ");
            text.push_str(&reason);
        }
        cause = error.source();
    }
    note(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_outside_acts_on_a_terminal() {
        assert_eq!(visible("a\u{1b}[31m\u{202e}b\r\n\tc\u{9b}\u{200b}d"), "a[31mb\n\tcd");
    }
}
