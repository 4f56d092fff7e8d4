//! Builds events and puts them into a queue: fault ids, snapshots, RESOLVED markers, and the one constructor for
//! manual-recovery events. A command that only emits uses the blocking functions and starts no runtime; programs with
//! many events at once use the actor behind [`Emitter`].

mod actor;
mod emission;
mod emit;
mod error;
mod fault;
mod fault_id;
mod fault_kind;
mod from_json;
mod git_head;
mod log_tail;
mod manual_recovery;
mod place;
mod pretty;
mod regular_file;
mod resolve;
mod snapshot;
#[cfg(test)]
mod testing;

pub use actor::{Emitter, GroupCommit};
pub use emission::Emission;
pub use emit::{emit, emit_all};
pub use error::EmitError;
pub use fault::FaultDraft;
pub use fault_id::fault_id;
pub use fault_kind::FaultKind;
pub use from_json::from_json;
pub use git_head::git_head;
pub use log_tail::last_lines;
pub use manual_recovery::{MarkPhaseCommitted, MarkShipped, drain_queue, mark_phase_committed, mark_shipped};
pub use place::{PhaseIndex, Place};
pub use resolve::resolve;
pub use snapshot::{Snapshot, UnreadLog, pointer};
