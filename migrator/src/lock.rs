//! The queue's settle lock, which keeps free settles and other upgrades out.

use std::fs::File;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use haltline_files::Folder;
use haltline_protocol::Layout;
use haltline_spool::SETTLE_LOCK;

use crate::UpgradeError;

/// How long an upgrade waits for the lock. Free settles take seconds even where very many events wait; a user who
/// waits much longer wants to be told why.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Takes the settle lock; it is held as long as the file that is returned.
pub(crate) fn take_settle_lock(layout: &Layout, patience: Duration) -> Result<File, UpgradeError> {
    let folder = Folder::ensure(&layout.in_flight())?;
    if let Some(held) = folder.try_lock(SETTLE_LOCK)? {
        return Ok(held);
    }
    let path = folder.path().join(SETTLE_LOCK);
    tracing::warn!(path = %path.display(), seconds = patience.as_secs(), "waiting for a drain or another upgrade to let go of its lock");

    let file = folder.open_append(SETTLE_LOCK)?;
    // One answer. The thread outlives an impatient caller; then it closes the file, and so the lock, as soon as it
    // gets it.
    let (answer, answers) = sync_channel(1);
    let waiter = thread::Builder::new().name("settle-lock".into()).spawn(move || {
        let locked = file.lock().map(|()| file);
        if answer.send(locked).is_err() {
            tracing::debug!("the lock came too late");
        }
    });
    let lock_failed = |source| UpgradeError::Lock { path: path.clone(), source };
    waiter.map_err(lock_failed)?;
    match answers.recv_timeout(patience) {
        Ok(locked) => locked.map_err(lock_failed),
        Err(_) => Err(UpgradeError::Busy { path, waited: patience }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_is_held_is_waited_for_and_then_named() {
        let home = tempfile::tempdir().unwrap();
        let layout = Layout::new(home.path());
        let held = take_settle_lock(&layout, PATIENCE).unwrap();
        let refused = take_settle_lock(&layout, Duration::from_millis(20)).unwrap_err().to_string();
        assert!(refused.contains("settle.lock") && refused.contains("a drain"), "{refused}");

        let layout_of_waiter = layout.clone();
        let waiter = thread::spawn(move || take_settle_lock(&layout_of_waiter, PATIENCE).map(drop));
        drop(held);
        waiter.join().unwrap().unwrap();
    }
}
