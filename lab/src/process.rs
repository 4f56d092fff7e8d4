//! A process of the model: its system calls, each a turn.

use std::ffi::{CStr, CString};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use haltline_files::{Handle as AnyHandle, NEW_FOLDER_MODE, OtherHandle, Vfs};
use haltline_protocol::DrainId;
use jiff::Timestamp;
use rustix::fs::{FileType, Mode, Stat, Timestamps};
use rustix::io::Errno;

use crate::disk::{Body, Disk, Id};
use crate::world::{Scene, State, World};

/// A process. Everything that it does to files goes through its turns.
#[derive(Debug)]
pub struct Process {
    world: Arc<World>,
    seat: usize,
}

/// What a process has open.
#[derive(Debug)]
struct Handle {
    world: Arc<World>,
    number: u64,
    id: Id,
    /// How far it has been read; in a listing, whether it has.
    place: AtomicUsize,
}

impl OtherHandle for Handle {}

impl Drop for Handle {
    fn drop(&mut self) {
        self.world.close(self.number);
    }
}

impl Process {
    pub(super) fn new(world: Arc<World>, seat: usize) -> Self {
        Self { world, seat }
    }

    /// Returns the id of a new drain, the same in every run of a history.
    ///
    /// # Errors
    /// None of its own; the process may be killed here.
    pub fn drain_id(&self) -> Result<DrainId, Errno> {
        let named = self.world.take_turn(
            self.seat,
            false,
            |_| {},
            |state| {
                state.drains += 1;
                Ok((state.drains, state.chance.number()))
            },
        );
        named.map(|(place, random)| DrainId::at(Timestamp::from_millisecond(place).unwrap_or_default(), random))
    }

    /// Returns the file system of the process.
    pub fn vfs(self: &Arc<Self>) -> Arc<dyn Vfs> {
        self.clone()
    }

    /// Does something outside the file system in a turn of its own, at which the process may be killed. It is
    /// durable at once.
    ///
    /// # Errors
    /// The error that was to happen at this step.
    pub fn act<T>(&self, act: impl FnOnce(&mut Scene<'_>) -> T) -> Result<T, Errno> {
        self.world.take_turn(self.seat, true, |_| {}, |state| Ok(act(&mut Scene(state))))
    }

    /// Whether it was neither killed nor has ended.
    pub fn is_alive(&self) -> bool {
        self.world.is_alive(self.seat)
    }

    fn look<T>(&self, look: impl FnOnce(&mut Disk) -> Result<T, Errno>) -> Result<T, Errno> {
        self.world.take_turn(self.seat, false, |_| {}, |state| look(&mut state.disk))
    }

    fn step<T>(&self, step: impl FnOnce(&mut Disk) -> Result<T, Errno>) -> Result<T, Errno> {
        self.world.take_turn(self.seat, true, |_| {}, |state| step(&mut state.disk))
    }

    fn handle(&self, disk: &mut Disk, id: Id) -> AnyHandle {
        let number = disk.open(self.seat, id);
        AnyHandle::Other(Box::new(Handle { world: self.world.clone(), number, id, place: AtomicUsize::new(0) }))
    }

    fn open_in(&self, disk: &mut Disk, folder: Id, name: &str, wants_folder: bool) -> Result<AnyHandle, Errno> {
        let id = disk.find(folder, name)?;
        if wants_folder {
            disk.names(id)?;
        }
        Ok(self.handle(disk, id))
    }
}

fn id_of(handle: &AnyHandle) -> Result<Id, Errno> {
    Ok(model(handle)?.id)
}

fn model(handle: &AnyHandle) -> Result<&Handle, Errno> {
    handle.other()
}

fn text(path: &Path) -> Result<&str, Errno> {
    path.to_str().ok_or(Errno::INVAL)
}

fn parent_of(path: &Path) -> Result<(&str, &str), Errno> {
    text(path)?.rsplit_once('/').ok_or(Errno::INVAL)
}

/// What the kernel says of a folder, for the fields that the model has no use for.
fn some_stat() -> Result<Stat, Errno> {
    static SOME: LazyLock<Result<Stat, Errno>> = LazyLock::new(|| rustix::fs::stat("/"));
    *SOME
}

fn stat_of(disk: &Disk, id: Id) -> Result<Stat, Errno> {
    let object = disk.object(id)?;
    let (file_type, size) = match &object.body {
        Body::File { bytes, .. } => (FileType::RegularFile, bytes.len()),
        Body::Folder { .. } => (FileType::Directory, 0),
    };
    let mut stat = some_stat()?;
    stat.st_dev = 1;
    stat.st_ino = object.inode;
    stat.st_mode = file_type.as_raw_mode() | object.mode;
    stat.st_nlink = disk.links(id) as _;
    stat.st_size = size as _;
    stat.st_mtime = object.time / 1_000_000_000;
    stat.st_mtime_nsec = (object.time % 1_000_000_000) as _;
    Ok(stat)
}

fn make_folder(disk: &mut Disk, folder: Id, name: &str) -> Result<(), Errno> {
    if disk.find(folder, name).is_ok() {
        return Err(Errno::EXIST);
    }
    let id = disk.make(NEW_FOLDER_MODE.as_raw_mode(), Body::folder());
    disk.change(folder, vec![(folder, name.to_owned(), Some(id))]);
    Ok(())
}

fn make_file(disk: &mut Disk, folder: Id, name: &str) -> Result<Id, Errno> {
    if disk.find(folder, name).is_ok() {
        return Err(Errno::EXIST);
    }
    let id = disk.make(0o600, Body::file());
    disk.change(folder, vec![(folder, name.to_owned(), Some(id))]);
    Ok(id)
}

fn append(disk: &mut Disk, id: Id, added: &[u8]) -> Result<(), Errno> {
    let time = disk.tick();
    let object = disk.object_mut(id)?;
    object.time = time;
    match &mut object.body {
        Body::File { bytes, .. } => bytes.extend_from_slice(added),
        Body::Folder { .. } => return Err(Errno::ISDIR),
    }
    Ok(())
}

fn rename(disk: &mut Disk, from: (Id, &str), to: (Id, &str)) -> Result<(), Errno> {
    let id = disk.find(from.0, from.1)?;
    if disk.find(to.0, to.1) == Ok(id) {
        return Ok(());
    }
    let edits = vec![(to.0, to.1.to_owned(), Some(id)), (from.0, from.1.to_owned(), None)];
    disk.change(to.0, edits);
    Ok(())
}

impl Vfs for Process {
    fn open_root(&self, path: &Path) -> Result<AnyHandle, Errno> {
        self.look(|disk| {
            let id = disk.walk(text(path)?)?;
            disk.names(id)?;
            Ok(self.handle(disk, id))
        })
    }

    fn make_root(&self, path: &Path) -> Result<(), Errno> {
        self.step(|disk| {
            let (parent, name) = parent_of(path)?;
            let parent = disk.walk(parent)?;
            make_folder(disk, parent, name)
        })
    }

    fn sync_root(&self, path: &Path) -> Result<(), Errno> {
        self.step(|disk| {
            let id = disk.walk(text(path)?)?;
            disk.sync_folder(id);
            Ok(())
        })
    }

    fn is_folder(&self, path: &Path) -> bool {
        self.look(|disk| disk.walk(text(path)?).and_then(|id| disk.names(id).map(drop))).is_ok()
    }

    fn open_folder(&self, folder: &AnyHandle, name: &str) -> Result<AnyHandle, Errno> {
        self.look(|disk| self.open_in(disk, id_of(folder)?, name, true))
    }

    fn make_folder(&self, folder: &AnyHandle, name: &str) -> Result<(), Errno> {
        self.step(|disk| make_folder(disk, id_of(folder)?, name))
    }

    fn remove_folder(&self, folder: &AnyHandle, name: &str) -> Result<(), Errno> {
        self.step(|disk| {
            let folder = id_of(folder)?;
            let id = disk.find(folder, name)?;
            if !disk.names(id)?.is_empty() {
                return Err(Errno::NOTEMPTY);
            }
            disk.change(folder, vec![(folder, name.to_owned(), None)]);
            Ok(())
        })
    }

    fn open_file(&self, folder: &AnyHandle, name: &str) -> Result<(AnyHandle, Stat), Errno> {
        self.look(|disk| {
            let handle = self.open_in(disk, id_of(folder)?, name, false)?;
            let stat = stat_of(disk, id_of(&handle)?)?;
            Ok((handle, stat))
        })
    }

    fn open_append(&self, folder: &AnyHandle, name: &str) -> Result<(AnyHandle, Stat), Errno> {
        self.step(|disk| {
            let folder = id_of(folder)?;
            disk.names(folder)?;
            let id = match disk.find(folder, name) {
                Ok(id) => id,
                // A folder that was removed takes no new name.
                Err(_) if disk.links(folder) == 0 => return Err(Errno::NOENT),
                Err(_) => make_file(disk, folder, name)?,
            };
            let handle = self.handle(disk, id);
            Ok((handle, stat_of(disk, id)?))
        })
    }

    fn create_unnamed(&self, folder: &AnyHandle) -> Result<AnyHandle, Errno> {
        self.step(|disk| {
            disk.names(id_of(folder)?)?;
            let id = disk.make(0o600, Body::file());
            Ok(self.handle(disk, id))
        })
    }

    fn create(&self, folder: &AnyHandle, name: &str) -> Result<AnyHandle, Errno> {
        self.step(|disk| {
            let id = make_file(disk, id_of(folder)?, name)?;
            Ok(self.handle(disk, id))
        })
    }

    fn link_unnamed(&self, file: &AnyHandle, folder: &AnyHandle, name: &str) -> Result<(), Errno> {
        self.step(|disk| {
            let (file, folder) = (id_of(file)?, id_of(folder)?);
            if disk.find(folder, name).is_ok() {
                return Err(Errno::EXIST);
            }
            disk.change(folder, vec![(folder, name.to_owned(), Some(file))]);
            Ok(())
        })
    }

    fn link(&self, folder: &AnyHandle, name: &str, to: &AnyHandle, new_name: &str) -> Result<(), Errno> {
        self.step(|disk| {
            let (id, to) = (disk.find(id_of(folder)?, name)?, id_of(to)?);
            if disk.find(to, new_name).is_ok() {
                return Err(Errno::EXIST);
            }
            disk.change(to, vec![(to, new_name.to_owned(), Some(id))]);
            Ok(())
        })
    }

    fn rename(&self, folder: &AnyHandle, name: &str, to: &AnyHandle, new_name: &str) -> Result<(), Errno> {
        self.step(|disk| {
            let (from, to) = ((id_of(folder)?, name), (id_of(to)?, new_name));
            if from.0 != to.0 && disk.find(to.0, to.1).is_ok() {
                disk.overwritten.push(new_name.to_owned());
            }
            rename(disk, from, to)
        })
    }

    fn rename_noreplace(&self, folder: &AnyHandle, name: &str, to: &AnyHandle, new_name: &str) -> Result<(), Errno> {
        self.step(|disk| {
            let (from, to) = ((id_of(folder)?, name), (id_of(to)?, new_name));
            disk.find(from.0, from.1)?;
            if disk.find(to.0, to.1).is_ok() {
                return Err(Errno::EXIST);
            }
            rename(disk, from, to)
        })
    }

    fn exchange(&self, folder: &AnyHandle, one: &str, other: &str) -> Result<(), Errno> {
        self.step(|disk| {
            let folder = id_of(folder)?;
            let (first, second) = (disk.find(folder, one)?, disk.find(folder, other)?);
            let edits = vec![(folder, one.to_owned(), Some(second)), (folder, other.to_owned(), Some(first))];
            disk.change(folder, edits);
            Ok(())
        })
    }

    fn unlink(&self, folder: &AnyHandle, name: &str) -> Result<(), Errno> {
        self.step(|disk| {
            let folder = id_of(folder)?;
            disk.find(folder, name)?;
            disk.change(folder, vec![(folder, name.to_owned(), None)]);
            Ok(())
        })
    }

    fn stat(&self, folder: &AnyHandle, name: &str) -> Result<Stat, Errno> {
        self.look(|disk| stat_of(disk, disk.find(id_of(folder)?, name)?))
    }

    fn stat_open(&self, open: &AnyHandle) -> Result<Stat, Errno> {
        self.look(|disk| stat_of(disk, id_of(open)?))
    }

    fn read(&self, file: &AnyHandle, buffer: &mut [u8]) -> Result<usize, Errno> {
        let handle = model(file)?;
        self.look(|disk| match &disk.object(handle.id)?.body {
            Body::File { bytes, .. } => {
                let rest = bytes.get(handle.place.load(Ordering::Relaxed)..).unwrap_or_default();
                let count = rest.len().min(buffer.len());
                buffer[..count].copy_from_slice(&rest[..count]);
                handle.place.fetch_add(count, Ordering::Relaxed);
                Ok(count)
            }
            Body::Folder { .. } => Err(Errno::ISDIR),
        })
    }

    fn write(&self, file: &AnyHandle, added: &[u8]) -> Result<(), Errno> {
        let id = id_of(file)?;
        let tear = |state: &mut State| {
            // By parts and not by bytes: the texts of times differ from run to run, and the history must not.
            let length = added.len() * state.chance.below(16) / 16;
            append(&mut state.disk, id, &added[..length]).unwrap_or_default();
        };
        self.world.take_turn(self.seat, true, tear, |state| append(&mut state.disk, id, added))
    }

    fn sync(&self, file: &AnyHandle) -> Result<(), Errno> {
        self.step(|disk| disk.sync_file(id_of(file)?))
    }

    fn sync_data(&self, file: &AnyHandle) -> Result<(), Errno> {
        self.sync(file)
    }

    fn sync_folder(&self, folder: &AnyHandle) -> Result<(), Errno> {
        self.step(|disk| {
            disk.sync_folder(id_of(folder)?);
            Ok(())
        })
    }

    fn set_mode(&self, file: &AnyHandle, mode: Mode) -> Result<(), Errno> {
        self.look(|disk| {
            disk.object_mut(id_of(file)?)?.mode = mode.as_raw_mode();
            Ok(())
        })
    }

    fn set_owner(&self, _: &AnyHandle, _: u32, _: u32) -> Result<(), Errno> {
        Ok(())
    }

    fn set_times(&self, file: &AnyHandle, times: &Timestamps) -> Result<(), Errno> {
        let time = times.last_modification;
        self.look(|disk| {
            disk.object_mut(id_of(file)?)?.time = time.tv_sec * 1_000_000_000 + time.tv_nsec;
            Ok(())
        })
    }

    fn try_lock(&self, file: &AnyHandle) -> Result<(), Errno> {
        self.look(|disk| disk.lock(model(file)?.number))
    }

    fn open_listing(&self, folder: &AnyHandle) -> Result<AnyHandle, Errno> {
        self.look(|disk| Ok(self.handle(disk, id_of(folder)?)))
    }

    fn next_names(&self, listing: &AnyHandle, show: &mut dyn FnMut(&CStr, FileType)) -> Result<bool, Errno> {
        let handle = model(listing)?;
        if handle.place.swap(1, Ordering::Relaxed) == 1 {
            return Ok(false);
        }
        let names = self.look(|disk| {
            let typed = disk.names(handle.id)?.iter().map(|(name, id)| {
                let is_folder = matches!(disk.object(*id)?.body, Body::Folder { .. });
                let file_type = if is_folder { FileType::Directory } else { FileType::RegularFile };
                Ok((CString::new(name.as_str()).map_err(|_| Errno::INVAL)?, file_type))
            });
            typed.collect::<Result<Vec<_>, Errno>>()
        })?;
        names.iter().for_each(|(name, file_type)| show(name, *file_type));
        Ok(true)
    }
}
