//! The reader of events.
#![no_main]

#[path = "../properties/event.rs"]
mod event;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| event::holds(bytes));
