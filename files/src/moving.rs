//! Moving names between folders, and taking them away.

use rustix::fs::FileType;
use rustix::io::Errno;

use crate::error::FileError;
use crate::folder::Folder;

impl Folder {
    /// Moves a file to another folder, never over another one.
    ///
    /// # Errors
    /// EEXIST where the name is taken, ENOENT where the file is gone, or what else the file system says (rename(2)).
    pub fn move_to(&self, name: &str, target: &Self, target_name: &str) -> Result<(), Errno> {
        match self.vfs().rename_noreplace(self.handle(), name, target.handle(), target_name) {
            // File systems without RENAME_NOREPLACE say EINVAL.
            Err(Errno::INVAL | Errno::NOSYS) => {
                self.vfs().link(self.handle(), name, target.handle(), target_name)?;
                self.vfs().unlink(self.handle(), name)
            }
            moved => moved,
        }
    }

    /// Renames something in the folder, never over something else.
    ///
    /// # Errors
    /// As [`move_to`](Self::move_to).
    pub fn rename(&self, name: &str, new_name: &str) -> Result<(), Errno> {
        self.move_to(name, self, new_name)
    }

    /// Takes a file away that is the caller's own work: a temporary, a lock, a journal.
    ///
    /// # Errors
    /// It cannot be removed; that it is not there is no error.
    pub fn remove_own(&self, name: &str) -> Result<(), FileError> {
        match self.vfs().unlink(self.handle(), name) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(FileError::new("remove", self.path().join(name), errno)),
        }
    }

    /// Takes a folder of the caller's own away with all that is in it, following no symbolic link. That it is not there
    /// is no error.
    ///
    /// # Errors
    /// Something in it cannot be listed or removed.
    pub fn remove_own_tree(&self, name: &str) -> Result<(), FileError> {
        match self.stat(name).map(|stat| FileType::from_raw_mode(stat.st_mode)) {
            Err(Errno::NOENT) => return Ok(()),
            Ok(FileType::Directory) => {}
            _ => return self.remove_own(name),
        }
        let inner = match self.open_child(name) {
            Err(error) if error.is_missing() => return Ok(()),
            opened => opened?,
        };
        for entry in inner.names()? {
            match entry.file_type {
                FileType::Directory => inner.remove_own_tree(&entry.name)?,
                _ => inner.remove_own(&entry.name)?,
            }
        }
        match self.remove_empty_child(name) {
            // Somebody else cleared it away at the same time.
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(FileError::new("remove the folder", inner.path(), errno)),
        }
    }

    /// Takes an empty folder away.
    ///
    /// # Errors
    /// It is not empty (ENOTEMPTY), or cannot be removed.
    pub fn remove_empty_child(&self, name: &str) -> Result<(), Errno> {
        self.vfs().remove_folder(self.handle(), name)
    }
}
