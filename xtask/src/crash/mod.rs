//! `cargo xtask crash`: the real binary, killed, stopped, refused and cut off at any point, and what is left checked.

mod case;
mod checker;
mod contention;
mod events;
mod history;
mod kills;
mod layer;
mod loop_disk;
mod power;
mod program;
mod random;
mod runner;
mod setting;
mod stub;
mod syscalls;
mod tally;

pub use runner::{Options, run};
