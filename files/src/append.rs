//! Files that only grow.

use std::fs::File;

use rustix::fs::FileType;
use rustix::io::Errno;

use crate::error::FileError;
use crate::folder::Folder;
use crate::vfs::Handle;

impl Folder {
    /// Opens a file of the caller's own to append to, and makes it where it is missing. A symbolic link, a file with
    /// other names, and anything that is no regular file are refused.
    ///
    /// # Errors
    /// It cannot be opened, or is not what it should be.
    pub fn open_append(&self, name: &str) -> Result<File, FileError> {
        let file = self.append_handle(name)?;
        file.into_system().map_err(|errno| FileError::new("open to append", self.path().join(name), errno))
    }

    /// Opens a file as [`open_append`](Self::open_append) does, on any file system.
    ///
    /// # Errors
    /// As [`open_append`](Self::open_append).
    pub fn append_handle(&self, name: &str) -> Result<Handle, FileError> {
        let path = || self.path().join(name);
        let (file, stat) = self
            .vfs()
            .open_append(self.handle(), name)
            .map_err(|errno| FileError::new("open to append", path(), errno))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile || stat.st_nlink > 1 {
            let error = FileError::new("append to", path(), Errno::INVAL);
            return Err(error.with_hint("it is no regular file of one name; move it away"));
        }
        Ok(file)
    }
}
