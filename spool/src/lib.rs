//! The file queue: the one crate that writes, moves and removes the files of a queue. Everything goes by the handle of
//! an open folder, follows no symbolic link, replaces no event, and is durable before it counts.

mod errno;
mod error;
mod folder;
mod layout;
mod names;
mod put;

pub use errno::{errno_name, hint};
pub use folder::Folder;
pub use layout::Layout;
pub use names::{candidates, event_name, fault_part, marker_name, run_part};
pub use put::{Inlet, RowKind};
