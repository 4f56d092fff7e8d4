//! The analytics row: one line of `skill-faults.jsonl`.

use jiff::Timestamp;
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};

use crate::time::rfc3339_millis;
use crate::{CostSource, DrainId, Failure, FaultId, MoveOutcome, MoveState, Report, RowOutcome, RunId};

/// The version of the row's form.
pub const ROW_SCHEMA: u32 = 1;

/// What an actor knows of a row before the move it tells of. The queue adds the rest.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RowDraft {
    /// The fault; none for a file that is no event.
    pub fault_id: Option<FaultId>,
    /// The run; none for a file that is no event.
    pub run_id: Option<RunId>,
    /// The kind as the event says it.
    pub kind: Option<String>,
    /// The severity as the event says it.
    pub severity: Option<String>,
    /// How the event ends if the move succeeds.
    pub outcome: RowOutcome,
    /// Wall time of the investigation, in milliseconds.
    pub duration_ms: Option<u64>,
    /// Cost of the investigation in US dollars; none where it is not known or nothing was asked.
    pub cost_usd: Option<f64>,
    /// Where the cost comes from.
    pub cost_source: Option<CostSource>,
    /// The investigator that answered or failed.
    pub provider: Option<String>,
    /// The model that it used.
    pub model: Option<String>,
    /// Why the investigation failed.
    pub failure: Option<Failure>,
    /// How many event files the investigation covers, the leader included.
    pub occurrences: Option<u32>,
    /// For an event that shared another's investigation: the report's path relative to the queue root.
    pub duplicate_of: Option<String>,
    /// The investigators that were asked before and could not work, with the reason of each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passed_over: Vec<String>,
    /// The event's file name.
    pub file: String,
    /// The report, for readers of earlier releases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub investigation: Option<Box<Report>>,
}

impl RowDraft {
    /// A draft that says no more than the outcome and the file.
    pub fn new(outcome: RowOutcome, file: impl Into<String>) -> Self {
        Self {
            fault_id: None,
            run_id: None,
            kind: None,
            severity: None,
            outcome,
            duration_ms: None,
            cost_usd: None,
            cost_source: None,
            provider: None,
            model: None,
            failure: None,
            occurrences: None,
            duplicate_of: None,
            passed_over: Vec::new(),
            file: file.into(),
            investigation: None,
        }
    }
}

/// One outcome, as analytics records it. (`drain_id`, `seq`) is unique for ever.
#[derive(Debug, Clone)]
pub struct Row {
    /// When the outcome was known.
    pub ts: Timestamp,
    /// The drain whose outcome it is.
    pub drain_id: DrainId,
    /// The number of the row within its drain.
    pub seq: u64,
    /// What was known before the move.
    pub draft: RowDraft,
    /// How the move ended.
    pub moved: MoveState,
    /// The errno's name where the move failed or found nothing.
    pub errno: Option<String>,
}

impl Row {
    /// Completes a draft once the move's outcome is known: a move that failed is `move-failed` whatever was hoped.
    pub fn complete(ts: Timestamp, drain_id: DrainId, seq: u64, mut draft: RowDraft, outcome: &MoveOutcome) -> Self {
        if outcome.state() == MoveState::Failed {
            draft.outcome = RowOutcome::MoveFailed;
        }
        Self { ts, drain_id, seq, draft, moved: outcome.state(), errno: outcome.errno().map(str::to_owned) }
    }
}

impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let draft = &self.draft;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("ts", &rfc3339_millis(self.ts))?;
        map.serialize_entry("schema", &ROW_SCHEMA)?;
        map.serialize_entry("drainId", &self.drain_id)?;
        map.serialize_entry("seq", &self.seq)?;
        map.serialize_entry("faultId", &draft.fault_id)?;
        map.serialize_entry("runId", &draft.run_id)?;
        map.serialize_entry("kind", &draft.kind)?;
        map.serialize_entry("severity", &draft.severity)?;
        map.serialize_entry("outcome", &draft.outcome)?;
        map.serialize_entry("move", &self.moved)?;
        map.serialize_entry("errno", &self.errno)?;
        map.serialize_entry("durationMs", &draft.duration_ms)?;
        map.serialize_entry("costUsd", &draft.cost_usd)?;
        map.serialize_entry("costSource", &draft.cost_source)?;
        map.serialize_entry("provider", &draft.provider)?;
        map.serialize_entry("model", &draft.model)?;
        map.serialize_entry("failure", &draft.failure)?;
        map.serialize_entry("occurrences", &draft.occurrences)?;
        map.serialize_entry("duplicateOf", &draft.duplicate_of)?;
        map.serialize_entry("file", &draft.file)?;
        if !draft.passed_over.is_empty() {
            map.serialize_entry("passedOver", &draft.passed_over)?;
        }
        if let Some(report) = &draft.investigation {
            map.serialize_entry("investigation", report)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_every_field_and_a_failed_move_is_never_a_settled_one() {
        let row = Row::complete(
            "2026-05-20T08:14:00.123Z".parse().unwrap(),
            DrainId::from("d"),
            7,
            RowDraft::new(RowOutcome::AuditSkipped, "x.json"),
            &MoveOutcome::Denied { errno: "EACCES".into() },
        );
        assert_eq!(
            serde_json::to_string(&row).unwrap(),
            concat!(
                r#"{"ts":"2026-05-20T08:14:00.123Z","schema":1,"drainId":"d","seq":7,"faultId":null,"runId":null,"#,
                r#""kind":null,"severity":null,"outcome":"move-failed","move":"failed","errno":"EACCES","#,
                r#""durationMs":null,"costUsd":null,"costSource":null,"provider":null,"model":null,"failure":null,"#,
                r#""occurrences":null,"duplicateOf":null,"file":"x.json"}"#
            )
        );
    }
}
