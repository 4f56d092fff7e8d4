//! The interface to a file system: every system call goes through it, so that a test can put another file system in
//! the place of the kernel's.

use std::any::Any;
use std::ffi::CStr;
use std::fmt;
use std::fs::File;
use std::path::Path;

use rustix::fs::{FileType, Mode, Stat, Timestamps};
use rustix::io::Errno;

/// The permissions of folders: they are the user's alone.
pub const FOLDER_MODE: Mode = Mode::RWXU;
/// The permissions of a new folder: it has the sticky bit until its name is durable, and whoever finds it so flushes the
/// folder above. On a folder of one user the bit means nothing else.
pub const NEW_FOLDER_MODE: Mode = FOLDER_MODE.union(Mode::SVTX);
/// The permissions of files: they are the user's alone.
pub const FILE_MODE: Mode = Mode::RUSR.union(Mode::WUSR);

/// A file or a folder held open. Opening one of the kernel's costs no allocation.
#[derive(Debug)]
pub enum Handle {
    /// The kernel's.
    System(File),
    /// One of a file system that is not the kernel's.
    Other(Box<dyn OtherHandle>),
}

/// What a file system that is not the kernel's has open.
pub trait OtherHandle: Any + fmt::Debug + Send + Sync {}

impl Handle {
    /// Returns the kernel's file.
    ///
    /// # Errors
    /// EBADF for a handle of another file system.
    pub fn system(&self) -> Result<&File, Errno> {
        match self {
            Self::System(file) => Ok(file),
            Self::Other(_) => Err(Errno::BADF),
        }
    }

    /// Gives the kernel's file away.
    ///
    /// # Errors
    /// EBADF for a handle of another file system.
    pub fn into_system(self) -> Result<File, Errno> {
        match self {
            Self::System(file) => Ok(file),
            Self::Other(_) => Err(Errno::BADF),
        }
    }

    /// Returns the handle of another file system, where it is of this type.
    ///
    /// # Errors
    /// EBADF for any other handle.
    pub fn other<T: OtherHandle>(&self) -> Result<&T, Errno> {
        match self {
            Self::System(_) => Err(Errno::BADF),
            Self::Other(other) => (&**other as &dyn Any).downcast_ref().ok_or(Errno::BADF),
        }
    }
}

/// A file system, by handles of open folders. Names are single path components. No call follows a symbolic link, but
/// those on a path where they say so. Every call fails with the errno of its system call.
pub trait Vfs: fmt::Debug + Send + Sync {
    /// Opens a folder by its path.
    fn open_root(&self, path: &Path) -> Result<Handle, Errno>;
    /// Makes a folder by its path, for the user alone, and with the mark that its name is not durable yet.
    fn make_root(&self, path: &Path) -> Result<(), Errno>;
    /// Makes the names in a folder durable, by its path. Follows symbolic links.
    fn sync_root(&self, path: &Path) -> Result<(), Errno>;
    /// Whether a path leads to a folder. Follows symbolic links.
    fn is_folder(&self, path: &Path) -> bool;

    /// Opens a folder in a folder.
    fn open_folder(&self, folder: &Handle, name: &str) -> Result<Handle, Errno>;
    /// Makes a folder in a folder, as [`make_root`](Self::make_root) does.
    fn make_folder(&self, folder: &Handle, name: &str) -> Result<(), Errno>;
    /// Takes an empty folder away.
    fn remove_folder(&self, folder: &Handle, name: &str) -> Result<(), Errno>;

    /// Opens whatever has the name to read, and says what it is. A FIFO does not block it.
    fn open_file(&self, folder: &Handle, name: &str) -> Result<(Handle, Stat), Errno>;
    /// Opens a file to append, and makes it where it is missing.
    fn open_append(&self, folder: &Handle, name: &str) -> Result<(Handle, Stat), Errno>;
    /// Makes a file to write that has no name (O_TMPFILE).
    fn create_unnamed(&self, folder: &Handle) -> Result<Handle, Errno>;
    /// Makes a file to write; EEXIST where the name is taken.
    fn create(&self, folder: &Handle, name: &str) -> Result<Handle, Errno>;

    /// Gives a file without a name one; EEXIST where it is taken.
    fn link_unnamed(&self, file: &Handle, folder: &Handle, name: &str) -> Result<(), Errno>;
    /// Gives a file one more name; EEXIST where it is taken.
    fn link(&self, folder: &Handle, name: &str, to: &Handle, new_name: &str) -> Result<(), Errno>;
    /// Renames, over what has the name.
    fn rename(&self, folder: &Handle, name: &str, to: &Handle, new_name: &str) -> Result<(), Errno>;
    /// Renames; EEXIST where the name is taken, EINVAL or ENOSYS where the file system cannot say so.
    fn rename_noreplace(&self, folder: &Handle, name: &str, to: &Handle, new_name: &str) -> Result<(), Errno>;
    /// Lets two names of a folder change places.
    fn exchange(&self, folder: &Handle, one: &str, other: &str) -> Result<(), Errno>;
    /// Takes a name away.
    fn unlink(&self, folder: &Handle, name: &str) -> Result<(), Errno>;

    /// What stands under a name.
    fn stat(&self, folder: &Handle, name: &str) -> Result<Stat, Errno>;
    /// What is open.
    fn stat_open(&self, open: &Handle) -> Result<Stat, Errno>;
    /// Reads on; 0 at the end.
    fn read(&self, file: &Handle, buffer: &mut [u8]) -> Result<usize, Errno>;
    /// Writes all of the bytes.
    fn write(&self, file: &Handle, bytes: &[u8]) -> Result<(), Errno>;
    /// Begins to write a file out, where the system can, and waits for nothing.
    fn begin_sync(&self, _: &Handle) {}
    /// Makes a file durable.
    fn sync(&self, file: &Handle) -> Result<(), Errno>;
    /// Makes a file's content durable.
    fn sync_data(&self, file: &Handle) -> Result<(), Errno>;
    /// Makes the names in a folder durable.
    fn sync_folder(&self, folder: &Handle) -> Result<(), Errno>;

    /// Sets a file's permissions.
    fn set_mode(&self, file: &Handle, mode: Mode) -> Result<(), Errno>;
    /// Gives a file to a user and a group.
    fn set_owner(&self, file: &Handle, user: u32, group: u32) -> Result<(), Errno>;
    /// Sets a file's times.
    fn set_times(&self, file: &Handle, times: &Timestamps) -> Result<(), Errno>;

    /// Tries to lock a file for its open handle alone; EWOULDBLOCK where another has it. Ends with the handle.
    fn try_lock(&self, file: &Handle) -> Result<(), Errno>;

    /// Opens a listing of a folder's names.
    fn open_listing(&self, folder: &Handle) -> Result<Handle, Errno>;
    /// Shows the next names, as many as one look brings; `false` at the end. A name that comes or goes meanwhile may
    /// be shown or not.
    fn next_names(&self, listing: &Handle, show: &mut dyn FnMut(&CStr, FileType)) -> Result<bool, Errno>;
}
