//! The file system of the machine, through the system calls of Linux.

use std::ffi::CStr;
use std::fs::File;
use std::io::{Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

use rustix::fs::{
    Advice, AtFlags, CWD, FileType, FlockOperation, Gid, Mode, OFlags, RawDir, RenameFlags, Stat, Timestamps, Uid,
    fadvise, fchmod, fchown, fdatasync, flock, fstat, fsync, futimens, linkat, mkdirat, openat, renameat,
    renameat_with, statat, unlinkat,
};
use rustix::io::{Errno, retry_on_intr};

use crate::error::errno_of;
use crate::mutants::{Mutant, is_on};
use crate::vfs::{Handle, Vfs};

/// Folders are the user's alone.
pub(crate) const FOLDER_MODE: Mode = Mode::RWXU;
/// A new folder has the sticky bit until its name is durable: whoever finds it so flushes the folder above. On a
/// folder of one user the bit means nothing else.
pub(crate) const NEW_FOLDER_MODE: Mode = FOLDER_MODE.union(Mode::SVTX);
/// Files are the user's alone.
pub(crate) const FILE_MODE: Mode = Mode::RUSR.union(Mode::WUSR);
/// How a folder is opened; without `NOFOLLOW`.
const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
/// The buffer of names, in bytes: some 400 names a system call.
const NAME_BUFFER: usize = 32 << 10;

/// The file system of the machine.
#[derive(Debug)]
pub(crate) struct System;

impl Vfs for System {
    fn open_root(&self, path: &Path) -> Result<Handle, Errno> {
        Ok(Handle::of(retry_on_intr(|| openat(CWD, path, FOLDER | OFlags::NOFOLLOW, Mode::empty()))?))
    }

    fn make_root(&self, path: &Path) -> Result<(), Errno> {
        mkdirat(CWD, path, NEW_FOLDER_MODE)
    }

    fn sync_root(&self, path: &Path) -> Result<(), Errno> {
        let folder = retry_on_intr(|| openat(CWD, path, FOLDER, Mode::empty()))?;
        retry_on_intr(|| fsync(&folder))
    }

    fn is_folder(&self, path: &Path) -> bool {
        path.is_dir()
    }

    fn open_folder(&self, folder: &Handle, name: &str) -> Result<Handle, Errno> {
        Ok(Handle::of(retry_on_intr(|| openat(folder.system()?, name, FOLDER | OFlags::NOFOLLOW, Mode::empty()))?))
    }

    fn make_folder(&self, folder: &Handle, name: &str) -> Result<(), Errno> {
        mkdirat(folder.system()?, name, NEW_FOLDER_MODE)
    }

    fn remove_folder(&self, folder: &Handle, name: &str) -> Result<(), Errno> {
        unlinkat(folder.system()?, name, AtFlags::REMOVEDIR)
    }

    fn open_file(&self, folder: &Handle, name: &str) -> Result<(Handle, Stat), Errno> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let open = |flags| retry_on_intr(|| openat(folder.system()?, name, flags, Mode::empty()));
        // A look leaves no trace; but of the files of others the kernel does not let us hide it (open(2)).
        let handle = match open(flags | OFlags::NOATIME) {
            Err(Errno::PERM) => open(flags)?,
            opened => opened?,
        };
        let stat = fstat(&handle)?;
        Ok((Handle::of(handle), stat))
    }

    fn open_append(&self, folder: &Handle, name: &str) -> Result<(Handle, Stat), Errno> {
        let flags =
            OFlags::RDWR | OFlags::CREATE | OFlags::APPEND | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let flags = if is_on(Mutant::NoCloexec) { flags - OFlags::CLOEXEC } else { flags };
        let handle = retry_on_intr(|| openat(folder.system()?, name, flags, FILE_MODE))?;
        let stat = fstat(&handle)?;
        Ok((Handle::of(handle), stat))
    }

    fn create_unnamed(&self, folder: &Handle) -> Result<Handle, Errno> {
        let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
        Ok(Handle::of(retry_on_intr(|| openat(folder.system()?, ".", flags, FILE_MODE))?))
    }

    fn create(&self, folder: &Handle, name: &str) -> Result<Handle, Errno> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(Handle::of(retry_on_intr(|| openat(folder.system()?, name, flags, FILE_MODE))?))
    }

    /// By the file's descriptor where the kernel lets us, else by its place in /proc (open(2)).
    fn link_unnamed(&self, file: &Handle, folder: &Handle, name: &str) -> Result<(), Errno> {
        let (file, folder) = (file.system()?, folder.system()?);
        match linkat(file, "", folder, name, AtFlags::EMPTY_PATH) {
            Err(Errno::NOENT | Errno::PERM) => {
                let path = format!("/proc/self/fd/{}", file.as_raw_fd());
                linkat(CWD, path, folder, name, AtFlags::SYMLINK_FOLLOW)
            }
            linked => linked,
        }
    }

    fn link(&self, folder: &Handle, name: &str, to: &Handle, new_name: &str) -> Result<(), Errno> {
        linkat(folder.system()?, name, to.system()?, new_name, AtFlags::empty())
    }

    fn rename(&self, folder: &Handle, name: &str, to: &Handle, new_name: &str) -> Result<(), Errno> {
        renameat(folder.system()?, name, to.system()?, new_name)
    }

    fn rename_noreplace(&self, folder: &Handle, name: &str, to: &Handle, new_name: &str) -> Result<(), Errno> {
        renameat_with(folder.system()?, name, to.system()?, new_name, RenameFlags::NOREPLACE)
    }

    fn exchange(&self, folder: &Handle, one: &str, other: &str) -> Result<(), Errno> {
        let folder = folder.system()?;
        renameat_with(folder, one, folder, other, RenameFlags::EXCHANGE)
    }

    fn unlink(&self, folder: &Handle, name: &str) -> Result<(), Errno> {
        unlinkat(folder.system()?, name, AtFlags::empty())
    }

    fn stat(&self, folder: &Handle, name: &str) -> Result<Stat, Errno> {
        statat(folder.system()?, name, AtFlags::SYMLINK_NOFOLLOW)
    }

    fn stat_open(&self, open: &Handle) -> Result<Stat, Errno> {
        fstat(open.system()?)
    }

    fn read(&self, file: &Handle, buffer: &mut [u8]) -> Result<usize, Errno> {
        let mut file = file.system()?;
        loop {
            match file.read(buffer) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                read => return read.map_err(|error| errno_of(&error)),
            }
        }
    }

    fn write(&self, file: &Handle, bytes: &[u8]) -> Result<(), Errno> {
        file.system()?.write_all(bytes).map_err(|error| errno_of(&error))
    }

    /// The advice that a file is not needed has its pages written (posix_fadvise(2)); they stay in memory until that is
    /// done. sync_file_range(2) would say it better, and there is no safe call for it.
    fn begin_sync(&self, file: &Handle) {
        if let Ok(file) = file.system() {
            fadvise(file, 0, None, Advice::DontNeed).ok();
        }
    }

    fn sync(&self, file: &Handle) -> Result<(), Errno> {
        retry_on_intr(|| fsync(file.system()?))
    }

    fn sync_data(&self, file: &Handle) -> Result<(), Errno> {
        retry_on_intr(|| fdatasync(file.system()?))
    }

    fn sync_folder(&self, folder: &Handle) -> Result<(), Errno> {
        retry_on_intr(|| fsync(folder.system()?))
    }

    fn set_mode(&self, file: &Handle, mode: Mode) -> Result<(), Errno> {
        fchmod(file.system()?, mode)
    }

    fn set_owner(&self, file: &Handle, user: u32, group: u32) -> Result<(), Errno> {
        fchown(file.system()?, Some(Uid::from_raw(user)), Some(Gid::from_raw(group)))
    }

    fn set_times(&self, file: &Handle, times: &Timestamps) -> Result<(), Errno> {
        futimens(file.system()?, times)
    }

    fn try_lock(&self, file: &Handle) -> Result<(), Errno> {
        retry_on_intr(|| flock(file.system()?, FlockOperation::NonBlockingLockExclusive))
    }

    fn open_listing(&self, folder: &Handle) -> Result<Handle, Errno> {
        Ok(Handle::of(retry_on_intr(|| openat(folder.system()?, ".", FOLDER, Mode::empty()))?))
    }

    fn next_names(&self, listing: &Handle, show: &mut dyn FnMut(&CStr, FileType)) -> Result<bool, Errno> {
        let mut buffer = [MaybeUninit::uninit(); NAME_BUFFER];
        let mut names = RawDir::new(listing.system()?, &mut buffer);
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
}

impl Handle {
    fn of(handle: OwnedFd) -> Self {
        Self::System(File::from(handle))
    }

    /// The kernel's file; EBADF for one of the model.
    fn system(&self) -> Result<&File, Errno> {
        match self {
            Self::System(file) => Ok(file),
            #[cfg(feature = "model")]
            Self::Model(_) => Err(Errno::BADF),
        }
    }

    /// Gives the kernel's file away; EBADF for one of the model.
    pub(crate) fn into_system(self) -> Result<File, Errno> {
        match self {
            Self::System(file) => Ok(file),
            #[cfg(feature = "model")]
            Self::Model(_) => Err(Errno::BADF),
        }
    }
}
