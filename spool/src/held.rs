//! Which drains hold something, seen from outside: no lock is made or kept.

use haltline_files::{FileError, Folder};
use haltline_protocol::{Holding, Layout};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::hold::{Hold, LOCK};
use crate::preview::open_if_there;
use crate::queue::SETTLE_LOCK;

/// The drains that hold something, in the order of their ids.
///
/// # Errors
/// The folder of holds is there and cannot be read.
pub(crate) fn holdings(layout: &Layout) -> Result<Vec<Holding>, FileError> {
    let Some(in_flight) = open_if_there(&layout.in_flight())? else { return Ok(Vec::new()) };
    let mut names: Vec<_> = in_flight.names()?.into_iter().map(|entry| entry.name).collect();
    names.retain(|name| Hold::is_hold(name) && name != SETTLE_LOCK);
    names.sort();
    // A drain may end meanwhile, and with it its folder.
    let holds = names.into_iter().filter_map(|drain_id| {
        let is_live = is_locked(&in_flight.open_child(&drain_id).ok()?);
        Some(Holding { drain_id, is_live })
    });
    Ok(holds.collect())
}

/// Whether a drain holds the lock of its folder. The lock is tried shared and let go at once, and no lock is made.
pub(crate) fn is_locked(hold: &Folder) -> bool {
    let Ok((lock, _)) = hold.open_file(LOCK) else { return false };
    flock(&lock, FlockOperation::NonBlockingLockShared) == Err(Errno::WOULDBLOCK)
}

#[cfg(test)]
mod tests {
    use haltline_protocol::Session;

    use super::*;
    use crate::queue::FileSession;

    #[test]
    fn a_hold_is_live_as_long_as_its_drain() {
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
