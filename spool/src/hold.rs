//! What one drain holds: its folder `in-flight/<drainId>/` with a lock that lives as long as the drain does.
//!
//! No clock says whose a claim is: a drain is dead once nobody holds its lock, and not before. A folder is made under
//! a `.new-` name, locked, then renamed, so that nobody can take it over half made.

use std::fs::File;

use haltline_protocol::{DrainId, QueueError};
use rustix::io::Errno;

use crate::error::{errno_of, failed};
use crate::folder::Folder;
use crate::journal::{JOURNAL, Journal, Written};

/// The lock's name in a drain's folder.
const LOCK: &str = "lock";
/// The folder of attempts in a drain's folder.
pub(crate) const ATTEMPTS: &str = "attempts";
/// How the name of a folder begins that is not yet ready.
const UNFINISHED: &str = ".new-";

/// A drain's folder, locked.
#[derive(Debug)]
pub(crate) struct Hold {
    pub(crate) drain_id: DrainId,
    pub(crate) folder: Folder,
    pub(crate) journal: Journal,
    _lock: File,
}

impl Hold {
    /// Makes the folder of a new drain.
    pub(crate) fn create(in_flight: &Folder, drain_id: DrainId) -> Result<Self, QueueError> {
        let unfinished = format!("{UNFINISHED}{drain_id}");
        let folder = in_flight.ensure_child(&unfinished)?;
        let Some(lock) = folder.try_lock(LOCK)? else {
            return Err(failed("lock", folder.path().join(LOCK), Errno::WOULDBLOCK));
        };
        let journal = Journal::open(&folder, &Written::nothing())?;
        in_flight
            .rename(&unfinished, drain_id.as_str())
            .map_err(|errno| failed("make the folder", in_flight.path().join(drain_id.as_str()), errno))?;
        in_flight.sync()?;
        let folder = in_flight.open_child(drain_id.as_str())?;
        Ok(Self { drain_id, folder, journal, _lock: lock })
    }

    /// Takes over the folder of a dead drain; `None` where the drain lives, or somebody was quicker.
    pub(crate) fn take_over(in_flight: &Folder, name: &str) -> Result<Option<(Self, Written)>, QueueError> {
        let folder = match in_flight.open_child(name) {
            Err(error) if errno_of(&error.source) == Errno::NOENT => return Ok(None),
            opened => opened?,
        };
        let Some(lock) = folder.try_lock(LOCK)? else { return Ok(None) };
        // The drain may have ended well between the listing and the lock.
        if in_flight.stat(name).is_err() {
            return Ok(None);
        }
        let written = Written::read(&folder)?;
        let journal = Journal::open(&folder, &written)?;
        Ok(Some((Self { drain_id: DrainId::new(name), folder, journal, _lock: lock }, written)))
    }

    /// Whether a drain's folder is locked, and so its drain alive.
    pub(crate) fn is_live(in_flight: &Folder, name: &str) -> bool {
        in_flight.open_child(name).and_then(|folder| folder.try_lock(LOCK)).is_ok_and(|lock| lock.is_none())
    }

    /// Whether a name in `in-flight/` is that of a drain's folder.
    pub(crate) fn is_hold(name: &str) -> bool {
        !name.starts_with('.')
    }

    /// Clears away a folder that was never finished, if nobody is at it.
    pub(crate) fn clear_unfinished(in_flight: &Folder, name: &str) {
        if !name.starts_with(UNFINISHED) {
            return;
        }
        let cleared = in_flight.open_child(name).and_then(|folder| match folder.try_lock(LOCK)? {
            Some(_lock) => remove_emptied(in_flight, &folder, name),
            None => Ok(()),
        });
        if let Err(error) = cleared {
            tracing::warn!(%error, "left an unfinished folder behind");
        }
    }

    /// Takes the folder away, with its journal and its attempts. No event may be left in it.
    pub(crate) fn remove(&self, in_flight: &Folder) -> Result<(), QueueError> {
        self.folder.remove_own_tree(ATTEMPTS)?;
        remove_emptied(in_flight, &self.folder, self.drain_id.as_str())
    }
}

fn remove_emptied(in_flight: &Folder, folder: &Folder, name: &str) -> Result<(), QueueError> {
    folder.remove_own(JOURNAL)?;
    folder.remove_own(LOCK)?;
    in_flight
        .remove_empty_child(name)
        .map_err(|errno| failed("remove the folder", in_flight.path().join(name), errno))?;
    in_flight.sync()
}
