//! The few things that are mended by hand: what killed writers left, and permissions that are too wide.

use haltline_files::{FileError, Folder};
use haltline_protocol::Layout;
use jiff::{SignedDuration, Timestamp};
use rustix::fs::{FileType, Mode, Stat};
use rustix::io::Errno;

use crate::operator::Operator;
use crate::rewrite::clear_rewrites;
use crate::scan::modified;

/// A temporary file that was not written to for so long is nobody's any more; the rule of maildirs.
pub const STALE: SignedDuration = SignedDuration::from_hours(36);
/// How the names of temporary files end.
const TEMPORARY: &str = ".tmp";
/// How those of a rewrite begin, which may hold a row.
const REWRITE: &str = ".rewrite-";

/// What is mended of one file or folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repair {
    /// A stale temporary file goes.
    Reap,
    /// Nobody but the user may read or write it.
    Tighten,
}

/// Whether a file is a temporary one that a killed writer left, and holds nothing that anybody waits for.
pub fn is_stale_temporary(name: &str, stat: &Stat, now: Timestamp) -> bool {
    name.ends_with(TEMPORARY)
        && !name.starts_with(REWRITE)
        && FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile
        && now.duration_since(modified(stat)) > STALE
}

impl Operator {
    /// Mends one thing in a folder, durably; `false` where there is nothing to mend any more.
    ///
    /// # Errors
    /// It cannot be mended.
    pub fn repair(&self, folder: &Folder, name: &str, repair: Repair) -> Result<bool, FileError> {
        let fail = |errno| FileError::new("mend", folder.path().join(name), errno);
        let stat = match folder.stat(name) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return Ok(false),
            Err(errno) => return Err(fail(errno)),
        };
        match repair {
            Repair::Reap if is_stale_temporary(name, &stat, Timestamp::now()) => {
                folder.remove_own(name)?;
                folder.sync()?;
            }
            Repair::Reap => return Ok(false),
            Repair::Tighten => {
                let mode = Mode::from_raw_mode(stat.st_mode & 0o7777 & !0o077);
                match FileType::from_raw_mode(stat.st_mode) {
                    FileType::Directory => {
                        let child = folder.open_child(name)?;
                        child.vfs().set_mode(child.handle(), mode).map_err(fail)?;
                    }
                    FileType::RegularFile if stat.st_nlink == 1 => {
                        let (file, _) = folder.open_handle(name).map_err(fail)?;
                        folder.vfs().set_mode(&file, mode).map_err(fail)?;
                    }
                    _ => return Ok(false),
                }
            }
        }
        Ok(true)
    }

    /// Gives back or clears away what rewrites left that were killed.
    ///
    /// # Errors
    /// A folder cannot be read, or a row cannot be given back.
    pub fn clear_rewrites(&self, layout: &Layout) -> Result<(), FileError> {
        for path in [layout.pending(), layout.processed(), layout.dead_letter()] {
            clear_rewrites(&Folder::open(&path)?)?;
        }
        Ok(())
    }
}
