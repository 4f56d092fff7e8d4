//! The file queue: the one crate that writes, moves and removes the files of a queue. Everything goes by the handle of
//! an open folder, follows no symbolic link, replaces no event, and is durable before it counts.

mod control;
mod error;
mod file_queue;
mod folders;
mod holders;
mod inspect;
mod journal;
mod known_files;
mod looking;
mod moves;
mod operator;
mod preview;
mod purge;
mod put;
mod recovery;
mod redaction_key;
mod repair;
mod rewrite;
mod scan;
mod session;
mod session_folder;
mod sessions;
mod settle;
mod survey;
mod version;

pub use control::FileControl;
pub use file_queue::FileQueue;
pub use known_files::KNOWN_FILES;
pub use put::SpoolIntake;
pub use redaction_key::{existing_redaction_key, redaction_key};
pub use rewrite::{Replacement, Rewrite, clear_rewrites, rewrite_all};
pub use scan::LARGEST_ROW;
pub use session::FileSession;
pub use sessions::SETTLE_LOCK;
pub use survey::FileSurvey;
