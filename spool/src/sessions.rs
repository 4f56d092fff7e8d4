//! The folders of what drains hold, seen from outside: no lock is made or kept.

use std::path::PathBuf;

use haltline_files::{FileError, Folder};
use haltline_protocol::{HaltEvent, Holding, Layout};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::looking::open_if_there;
use crate::scan::LARGEST_ROW;
use crate::session_folder::{ATTEMPTS, LOCK, SessionFolder};

/// The lock, in the folder of what drains hold, of the one drain that settles free; whoever rewrites what waits takes
/// it too.
pub const SETTLE_LOCK: &str = "settle.lock";
/// The copy, in a session, of the event that a person has investigated: no event of the queue, and none to be put back.
pub(crate) const BY_HAND: &str = "by-hand";

/// The drains that hold something, in the order of their ids.
///
/// # Errors
/// The folder of sessions is there and cannot be read.
pub(crate) fn holdings(layout: &Layout) -> Result<Vec<Holding>, FileError> {
    let Some(in_flight) = open_if_there(&layout.in_flight())? else { return Ok(Vec::new()) };
    let mut names: Vec<_> = in_flight.names()?.into_iter().map(|entry| entry.name).collect();
    names.retain(|name| SessionFolder::is_session(name) && name != SETTLE_LOCK);
    names.sort();
    // A drain may end meanwhile, and with it its folder.
    let sessions = names.into_iter().filter_map(|drain_id| {
        let is_live = is_locked(&in_flight.open_child(&drain_id).ok()?);
        Some(Holding { drain_id, is_live })
    });
    Ok(sessions.collect())
}

/// Whether a drain holds the lock of its folder. The lock is tried shared and let go at once, and no lock is made.
pub(crate) fn is_locked(session: &Folder) -> bool {
    let Ok((lock, _)) = session.open_file(LOCK) else { return false };
    flock(&lock, FlockOperation::NonBlockingLockShared) == Err(Errno::WOULDBLOCK)
}

/// The folders of drains, live or dead, with their ids.
pub(crate) fn sessions(in_flight: &Folder) -> Result<Vec<(String, Folder)>, FileError> {
    let mut sessions = Vec::new();
    for entry in in_flight.names()?.into_iter().filter(|entry| SessionFolder::is_session(&entry.name)) {
        match in_flight.open_child(&entry.name) {
            Ok(folder) => sessions.push((entry.name, folder)),
            // The settle lock stands there too, and a drain may end meanwhile.
            Err(error) if matches!(error.errno(), Errno::NOENT | Errno::NOTDIR) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(sessions)
}

/// Where an attempt lives in a drain's folder.
pub(crate) fn attempt_folder(session: &Folder, seq: u64) -> PathBuf {
    session.path().join(ATTEMPTS).join(seq.to_string())
}

/// The name, in a session, of the copy of the event that leads an attempt: the event may leave the session before the
/// others do. The attempt's own folder is the dispatcher's, and an investigator may read it.
pub(crate) fn lead_name(seq: u64) -> String {
    format!("lead-{seq}")
}

/// The event that led an attempt; `seq` is the name of the attempt's folder.
pub(crate) fn read_lead(session: &Folder, seq: &str) -> Option<HaltEvent> {
    let lead = session.read(&format!("lead-{seq}"), LARGEST_ROW).ok()?;
    let row = match lead {
        Some(row) => row,
        // Where earlier releases kept it.
        None => session.open_child(ATTEMPTS).ok()?.open_child(seq).ok()?.read("lead.json", LARGEST_ROW).ok()??,
    };
    HaltEvent::parse(&row).ok()
}

#[cfg(test)]
mod tests {
    use haltline_protocol::Session;

    use super::*;
    use crate::session::FileSession;

    #[test]
    fn a_session_is_live_as_long_as_its_drain() {
        let home = tempfile::tempdir().unwrap();
        let layout = Layout::new(home.path());
        assert_eq!(holdings(&layout).unwrap(), []);
        let queue = FileSession::open(&layout).unwrap();
        let drain_id = queue.id().to_string();
        assert_eq!(holdings(&layout).unwrap(), [Holding { drain_id: drain_id.clone(), is_live: true }]);
        drop(queue);
        assert_eq!(holdings(&layout).unwrap(), [Holding { drain_id, is_live: false }]);
    }
}
