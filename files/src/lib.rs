//! Durable files: folders held open, new files that are whole or not there, replacement, append files, locks. Everything
//! goes by the handle of an open folder and follows no symbolic link. It knows nothing of queues.

mod append;
mod append_file;
mod errno;
mod error;
#[cfg(feature = "faults")]
mod fail_points;
mod flush;
mod folder;
mod lock;
mod locked;
mod machine;
mod moving;
mod new_file;
mod platform;
mod reading;
mod system;
mod vfs;

pub use append_file::{AppendFile, LockedFile};
pub use errno::{errno_name, errno_named, hint};
pub use error::FileError;
pub use folder::{Entry, Folder};
pub use locked::locked;
pub use machine::system;
pub use new_file::{Temporary, Unnamed};
pub use vfs::{FILE_MODE, FOLDER_MODE, Handle, NEW_FOLDER_MODE, OtherHandle, Vfs};
