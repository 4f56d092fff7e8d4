//! Where the events of a fault are: waiting, settled, given up on, or held by a drain. Nothing is moved or locked.

use std::collections::BTreeSet;

use haltline_protocol::{HaltEvent, QueueError, RunId};
use haltline_spool::{Folder, LARGEST_ROW, Layout};
use jiff::Timestamp;
use rustix::fs::FileType;

/// What was found of a fault.
#[derive(Debug, Default)]
pub(crate) struct Occurrences {
    /// The events that no drain holds.
    free: Vec<Occurrence>,
    /// The runs of those that drains hold.
    held: BTreeSet<RunId>,
}

#[derive(Debug)]
struct Occurrence {
    event: HaltEvent,
    /// When it halted; when its file was written where the event does not say.
    time: Timestamp,
}

impl Occurrences {
    /// Looks for the events of a fault, of one run or of all. Each file is read: its name is only a handle.
    ///
    /// # Errors
    /// A folder of the queue is there and cannot be read.
    pub(crate) fn find(layout: &Layout, fault_id: &str, run_id: Option<&str>) -> Result<Self, QueueError> {
        let is_wanted = |event: &HaltEvent| {
            event.fault_id.as_str() == fault_id && run_id.is_none_or(|run_id| event.run_id.as_str() == run_id)
        };
        let mut found = Self::default();
        // In the order in which events move, so that one on its way is seen at least once.
        found.free.extend(events_in(&layout.pending(), is_wanted)?);
        for hold in names_in(&layout.in_flight())?.map(|(_, names)| names).unwrap_or_default() {
            // Drains come and go; one whose hold is gone holds nothing.
            let Ok(events) = events_in(&layout.in_flight().join(hold), is_wanted) else { continue };
            found.held.extend(events.into_iter().map(|held| held.event.run_id));
        }
        found.free.extend(events_in(&layout.processed(), is_wanted)?);
        found.free.extend(events_in(&layout.dead_letter(), is_wanted)?);
        Ok(found)
    }

    /// The runs that have the fault.
    pub(crate) fn runs(&self) -> BTreeSet<RunId> {
        self.free.iter().map(|occurrence| occurrence.event.run_id.clone()).chain(self.held.iter().cloned()).collect()
    }

    /// The newest event that no drain holds.
    pub(crate) fn newest(self) -> Option<HaltEvent> {
        self.free.into_iter().max_by_key(|occurrence| occurrence.time).map(|occurrence| occurrence.event)
    }
}

fn events_in(path: &std::path::Path, is_wanted: impl Fn(&HaltEvent) -> bool) -> Result<Vec<Occurrence>, QueueError> {
    let Some((folder, names)) = names_in(path)? else { return Ok(Vec::new()) };
    let rows = names.into_iter().filter(|name| name.ends_with(".json"));
    Ok(rows.filter_map(|name| read(&folder, &name)).filter(|occurrence| is_wanted(&occurrence.event)).collect())
}

/// A folder and what is in it, hidden names apart; none where it is not there.
fn names_in(path: &std::path::Path) -> Result<Option<(Folder, Vec<String>)>, QueueError> {
    let folder = match Folder::open(path) {
        Ok(folder) => folder,
        Err(error) if error.source.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let names = folder.names()?.into_iter().map(|entry| entry.name).filter(|name| !name.starts_with('.')).collect();
    Ok(Some((folder, names)))
}

fn read(folder: &Folder, name: &str) -> Option<Occurrence> {
    let stat = folder.stat(name).ok()?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return None;
    }
    let bytes = folder
        .read(name, LARGEST_ROW)
        .inspect_err(|error| tracing::warn!(%error, "passed over a file that cannot be read"))
        .ok()??;
    let event = HaltEvent::parse(&bytes).ok()?;
    let modified = || Timestamp::from_second(stat.st_mtime).unwrap_or(Timestamp::UNIX_EPOCH);
    Some(Occurrence { time: event.timestamp.unwrap_or_else(modified), event })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(folder: &std::path::Path, name: &str, run_id: &str, timestamp: &str, message: &str) {
        std::fs::create_dir_all(folder).unwrap();
        let row = serde_json::json!({
            "faultId": "F", "runId": run_id, "stateSlug": "s", "kind": "K", "severity": "HIGH",
            "timestamp": timestamp, "message": message, "pointers": {}, "snapshot": {},
        });
        std::fs::write(folder.join(name), row.to_string()).unwrap();
    }

    #[test]
    fn the_newest_event_wins_wherever_it_lies_and_whatever_its_name() {
        let home = tempfile::tempdir().unwrap();
        let layout = Layout::new(home.path());
        put(&layout.pending(), "a.json", "r", "2026-05-20T08:00:00Z", "old");
        put(&layout.dead_letter(), "odd-name.json", "r", "2026-05-22T08:00:00Z", "newest");
        put(&layout.processed(), "b.json", "r", "2026-05-21T08:00:00Z", "newer");
        put(&layout.processed(), "c.json", "other", "2026-05-23T08:00:00Z", "another run");
        put(&layout.processed(), ".hidden.json", "r", "2026-05-24T08:00:00Z", "hidden");
        std::fs::write(layout.pending().join("broken.json"), "{").unwrap();
        std::os::unix::fs::symlink("c.json", layout.processed().join("link.json")).unwrap();
        let found = Occurrences::find(&layout, "F", Some("r")).unwrap();
        assert_eq!(found.newest().unwrap().message, "newest");
        let all = Occurrences::find(&layout, "F", None).unwrap();
        assert_eq!(all.runs().into_iter().map(|run| run.to_string()).collect::<Vec<_>>(), ["other", "r"]);
        assert!(Occurrences::find(&layout, "G", None).unwrap().runs().is_empty());
    }

    #[test]
    fn what_a_drain_holds_is_seen_and_not_taken() {
        let home = tempfile::tempdir().unwrap();
        let layout = Layout::new(home.path());
        put(&layout.in_flight().join("20260520T081400123Z-0"), "a.json", "r", "", "held");
        std::fs::write(layout.in_flight().join("settle.lock"), "").unwrap();
        let found = Occurrences::find(&layout, "F", None).unwrap();
        assert_eq!(found.runs().len(), 1);
        assert!(found.newest().is_none());
    }

    #[test]
    fn a_queue_that_is_not_there_has_no_events_and_is_not_made() {
        let home = tempfile::tempdir().unwrap();
        let layout = Layout::new(home.path().join("home"));
        assert!(Occurrences::find(&layout, "F", None).unwrap().runs().is_empty());
        assert!(!layout.home().is_dir());
    }
}
