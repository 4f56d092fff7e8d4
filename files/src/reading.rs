//! Reading regular files of a folder.

use std::fs::File;

use rustix::fs::{FileType, Stat};
use rustix::io::Errno;

use crate::error::FileError;
use crate::folder::Folder;
use crate::vfs::Handle;

impl Folder {
    /// Opens a regular file to read. A FIFO does not block it, and a symbolic link is not followed.
    ///
    /// # Errors
    /// It is not there, no regular file (EINVAL), a symbolic link (ELOOP), or not readable.
    pub fn open_file(&self, name: &str) -> Result<(File, Stat), Errno> {
        let (file, stat) = self.open_handle(name)?;
        Ok((file.into_system()?, stat))
    }

    /// Opens a regular file as [`open_file`](Self::open_file) does, on any file system.
    ///
    /// # Errors
    /// As [`open_file`](Self::open_file).
    pub fn open_handle(&self, name: &str) -> Result<(Handle, Stat), Errno> {
        let (file, stat) = self.vfs().open_file(self.handle(), name)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(Errno::INVAL);
        }
        Ok((file, stat))
    }

    /// Reads an open file to its end, or to one byte behind the limit. `stat` says how much there may be.
    ///
    /// # Errors
    /// It cannot be read (read(2)).
    pub fn read_handle(&self, file: &Handle, stat: &Stat, limit: u64) -> Result<Vec<u8>, Errno> {
        let mut bytes = Vec::new();
        self.read_into(file, stat, limit, &mut bytes)?;
        Ok(bytes)
    }

    /// Reads as [`read_handle`](Self::read_handle) does, into a buffer whose old content is dropped.
    ///
    /// # Errors
    /// As [`read_handle`](Self::read_handle).
    pub fn read_into(&self, file: &Handle, stat: &Stat, limit: u64, bytes: &mut Vec<u8>) -> Result<(), Errno> {
        let most = usize::try_from(limit).unwrap_or(usize::MAX).saturating_add(1);
        // One byte more than it had, so that a file that has grown since is seen.
        bytes.resize(usize::try_from(stat.st_size).unwrap_or(0).saturating_add(1).min(most), 0);
        let mut length = 0;
        loop {
            length += self.vfs().read(file, &mut bytes[length..])?;
            // A short read of a regular file is its end (read(2)).
            if length < bytes.len() || length == most {
                break;
            }
            bytes.resize(bytes.len().saturating_mul(2).min(most), 0);
        }
        bytes.truncate(length);
        Ok(())
    }

    /// Reads a regular file whole; `None` where it is not there.
    ///
    /// # Errors
    /// It cannot be read, or is larger than `limit` bytes (EFBIG).
    pub fn read(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, FileError> {
        let read = || -> Result<Vec<u8>, Errno> {
            let (file, stat) = self.open_handle(name)?;
            let bytes = self.read_handle(&file, &stat, limit)?;
            if bytes.len() as u64 > limit { Err(Errno::FBIG) } else { Ok(bytes) }
        };
        match read() {
            Ok(bytes) => Ok(Some(bytes)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(FileError::new("read", self.path().join(name), errno)),
        }
    }
}
