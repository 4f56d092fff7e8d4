//! Writing to people and programs. A reader that has gone away is no reason to fail.

use std::error::Error;
use std::io::{IsTerminal, Write};

use haltline_view::Advice;
pub(crate) use haltline_view::{age, maybe_millis, millis, visible};
use serde::Serialize;

/// Prints a line on standard output.
pub(crate) fn line(text: impl AsRef<str>) {
    writeln!(std::io::stdout(), "{}", text.as_ref()).ok();
}

/// Prints a line on standard error.
pub(crate) fn note(text: impl AsRef<str>) {
    writeln!(std::io::stderr(), "{}", text.as_ref()).ok();
}

/// Prints what is wrong or could be better, with what to do.
pub(crate) fn advise(what: &str, all: &[Advice]) {
    for Advice { problem, remedy } in all {
        line(format!("{what}: {}", visible(problem)));
        line(format!("    do: {}", visible(remedy)));
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
    fn a_cause_is_told_once() {
        let source = || std::io::Error::from_raw_os_error(1);
        let denied = QueueError { action: "open", on: "/x".into(), cause: source().into(), hint: Some("look at it") };
        let expected = format!("haltline: cannot open /x: {}; look at it", source());
        assert_eq!(with_causes(&denied), expected);
        let expected = format!("haltline: cannot read the input: {}", source());
        assert_eq!(with_causes(&haltline_emitter::EmitError::Input(source())), expected);
    }
}
