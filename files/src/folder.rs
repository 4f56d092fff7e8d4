//! A folder held open. Everything happens relative to such a handle, so that nobody can put a symbolic
//! link in its way, and follows none.

use std::ffi::CStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Access, AtFlags, CWD, FileType, Mode, Stat, accessat};
use rustix::io::Errno;

use crate::error::FileError;
use crate::machine::system;
use crate::vfs::{FOLDER_MODE, Handle, NEW_FOLDER_MODE, Vfs};

/// A folder held open, with its path for messages.
#[derive(Debug)]
pub struct Folder {
    vfs: Arc<dyn Vfs>,
    handle: Handle,
    path: PathBuf,
}

/// One name in a folder.
#[derive(Debug)]
pub struct Entry {
    /// The name.
    pub name: String,
    /// What it is, as the listing says; `Unknown` on file systems that do not say.
    pub file_type: FileType,
}

impl Folder {
    /// Opens a folder that is there.
    ///
    /// # Errors
    /// It is not there (ENOENT), no folder, a symbolic link, or not readable.
    pub fn open(path: &Path) -> Result<Self, FileError> {
        Self::open_on(&system(), path)
    }

    /// Opens a folder as [`open`](Self::open) does, on another file system.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_on(vfs: &Arc<dyn Vfs>, path: &Path) -> Result<Self, FileError> {
        let handle = vfs.open_root(path).map_err(|errno| FileError::new("open", path, errno))?;
        Ok(Self { vfs: vfs.clone(), handle, path: path.to_owned() })
    }

    /// Opens a folder, and makes it and those above it where they are missing: durably, for the user alone.
    ///
    /// # Errors
    /// It cannot be made or opened.
    pub fn ensure(path: &Path) -> Result<Self, FileError> {
        Self::ensure_on(&system(), path)
    }

    /// Opens or makes a folder as [`ensure`](Self::ensure) does, on another file system.
    ///
    /// # Errors
    /// As [`ensure`](Self::ensure).
    pub fn ensure_on(vfs: &Arc<dyn Vfs>, path: &Path) -> Result<Self, FileError> {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let settle = |folder: Self| {
            folder.settle_name(|| vfs.sync_root(parent).map_err(|errno| FileError::new("make durable", parent, errno)))
        };
        match Self::open_on(vfs, path) {
            Err(error) if error.is_missing() => {}
            opened => return opened.and_then(settle),
        }
        if parent != Path::new(".") {
            match Self::ensure_on(vfs, parent) {
                // The parent may be a symbolic link of the user's own, as a home that lies elsewhere.
                Err(error) if is_no_plain_folder(&error) && vfs.is_folder(parent) => {}
                ensured => drop(ensured?),
            }
        }
        match vfs.make_root(path) {
            Ok(()) | Err(Errno::EXIST) => Self::open_on(vfs, path).and_then(settle),
            Err(errno) => {
                let error = FileError::new("make the folder", path, errno);
                // The folder above is there, and takes none: it belongs to the kernel, or was just removed.
                let hint = error.hint.or_else(|| {
                    (errno == Errno::NOENT).then_some("the folder above it takes no new ones; choose another place")
                });
                Err(FileError { hint, ..error })
            }
        }
    }

    /// Opens a folder inside this one, and makes it where it is missing: durably, for the user alone.
    ///
    /// # Errors
    /// It cannot be made or opened.
    pub fn ensure_child(&self, name: &str) -> Result<Self, FileError> {
        let settle = |folder: Self| folder.settle_name(|| self.sync());
        match self.open_child(name) {
            Err(error) if error.is_missing() => {}
            opened => return opened.and_then(settle),
        }
        match self.vfs.make_folder(&self.handle, name) {
            Ok(()) | Err(Errno::EXIST) => self.open_child(name).and_then(settle),
            Err(errno) => Err(FileError::new("make the folder", self.path.join(name), errno)),
        }
    }

    /// Makes the folder's own name durable where that may not have been done: whoever made the folder may have been
    /// killed before, or may just be about to.
    fn settle_name(self, sync_parent: impl FnOnce() -> Result<(), FileError>) -> Result<Self, FileError> {
        let look = |errno| FileError::new("look at", &self.path, errno);
        let stat = self.vfs.stat_open(&self.handle).map_err(look)?;
        if Mode::from_raw_mode(stat.st_mode & 0o7777) == NEW_FOLDER_MODE {
            sync_parent()?;
            // Where the mark stays, the next one flushes once more.
            if let Err(errno) = self.vfs.set_mode(&self.handle, FOLDER_MODE) {
                tracing::debug!(path = %self.path.display(), %errno, "could not take the mark of a new folder away");
            }
        }
        Ok(self)
    }

    /// Opens a folder inside this one.
    ///
    /// # Errors
    /// It is not there (ENOENT), no folder, a symbolic link, or not readable.
    pub fn open_child(&self, name: &str) -> Result<Self, FileError> {
        let path = self.path.join(name);
        let handle = self
            .vfs
            .open_folder(&self.handle, name)
            .map_err(|errno| FileError::new("open the folder", &path, errno))?;
        Ok(Self { vfs: self.vfs.clone(), handle, path })
    }

    /// Where the folder is, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Makes what was done to the folder's names durable (fsync(2)).
    ///
    /// # Errors
    /// The device failed; what is durable is not known.
    pub fn sync(&self) -> Result<(), FileError> {
        self.vfs.sync_folder(&self.handle).map_err(|errno| FileError::new("make durable", &self.path, errno))
    }

    /// The names in the folder, but those that are no UTF-8.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn names(&self) -> Result<Vec<Entry>, FileError> {
        let unreadable = |errno| FileError::new("list", &self.path, errno);
        let mut names = Vec::new();
        let listing = self.vfs.open_listing(&self.handle).map_err(unreadable)?;
        let mut show = |name: &CStr, file_type| match name.to_str() {
            Ok("." | "..") | Err(_) => {}
            Ok(name) => names.push(Entry { name: name.to_owned(), file_type }),
        };
        while self.vfs.next_names(&listing, &mut show).map_err(unreadable)? {}
        Ok(names)
    }

    /// Whether the folder has such a name. The search ends with the first.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn has_name(&self, is_wanted: fn(&str) -> bool) -> Result<bool, FileError> {
        let unreadable = |errno| FileError::new("list", &self.path, errno);
        let listing = self.vfs.open_listing(&self.handle).map_err(unreadable)?;
        let mut is_there = false;
        let mut has_more = true;
        while has_more && !is_there {
            let mut show = |name: &CStr, _| {
                is_there |= name.to_str().is_ok_and(|name| !matches!(name, "." | "..") && is_wanted(name));
            };
            has_more = self.vfs.next_names(&listing, &mut show).map_err(unreadable)?;
        }
        Ok(is_there)
    }

    /// Finds out whether files can be made in the folder, and makes none.
    ///
    /// # Errors
    /// They cannot.
    pub fn check_writable(&self) -> Result<(), FileError> {
        accessat(CWD, &self.path, Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS)
            .map_err(|errno| FileError::new("write in", &self.path, errno))
    }

    /// What stands under a name, without following a symbolic link.
    ///
    /// # Errors
    /// ENOENT where nothing does, or what else the file system says (fstatat(2)).
    pub fn stat(&self, name: &str) -> Result<Stat, Errno> {
        self.vfs.stat(&self.handle, name)
    }

    /// Returns the handle, for calls of the file system.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Returns the file system that the folder is on.
    pub fn vfs(&self) -> &dyn Vfs {
        &*self.vfs
    }
}

/// Whether an error says that something stands there which cannot be opened as a folder.
fn is_no_plain_folder(error: &FileError) -> bool {
    matches!(error.errno(), Errno::LOOP | Errno::NOTDIR | Errno::ACCESS)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use super::*;

    fn folder() -> (tempfile::TempDir, Folder) {
        let home = tempfile::tempdir().unwrap();
        let folder = Folder::ensure(&home.path().join("a/b")).unwrap();
        (home, folder)
    }

    #[test]
    fn folders_and_files_are_the_users_alone() {
        let (home, folder) = folder();
        assert!(folder.create_new("x", b"1").unwrap());
        for (path, mode) in [("a", 0o700), ("a/b", 0o700), ("a/b/x", 0o600)] {
            assert_eq!(home.path().join(path).metadata().unwrap().permissions().mode() & 0o777, mode, "{path}");
        }
    }

    #[test]
    fn nothing_is_written_over_what_is_there() {
        let (home, folder) = folder();
        assert!(folder.create_new("x", b"1").unwrap());
        assert!(!folder.create_new("x", b"2").unwrap());
        assert!(folder.create_new("y", b"3").unwrap());
        assert_eq!(folder.move_to("y", &folder, "x"), Err(Errno::EXIST));
        assert_eq!(std::fs::read(home.path().join("a/b/x")).unwrap(), b"1");
        assert_eq!(std::fs::read(home.path().join("a/b/y")).unwrap(), b"3");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "no temporary is left");
    }

    #[test]
    fn a_replaced_file_is_new_and_whole() {
        let (home, folder) = folder();
        folder.replace("x", b"old").unwrap();
        let before = home.path().join("a/b/x").metadata().unwrap().ino();
        folder.replace("x", b"new").unwrap();
        let after = home.path().join("a/b/x").metadata().unwrap().ino();
        assert_ne!(before, after);
        assert_eq!(folder.read("x", 3).unwrap().unwrap(), b"new");
        assert!(folder.read("x", 2).is_err());
    }

    #[test]
    fn a_file_that_grows_meanwhile_is_read_to_one_byte_behind_the_limit() {
        let (_home, folder) = folder();
        folder.create_new("x", b"12").unwrap();
        let (file, stat) = folder.open_handle("x").unwrap();
        std::fs::write(folder.path().join("x"), [b'x'; 5000]).unwrap();
        assert_eq!(folder.read_handle(&file, &stat, 100).unwrap().len(), 101);
    }

    #[test]
    fn no_symbolic_link_is_followed() {
        let (home, folder) = folder();
        let secret = home.path().join("secret");
        std::fs::write(&secret, "s").unwrap();
        symlink(&secret, folder.path().join("link")).unwrap();
        symlink(home.path(), folder.path().join("elsewhere")).unwrap();
        assert_eq!(folder.open_file("link").unwrap_err(), Errno::LOOP);
        assert!(folder.open_append("link").is_err());
        assert!(folder.open_child("elsewhere").is_err());
        assert_eq!(std::fs::read(&secret).unwrap(), b"s");
    }

    #[test]
    fn a_lock_is_held_by_one_only_and_ends_with_its_file() {
        let (_home, folder) = folder();
        let held = folder.try_lock("lock").unwrap();
        assert!(held.is_some());
        assert!(folder.try_lock("lock").unwrap().is_none());
        drop(held);
        assert!(folder.try_lock("lock").unwrap().is_some());
    }
}
