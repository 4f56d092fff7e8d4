//! Starts child processes, bounds them, watches them, and ends them with everything that they started. It knows nothing
//! of attempts, providers or reports.

mod child;
mod launch;
mod leftover;
mod limits;
mod logged;
mod output;
mod own;
mod platform;
mod program;
mod table;
mod tree;

pub use child::{Child, Ended, Exit, Outcome};
pub use launch::{Launch, StartError, Streams};
pub use leftover::end_leftover;
pub use limits::Limits;
pub use logged::run_logged;
pub use output::Output;
pub use own::own_this_process;
pub use program::{is_path, is_program, look_up};
pub use table::ProcessId;
pub use tree::{MARK, Swept};
