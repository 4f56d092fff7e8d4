//! The search for a report, and its check.
#![no_main]

#[path = "../properties/report.rs"]
mod report;

libfuzzer_sys::fuzz_target!(|text: &str| report::holds(text));
