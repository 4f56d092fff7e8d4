//! Why nothing can be told.

use haltline_files::FileError;
use haltline_protocol::QueueError;

/// Why a queue or a file beside it cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// The queue cannot be read.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// A file or a folder cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
}

impl From<ViewError> for QueueError {
    fn from(error: ViewError) -> Self {
        match error {
            ViewError::Queue(error) => error,
            ViewError::File(FileError { action, path, source, hint }) => {
                Self { action, on: path.display().to_string(), cause: source.into(), hint }
            }
        }
    }
}
