//! The file queue: the one crate that writes, moves and removes the files of a queue. Everything goes by the handle of
//! an open folder, follows no symbolic link, replaces no event, and is durable before it counts.

mod error;
mod file_queue;
mod folders;
mod hold;
mod holders;
mod inspect;
mod journal;
mod moves;
mod operator;
mod preview;
mod purge;
mod put;
mod queue;
mod recovery;
mod redaction_key;
mod repair;
mod rewrite;
mod scan;
mod settle;
mod survey;
mod version;
mod work;

pub use file_queue::FileQueue;
pub use inspect::{HeldAttempt, HoldState, Remains, hold_states, remains};
pub use operator::{Operator, OperatorError, Scope};
pub use purge::{Purge, PurgeTally};
pub use put::SpoolIntake;
pub use queue::{FileSession, SETTLE_LOCK};
pub use redaction_key::{existing_redaction_key, redaction_key};
pub use repair::{Repair, STALE, is_stale_temporary};
pub use rewrite::{Replacement, Rewrite, clear_rewrites, rewrite_all};
pub use scan::LARGEST_ROW;
pub use survey::{FileCount, SeenHold, Survey, count_files, is_stopped, seen_holds};
pub use work::has_work;
