//! Processes a queue. A drain is a line of actors, each with one job:
//!
//! ```text
//! scan (resolved, due) ─► audit-skip ─► known pattern ─► ranking ─► worker ─► (the dispatcher)
//!           └─────────────────┴───────────────┴─────────────┴─────────┴─► settle ─► (analytics)
//! ```
//!
//! What becomes of an event is decided in `rules/`, in one order. Events travel in batches, so that a group shares its
//! flushes. What leaves the line goes to settle, the only one that has files moved and rows recorded. The queue is read
//! once: `docs/design/scan.md`.

mod backoff;
mod candidate;
mod claimed;
mod counts;
mod decide;
mod drain;
mod error;
mod filter;
mod group;
mod options;
#[cfg(any(test, feature = "fuzzing"))]
pub mod pattern_file;
mod patterns;
mod progress;
mod records;
mod recovery;
mod rules;
mod scan;
mod settle;
#[cfg(test)]
mod testing;
mod waiting;
mod worker;

pub use decide::Decider;
pub use drain::{Drain, DrainReport, Wires};
pub use error::DrainError;
pub use options::DrainOptions;
pub use progress::Progress;
