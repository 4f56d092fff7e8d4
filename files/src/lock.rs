//! Locks between processes, which live as long as their file is open (flock(2)).

use std::fs::File;

use rustix::io::Errno;

use crate::error::FileError;
use crate::folder::Folder;
use crate::vfs::Handle;

impl Folder {
    /// Opens a lock file and tries to take its lock; `None` where somebody holds it. The lock lives as long as the
    /// file that is returned (flock(2)).
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn try_lock(&self, name: &str) -> Result<Option<File>, FileError> {
        let lock = self.lock_handle(name)?.map(Handle::into_system).transpose();
        lock.map_err(|errno| FileError::new("lock", self.path().join(name), errno))
    }

    /// Tries to take a lock as [`try_lock`](Self::try_lock) does, on any file system.
    ///
    /// # Errors
    /// As [`try_lock`](Self::try_lock).
    pub fn lock_handle(&self, name: &str) -> Result<Option<Handle>, FileError> {
        let file = self.append_handle(name)?;
        match self.vfs().try_lock(&file) {
            Ok(()) => Ok(Some(file)),
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(errno) => Err(FileError::new("lock", self.path().join(name), errno)),
        }
    }
}
