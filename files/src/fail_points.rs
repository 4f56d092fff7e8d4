//! Fail points: every call that changes something is a step, counted over the whole process.
//!
//! | `HALTLINE_FAULT` | what happens |
//! |---|---|
//! | `kill:N` | SIGKILL before step N |
//! | `kill-after:N` | SIGKILL after step N |
//! | `error:ERRNO:N` | step N is not made and fails, as `error:ENOSPC:7` |
//!
//! Steps are numbered from 1. `HALTLINE_FAULT_COUNT=FILE` keeps the number of steps so far in a file.
//!
//! `HALTLINE_LIE` names a lie of the file system, which a test has to find:
//!
//! | `HALTLINE_LIE` | the lie |
//! |---|---|
//! | `unflushed-folders` | the names in folders are not flushed |
//! | `unflushed-files` | files are not flushed |
//! | `replacing-renames` | a rename replaces what has the name |
//! | `inherited-files` | files that are appended to stay open in the programs that are started |
//!
//! Only with the feature `faults`.

use std::ffi::CStr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{FileType, Mode, Stat, Timestamps};
use rustix::io::{Errno, FdFlags, fcntl_setfd};
use rustix::process::{Signal, getpid, kill_process};

use crate::errno::errno_named;
use crate::vfs::{Handle, Vfs};

/// What happens at a step.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    KillBefore(u64),
    KillAfter(u64),
    Error(Errno, u64),
}

/// What the file system does not do although it says so.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Lie {
    UnflushedFolders,
    UnflushedFiles,
    ReplacingRenames,
    InheritedFiles,
}

/// A file system with fail points.
#[derive(Debug)]
pub(crate) struct FailPoints<V> {
    inner: V,
    fault: Option<Fault>,
    lie: Option<Lie>,
    count_file: Option<PathBuf>,
    steps: AtomicU64,
}

impl<V> FailPoints<V> {
    /// Reads from the environment what is to happen.
    pub(crate) fn new(inner: V) -> Self {
        let fault = std::env::var("HALTLINE_FAULT").ok().and_then(|text| Fault::parse(&text));
        let lie = std::env::var("HALTLINE_LIE").ok().and_then(|text| Lie::parse(&text));
        let count_file = std::env::var_os("HALTLINE_FAULT_COUNT").map(PathBuf::from);
        Self { inner, fault, lie, count_file, steps: AtomicU64::new(0) }
    }

    fn step<T>(&self, make: impl FnOnce(&V) -> Result<T, Errno>) -> Result<T, Errno> {
        let number = self.steps.fetch_add(1, Ordering::SeqCst) + 1;
        if let Some(file) = &self.count_file
            && let Err(error) = std::fs::write(file, number.to_string())
        {
            tracing::error!(%error, path = %file.display(), "could not keep the number of steps");
        }
        match self.fault {
            Some(Fault::KillBefore(at)) if at == number => die(),
            Some(Fault::Error(errno, at)) if at == number => return Err(errno),
            _ => {}
        }
        let made = make(&self.inner);
        if self.fault == Some(Fault::KillAfter(number)) {
            die();
        }
        made
    }
}

/// Ends the process as a crash would: nothing is run any more.
fn die() {
    while kill_process(getpid(), Signal::KILL).is_ok() {
        std::hint::spin_loop();
    }
}

impl Fault {
    fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once(':')?;
        match kind {
            "kill" => Some(Self::KillBefore(rest.parse().ok()?)),
            "kill-after" => Some(Self::KillAfter(rest.parse().ok()?)),
            "error" => {
                let (errno, number) = rest.split_once(':')?;
                Some(Self::Error(errno_named(errno)?, number.parse().ok()?))
            }
            _ => None,
        }
    }
}

impl Lie {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "unflushed-folders" => Some(Self::UnflushedFolders),
            "unflushed-files" => Some(Self::UnflushedFiles),
            "replacing-renames" => Some(Self::ReplacingRenames),
            "inherited-files" => Some(Self::InheritedFiles),
            _ => None,
        }
    }
}

impl<V: Vfs> Vfs for FailPoints<V> {
    fn open_root(&self, path: &Path) -> Result<Handle, Errno> {
        self.inner.open_root(path)
    }

    fn make_root(&self, path: &Path) -> Result<(), Errno> {
        self.step(|inner| inner.make_root(path))
    }

    fn sync_root(&self, path: &Path) -> Result<(), Errno> {
        self.step(|inner| inner.sync_root(path))
    }

    fn is_folder(&self, path: &Path) -> bool {
        self.inner.is_folder(path)
    }

    fn open_folder(&self, folder: &Handle, name: &str) -> Result<Handle, Errno> {
        self.inner.open_folder(folder, name)
    }

    fn make_folder(&self, folder: &Handle, name: &str) -> Result<(), Errno> {
        self.step(|inner| inner.make_folder(folder, name))
    }

    fn remove_folder(&self, folder: &Handle, name: &str) -> Result<(), Errno> {
        self.step(|inner| inner.remove_folder(folder, name))
    }

    fn open_file(&self, folder: &Handle, name: &str) -> Result<(Handle, Stat), Errno> {
        self.inner.open_file(folder, name)
    }

    fn open_append(&self, folder: &Handle, name: &str) -> Result<(Handle, Stat), Errno> {
        let (file, stat) = self.step(|inner| inner.open_append(folder, name))?;
        if self.lie == Some(Lie::InheritedFiles) {
            fcntl_setfd(file.system()?, FdFlags::empty())?;
        }
        Ok((file, stat))
    }

    fn create_unnamed(&self, folder: &Handle) -> Result<Handle, Errno> {
        self.step(|inner| inner.create_unnamed(folder))
    }

    fn create(&self, folder: &Handle, name: &str) -> Result<Handle, Errno> {
        self.step(|inner| inner.create(folder, name))
    }

    fn link_unnamed(&self, file: &Handle, folder: &Handle, name: &str) -> Result<(), Errno> {
        self.step(|inner| inner.link_unnamed(file, folder, name))
    }

    fn link(&self, folder: &Handle, name: &str, to: &Handle, new_name: &str) -> Result<(), Errno> {
        self.step(|inner| inner.link(folder, name, to, new_name))
    }

    fn rename(&self, folder: &Handle, name: &str, to: &Handle, new_name: &str) -> Result<(), Errno> {
        self.step(|inner| inner.rename(folder, name, to, new_name))
    }

    fn rename_noreplace(&self, folder: &Handle, name: &str, to: &Handle, new_name: &str) -> Result<(), Errno> {
        self.step(|inner| match self.lie {
            Some(Lie::ReplacingRenames) => inner.rename(folder, name, to, new_name),
            _ => inner.rename_noreplace(folder, name, to, new_name),
        })
    }

    fn exchange(&self, folder: &Handle, one: &str, other: &str) -> Result<(), Errno> {
        self.step(|inner| inner.exchange(folder, one, other))
    }

    fn unlink(&self, folder: &Handle, name: &str) -> Result<(), Errno> {
        self.step(|inner| inner.unlink(folder, name))
    }

    fn stat(&self, folder: &Handle, name: &str) -> Result<Stat, Errno> {
        self.inner.stat(folder, name)
    }

    fn stat_open(&self, open: &Handle) -> Result<Stat, Errno> {
        self.inner.stat_open(open)
    }

    fn read(&self, file: &Handle, buffer: &mut [u8]) -> Result<usize, Errno> {
        self.inner.read(file, buffer)
    }

    fn write(&self, file: &Handle, bytes: &[u8]) -> Result<(), Errno> {
        self.step(|inner| inner.write(file, bytes))
    }

    fn begin_sync(&self, file: &Handle) {
        self.inner.begin_sync(file);
    }

    fn sync(&self, file: &Handle) -> Result<(), Errno> {
        self.step(|inner| if self.lie == Some(Lie::UnflushedFiles) { Ok(()) } else { inner.sync(file) })
    }

    fn sync_data(&self, file: &Handle) -> Result<(), Errno> {
        self.step(|inner| if self.lie == Some(Lie::UnflushedFiles) { Ok(()) } else { inner.sync_data(file) })
    }

    fn sync_folder(&self, folder: &Handle) -> Result<(), Errno> {
        self.step(|inner| if self.lie == Some(Lie::UnflushedFolders) { Ok(()) } else { inner.sync_folder(folder) })
    }

    fn set_mode(&self, file: &Handle, mode: Mode) -> Result<(), Errno> {
        self.step(|inner| inner.set_mode(file, mode))
    }

    fn set_owner(&self, file: &Handle, user: u32, group: u32) -> Result<(), Errno> {
        self.step(|inner| inner.set_owner(file, user, group))
    }

    fn set_times(&self, file: &Handle, times: &Timestamps) -> Result<(), Errno> {
        self.step(|inner| inner.set_times(file, times))
    }

    fn try_lock(&self, file: &Handle) -> Result<(), Errno> {
        self.inner.try_lock(file)
    }

    fn open_listing(&self, folder: &Handle) -> Result<Handle, Errno> {
        self.inner.open_listing(folder)
    }

    fn next_names(&self, listing: &Handle, show: &mut dyn FnMut(&CStr, FileType)) -> Result<bool, Errno> {
        self.inner.next_names(listing, show)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_read_from_its_text() {
        assert_eq!(Fault::parse("kill:3"), Some(Fault::KillBefore(3)));
        assert_eq!(Fault::parse("kill-after:12"), Some(Fault::KillAfter(12)));
        assert_eq!(Fault::parse("error:ENOSPC:7"), Some(Fault::Error(Errno::NOSPC, 7)));
        for text in ["", "kill", "kill:", "kill:x", "error:7", "error:EWHAT:7", "stop:1"] {
            assert_eq!(Fault::parse(text), None, "{text}");
        }
    }
}
