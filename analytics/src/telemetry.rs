//! One row for each auto-drain that did something.

use haltline_protocol::{Layout, QueueError, rfc3339_millis};
use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::append::AppendFile;
use crate::problem::failed;

/// The file within the analytics folder.
const FILE: &str = "halt-events-drain.jsonl";

/// A row of `halt-events-drain.jsonl`.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AutoDrainRow {
    /// When the auto-drain ended.
    #[serde(serialize_with = "millis")]
    pub ts: Timestamp,
    /// The run that it was for.
    pub run_id: String,
    /// The slug of the run's events; none where there was none to read it from.
    pub state_slug: Option<String>,
    /// Wall time, in milliseconds.
    pub duration_ms: u64,
    /// Events that were investigated, leaders only.
    pub processed: u64,
    /// Events that were settled free.
    pub short_circuited: u64,
    /// Events that a filter held back.
    pub skipped: u64,
    /// Events whose investigation or move failed.
    pub failed: u64,
    /// Notes that were filed.
    pub inbox_filed: u64,
    /// Patterns that were proposed.
    pub proposals_appended: u64,
    /// Whether it was stopped before it was done.
    pub aborted: bool,
    /// Events that were left for later.
    pub deferred: u64,
}

/// Appends the row durably.
///
/// # Errors
/// The file cannot be written, or is no regular file of one name.
pub fn record_auto_drain(layout: &Layout, row: &AutoDrainRow) -> Result<(), QueueError> {
    let file = AppendFile::open(layout.analytics(), FILE)?;
    let mut line =
        serde_json::to_vec(row).map_err(|error| failed("write a row for", layout.analytics().join(FILE), error))?;
    line.push(b'\n');
    file.lock()?.append(&line)
}

fn millis<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&rfc3339_millis(*time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_the_fields_that_old_readers_know_and_no_other() {
        let home = tempfile::tempdir().unwrap();
        let layout = Layout::new(home.path());
        let row = AutoDrainRow {
            ts: "2026-05-20T08:14:00.1239Z".parse().unwrap(),
            run_id: "build-42".into(),
            state_slug: Some("checkout-flow".into()),
            duration_ms: 1200,
            processed: 1,
            short_circuited: 2,
            skipped: 3,
            failed: 4,
            inbox_filed: 5,
            proposals_appended: 6,
            aborted: false,
            deferred: 7,
        };
        record_auto_drain(&layout, &row).unwrap();
        record_auto_drain(&layout, &row).unwrap();
        let written = std::fs::read_to_string(home.path().join("analytics/halt-events-drain.jsonl")).unwrap();
        let line = concat!(
            r#"{"ts":"2026-05-20T08:14:00.123Z","runId":"build-42","stateSlug":"checkout-flow","durationMs":1200,"#,
            r#""processed":1,"shortCircuited":2,"skipped":3,"failed":4,"inboxFiled":5,"proposalsAppended":6,"#,
            r#""aborted":false,"deferred":7}"#
        );
        assert_eq!(written, format!("{line}\n{line}\n"));
    }
}
