//! The redactor.
#![no_main]

#[path = "../properties/redactor.rs"]
mod redactor;

libfuzzer_sys::fuzz_target!(|text: &str| redactor::holds(text));
