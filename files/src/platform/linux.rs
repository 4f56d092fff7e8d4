//! The calls that Linux alone has.

use std::ffi::CStr;
use std::fs::File;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::fs::{
    Advice, AtFlags, CWD, FileType, Mode, OFlags, RawDir, RenameFlags, fadvise, fdatasync, fsync, linkat, openat,
    renameat_with,
};
use rustix::io::{Errno, retry_on_intr};

/// The buffer of names, in bytes: some 400 names a system call.
const NAME_BUFFER: usize = 32 << 10;

/// Opens something to read without leaving a trace of it in its access time, where the kernel lets us: of the files of
/// others it does not (open(2)).
pub(crate) fn open_unseen(folder: &File, name: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
    let open = |flags| retry_on_intr(|| openat(folder, name, flags, Mode::empty()));
    match open(flags | OFlags::NOATIME) {
        Err(Errno::PERM) => open(flags),
        opened => opened,
    }
}

/// Makes a file to write that has no name (O_TMPFILE).
pub(crate) fn create_unnamed(folder: &File, mode: Mode) -> Result<OwnedFd, Errno> {
    let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
    retry_on_intr(|| openat(folder, ".", flags, mode))
}

/// Gives a file without a name one: by the file's descriptor where the kernel lets us, else by its place in /proc
/// (open(2)).
pub(crate) fn link_unnamed(file: &File, folder: &File, name: &str) -> Result<(), Errno> {
    match linkat(file, "", folder, name, AtFlags::EMPTY_PATH) {
        Err(Errno::NOENT | Errno::PERM) => {
            let path = format!("/proc/self/fd/{}", file.as_raw_fd());
            linkat(CWD, path, folder, name, AtFlags::SYMLINK_FOLLOW)
        }
        linked => linked,
    }
}

/// Renames, never over what has the name (renameat2(2), RENAME_NOREPLACE).
pub(crate) fn rename_noreplace(folder: &File, name: &str, to: &File, new_name: &str) -> Result<(), Errno> {
    renameat_with(folder, name, to, new_name, RenameFlags::NOREPLACE)
}

/// Lets two names of a folder change places (renameat2(2), RENAME_EXCHANGE).
pub(crate) fn exchange(folder: &File, one: &str, other: &str) -> Result<(), Errno> {
    renameat_with(folder, one, folder, other, RenameFlags::EXCHANGE)
}

/// Begins to write a file out. The advice that a file is not needed has its pages written (posix_fadvise(2)); they stay
/// in memory until that is done. sync_file_range(2) would say it better, and there is no safe call for it.
pub(crate) fn begin_sync(file: &File) {
    fadvise(file, 0, None, Advice::DontNeed).ok();
}

/// Makes a file or a folder durable (fsync(2)).
pub(crate) fn sync(file: &File) -> Result<(), Errno> {
    retry_on_intr(|| fsync(file))
}

/// Makes a file's content durable (fdatasync(2)).
pub(crate) fn sync_data(file: &File) -> Result<(), Errno> {
    retry_on_intr(|| fdatasync(file))
}

/// Shows the next names of a listing, as many as one system call brings; `false` at the end (getdents64(2)).
pub(crate) fn next_names(listing: &File, show: &mut dyn FnMut(&CStr, FileType)) -> Result<bool, Errno> {
    let mut buffer = [MaybeUninit::uninit(); NAME_BUFFER];
    let mut names = RawDir::new(listing, &mut buffer);
    while let Some(entry) = names.next() {
        let entry = entry?;
        show(entry.file_name(), entry.file_type());
        // Names that were listed must be used up: the kernel's place is behind them.
        if names.is_buffer_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}
