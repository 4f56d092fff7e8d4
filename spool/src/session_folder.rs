//! What one drain holds: its folder `in-flight/<drainId>/` with a lock that lives as long as the drain does.
//!
//! No clock says whose a claim is: a drain is dead once nobody holds its lock, and not before. A folder is made under
//! a `.new-` name, locked, then renamed, so that nobody can take it over half made; and it is renamed to a `.gone-` name
//! before it is emptied, so that nobody takes it over half gone.

use std::sync::{Mutex, MutexGuard};

use haltline_files::{FileError, Folder, Handle, locked};
use haltline_protocol::DrainId;
use jiff::Timestamp;
use rustix::io::Errno;

use crate::journal::{Journal, Written};

/// The lock's name in a drain's folder.
pub(crate) const LOCK: &str = "lock";
/// The folder of attempts in a drain's folder.
pub(crate) const ATTEMPTS: &str = "attempts";
/// How the name of a folder begins that is not yet ready.
const UNFINISHED: &str = ".new-";
/// How the name of a folder begins that is being cleared away.
const GONE: &str = ".gone-";

/// How often a new folder is tried that other drains clear away: each of them does it once.
const MOST_TRIES: usize = 64;

/// A drain's folder, locked.
#[derive(Debug)]
pub(crate) struct SessionFolder {
    pub(crate) drain_id: DrainId,
    pub(crate) folder: Folder,
    /// Locked while one group is planned: the moves of the one before may still be made.
    journal: Mutex<Journal>,
    /// Locked while the files of one group are moved: the kernel moves but one file of a file system at a time, and
    /// whoever waits for that does it at the expense of a processor.
    moves: Mutex<()>,
    _lock: Handle,
}

impl SessionFolder {
    /// Makes the folder of a new drain.
    pub(crate) fn create(in_flight: &Folder, drain_id: DrainId) -> Result<Self, FileError> {
        for _ in 0..MOST_TRIES {
            match Self::try_create(in_flight, &drain_id) {
                Ok(Some(session)) => return Ok(session),
                Ok(None) => {}
                Err(error) if error.is_missing() => {}
                Err(error) => return Err(error),
            }
        }
        Err(FileError::new("lock a new folder in", in_flight.path(), Errno::WOULDBLOCK))
    }

    /// `None`, or ENOENT, where another drain took the folder for one that was left, and cleared it away.
    fn try_create(in_flight: &Folder, drain_id: &DrainId) -> Result<Option<Self>, FileError> {
        let unfinished = format!("{UNFINISHED}{drain_id}");
        let Some((folder, lock)) = Self::lock_new(in_flight, &unfinished)? else { return Ok(None) };
        let journal = Journal::open(&folder, &Written::nothing())?;
        folder.sync()?;
        in_flight
            .rename(&unfinished, drain_id.as_str())
            .map_err(|errno| FileError::new("make the folder", in_flight.path().join(drain_id.as_str()), errno))?;
        in_flight.sync()?;
        let folder = in_flight.open_child(drain_id.as_str())?;
        Ok(Some(Self {
            drain_id: drain_id.clone(),
            folder,
            journal: Mutex::new(journal),
            moves: Mutex::default(),
            _lock: lock,
        }))
    }

    /// Makes a folder and locks it; `None` where another drain was quicker with the lock.
    fn lock_new(in_flight: &Folder, name: &str) -> Result<Option<(Folder, Handle)>, FileError> {
        let folder = in_flight.ensure_child(name)?;
        let Some(lock) = folder.lock_handle(LOCK)? else { return Ok(None) };
        // A lock whose file has no name any more keeps nobody out.
        let is_named = match (folder.stat(LOCK), folder.vfs().stat_open(&lock)) {
            (Ok(named), Ok(open)) => named.st_ino == open.st_ino,
            _ => false,
        };
        Ok(is_named.then_some((folder, lock)))
    }

    /// Takes over the folder of a dead drain; `None` where the drain lives, or somebody was quicker.
    pub(crate) fn take_over(in_flight: &Folder, name: &str) -> Result<Option<(Self, Written)>, FileError> {
        let locked = in_flight.open_child(name).and_then(|folder| {
            let lock = folder.lock_handle(LOCK)?;
            Ok((lock, folder))
        });
        let (lock, folder) = match locked {
            Ok((Some(lock), folder)) => (lock, folder),
            Ok((None, _)) => return Ok(None),
            // The drain ends well at this moment.
            Err(error) if error.is_missing() => return Ok(None),
            Err(error) => return Err(error),
        };
        if in_flight.stat(name).is_err() {
            return Ok(None);
        }
        let written = Written::read(&folder)?;
        let journal = Journal::open(&folder, &written)?;
        let (drain_id, journal) = (DrainId::new(name), Mutex::new(journal));
        Ok(Some((Self { drain_id, folder, journal, moves: Mutex::default(), _lock: lock }, written)))
    }

    /// The journal.
    pub(crate) fn journal(&self) -> MutexGuard<'_, Journal> {
        locked(&self.journal)
    }

    /// The turn to move files.
    pub(crate) fn turn(&self) -> MutexGuard<'_, ()> {
        locked(&self.moves)
    }

    /// Whether a drain's folder is locked, and so its drain alive.
    pub(crate) fn is_live(in_flight: &Folder, name: &str) -> bool {
        in_flight.open_child(name).and_then(|folder| folder.lock_handle(LOCK)).is_ok_and(|lock| lock.is_none())
    }

    /// Whether a name in `in-flight/` is that of a drain's folder.
    pub(crate) fn is_session(name: &str) -> bool {
        !name.starts_with('.')
    }

    /// Whether a name in `in-flight/` is that of a folder that is not yet ready, or is being cleared away.
    pub(crate) fn is_remains(name: &str) -> bool {
        name.starts_with(UNFINISHED) || name.starts_with(GONE)
    }

    /// Clears away a folder that was never finished, or not quite cleared away, if nobody is at it.
    pub(crate) fn clear_remains(in_flight: &Folder, name: &str) {
        if !Self::is_remains(name) {
            return;
        }
        let cleared = in_flight.open_child(name).and_then(|folder| match folder.lock_handle(LOCK)? {
            Some(_lock) => in_flight.remove_own_tree(name),
            None => Ok(()),
        });
        if let Err(error) = cleared {
            tracing::warn!(%error, "left an unfinished folder behind");
        }
    }

    /// Takes the folder away, with its journal and its attempts. No event may be left in it.
    pub(crate) fn remove(&self, in_flight: &Folder) -> Result<(), FileError> {
        let gone = format!("{GONE}{}", self.drain_id);
        in_flight
            .rename(self.drain_id.as_str(), &gone)
            .map_err(|errno| FileError::new("remove the folder", self.folder.path(), errno))?;
        in_flight.sync()?;
        in_flight.remove_own_tree(&gone)
    }
}

/// Makes an id for a new drain.
pub(crate) fn new_drain_id(in_flight: &Folder) -> Result<DrainId, FileError> {
    let mut random = [0; 8];
    getrandom::fill(&mut random)
        .map_err(|_| FileError::new("find randomness for a drain in", in_flight.path(), Errno::IO))?;
    Ok(DrainId::at(Timestamp::now(), u64::from_ne_bytes(random)))
}
