//! Works a queue off. A drain is a line of actors, each with one job:
//!
//! ```text
//! scan ─► collapse ─► gate ─► audit-skip ─► patterns ─► ranking ─► desk ─► (the dispatcher)
//!    └────────┴────────┴──────────┴────────────┴──────────────────┴──► settle ─► (analytics)
//! ```
//!
//! Events travel in batches, so that a group shares its flushes. What an actor takes out of the line goes to settle,
//! the only one that has files moved and rows recorded. Memory is the same however much waits: `docs/design/scan.md`.

mod audit_skip;
mod backoff;
mod candidate;
mod claimed;
mod collapse;
mod counts;
mod desk;
mod drain;
mod error;
mod gate;
mod gather;
mod keys;
mod options;
#[cfg(any(test, feature = "fuzzing"))]
pub mod pattern_file;
mod patterns;
mod progress;
mod ranking;
mod records;
mod recovery;
mod scan;
mod settle;
#[cfg(test)]
mod testing;

pub use counts::DrainCounts;
pub use drain::{Drain, DrainReport, Wires};
pub use error::DrainError;
pub use options::DrainOptions;
pub use progress::Progress;
