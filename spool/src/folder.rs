//! A folder held open. Everything in the queue happens relative to such a handle, so that nobody can put a symbolic
//! link in its way, and follows none.

use std::ffi::CStr;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use haltline_protocol::QueueError;
use rustix::fs::{FileType, Mode, Stat, Timespec, Timestamps};
use rustix::io::Errno;

use crate::error::{errno_of, failed};
use crate::mutants::{Mutant, is_on};
use crate::system::{FILE_MODE, FOLDER_MODE, NEW_FOLDER_MODE};
use crate::vfs::{Handle, Vfs, system};

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
    pub fn open(path: &Path) -> Result<Self, QueueError> {
        Self::open_on(&system(), path)
    }

    /// As [`open`](Self::open), on another file system.
    pub(crate) fn open_on(vfs: &Arc<dyn Vfs>, path: &Path) -> Result<Self, QueueError> {
        let handle = vfs.open_root(path).map_err(|errno| failed("open", path, errno))?;
        Ok(Self { vfs: vfs.clone(), handle, path: path.to_owned() })
    }

    /// Opens a folder, and makes it and those above it where they are missing: durably, for the user alone.
    ///
    /// # Errors
    /// It cannot be made or opened.
    pub fn ensure(path: &Path) -> Result<Self, QueueError> {
        Self::ensure_on(&system(), path)
    }

    /// As [`ensure`](Self::ensure), on another file system.
    pub(crate) fn ensure_on(vfs: &Arc<dyn Vfs>, path: &Path) -> Result<Self, QueueError> {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let settle = |folder: Self| {
            folder.settle_name(|| vfs.sync_root(parent).map_err(|errno| failed("make durable", parent, errno)))
        };
        match Self::open_on(vfs, path) {
            Err(error) if errno_of(&error.source) == Errno::NOENT => {}
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
                let error = failed("make the folder", path, errno);
                // The folder above is there, and takes none: it belongs to the kernel, or was just removed.
                let hint = error.hint.or_else(|| {
                    (errno == Errno::NOENT).then_some("the folder above it takes no new ones; choose another place")
                });
                Err(QueueError { hint, ..error })
            }
        }
    }

    /// Opens a folder inside this one, and makes it where it is missing: durably, for the user alone.
    ///
    /// # Errors
    /// It cannot be made or opened.
    pub fn ensure_child(&self, name: &str) -> Result<Self, QueueError> {
        let settle = |folder: Self| folder.settle_name(|| self.sync());
        match self.open_child(name) {
            Err(error) if errno_of(&error.source) == Errno::NOENT => {}
            opened => return opened.and_then(settle),
        }
        match self.vfs.make_folder(&self.handle, name) {
            Ok(()) | Err(Errno::EXIST) => self.open_child(name).and_then(settle),
            Err(errno) => Err(failed("make the folder", self.path.join(name), errno)),
        }
    }

    /// Makes the folder's own name durable where that may not have been done: whoever made the folder may have been
    /// killed before, or may just be about to.
    fn settle_name(self, sync_parent: impl FnOnce() -> Result<(), QueueError>) -> Result<Self, QueueError> {
        let look = |errno| failed("look at", &self.path, errno);
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
    pub fn open_child(&self, name: &str) -> Result<Self, QueueError> {
        let path = self.path.join(name);
        let handle =
            self.vfs.open_folder(&self.handle, name).map_err(|errno| failed("open the folder", &path, errno))?;
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
    pub fn sync(&self) -> Result<(), QueueError> {
        if is_on(Mutant::DropDirFsync) {
            return Ok(());
        }
        self.vfs.sync_folder(&self.handle).map_err(|errno| failed("make durable", &self.path, errno))
    }

    /// Writes a new file durably: whole, or not at all. `false` where the name is taken.
    ///
    /// # Errors
    /// It cannot be written; nothing half written is left.
    pub fn create_new(&self, name: &str, bytes: &[u8]) -> Result<bool, QueueError> {
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
    pub fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), QueueError> {
        self.replace_with_mode(name, bytes, FILE_MODE)
    }

    /// As [`replace`](Self::replace), with the permissions of the file that it replaces.
    ///
    /// # Errors
    /// As [`replace`](Self::replace).
    pub fn replace_with_mode(&self, name: &str, bytes: &[u8], mode: Mode) -> Result<(), QueueError> {
        self.replace_as(name, bytes, mode, None)
    }

    /// As [`replace`](Self::replace), with these permissions and times.
    pub(crate) fn replace_as(
        &self,
        name: &str,
        bytes: &[u8],
        mode: Mode,
        times: Option<Timestamps>,
    ) -> Result<(), QueueError> {
        let temporary = self.write_temporary(bytes, false)?;
        let replaced = self
            .vfs
            .set_mode(&temporary.file, mode)
            .and_then(|()| times.map_or(Ok(()), |times| self.vfs.set_times(&temporary.file, &times)))
            .and_then(|()| self.sync_file(&temporary.file))
            .and_then(|()| self.vfs.rename(&self.handle, &temporary.name, &self.handle, name));
        if let Err(errno) = replaced {
            self.forget_temporary(&temporary.name);
            return Err(failed("replace", self.path.join(name), errno));
        }
        self.sync()
    }

    /// Puts a file's bytes, permissions and time into a new file of the same name, durably. Whoever knows the old one
    /// by its inode does not take the new one for it.
    ///
    /// # Errors
    /// It cannot be read or written; the old one stays.
    pub(crate) fn renew(&self, name: &str) -> Result<(), QueueError> {
        let unreadable = |errno| failed("read", self.path.join(name), errno);
        let (file, stat) = self.open_handle(name).map_err(unreadable)?;
        let bytes = self.read_handle(&file, &stat, u64::MAX).map_err(unreadable)?;
        self.replace_as(name, &bytes, Mode::from_raw_mode(stat.st_mode & 0o777), Some(times_of(&stat)))
    }

    /// Moves a file to another folder, never over another one.
    ///
    /// # Errors
    /// EEXIST where the name is taken, ENOENT where the file is gone, or what else the file system says (rename(2)).
    pub fn move_to(&self, name: &str, target: &Self, target_name: &str) -> Result<(), Errno> {
        if is_on(Mutant::PlainRename) {
            return self.vfs.rename(&self.handle, name, &target.handle, target_name);
        }
        match self.vfs.rename_noreplace(&self.handle, name, &target.handle, target_name) {
            // File systems without RENAME_NOREPLACE say EINVAL.
            Err(Errno::INVAL | Errno::NOSYS) => {
                self.vfs.link(&self.handle, name, &target.handle, target_name)?;
                self.vfs.unlink(&self.handle, name)
            }
            moved => moved,
        }
    }

    /// Takes a file away that is haltline's own work: a temporary, a lock, a journal. An event only in a purge.
    ///
    /// # Errors
    /// It cannot be removed; that it is not there is no error.
    pub fn remove_own(&self, name: &str) -> Result<(), QueueError> {
        match self.vfs.unlink(&self.handle, name) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(failed("remove", self.path.join(name), errno)),
        }
    }

    /// Renames something in the folder, never over something else.
    pub(crate) fn rename(&self, name: &str, new_name: &str) -> Result<(), Errno> {
        self.move_to(name, self, new_name)
    }

    /// Takes a folder of haltline's own away with all that is in it, following no symbolic link. That it is not there
    /// is no error.
    pub(crate) fn remove_own_tree(&self, name: &str) -> Result<(), QueueError> {
        match self.stat(name).map(|stat| FileType::from_raw_mode(stat.st_mode)) {
            Err(Errno::NOENT) => return Ok(()),
            Ok(FileType::Directory) => {}
            _ => return self.remove_own(name),
        }
        let inner = match self.open_child(name) {
            Err(error) if errno_of(&error.source) == Errno::NOENT => return Ok(()),
            opened => opened?,
        };
        for entry in inner.names()? {
            match entry.file_type {
                FileType::Directory => inner.remove_own_tree(&entry.name)?,
                _ => inner.remove_own(&entry.name)?,
            }
        }
        match self.remove_empty_child(name) {
            // Another drain cleared it away at the same time.
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(failed("remove the folder", &inner.path, errno)),
        }
    }

    /// The names in the folder, but those that are no UTF-8.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn names(&self) -> Result<Vec<Entry>, QueueError> {
        let unreadable = |errno| failed("list", &self.path, errno);
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
    pub(crate) fn has_name(&self, is_wanted: fn(&str) -> bool) -> Result<bool, QueueError> {
        let unreadable = |errno| failed("list", &self.path, errno);
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

    /// Takes an empty folder away.
    ///
    /// # Errors
    /// It is not empty (ENOTEMPTY), or cannot be removed.
    pub fn remove_empty_child(&self, name: &str) -> Result<(), Errno> {
        self.vfs.remove_folder(&self.handle, name)
    }

    /// What stands under a name, without following a symbolic link.
    ///
    /// # Errors
    /// ENOENT where nothing does, or what else the file system says (fstatat(2)).
    pub fn stat(&self, name: &str) -> Result<Stat, Errno> {
        self.vfs.stat(&self.handle, name)
    }

    /// Opens a regular file to read. A FIFO does not block it, and a symbolic link is not followed.
    ///
    /// # Errors
    /// It is not there, no regular file (EINVAL), a symbolic link (ELOOP), or not readable.
    pub fn open_file(&self, name: &str) -> Result<(File, Stat), Errno> {
        let (file, stat) = self.open_handle(name)?;
        Ok((file.into_system()?, stat))
    }

    /// As [`open_file`](Self::open_file), on any file system.
    pub(crate) fn open_handle(&self, name: &str) -> Result<(Handle, Stat), Errno> {
        let (file, stat) = self.vfs.open_file(&self.handle, name)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(Errno::INVAL);
        }
        Ok((file, stat))
    }

    /// Reads an open file to its end, or to one byte behind the limit. `stat` says how much there may be.
    pub(crate) fn read_handle(&self, file: &Handle, stat: &Stat, limit: u64) -> Result<Vec<u8>, Errno> {
        let mut bytes = Vec::new();
        self.read_into(file, stat, limit, &mut bytes)?;
        Ok(bytes)
    }

    /// As [`read_handle`](Self::read_handle), into a buffer whose old content is dropped.
    pub(crate) fn read_into(&self, file: &Handle, stat: &Stat, limit: u64, bytes: &mut Vec<u8>) -> Result<(), Errno> {
        let most = usize::try_from(limit).unwrap_or(usize::MAX).saturating_add(1);
        // One byte more than it had, so that a file that has grown since is seen.
        bytes.resize(usize::try_from(stat.st_size).unwrap_or(0).saturating_add(1).min(most), 0);
        let mut length = 0;
        loop {
            length += self.vfs.read(file, &mut bytes[length..])?;
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
    pub fn read(&self, name: &str, limit: u64) -> Result<Option<Vec<u8>>, QueueError> {
        let read = || -> Result<Vec<u8>, Errno> {
            let (file, stat) = self.open_handle(name)?;
            let bytes = self.read_handle(&file, &stat, limit)?;
            if bytes.len() as u64 > limit { Err(Errno::FBIG) } else { Ok(bytes) }
        };
        match read() {
            Ok(bytes) => Ok(Some(bytes)),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(failed("read", self.path.join(name), errno)),
        }
    }

    /// Opens a file of haltline's own to append to, and makes it where it is missing. A symbolic link, a file with
    /// other names, and anything that is no regular file are refused.
    ///
    /// # Errors
    /// It cannot be opened, or is not what it should be.
    pub fn open_append(&self, name: &str) -> Result<File, QueueError> {
        let file = self.append_handle(name)?;
        file.into_system().map_err(|errno| failed("open to append", self.path.join(name), errno))
    }

    /// As [`open_append`](Self::open_append), on any file system.
    pub(crate) fn append_handle(&self, name: &str) -> Result<Handle, QueueError> {
        let path = || self.path.join(name);
        let (file, stat) =
            self.vfs.open_append(&self.handle, name).map_err(|errno| failed("open to append", path(), errno))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile || stat.st_nlink > 1 {
            return Err(QueueError {
                action: "append to",
                path: path(),
                source: Errno::INVAL.into(),
                hint: Some("it is no regular file of one name; move it away"),
            });
        }
        Ok(file)
    }

    /// Opens a lock file and tries to take its lock; `None` where somebody holds it. The lock lives as long as the
    /// file that is returned (flock(2)).
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn try_lock(&self, name: &str) -> Result<Option<File>, QueueError> {
        let lock = self.lock_handle(name)?.map(Handle::into_system).transpose();
        lock.map_err(|errno| failed("lock", self.path.join(name), errno))
    }

    /// As [`try_lock`](Self::try_lock), on any file system.
    pub(crate) fn lock_handle(&self, name: &str) -> Result<Option<Handle>, QueueError> {
        let file = self.append_handle(name)?;
        match self.vfs.try_lock(&file) {
            Ok(()) => Ok(Some(file)),
            Err(Errno::WOULDBLOCK) => Ok(None),
            Err(errno) => Err(failed("lock", self.path.join(name), errno)),
        }
    }

    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }

    pub(crate) fn vfs(&self) -> &dyn Vfs {
        &*self.vfs
    }

    pub(crate) fn sync_file(&self, file: &Handle) -> Result<(), Errno> {
        if is_on(Mutant::DropFileFsync) { Ok(()) } else { self.vfs.sync(file) }
    }

    pub(crate) fn sync_file_data(&self, file: &Handle) -> Result<(), Errno> {
        if is_on(Mutant::DropFileFsync) { Ok(()) } else { self.vfs.sync_data(file) }
    }
}

/// When a file was last written, for one that takes its place.
pub(crate) fn times_of(stat: &Stat) -> Timestamps {
    let time = Timespec { tv_sec: stat.st_mtime, tv_nsec: i64::try_from(stat.st_mtime_nsec).unwrap_or(0) };
    Timestamps { last_access: time, last_modification: time }
}

/// Whether an error says that something stands there which cannot be opened as a folder.
fn is_no_plain_folder(error: &QueueError) -> bool {
    matches!(errno_of(&error.source), Errno::LOOP | Errno::NOTDIR | Errno::ACCESS)
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
