//! For tests only.
//!
//! - A file system in memory that can lose power, and a scheduler that decides which process makes the next call.
//! - A queue in memory that is no file.
//! - [`queue_suite!`] and [`control_suite!`], the suites that every queue has to pass.
//!
//! Everything that works through a [`Vfs`](haltline_files::Vfs) runs on it as it is. See `docs/design/spool.md` for what
//! the model takes for granted of a file system.

mod chance;
pub mod control_suite;
mod disk;
mod lies;
mod memory;
mod process;
mod running;
pub mod suite;
mod world;

pub use chance::Chance;
pub use lies::{Lie, LyingVfs};
pub use memory::MemoryQueue;
pub use process::Process;
pub use running::Task;
pub use world::{Fault, Scene, World};
