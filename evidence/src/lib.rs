//! Captured text, as a log or an agent wrote it: takes secrets and control characters out of it, cuts it and quotes it.
//! It does no I/O and knows nothing of events or reports.

mod control;
mod cut;
mod gates;
mod json_strings;
mod quote;
mod redact;

pub use control::{displayable, is_unprintable, without_control};
pub use cut::{LONGEST_TAIL, excerpt, fit_tail, from_character, head, last_lines, tail};
pub use gates::{clean, clean_line, display, redact_lossy};
pub use json_strings::{JsonStrings, json_string_length};
pub use quote::{fenced, longest_backtick_run};
pub use redact::{Redactor, own_secrets};
