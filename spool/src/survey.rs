//! Looking at a queue without touching it: no folder is made, no file written, no lock kept.

use std::ffi::CStr;
use std::path::Path;

use haltline_files::{FileError, Folder};
use haltline_protocol::{Layout, Waiting};
use jiff::Timestamp;
use rustix::fs::{FileType, FlockOperation, flock};
use rustix::io::Errno;

use crate::hold::{Hold, LOCK};
use crate::preview::open_if_there;
use crate::queue::{SETTLE_LOCK, is_there};
use crate::scan::{Scan, modified};

/// What is in one folder of a queue, in batches, so that memory stays small however much it is.
#[derive(Debug)]
pub struct Survey {
    folder: Folder,
    scan: Scan,
}

impl Survey {
    /// Opens a folder; none where it is not there.
    ///
    /// # Errors
    /// It is there and cannot be read.
    pub fn open(path: &Path) -> Result<Option<Self>, FileError> {
        Ok(open_if_there(path)?.map(|folder| Self { folder, scan: Scan::default() }))
    }

    /// The next files, read; empty at the end.
    ///
    /// # Errors
    /// The folder cannot be listed.
    pub fn next_batch(&mut self) -> Result<Vec<Waiting>, FileError> {
        self.scan.next_batch(&self.folder)
    }
}

/// How many files there are, and when the oldest was last written.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct FileCount {
    /// How many.
    pub count: u64,
    /// The oldest; none where there are none.
    pub oldest: Option<Timestamp>,
}

/// Counts the regular files of a folder whose names are wanted, and opens none. A folder that is not there has none.
///
/// # Errors
/// It is there and cannot be read.
pub fn count_files(path: &Path, is_wanted: fn(&str) -> bool) -> Result<FileCount, FileError> {
    let mut counted = FileCount::default();
    let Some(folder) = open_if_there(path)? else { return Ok(counted) };
    let unreadable = |errno| FileError::new("list", folder.path(), errno);
    let listing = folder.vfs().open_listing(folder.handle()).map_err(unreadable)?;
    let mut show = |name: &CStr, _| {
        let Some(name) = name.to_str().ok().filter(|name| !name.starts_with('.') && is_wanted(name)) else { return };
        // One that is gone by now is not there.
        let Ok(stat) = folder.stat(name) else { return };
        if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile {
            counted.count += 1;
            let time = modified(&stat);
            counted.oldest = Some(counted.oldest.map_or(time, |oldest| oldest.min(time)));
        }
    };
    while folder.vfs().next_names(&listing, &mut show).map_err(unreadable)? {}
    Ok(counted)
}

/// Whether a person has stopped all dispatching. A queue that is not there is not stopped.
///
/// # Errors
/// It cannot be looked at.
pub fn is_stopped(layout: &Layout) -> Result<bool, FileError> {
    open_if_there(layout.queue())?.map_or(Ok(false), |queue| is_there(&queue, Layout::STOP))
}

/// What one drain holds, seen from outside.
#[derive(Debug, PartialEq, Eq)]
pub struct SeenHold {
    /// The drain, which is also the name of its folder.
    pub drain_id: String,
    /// Whether the drain lives.
    pub is_live: bool,
}

/// The drains that hold something, in the order of their ids.
///
/// # Errors
/// The folder of holds is there and cannot be read.
pub fn seen_holds(layout: &Layout) -> Result<Vec<SeenHold>, FileError> {
    let Some(in_flight) = open_if_there(&layout.in_flight())? else { return Ok(Vec::new()) };
    let mut names: Vec<_> = in_flight.names()?.into_iter().map(|entry| entry.name).collect();
    names.retain(|name| Hold::is_hold(name) && name != SETTLE_LOCK);
    names.sort();
    // A drain may end meanwhile, and with it its folder.
    let holds = names.into_iter().filter_map(|drain_id| {
        let is_live = is_locked(&in_flight.open_child(&drain_id).ok()?);
        Some(SeenHold { drain_id, is_live })
    });
    Ok(holds.collect())
}

/// Whether a drain holds the lock of its folder. The lock is tried shared and let go at once, and no lock is made.
pub(crate) fn is_locked(hold: &Folder) -> bool {
    let Ok((lock, _)) = hold.open_file(LOCK) else { return false };
    flock(&lock, FlockOperation::NonBlockingLockShared) == Err(Errno::WOULDBLOCK)
}

#[cfg(test)]
mod tests {
    use haltline_protocol::Session;

    use super::*;
    use crate::queue::FileSession;

    #[test]
    fn a_hold_is_live_as_long_as_its_drain() {
        let home = tempfile::tempdir().unwrap();
        let layout = Layout::new(home.path());
        assert_eq!(seen_holds(&layout).unwrap(), []);
        let queue = FileSession::open(&layout).unwrap();
        let drain_id = queue.id().to_string();
        assert_eq!(seen_holds(&layout).unwrap(), [SeenHold { drain_id: drain_id.clone(), is_live: true }]);
        drop(queue);
        assert_eq!(seen_holds(&layout).unwrap(), [SeenHold { drain_id, is_live: false }]);
    }

    #[test]
    fn files_are_counted_unopened_and_the_oldest_is_known() {
        let home = tempfile::tempdir().unwrap();
        let count = || count_files(&home.path().join("q"), |name| name.ends_with(".json")).unwrap();
        assert_eq!(count(), FileCount::default());
        let folder = Folder::ensure(&home.path().join("q")).unwrap();
        for name in ["a.json", "b.json", ".hidden.json", "c.txt"] {
            folder.create_new(name, b"").unwrap();
        }
        folder.ensure_child("folder.json").unwrap();
        let time = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000);
        std::fs::File::options().append(true).open(folder.path().join("b.json")).unwrap().set_modified(time).unwrap();
        assert_eq!(count(), FileCount { count: 2, oldest: Some(Timestamp::from_second(1_000).unwrap()) });
    }
}
