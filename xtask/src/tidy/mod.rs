//! `cargo xtask tidy`: the rules of the house, one file each.

mod banned;
mod bans;
mod circles;
mod docs;
mod imports;
mod lengths;
mod links;
mod logs;
mod moves;
mod named_tests;
mod openings;
mod runner;
mod texts;
mod violation;

pub use runner::{check, demand, run};
pub use violation::Violation;
