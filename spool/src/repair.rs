//! The few things that are mended by hand: what killed writers left, and permissions that are too wide.

use haltline_files::{FileError, Folder};
use haltline_protocol::{Layout, Repair, is_stale_temporary};
use jiff::Timestamp;
use rustix::fs::{FileType, Mode, Stat};
use rustix::io::Errno;

use crate::operator::Operator;
use crate::rewrite::clear_rewrites;
use crate::scan::modified;

impl Operator {
    /// Mends one thing, durably; `false` where there is nothing to mend any more.
    ///
    /// # Errors
    /// It cannot be mended.
    pub(crate) fn repair(&self, layout: &Layout, repair: &Repair) -> Result<bool, FileError> {
        match repair {
            Repair::Reap { folder, name } => reap(&Folder::open(folder)?, name),
            Repair::Tighten { folder, name } => tighten(&Folder::open(folder)?, name),
            Repair::ClearRewrites => {
                for path in [layout.pending(), layout.processed(), layout.dead_letter()] {
                    clear_rewrites(&Folder::open(&path)?)?;
                }
                Ok(true)
            }
        }
    }
}

/// Removes a stale temporary file.
fn reap(folder: &Folder, name: &str) -> Result<bool, FileError> {
    let Some(stat) = stat(folder, name)? else { return Ok(false) };
    let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
    if !is_file || !is_stale_temporary(name, modified(&stat), Timestamp::now()) {
        return Ok(false);
    }
    folder.remove_own(name)?;
    folder.sync()?;
    Ok(true)
}

/// Takes the permissions of everybody but the user away.
fn tighten(folder: &Folder, name: &str) -> Result<bool, FileError> {
    let fail = |errno| FileError::new("mend", folder.path().join(name), errno);
    let Some(stat) = stat(folder, name)? else { return Ok(false) };
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
    Ok(true)
}

/// What stands under a name; none where it is gone.
fn stat(folder: &Folder, name: &str) -> Result<Option<Stat>, FileError> {
    match folder.stat(name) {
        Ok(stat) => Ok(Some(stat)),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(FileError::new("mend", folder.path().join(name), errno)),
    }
}
