//! The model's disk: what the processes see, and what a power cut leaves of it.
//!
//! A change of names is one or two edits that are kept or undone together, as journaling file systems do it. It is
//! durable for sure once the folder is flushed that it put a name into, or took one from where it put none. Until then
//! a power cut keeps any of them, but never a later change of a name without the earlier ones of the same name. The
//! flush of a folder that a file was moved away from promises nothing.
//!
//! The bytes of a file that is not flushed may be kept, cut anywhere behind the flushed ones, or be zeros there.
//! The number of an inode is given again as soon as nothing has it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rustix::fs::RawMode;
use rustix::io::Errno;

use crate::chance::Chance;

/// What a file or a folder is known by, whatever its inode number.
pub(crate) type Id = u64;
/// The root folder.
const ROOT: Id = 0;

#[derive(Debug, Clone)]
pub(crate) struct Object {
    pub(crate) inode: u64,
    pub(crate) mode: RawMode,
    /// When its bytes were last written, in nanoseconds.
    pub(crate) time: i64,
    pub(crate) body: Body,
}

#[derive(Debug, Clone)]
pub(crate) enum Body {
    File {
        bytes: Vec<u8>,
        /// How many of them are durable.
        kept: usize,
    },
    Folder {
        names: BTreeMap<String, Id>,
        kept: BTreeMap<String, Id>,
    },
}

/// A change of names that is not durable yet.
#[derive(Debug)]
struct Change {
    edits: Vec<(Id, String, Option<Id>)>,
    /// The folder whose flush makes it durable.
    anchor: Id,
}

#[derive(Debug)]
pub(crate) struct Disk {
    objects: HashMap<Id, Object>,
    next_id: Id,
    pending: Vec<Change>,
    /// Open handles by number: whose, and on what.
    open: HashMap<u64, (usize, Id)>,
    next_handle: u64,
    /// Who has the lock of a file: a handle's number.
    locks: HashMap<Id, u64>,
    clock: i64,
    /// Files whose name a rename gave to another.
    pub(crate) overwritten: Vec<String>,
}

impl Disk {
    pub(crate) fn new() -> Self {
        let root = Object { inode: 1, mode: 0o700, time: 0, body: Body::folder() };
        Self {
            objects: HashMap::from([(ROOT, root)]),
            next_id: 1,
            pending: Vec::new(),
            open: HashMap::new(),
            next_handle: 1,
            locks: HashMap::new(),
            clock: 0,
            overwritten: Vec::new(),
        }
    }

    pub(crate) fn object(&self, id: Id) -> Result<&Object, Errno> {
        self.objects.get(&id).ok_or(Errno::STALE)
    }

    pub(crate) fn object_mut(&mut self, id: Id) -> Result<&mut Object, Errno> {
        self.objects.get_mut(&id).ok_or(Errno::STALE)
    }

    pub(crate) fn names(&self, folder: Id) -> Result<&BTreeMap<String, Id>, Errno> {
        match &self.object(folder)?.body {
            Body::Folder { names, .. } => Ok(names),
            Body::File { .. } => Err(Errno::NOTDIR),
        }
    }

    pub(crate) fn find(&self, folder: Id, name: &str) -> Result<Id, Errno> {
        self.names(folder)?.get(name).copied().ok_or(Errno::NOENT)
    }

    /// What an absolute path leads to.
    pub(crate) fn walk(&self, path: &str) -> Result<Id, Errno> {
        path.split('/').filter(|part| !part.is_empty()).try_fold(ROOT, |folder, name| self.find(folder, name))
    }

    /// How many names a file has.
    pub(crate) fn links(&self, id: Id) -> usize {
        self.folders().map(|(_, names, _)| names.values().filter(|linked| **linked == id).count()).sum()
    }

    fn folders(&self) -> impl Iterator<Item = (Id, &BTreeMap<String, Id>, &BTreeMap<String, Id>)> {
        self.objects.iter().filter_map(|(id, object)| match &object.body {
            Body::Folder { names, kept } => Some((*id, names, kept)),
            Body::File { .. } => None,
        })
    }

    pub(crate) fn make(&mut self, mode: RawMode, body: Body) -> Id {
        self.forget_unused();
        let taken: BTreeSet<u64> = self.objects.values().map(|object| object.inode).collect();
        let inode = (1..).find(|inode| !taken.contains(inode)).unwrap_or(u64::MAX);
        let id = self.next_id;
        self.next_id += 1;
        let time = self.tick();
        self.objects.insert(id, Object { inode, mode, time, body });
        id
    }

    /// Each write has a time of its own. The model's past is long ago, so that no file counts as young.
    pub(crate) fn tick(&mut self) -> i64 {
        self.clock += 1_000_000;
        self.clock
    }

    fn forget_unused(&mut self) {
        let mut used: BTreeSet<Id> = self.open.values().map(|(_, id)| *id).collect();
        used.insert(ROOT);
        for (_, names, kept) in self.folders() {
            used.extend(names.values().chain(kept.values()));
        }
        used.extend(self.pending.iter().flat_map(|change| change.edits.iter().filter_map(|(_, _, to)| *to)));
        self.objects.retain(|id, _| used.contains(id));
    }

    /// Changes names, in what the processes see; durable once `anchor` is flushed.
    pub(crate) fn change(&mut self, anchor: Id, edits: Vec<(Id, String, Option<Id>)>) {
        for (folder, name, to) in &edits {
            self.edit(*folder, name, *to, false);
        }
        self.pending.push(Change { edits, anchor });
    }

    fn edit(&mut self, folder: Id, name: &str, to: Option<Id>, durably: bool) {
        let Some(Object { body: Body::Folder { names, kept }, .. }) = self.objects.get_mut(&folder) else { return };
        let names = if durably { kept } else { names };
        match to {
            Some(to) => drop(names.insert(name.to_owned(), to)),
            None => drop(names.remove(name)),
        }
    }

    /// Makes the names in a folder durable.
    pub(crate) fn sync_folder(&mut self, folder: Id) {
        self.keep(|change| change.anchor == folder);
    }

    /// Makes changes durable, and with each the earlier ones of the same names.
    fn keep(&mut self, mut is_kept: impl FnMut(&Change) -> bool) {
        let mut wanted: BTreeSet<(Id, String)> = BTreeSet::new();
        let mut kept = vec![false; self.pending.len()];
        for (place, change) in self.pending.iter().enumerate().rev() {
            let names = || change.edits.iter().map(|(folder, name, _)| (*folder, name.clone()));
            kept[place] = is_kept(change) || names().any(|name| wanted.contains(&name));
            if kept[place] {
                wanted.extend(names());
            }
        }
        let mut place = 0;
        let mut done = Vec::new();
        self.pending.retain_mut(|change| {
            place += 1;
            if kept[place - 1] {
                done.append(&mut change.edits);
            }
            !kept[place - 1]
        });
        for (folder, name, to) in done {
            self.edit(folder, &name, to, true);
        }
    }

    pub(crate) fn sync_file(&mut self, id: Id) -> Result<(), Errno> {
        match &mut self.object_mut(id)?.body {
            Body::File { bytes, kept } => *kept = bytes.len(),
            Body::Folder { .. } => return Err(Errno::INVAL),
        }
        Ok(())
    }

    pub(crate) fn open(&mut self, process: usize, id: Id) -> u64 {
        let handle = self.next_handle;
        self.next_handle += 1;
        self.open.insert(handle, (process, id));
        handle
    }

    pub(crate) fn close(&mut self, handle: u64) {
        if let Some((_, id)) = self.open.remove(&handle)
            && self.locks.get(&id) == Some(&handle)
        {
            self.locks.remove(&id);
        }
    }

    pub(crate) fn lock(&mut self, handle: u64) -> Result<(), Errno> {
        let (_, id) = self.open.get(&handle).ok_or(Errno::BADF)?;
        if *self.locks.entry(*id).or_insert(handle) == handle { Ok(()) } else { Err(Errno::WOULDBLOCK) }
    }

    /// Closes all that a process has open.
    pub(crate) fn kill(&mut self, process: usize) {
        let handles: Vec<u64> =
            self.open.iter().filter(|(_, (owner, _))| *owner == process).map(|(handle, _)| *handle).collect();
        handles.into_iter().for_each(|handle| self.close(handle));
    }

    /// Leaves what is durable, and of the rest what chance keeps.
    pub(crate) fn cut_power(&mut self, chance: &mut Chance) {
        self.open.clear();
        self.locks.clear();
        let mood = chance.below(4);
        let keeps = |chance: &mut Chance| match mood {
            0 => false,
            1 => true,
            _ => chance.one_in(2),
        };
        self.keep(|_| keeps(chance));
        self.pending.clear();
        let mut ids: Vec<Id> = self.objects.keys().copied().collect();
        ids.sort_unstable();
        for id in ids {
            match self.objects.get_mut(&id).map(|object| &mut object.body) {
                Some(Body::Folder { names, kept }) => names.clone_from(kept),
                Some(Body::File { bytes, kept }) if *kept < bytes.len() => {
                    let length = match chance.below(3) {
                        0 => *kept,
                        1 => bytes.len(),
                        _ => *kept + (bytes.len() - *kept) * chance.below(16) / 16,
                    };
                    if !keeps(chance) {
                        bytes.truncate(length);
                    } else if chance.one_in(8) {
                        bytes[*kept..].fill(0);
                    }
                    *kept = bytes.len();
                }
                _ => {}
            }
        }
        self.forget_unused();
    }

    /// What a power cut leaves that keeps nothing but what it must.
    pub(crate) fn durable_files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        self.gather(ROOT, "", true, &mut files);
        files
    }

    /// Every file by its path, as the processes see it.
    pub(crate) fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        self.gather(ROOT, "", false, &mut files);
        files
    }

    fn gather(&self, id: Id, path: &str, durable: bool, files: &mut BTreeMap<String, Vec<u8>>) {
        match self.objects.get(&id).map(|object| &object.body) {
            Some(Body::Folder { names, kept }) => {
                for (name, id) in if durable { kept } else { names } {
                    self.gather(*id, &format!("{path}/{name}"), durable, files);
                }
            }
            Some(Body::File { bytes, kept }) => {
                let bytes = if durable { &bytes[..*kept] } else { &bytes[..] };
                files.insert(path.to_owned(), bytes.to_vec());
            }
            None => {}
        }
    }

    /// Changes the bytes of files where they lie, durably and at once, as no process could.
    pub(crate) fn doctor(&mut self, path: &str, bytes: Vec<u8>) {
        if let Ok(id) = self.walk(path)
            && let Some(Object { body: Body::File { bytes: old, kept }, .. }) = self.objects.get_mut(&id)
        {
            *kept = bytes.len();
            *old = bytes;
        }
    }
}

impl Body {
    pub(crate) fn folder() -> Self {
        Self::Folder { names: BTreeMap::new(), kept: BTreeMap::new() }
    }

    pub(crate) fn file() -> Self {
        Self::File { bytes: Vec::new(), kept: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(disk: &mut Disk, folder: Id, name: &str, text: &[u8]) -> Id {
        let file = disk.make(0o600, Body::file());
        let Body::File { bytes, .. } = &mut disk.object_mut(file).unwrap().body else { unreachable!() };
        bytes.extend_from_slice(text);
        disk.change(folder, vec![(folder, name.to_owned(), Some(file))]);
        file
    }

    /// The names that are left of a folder's in any of many power cuts.
    fn outcomes(build: impl Fn(&mut Disk)) -> BTreeSet<Vec<(String, Vec<u8>)>> {
        (0..200)
            .map(|seed| {
                let mut disk = Disk::new();
                build(&mut disk);
                disk.cut_power(&mut Chance::new(seed));
                disk.files().into_iter().collect()
            })
            .collect()
    }

    #[test]
    fn only_what_is_flushed_is_sure_to_survive() {
        let unflushed = outcomes(|disk| {
            write(disk, ROOT, "x", b"ab");
        });
        assert!(unflushed.contains(&vec![]) && unflushed.contains(&vec![("/x".to_owned(), b"ab".to_vec())]));
        assert!(unflushed.contains(&vec![("/x".to_owned(), b"a".to_vec())]));
        let flushed = outcomes(|disk| {
            let file = write(disk, ROOT, "x", b"ab");
            disk.sync_file(file).unwrap();
            disk.sync_folder(ROOT);
        });
        assert_eq!(flushed, BTreeSet::from([vec![("/x".to_owned(), b"ab".to_vec())]]));
    }

    #[test]
    fn a_move_is_kept_or_undone_and_a_file_is_in_neither_folder_never() {
        let moved = |flush_target: bool| {
            outcomes(move |disk| {
                let [from, to] = ["from", "to"].map(|name| {
                    let folder = disk.make(0o700, Body::folder());
                    disk.change(ROOT, vec![(ROOT, name.to_owned(), Some(folder))]);
                    folder
                });
                disk.sync_folder(ROOT);
                let file = write(disk, from, "x", b"");
                disk.sync_folder(from);
                disk.change(to, vec![(to, "x".to_owned(), Some(file)), (from, "x".to_owned(), None)]);
                disk.sync_folder(if flush_target { to } else { from });
            })
        };
        let (at_source, at_target) = (vec![("/from/x".to_owned(), vec![])], vec![("/to/x".to_owned(), vec![])]);
        assert_eq!(moved(true), BTreeSet::from([at_target.clone()]));
        assert_eq!(moved(false), BTreeSet::from([at_source, at_target]), "a flush of the source promises nothing");
    }

    #[test]
    fn a_lock_ends_with_its_process() {
        let mut disk = Disk::new();
        let file = write(&mut disk, ROOT, "lock", b"");
        let (one, other) = (disk.open(1, file), disk.open(2, file));
        assert_eq!((disk.lock(one), disk.lock(other)), (Ok(()), Err(Errno::WOULDBLOCK)));
        disk.kill(1);
        assert_eq!(disk.lock(other), Ok(()));
    }
}
