//! The queue of a home behind its ports, and what the read side has to know besides. The one place that names the
//! implementation for the commands that look, emit or change by hand.

use haltline_analytics::{OUTBOX_FILES, SINKS};
use haltline_protocol::{Control, Intake, Layout, QueueError, Severity, Survey};
use haltline_spool::{FileControl, FileSurvey, KNOWN_FILES, SpoolIntake};
use haltline_view::{Fsck, Rules};

use crate::cli::DrainArgs;
use crate::config;

/// What is in the home besides the queue and what sinks write. People and other programs use the inbox and the analytics
/// folder too.
const OTHER_FILES: [&str; 4] =
    ["skill-faults/learned-patterns.json", "skill-faults/.migrations/*", "skill-faults/inbox/*", "analytics/*"];

/// Returns the queue of a home for whoever looks.
pub(crate) fn survey(layout: &Layout) -> impl Survey + use<> {
    FileSurvey::new(layout.clone())
}

/// Returns the queue of a home for whoever changes it by hand.
pub(crate) fn control(layout: &Layout) -> impl Control + use<> {
    FileControl::new(layout.clone())
}

/// Opens the queue of a home for whoever puts rows into it; without `durable` nothing is flushed.
///
/// # Errors
/// The queue cannot be made or opened.
pub(crate) fn intake(layout: &Layout, durable: bool) -> Result<impl Intake + use<>, QueueError> {
    SpoolIntake::open(layout, durable)
}

/// Returns what is in force for drains. A configuration that cannot be used hides only what it would change; `doctor`
/// tells of it.
pub(crate) fn rules(layout: &Layout) -> Rules {
    let settings = config::in_force(None, &DrainArgs::default()).ok();
    let inbox = settings.as_ref().and_then(|settings| settings.inbox.clone()).unwrap_or_else(|| layout.inbox());
    let (max_attempts, severity_min) =
        settings.map_or((3, Severity::Medium), |settings| (settings.max_attempts.value, settings.severity_min.value));
    Rules { inbox, max_attempts, severity_min }
}

/// Prepares a look through the files of a home.
pub(crate) fn fsck<'a>(survey: &'a dyn Survey, layout: &'a Layout) -> Fsck<'a> {
    let of_sinks = SINKS.iter().flat_map(|sink| sink.declaration().writes).chain(OUTBOX_FILES);
    Fsck::new(survey, layout, KNOWN_FILES.iter().chain(&OTHER_FILES).chain(of_sinks).copied().collect())
}

#[cfg(test)]
mod tests {
    use haltline_view::{FaultView, FindError};

    use super::*;

    fn put(folder: &std::path::Path, name: &str, run_id: &str, timestamp: &str, message: &str) {
        std::fs::create_dir_all(folder).unwrap();
        let row = serde_json::json!({
            "faultId": "F", "runId": run_id, "stateSlug": "s", "kind": "K", "severity": "HIGH",
            "timestamp": timestamp, "message": message, "pointers": {}, "snapshot": {},
        });
        std::fs::write(folder.join(name), row.to_string()).unwrap();
    }

    fn find(layout: &Layout, id: &str, run_id: Option<&str>) -> Result<FaultView, FindError> {
        FaultView::find(&survey(layout), id, run_id)
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
        assert_eq!(find(&layout, "F", Some("r")).unwrap().newest_free().unwrap().message, "newest");
        let Err(FindError::Several { candidates, .. }) = find(&layout, "F", None) else { panic!("two runs have it") };
        assert_eq!(candidates.iter().map(|key| key.run_id.to_string()).collect::<Vec<_>>(), ["other", "r"]);
        assert!(matches!(find(&layout, "G", None), Err(FindError::Unknown { .. })));
    }

    #[test]
    fn what_a_drain_holds_is_seen_and_not_taken() {
        let home = tempfile::tempdir().unwrap();
        let layout = Layout::new(home.path());
        put(&layout.in_flight().join("20260520T081400123Z-0"), "a.json", "r", "", "held");
        std::fs::write(layout.in_flight().join("settle.lock"), "").unwrap();
        let found = find(&layout, "F", None).unwrap();
        assert_eq!(found.events.len(), 1);
        assert!(found.newest_free().is_none());
    }

    #[test]
    fn a_queue_that_is_not_there_has_no_events_and_is_not_made() {
        let home = tempfile::tempdir().unwrap();
        let layout = Layout::new(home.path().join("home"));
        assert!(matches!(find(&layout, "F", None), Err(FindError::Unknown { .. })));
        assert!(!layout.home().is_dir());
    }
}
