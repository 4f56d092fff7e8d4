//! `cargo xtask bench`: haltline against the floor, both run in turn on the same disk.

mod benchmark;
mod drain;
pub mod events;
mod outcome;
mod runner;

pub use runner::{Options, run};
