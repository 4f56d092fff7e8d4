//! Looking at a queue without touching it: no folder is made, no file written, no lock kept.

use std::ffi::CStr;
use std::path::Path;

use haltline_files::FileError;
use haltline_protocol::{
    Closed, Count, DeadDrain, EventState, Holding, Layout, QueueError, Seen, SeenAttempt, Survey, Waiting, WaitingBody,
};
use jiff::Timestamp;
use rustix::fs::FileType;

use crate::error::queue_error;
use crate::inspect::dead_drains;
use crate::looking::{if_there, is_there, open_if_there};
use crate::scan::{Scan, is_row_name, modified};
use crate::session_folder::{ATTEMPTS, SessionFolder};
use crate::sessions::{SETTLE_LOCK, holdings, read_lead};

/// A queue of files, seen from outside.
#[derive(Debug, Clone)]
pub struct FileSurvey {
    layout: Layout,
}

impl FileSurvey {
    /// Prepares a look at the queue of a home; nothing is opened yet.
    pub fn new(layout: Layout) -> Self {
        Self { layout }
    }

    fn look_through_files(&self, states: &[EventState], show: &mut dyn FnMut(Seen<'_>)) -> Result<(), FileError> {
        let (layout, now) = (&self.layout, Timestamp::now());
        let is_wanted = |state: EventState| states.contains(&state);
        let mut show_wanted = |state, drain_id: Option<&str>, place: &str, waiting| {
            if is_wanted(state) {
                show(Seen { state, drain_id, place, waiting });
            }
        };
        // In the order in which events move, so that one on its way is seen at least once.
        if states.iter().any(|state| state.waits()) {
            each(&layout.pending(), |place, waiting| {
                let state = match &waiting.body {
                    WaitingBody::Event(event) => EventState::of_waiting(event, now),
                    _ => EventState::Pending,
                };
                show_wanted(state, None, place, waiting);
            })?;
        }
        if EventState::OF_HELD.into_iter().any(is_wanted) {
            for Holding { drain_id, is_live } in holdings(layout)? {
                let state = if is_live { EventState::InFlight } else { EventState::Abandoned };
                if_there(each(&layout.in_flight().join(&drain_id), |place, waiting| {
                    show_wanted(state, Some(&drain_id), place, waiting);
                }))?;
            }
        }
        for (state, folder) in
            [(EventState::Processed, layout.processed()), (EventState::DeadLetter, layout.dead_letter())]
        {
            if is_wanted(state) {
                each(&folder, |place, waiting| show_wanted(state, None, place, waiting))?;
            }
        }
        Ok(())
    }

    fn attempts_of(&self, drain_id: &str) -> Result<Vec<SeenAttempt>, FileError> {
        let Some(session) = open_if_there(&self.layout.in_flight().join(drain_id))? else { return Ok(Vec::new()) };
        let Some(folder) = open_if_there(&session.path().join(ATTEMPTS))? else { return Ok(Vec::new()) };
        let Some(entries) = if_there(folder.names())? else { return Ok(Vec::new()) };
        let mut names: Vec<_> = entries.into_iter().map(|entry| entry.name).collect();
        names.sort_unstable();
        let attempt = |name: String| {
            let lead = read_lead(&session, &name)?;
            Some(SeenAttempt { lead, place: folder.path().join(name).display().to_string() })
        };
        Ok(names.into_iter().filter_map(attempt).collect())
    }
}

impl Survey for FileSurvey {
    fn place(&self) -> String {
        self.layout.queue().display().to_string()
    }

    fn is_stopped(&self) -> Result<bool, QueueError> {
        let queue = open_if_there(self.layout.queue()).map_err(queue_error)?;
        queue.map_or(Ok(false), |queue| is_there(&queue, Layout::STOP)).map_err(queue_error)
    }

    fn has_work(&self) -> Result<bool, QueueError> {
        let has = |path: &Path, is_work: fn(&str) -> bool| match open_if_there(path)? {
            Some(folder) => folder.has_name(is_work),
            None => Ok(false),
        };
        let is_session = |name: &str| SessionFolder::is_session(name) && name != SETTLE_LOCK;
        let waits = has(&self.layout.pending(), is_row_name).map_err(queue_error)?;
        Ok(waits || has(&self.layout.in_flight(), is_session).map_err(queue_error)?)
    }

    fn holders(&self) -> Result<Vec<Holding>, QueueError> {
        holdings(&self.layout).map_err(queue_error)
    }

    fn count(&self, closed: Closed) -> Result<Count, QueueError> {
        let is_event = |name: &str| is_row_name(name) && !name.contains("-RESOLVED-");
        let counted = match closed {
            Closed::Processed => count_files(&self.layout.processed(), is_event),
            Closed::DeadLetter => count_files(&self.layout.dead_letter(), is_event),
            Closed::Quarantine => count_files(&self.layout.quarantine(), |name| !name.ends_with(".reason.json")),
        };
        counted.map_err(queue_error)
    }

    fn look_through(&self, states: &[EventState], show: &mut dyn FnMut(Seen<'_>)) -> Result<(), QueueError> {
        self.look_through_files(states, show).map_err(queue_error)
    }

    fn attempts(&self, drain_id: &str) -> Result<Vec<SeenAttempt>, QueueError> {
        self.attempts_of(drain_id).map_err(queue_error)
    }

    fn leftovers(&self) -> Result<Vec<DeadDrain>, QueueError> {
        dead_drains(&self.layout).map_err(queue_error)
    }
}

/// Shows each file of a folder, in batches, so that memory stays small however many there are.
fn each(path: &Path, mut show: impl FnMut(&str, Waiting)) -> Result<(), FileError> {
    let Some(folder) = open_if_there(path)? else { return Ok(()) };
    let (place, mut scan) = (path.display().to_string(), Scan::default());
    while let Some(batch) = Some(scan.next_batch(&folder)?).filter(|batch| !batch.is_empty()) {
        batch.into_iter().for_each(|waiting| show(&place, waiting));
    }
    Ok(())
}

/// Counts the regular files of a folder whose names are wanted, and opens none. A folder that is not there has none.
fn count_files(path: &Path, is_wanted: fn(&str) -> bool) -> Result<Count, FileError> {
    let mut counted = Count::default();
    let Some(folder) = open_if_there(path)? else { return Ok(counted) };
    let unreadable = |errno| FileError::new("list", folder.path(), errno);
    let listing = folder.vfs().open_listing(folder.handle()).map_err(unreadable)?;
    let mut show = |name: &CStr, _| {
        let Some(name) = name.to_str().ok().filter(|name| !name.starts_with('.') && is_wanted(name)) else { return };
        // One that is gone by now is not there.
        let Ok(stat) = folder.stat(name) else { return };
        if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile {
            counted.add(modified(&stat));
        }
    };
    while folder.vfs().next_names(&listing, &mut show).map_err(unreadable)? {}
    Ok(counted)
}

#[cfg(test)]
mod tests {
    use haltline_files::Folder;

    use super::*;

    #[test]
    fn files_are_counted_unopened_and_the_oldest_is_known() {
        let home = tempfile::tempdir().unwrap();
        let count = || count_files(&home.path().join("q"), |name| name.ends_with(".json")).unwrap();
        assert_eq!(count(), Count::default());
        let folder = Folder::ensure(&home.path().join("q")).unwrap();
        for name in ["a.json", "b.json", ".hidden.json", "c.txt"] {
            folder.create_new(name, b"").unwrap();
        }
        folder.ensure_child("folder.json").unwrap();
        let time = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000);
        std::fs::File::options().append(true).open(folder.path().join("b.json")).unwrap().set_modified(time).unwrap();
        assert_eq!(count(), Count { count: 2, oldest: Some(Timestamp::from_second(1_000).unwrap()) });
    }

    #[test]
    fn a_row_or_a_hold_is_work_and_a_lock_is_none() {
        let home = tempfile::tempdir().unwrap();
        let layout = Layout::new(home.path());
        let survey = FileSurvey::new(layout.clone());
        assert!(!survey.has_work().unwrap());
        let in_flight = Folder::ensure(&layout.in_flight()).unwrap();
        in_flight.create_new("settle.lock", b"").unwrap();
        let pending = Folder::ensure(&layout.pending()).unwrap();
        pending.create_new("x.tmp", b"").unwrap();
        assert!(!survey.has_work().unwrap());
        in_flight.ensure_child("20260520T081400123Z-0").unwrap();
        assert!(survey.has_work().unwrap());
        in_flight.remove_empty_child("20260520T081400123Z-0").unwrap();
        pending.create_new("x.json", b"").unwrap();
        assert!(survey.has_work().unwrap());
    }
}
