//! Looks through the files of a home: their permissions, what is out of place, what was left behind. Nothing is changed.

mod contents;
mod dead_drains;
mod findings;
mod kind;
mod known;
mod seen;
mod walk;

pub use findings::{Fsck, FsckReport};
