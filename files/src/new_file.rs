//! A file that is being written and has no name yet, or one that no reader looks at, so that others see it whole or not
//! at all.

use rustix::fs::{Mode, Stat, Timespec, Timestamps};
use rustix::io::Errno;

use crate::error::FileError;
use crate::folder::Folder;
use crate::vfs::{FILE_MODE, Handle};

/// A written file that has no final name yet.
#[derive(Debug)]
pub enum Unnamed {
    /// It has no name at all (O_TMPFILE); it vanishes if it is not linked.
    Anonymous(Handle),
    /// It has a temporary name, where the file system wants one.
    Temporary(Temporary),
}

/// A written file under a name that no reader looks at.
#[derive(Debug)]
pub struct Temporary {
    file: Handle,
    name: String,
}

impl Unnamed {
    /// Gives the file its final name; `false` where that is taken, and then the file is forgotten.
    fn link(self, folder: &Folder, name: &str) -> Result<bool, FileError> {
        let linked = self.try_names(folder, std::iter::once(name.to_owned()))?;
        Ok(linked.is_some())
    }

    /// Gives the file the first of the names that is free, and returns it; `None` where all are taken, and then the
    /// file is forgotten.
    ///
    /// # Errors
    /// The file system takes no name; the file is forgotten.
    pub fn try_names(self, folder: &Folder, names: impl Iterator<Item = String>) -> Result<Option<String>, FileError> {
        for name in names {
            let linked = match &self {
                Self::Anonymous(file) => folder.vfs().link_unnamed(file, folder.handle(), &name),
                Self::Temporary(temporary) => folder.move_to(&temporary.name, folder, &name),
            };
            match linked {
                Ok(()) => return Ok(Some(name)),
                Err(Errno::EXIST) => {}
                Err(errno) => {
                    self.forget(folder);
                    return Err(FileError::new("write", folder.path().join(name), errno));
                }
            }
        }
        self.forget(folder);
        Ok(None)
    }

    /// Returns the file itself.
    pub fn file(&self) -> &Handle {
        match self {
            Self::Anonymous(file) => file,
            Self::Temporary(temporary) => &temporary.file,
        }
    }

    /// Takes its temporary name away, where it has one.
    pub fn forget(&self, folder: &Folder) {
        if let Self::Temporary(temporary) = self {
            folder.forget_temporary(&temporary.name);
        }
    }
}

impl Folder {
    /// Writes a new file durably: whole, or not at all. `false` where the name is taken.
    ///
    /// # Errors
    /// It cannot be written; nothing half written is left.
    pub fn create_new(&self, name: &str, bytes: &[u8]) -> Result<bool, FileError> {
        let created = self.write_file(bytes, true)?.link(self, name)?;
        if created {
            self.sync()?;
        }
        Ok(created)
    }

    /// Writes a file durably in place of the one that has the name: readers see the old one or the new one, whole.
    ///
    /// # Errors
    /// It cannot be written; the old one stays.
    pub fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), FileError> {
        self.replace_with_mode(name, bytes, FILE_MODE)
    }

    /// Replaces a file as [`replace`](Self::replace) does, with these permissions.
    ///
    /// # Errors
    /// As [`replace`](Self::replace).
    pub fn replace_with_mode(&self, name: &str, bytes: &[u8], mode: Mode) -> Result<(), FileError> {
        self.replace_as(name, bytes, mode, None)
    }

    /// Replaces a file as [`replace`](Self::replace) does, with the permissions and the time of another.
    ///
    /// # Errors
    /// As [`replace`](Self::replace).
    pub fn replace_like(&self, name: &str, bytes: &[u8], like: &Stat) -> Result<(), FileError> {
        self.replace_as(name, bytes, Mode::from_raw_mode(like.st_mode & 0o777), Some(times_of(like)))
    }

    fn replace_as(&self, name: &str, bytes: &[u8], mode: Mode, times: Option<Timestamps>) -> Result<(), FileError> {
        let temporary = self.write_temporary(bytes, false)?;
        let replaced = self
            .vfs()
            .set_mode(&temporary.file, mode)
            .and_then(|()| times.map_or(Ok(()), |times| self.vfs().set_times(&temporary.file, &times)))
            .and_then(|()| self.sync_file(&temporary.file))
            .and_then(|()| self.vfs().rename(self.handle(), &temporary.name, self.handle(), name));
        if let Err(errno) = replaced {
            self.forget_temporary(&temporary.name);
            return Err(FileError::new("replace", self.path().join(name), errno));
        }
        self.sync()
    }

    /// Puts a file's bytes, permissions and time into a new file of the same name, durably. Whoever knows the old one
    /// by its inode does not take the new one for it.
    ///
    /// # Errors
    /// It cannot be read or written; the old one stays.
    pub fn renew(&self, name: &str) -> Result<(), FileError> {
        let unreadable = |errno| FileError::new("read", self.path().join(name), errno);
        let (file, stat) = self.open_handle(name).map_err(unreadable)?;
        let bytes = self.read_handle(&file, &stat, u64::MAX).map_err(unreadable)?;
        self.replace_like(name, &bytes, &stat)
    }

    /// Writes bytes to a file that nobody sees yet.
    ///
    /// # Errors
    /// It cannot be written; nothing of it is left.
    pub fn write_file(&self, bytes: &[u8], durable: bool) -> Result<Unnamed, FileError> {
        match self.vfs().create_unnamed(self.handle()) {
            Ok(file) => {
                self.write_whole(&file, bytes, durable)
                    .map_err(|errno| FileError::new("write a file in", self.path(), errno))?;
                Ok(Unnamed::Anonymous(file))
            }
            // What file systems and kernels without O_TMPFILE say (open(2)).
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL | Errno::NOENT) => {
                self.write_temporary(bytes, durable).map(Unnamed::Temporary)
            }
            Err(errno) => Err(FileError::new("write a file in", self.path(), errno)),
        }
    }

    fn write_whole(&self, file: &Handle, bytes: &[u8], durable: bool) -> Result<(), Errno> {
        self.vfs().write(file, bytes)?;
        if durable { self.sync_file(file) } else { Ok(()) }
    }

    fn write_temporary(&self, bytes: &[u8], durable: bool) -> Result<Temporary, FileError> {
        let mut random = [0; 8];
        getrandom::fill(&mut random)
            .map_err(|_| FileError::new("find randomness for a file in", self.path(), Errno::IO))?;
        let name = format!(".{:016x}.tmp", u64::from_ne_bytes(random));
        let file = self
            .vfs()
            .create(self.handle(), &name)
            .map_err(|errno| FileError::new("write a file in", self.path(), errno))?;
        if let Err(errno) = self.write_whole(&file, bytes, durable) {
            self.forget_temporary(&name);
            return Err(FileError::new("write a file in", self.path(), errno));
        }
        Ok(Temporary { file, name })
    }

    fn forget_temporary(&self, name: &str) {
        if let Err(error) = self.remove_own(name) {
            tracing::warn!(%error, "left a temporary file behind");
        }
    }
}

/// When a file was last written, for one that takes its place.
fn times_of(stat: &Stat) -> Timestamps {
    let time = Timespec { tv_sec: stat.st_mtime, tv_nsec: i64::try_from(stat.st_mtime_nsec).unwrap_or(0) };
    Timestamps { last_access: time, last_modification: time }
}
