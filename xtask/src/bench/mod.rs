//! `cargo xtask bench`: haltline against the floor, both run in turn on the same disk.

mod benchmark;
mod benchmarks;
mod counts;
mod drain;
mod emit;
pub mod events;
mod homes;
mod investigate;
mod machine;
mod migrate;
mod outcome;
mod runner;
mod status;

pub use runner::{Options, run};
