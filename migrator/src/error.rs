//! Why an upgrade could not begin.

use std::path::PathBuf;
use std::time::Duration;

use haltline_files::FileError;
use thiserror::Error;

/// Why an upgrade could not begin. What goes wrong with single rows is told in the migration's report.
#[derive(Debug, Error)]
pub enum UpgradeError {
    /// A folder, a marker or the lock cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// Something that is no regular file has the name of a marker.
    #[error("the marker {} is no regular file but a {kind}; move it away, then run `haltline upgrade` again", path.display())]
    OddMarker {
        /// Where the marker should be.
        path: PathBuf,
        /// What is there.
        kind: &'static str,
    },
    /// A drain or another upgrade held the settle lock for as long as we waited.
    #[error(
        "a drain or another upgrade is running: it holds {} for longer than {} s; run `haltline upgrade` again when it has ended",
        path.display(), waited.as_secs()
    )]
    Busy {
        /// The lock.
        path: PathBuf,
        /// How long we waited.
        waited: Duration,
    },
    /// The thread that waits for the lock could not be started, or the lock itself failed.
    #[error("cannot wait for the lock {}: {source}", path.display())]
    Lock {
        /// The lock.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
}
