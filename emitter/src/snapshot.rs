//! What was to be seen when the run halted.

use std::io;
use std::path::{Path, PathBuf};

use haltline_evidence::{fit_tail, redact_lossy};
use serde::ser::{Error, SerializeMap};
use serde::{Serialize, Serializer};
use thiserror::Error;

use crate::{Place, git_head, last_lines};

/// The `snapshot` of a new event. Its tail is cut to 256 KiB when it is written.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// The last lines of the log.
    pub stdout_tail: String,
    /// Why the orchestrator says that it failed.
    pub failure_reason: String,
    /// The commit that the work tree stands at; empty where it has none.
    pub worktree_head: String,
    /// Where in the run it happened.
    pub place: Place,
}

/// Says that a log could not be read. The event goes without its tail, for it is worth more than none.
#[derive(Debug, Error)]
#[error("cannot read the log {path}; the event goes without its last lines")]
pub struct UnreadLog {
    /// The log, quoted.
    path: String,
    source: io::Error,
}

impl Snapshot {
    /// Looks at the log and the work tree as they are now. A log that cannot be read costs no event: it is told beside
    /// the snapshot.
    pub fn capture(
        stdout_log: Option<&Path>,
        worktree: Option<&Path>,
        failure_reason: &str,
        place: Place,
    ) -> (Self, Option<UnreadLog>) {
        let (stdout_tail, unread) = match stdout_log.map(|log| last_lines(log).map_err(|source| (log, source))) {
            None => (String::new(), None),
            Some(Ok(tail)) => (tail, None),
            Some(Err((log, source))) => (String::new(), Some(UnreadLog { path: format!("{log:?}"), source })),
        };
        let worktree_head = worktree.map(git_head).unwrap_or_default();
        (Self { stdout_tail, failure_reason: failure_reason.to_owned(), worktree_head, place }, unread)
    }
}

impl Serialize for Snapshot {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("stdoutTail", fit_tail(&redact_lossy(self.stdout_tail.as_bytes())))?;
        map.serialize_entry("failureReason", &redact_lossy(self.failure_reason.as_bytes()))?;
        map.serialize_entry("worktreeHead", &self.worktree_head)?;
        match &self.place {
            Place::Run => {}
            Place::Phase(index) => {
                map.serialize_entry("phase", &Phase { index: index.to_json().map_err(Error::custom)? })?
            }
            Place::Feature(number) => map.serialize_entry("feature", &Feature { number })?,
        }
        map.end()
    }
}

#[derive(Serialize)]
struct Phase {
    index: Box<serde_json::value::RawValue>,
}

#[derive(Serialize)]
struct Feature<'a> {
    number: &'a str,
}

/// A path as a pointer holds it: absolute, since whoever reads the event stands elsewhere. Empty stays empty.
pub fn pointer(path: &Path) -> String {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| PathBuf::from(path));
    absolute.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_log_is_told_and_costs_only_the_tail() {
        let home = tempfile::tempdir().unwrap();
        let log = home.path().join("log");
        let (snapshot, unread) = Snapshot::capture(Some(&log), Some(home.path()), "why", Place::Run);
        assert_eq!((snapshot.stdout_tail.as_str(), snapshot.failure_reason.as_str()), ("", "why"));
        let unread = unread.unwrap();
        assert!(unread.to_string().contains("/log\""), "{unread}");
        std::fs::write(&log, "a\nb\n").unwrap();
        let (snapshot, unread) = Snapshot::capture(Some(&log), None, "", Place::Run);
        assert_eq!(snapshot.stdout_tail, "a\nb\n");
        assert!(unread.is_none());
    }

    #[test]
    fn the_place_is_written_where_a_drain_and_the_fault_id_look_for_it() {
        for (place, text) in [
            (Place::Run, ""),
            (Place::Phase("3.0".parse().unwrap()), r#","phase":{"index":3}"#),
            (Place::Phase("1e300".parse().unwrap()), r#","phase":{"index":1e+300}"#),
            (Place::Feature("2".into()), r#","feature":{"number":"2"}"#),
        ] {
            let written = serde_json::to_string(&Snapshot { place, ..Snapshot::default() }).unwrap();
            assert_eq!(written, format!(r#"{{"stdoutTail":"","failureReason":"","worktreeHead":""{text}}}"#));
        }
    }

    #[test]
    fn a_pointer_is_absolute() {
        assert!(pointer(Path::new("log")).starts_with('/'));
        assert_eq!(pointer(Path::new("/a/log")), "/a/log");
        assert_eq!(pointer(Path::new("")), "");
    }
}
