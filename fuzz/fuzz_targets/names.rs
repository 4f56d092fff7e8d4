//! The neutraliser of names.
#![no_main]

#[path = "../properties/names.rs"]
mod names;

libfuzzer_sys::fuzz_target!(|ids: (&str, &str, i64)| names::holds(ids.0, ids.1, ids.2));
