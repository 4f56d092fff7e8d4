//! The file queue: the one crate that writes, moves and removes the files of a queue. Everything goes by the handle of
//! an open folder, follows no symbolic link, replaces no event, and is durable before it counts.

mod errno;
mod error;
mod folder;
mod folders;
mod hold;
mod journal;
mod layout;
mod moves;
mod names;
mod preview;
mod put;
mod queue;
mod recovery;
mod rewrite;
mod scan;
mod settle;
mod work;

pub use errno::{errno_name, hint};
pub use folder::{Entry, Folder};
pub use layout::Layout;
pub use names::{candidates, event_name, fault_part, marker_name, run_part};
pub use preview::PreviewQueue;
pub use put::{Inlet, RowKind};
pub use queue::{DrainQueue, SETTLE_LOCK};
pub use rewrite::Rewrite;
pub use scan::LARGEST_ROW;
pub use work::has_work;
