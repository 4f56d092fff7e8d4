//! The gates for text from outside: one for each way that it can go on. Secrets go before anything is cut, so that none
//! is cut in half and missed, and by the redactor in force.

use std::borrow::Cow;

use crate::control::{displayable, without_control};
use crate::cut::head;
use crate::redact::Redactor;

/// The longest text of a failure, in bytes: it stands in rows and in the event itself.
const LONGEST_MESSAGE: usize = 500;

/// Takes text in for a row: as it is, but for its secrets. Bytes that are no UTF-8 become U+FFFD.
pub fn redact_lossy(bytes: &[u8]) -> Cow<'_, str> {
    redacted(String::from_utf8_lossy(bytes))
}

/// Takes text in for a program or a prompt: without secrets, and [without control characters](without_control).
pub fn clean(text: &str) -> Cow<'_, str> {
    redacted(without_control(text))
}

/// Takes text in for a message: clean, on one line, and at most 500 bytes of it.
pub fn clean_line(text: &str) -> String {
    let text = clean(text);
    let line: Vec<&str> = text.split_whitespace().collect();
    head(&line.join(" "), LONGEST_MESSAGE).into_owned()
}

/// Takes text in for people to look at: without secrets, and [displayable].
pub fn display(text: &str) -> Cow<'_, str> {
    redacted(displayable(text))
}

fn redacted(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Redactor::in_force().redact(text),
        Cow::Owned(text) => Cow::Owned(Redactor::in_force().redact(&text).into_owned()),
    }
}
