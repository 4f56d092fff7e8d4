//! How a failed system call becomes an error that says what to do.

use std::io;
use std::path::PathBuf;

use rustix::io::Errno;
use thiserror::Error;

use crate::errno::hint;

/// Why a file or a folder cannot be worked with.
#[derive(Debug, Error)]
#[error("cannot {action} {}: {source}{}", path.display(), hint.map(|hint| format!("; {hint}")).unwrap_or_default())]
pub struct FileError {
    /// What was tried, as `open`.
    pub action: &'static str,
    /// On which file or folder.
    pub path: PathBuf,
    /// What the system says.
    pub source: io::Error,
    /// What to do about it.
    pub hint: Option<&'static str>,
}

impl FileError {
    /// Says what failed, on what and why, with the hint that belongs to the errno.
    pub fn new(action: &'static str, path: impl Into<PathBuf>, source: impl Into<io::Error>) -> Self {
        let source = source.into();
        Self { action, path: path.into(), hint: Errno::from_io_error(&source).and_then(hint), source }
    }

    /// Returns the same error with another hint.
    #[must_use]
    pub fn with_hint(self, hint: &'static str) -> Self {
        Self { hint: Some(hint), ..self }
    }

    /// Returns the errno of the failed call; EIO where the system gave none.
    pub fn errno(&self) -> Errno {
        errno_of(&self.source)
    }

    /// Says whether the file or folder is missing (ENOENT).
    pub fn is_missing(&self) -> bool {
        self.errno() == Errno::NOENT
    }
}

/// Returns the errno inside an I/O error; EIO where it has none.
pub(crate) fn errno_of(error: &io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}
