//! How errors leave the crate: behind the port, a queue says nothing of files.

use haltline_files::FileError;
use haltline_protocol::QueueError;

/// Turns the error of a file into that of a queue; its text stays the same.
pub(crate) fn queue_error(error: FileError) -> QueueError {
    let FileError { action, path, source, hint } = error;
    QueueError { action, on: path.display().to_string(), cause: source.into(), hint }
}
