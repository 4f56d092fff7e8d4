//! Reading folders that may be missing.

use std::path::Path;

use haltline_files::{FileError, Folder};
use jiff::Timestamp;
use rustix::fs::Stat;

/// Opens a folder; none where there is none.
pub(crate) fn open(path: &Path) -> Result<Option<Folder>, FileError> {
    match Folder::open(path) {
        Err(error) if error.is_missing() => Ok(None),
        opened => opened.map(Some),
    }
}

/// Returns the names in a folder, in their order.
pub(crate) fn sorted_names(folder: &Folder) -> Result<Vec<String>, FileError> {
    let mut names: Vec<_> = folder.names()?.into_iter().map(|entry| entry.name).collect();
    names.sort_unstable();
    Ok(names)
}

/// Returns when a file was last written.
pub(crate) fn modified(stat: &Stat) -> Timestamp {
    let nanos = i32::try_from(stat.st_mtime_nsec).unwrap_or(0);
    Timestamp::new(stat.st_mtime, nanos).unwrap_or(Timestamp::UNIX_EPOCH)
}
