//! Where the events of a fault are: waiting, settled, given up on, or held by a drain. Nothing is moved or locked.

use std::collections::BTreeSet;

use haltline_files::FileError;
use haltline_protocol::{HaltEvent, Layout, RunId, WaitingBody};
use jiff::Timestamp;

use crate::sighting::{State, look_through};

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
    pub(crate) fn find(layout: &Layout, fault_id: &str, run_id: Option<&str>) -> Result<Self, FileError> {
        let mut found = Self::default();
        look_through(layout, &State::ALL, |state, _, waiting| {
            let WaitingBody::Event(event) = waiting.body else { return };
            if event.fault_id.as_str() != fault_id || run_id.is_some_and(|run_id| event.run_id.as_str() != run_id) {
                return;
            }
            if matches!(state, State::InFlight | State::Abandoned) {
                found.held.insert(event.run_id);
            } else {
                found.free.push(Occurrence { time: event.timestamp.unwrap_or(waiting.modified), event: *event });
            }
        })?;
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
