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
