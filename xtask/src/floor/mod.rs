//! The floor: bare programs that do haltline's file work and nothing else. No validation, no locks, no recovery.

mod command;
mod drain;

pub use command::Floor;
pub use drain::{Commit, drain};
