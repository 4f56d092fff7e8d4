//! The file system of the machine, through its system calls.

use std::ffi::CStr;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{
    AtFlags, CWD, FileType, FlockOperation, Gid, Mode, OFlags, Stat, Timestamps, Uid, fchmod, fchown, flock, fstat,
    futimens, linkat, mkdirat, openat, renameat, statat, unlinkat,
};
use rustix::io::{Errno, retry_on_intr};

use crate::error::errno_of;
use crate::platform;
use crate::vfs::{FILE_MODE, Handle, NEW_FOLDER_MODE, Vfs};

/// How a folder is opened; without `NOFOLLOW`.
const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// The file system of the machine.
#[derive(Debug)]
pub(crate) struct System;

impl Vfs for System {
    fn open_root(&self, path: &Path) -> Result<Handle, Errno> {
        Ok(of(retry_on_intr(|| openat(CWD, path, FOLDER | OFlags::NOFOLLOW, Mode::empty()))?))
    }

    fn make_root(&self, path: &Path) -> Result<(), Errno> {
        mkdirat(CWD, path, NEW_FOLDER_MODE)
    }

    fn sync_root(&self, path: &Path) -> Result<(), Errno> {
        let folder = retry_on_intr(|| openat(CWD, path, FOLDER, Mode::empty()))?;
        platform::sync(&File::from(folder))
    }

    fn is_folder(&self, path: &Path) -> bool {
        path.is_dir()
    }

    fn open_folder(&self, folder: &Handle, name: &str) -> Result<Handle, Errno> {
        Ok(of(retry_on_intr(|| openat(folder.system()?, name, FOLDER | OFlags::NOFOLLOW, Mode::empty()))?))
    }

    fn make_folder(&self, folder: &Handle, name: &str) -> Result<(), Errno> {
        mkdirat(folder.system()?, name, NEW_FOLDER_MODE)
    }

    fn remove_folder(&self, folder: &Handle, name: &str) -> Result<(), Errno> {
        unlinkat(folder.system()?, name, AtFlags::REMOVEDIR)
    }

    fn open_file(&self, folder: &Handle, name: &str) -> Result<(Handle, Stat), Errno> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let handle = platform::open_unseen(folder.system()?, name, flags)?;
        let stat = fstat(&handle)?;
        Ok((of(handle), stat))
    }

    fn open_append(&self, folder: &Handle, name: &str) -> Result<(Handle, Stat), Errno> {
        let flags =
            OFlags::RDWR | OFlags::CREATE | OFlags::APPEND | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let handle = retry_on_intr(|| openat(folder.system()?, name, flags, FILE_MODE))?;
        let stat = fstat(&handle)?;
        Ok((of(handle), stat))
    }

    fn create_unnamed(&self, folder: &Handle) -> Result<Handle, Errno> {
        Ok(of(platform::create_unnamed(folder.system()?, FILE_MODE)?))
    }

    fn create(&self, folder: &Handle, name: &str) -> Result<Handle, Errno> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(of(retry_on_intr(|| openat(folder.system()?, name, flags, FILE_MODE))?))
    }

    fn link_unnamed(&self, file: &Handle, folder: &Handle, name: &str) -> Result<(), Errno> {
        platform::link_unnamed(file.system()?, folder.system()?, name)
    }

    fn link(&self, folder: &Handle, name: &str, to: &Handle, new_name: &str) -> Result<(), Errno> {
        linkat(folder.system()?, name, to.system()?, new_name, AtFlags::empty())
    }

    fn rename(&self, folder: &Handle, name: &str, to: &Handle, new_name: &str) -> Result<(), Errno> {
        renameat(folder.system()?, name, to.system()?, new_name)
    }

    fn rename_noreplace(&self, folder: &Handle, name: &str, to: &Handle, new_name: &str) -> Result<(), Errno> {
        platform::rename_noreplace(folder.system()?, name, to.system()?, new_name)
    }

    fn exchange(&self, folder: &Handle, one: &str, other: &str) -> Result<(), Errno> {
        platform::exchange(folder.system()?, one, other)
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

    fn begin_sync(&self, file: &Handle) {
        if let Ok(file) = file.system() {
            platform::begin_sync(file);
        }
    }

    fn sync(&self, file: &Handle) -> Result<(), Errno> {
        platform::sync(file.system()?)
    }

    fn sync_data(&self, file: &Handle) -> Result<(), Errno> {
        platform::sync_data(file.system()?)
    }

    fn sync_folder(&self, folder: &Handle) -> Result<(), Errno> {
        platform::sync(folder.system()?)
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
        Ok(of(retry_on_intr(|| openat(folder.system()?, ".", FOLDER, Mode::empty()))?))
    }

    fn next_names(&self, listing: &Handle, show: &mut dyn FnMut(&CStr, FileType)) -> Result<bool, Errno> {
        platform::next_names(listing.system()?, show)
    }
}

fn of(handle: OwnedFd) -> Handle {
    Handle::System(File::from(handle))
}
