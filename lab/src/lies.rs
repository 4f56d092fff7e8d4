//! A file system that lies in one way. What is right has to fail a test on it: that proves the test.

use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::path::Path;
use std::sync::{Arc, Mutex};

use haltline_files::{Handle, OtherHandle, Vfs, locked};
use rustix::fs::{FileType, Mode, Stat, Timestamps};
use rustix::io::Errno;

/// What is read of a file at a time, in bytes.
const READ_BYTES: usize = 4 << 10;

/// One way to lie.
#[derive(Debug, Clone, Copy)]
pub enum Lie {
    /// The names in a folder are not flushed, where its own name is one of these.
    FolderUnflushed(fn(name: &str) -> bool),
    /// A file is not flushed, where its name and what was last written to it are such.
    FileUnflushed(fn(name: &str, written: &[u8]) -> bool),
    /// A rename replaces what has the name, although it was not to.
    RenameReplaces,
    /// The lock of this name keeps nobody out.
    LockIgnored(&'static str),
    /// Files of this name get something else than what is written to them.
    WriteChanged(&'static str, fn(written: &[u8]) -> Vec<u8>),
    /// A file that is replaced by one of the same content stays what it is.
    EqualFileKept,
    /// The names in the folder of this name are told as they were when this process last changed one of them.
    StaleNames(&'static str),
}

/// Another file system, with one lie.
#[derive(Debug)]
pub struct LyingVfs {
    inner: Arc<dyn Vfs>,
    lie: Lie,
    /// The names that are told, by the folder's name.
    stale: Mutex<HashMap<String, Names>>,
}

type Names = Vec<(CString, FileType)>;

/// Something that is open, with its name: that of a file without one is empty.
#[derive(Debug)]
struct Named {
    inner: Handle,
    name: String,
    last_written: Mutex<Vec<u8>>,
    /// What a listing tells in place of the truth.
    stale: Mutex<Option<Names>>,
}

impl OtherHandle for Named {}

impl LyingVfs {
    /// Puts a lie in front of a file system.
    pub fn new(inner: Arc<dyn Vfs>, lie: Lie) -> Self {
        Self { inner, lie, stale: Mutex::default() }
    }

    /// Remembers the names in a folder that was just changed, where that is the lie.
    fn changed(&self, folder: &Named) -> Result<(), Errno> {
        if let Lie::StaleNames(name) = self.lie
            && folder.name == name
        {
            let names = self.names(&folder.inner)?;
            locked(&self.stale).insert(folder.name.clone(), names);
        }
        Ok(())
    }

    fn names(&self, folder: &Handle) -> Result<Names, Errno> {
        let listing = self.inner.open_listing(folder)?;
        let mut names = Names::new();
        let mut keep = |name: &CStr, file_type| names.push((name.to_owned(), file_type));
        while self.inner.next_names(&listing, &mut keep)? {}
        Ok(names)
    }

    fn content(&self, folder: &Handle, name: &str) -> Result<Vec<u8>, Errno> {
        let (file, _) = self.inner.open_file(folder, name)?;
        let mut content = Vec::new();
        loop {
            let mut buffer = [0; READ_BYTES];
            match self.inner.read(&file, &mut buffer)? {
                0 => return Ok(content),
                length => content.extend_from_slice(&buffer[..length]),
            }
        }
    }

    fn is_equal(&self, folder: &Named, name: &str, to: &Named, new_name: &str) -> bool {
        match (self.content(&folder.inner, name), self.content(&to.inner, new_name)) {
            (Ok(one), Ok(other)) => one == other,
            _ => false,
        }
    }

    fn is_unflushed(&self, file: &Named) -> bool {
        matches!(self.lie, Lie::FileUnflushed(lies) if lies(&file.name, &locked(&file.last_written)))
    }
}

fn named(inner: Handle, name: &str) -> Handle {
    let name = name.to_owned();
    Handle::Other(Box::new(Named { inner, name, last_written: Mutex::default(), stale: Mutex::default() }))
}

fn own_name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

impl Vfs for LyingVfs {
    fn open_root(&self, path: &Path) -> Result<Handle, Errno> {
        Ok(named(self.inner.open_root(path)?, own_name(path)))
    }

    fn make_root(&self, path: &Path) -> Result<(), Errno> {
        self.inner.make_root(path)
    }

    fn sync_root(&self, path: &Path) -> Result<(), Errno> {
        self.inner.sync_root(path)
    }

    fn is_folder(&self, path: &Path) -> bool {
        self.inner.is_folder(path)
    }

    fn open_folder(&self, folder: &Handle, name: &str) -> Result<Handle, Errno> {
        Ok(named(self.inner.open_folder(&of(folder)?.inner, name)?, name))
    }

    fn make_folder(&self, folder: &Handle, name: &str) -> Result<(), Errno> {
        let folder = of(folder)?;
        self.inner.make_folder(&folder.inner, name)?;
        self.changed(folder)
    }

    fn remove_folder(&self, folder: &Handle, name: &str) -> Result<(), Errno> {
        let folder = of(folder)?;
        self.inner.remove_folder(&folder.inner, name)?;
        self.changed(folder)
    }

    fn open_file(&self, folder: &Handle, name: &str) -> Result<(Handle, Stat), Errno> {
        let (file, stat) = self.inner.open_file(&of(folder)?.inner, name)?;
        Ok((named(file, name), stat))
    }

    fn open_append(&self, folder: &Handle, name: &str) -> Result<(Handle, Stat), Errno> {
        let (file, stat) = self.inner.open_append(&of(folder)?.inner, name)?;
        Ok((named(file, name), stat))
    }

    fn create_unnamed(&self, folder: &Handle) -> Result<Handle, Errno> {
        Ok(named(self.inner.create_unnamed(&of(folder)?.inner)?, ""))
    }

    fn create(&self, folder: &Handle, name: &str) -> Result<Handle, Errno> {
        Ok(named(self.inner.create(&of(folder)?.inner, name)?, name))
    }

    fn link_unnamed(&self, file: &Handle, folder: &Handle, name: &str) -> Result<(), Errno> {
        self.inner.link_unnamed(&of(file)?.inner, &of(folder)?.inner, name)
    }

    fn link(&self, folder: &Handle, name: &str, to: &Handle, new_name: &str) -> Result<(), Errno> {
        self.inner.link(&of(folder)?.inner, name, &of(to)?.inner, new_name)
    }

    fn rename(&self, folder: &Handle, name: &str, to: &Handle, new_name: &str) -> Result<(), Errno> {
        let (folder, to) = (of(folder)?, of(to)?);
        if matches!(self.lie, Lie::EqualFileKept) && self.is_equal(folder, name, to, new_name) {
            return self.inner.unlink(&folder.inner, name);
        }
        self.inner.rename(&folder.inner, name, &to.inner, new_name)
    }

    fn rename_noreplace(&self, folder: &Handle, name: &str, to: &Handle, new_name: &str) -> Result<(), Errno> {
        let (folder, to) = (of(folder)?, of(to)?);
        if matches!(self.lie, Lie::RenameReplaces) {
            return self.inner.rename(&folder.inner, name, &to.inner, new_name);
        }
        self.inner.rename_noreplace(&folder.inner, name, &to.inner, new_name)?;
        self.changed(to)
    }

    fn exchange(&self, folder: &Handle, one: &str, other: &str) -> Result<(), Errno> {
        self.inner.exchange(&of(folder)?.inner, one, other)
    }

    fn unlink(&self, folder: &Handle, name: &str) -> Result<(), Errno> {
        self.inner.unlink(&of(folder)?.inner, name)
    }

    fn stat(&self, folder: &Handle, name: &str) -> Result<Stat, Errno> {
        self.inner.stat(&of(folder)?.inner, name)
    }

    fn stat_open(&self, open: &Handle) -> Result<Stat, Errno> {
        self.inner.stat_open(&of(open)?.inner)
    }

    fn read(&self, file: &Handle, buffer: &mut [u8]) -> Result<usize, Errno> {
        self.inner.read(&of(file)?.inner, buffer)
    }

    fn write(&self, file: &Handle, bytes: &[u8]) -> Result<(), Errno> {
        let file = of(file)?;
        bytes.clone_into(&mut locked(&file.last_written));
        match self.lie {
            Lie::WriteChanged(name, change) if file.name == name => self.inner.write(&file.inner, &change(bytes)),
            _ => self.inner.write(&file.inner, bytes),
        }
    }

    fn begin_sync(&self, file: &Handle) {
        if let Ok(file) = of(file) {
            self.inner.begin_sync(&file.inner);
        }
    }

    fn sync(&self, file: &Handle) -> Result<(), Errno> {
        let file = of(file)?;
        if self.is_unflushed(file) { Ok(()) } else { self.inner.sync(&file.inner) }
    }

    fn sync_data(&self, file: &Handle) -> Result<(), Errno> {
        let file = of(file)?;
        if self.is_unflushed(file) { Ok(()) } else { self.inner.sync_data(&file.inner) }
    }

    fn sync_folder(&self, folder: &Handle) -> Result<(), Errno> {
        let folder = of(folder)?;
        match self.lie {
            Lie::FolderUnflushed(lies) if lies(&folder.name) => Ok(()),
            _ => self.inner.sync_folder(&folder.inner),
        }
    }

    fn set_mode(&self, file: &Handle, mode: Mode) -> Result<(), Errno> {
        self.inner.set_mode(&of(file)?.inner, mode)
    }

    fn set_owner(&self, file: &Handle, user: u32, group: u32) -> Result<(), Errno> {
        self.inner.set_owner(&of(file)?.inner, user, group)
    }

    fn set_times(&self, file: &Handle, times: &Timestamps) -> Result<(), Errno> {
        self.inner.set_times(&of(file)?.inner, times)
    }

    fn try_lock(&self, file: &Handle) -> Result<(), Errno> {
        let file = of(file)?;
        match (self.inner.try_lock(&file.inner), self.lie) {
            (Err(Errno::WOULDBLOCK), Lie::LockIgnored(name)) if file.name == name => Ok(()),
            (answer, _) => answer,
        }
    }

    fn open_listing(&self, folder: &Handle) -> Result<Handle, Errno> {
        let folder = of(folder)?;
        let stale = locked(&self.stale).get(&folder.name).cloned();
        let (inner, name) = (self.inner.open_listing(&folder.inner)?, folder.name.clone());
        Ok(Handle::Other(Box::new(Named { inner, name, last_written: Mutex::default(), stale: Mutex::new(stale) })))
    }

    fn next_names(&self, listing: &Handle, show: &mut dyn FnMut(&CStr, FileType)) -> Result<bool, Errno> {
        let listing = of(listing)?;
        match locked(&listing.stale).take() {
            Some(names) => {
                names.iter().for_each(|(name, file_type)| show(name, *file_type));
                Ok(false)
            }
            None => self.inner.next_names(&listing.inner, show),
        }
    }
}

fn of(handle: &Handle) -> Result<&Named, Errno> {
    handle.other()
}
