//! The calls that macOS has in place of Linux's.

use std::ffi::CStr;
use std::fs::File;
use std::os::fd::OwnedFd;

use rustix::fs::{Dir, FileType, Mode, OFlags, RenameFlags, fcntl_fullfsync, fsync, openat, renameat_with};
use rustix::io::{Errno, retry_on_intr};

/// Opens something to read. Its access time changes: macOS has no O_NOATIME.
pub(crate) fn open_unseen(folder: &File, name: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
    retry_on_intr(|| openat(folder, name, flags, Mode::empty()))
}

/// Answers that a file needs a name: macOS has no O_TMPFILE.
pub(crate) fn create_unnamed(_: &File, _: Mode) -> Result<OwnedFd, Errno> {
    Err(Errno::OPNOTSUPP)
}

/// Answers that there is no file without a name.
pub(crate) fn link_unnamed(_: &File, _: &File, _: &str) -> Result<(), Errno> {
    Err(Errno::OPNOTSUPP)
}

/// Renames, never over what has the name (renameatx_np(2), RENAME_EXCL).
pub(crate) fn rename_noreplace(folder: &File, name: &str, to: &File, new_name: &str) -> Result<(), Errno> {
    renameat_with(folder, name, to, new_name, RenameFlags::NOREPLACE)
}

/// Lets two names of a folder change places (renameatx_np(2), RENAME_SWAP).
pub(crate) fn exchange(folder: &File, one: &str, other: &str) -> Result<(), Errno> {
    renameat_with(folder, one, folder, other, RenameFlags::EXCHANGE)
}

/// Does nothing: macOS has no call that begins to write a file out.
pub(crate) fn begin_sync(_: &File) {}

/// Makes a file or a folder durable. fsync(2) leaves it in the cache of the disk; F_FULLFSYNC does not, and some file
/// systems have no such call.
pub(crate) fn sync(file: &File) -> Result<(), Errno> {
    match retry_on_intr(|| fcntl_fullfsync(file)) {
        Err(Errno::NOTSUP | Errno::INVAL | Errno::NOTTY) => retry_on_intr(|| fsync(file)),
        synced => synced,
    }
}

/// Makes a file's content durable.
pub(crate) fn sync_data(file: &File) -> Result<(), Errno> {
    sync(file)
}

/// Shows all names of a listing, and answers that these were the last.
pub(crate) fn next_names(listing: &File, show: &mut dyn FnMut(&CStr, FileType)) -> Result<bool, Errno> {
    for entry in Dir::read_from(listing)? {
        let entry = entry?;
        show(entry.file_name(), entry.file_type());
    }
    Ok(false)
}
