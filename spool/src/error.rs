//! How a failed system call becomes an error that says what to do.

use std::io;
use std::path::Path;

use haltline_protocol::QueueError;
use rustix::io::Errno;

use crate::errno::hint;

/// Says what failed, on what, why, and what to do.
pub(crate) fn failed(action: &'static str, path: impl AsRef<Path>, errno: Errno) -> QueueError {
    QueueError { action, path: path.as_ref().to_owned(), source: errno.into(), hint: hint(errno) }
}

/// The errno inside an I/O error; EIO where it has none.
pub(crate) fn errno_of(error: &io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}
