//! The analytics row, before and after its move. `formats::row_line` writes and reads it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{CostSource, DrainId, Failure, FaultId, FitReport, MoveOutcome, MoveState, RowOutcome, RunId, Usd};

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
    pub cost_usd: Option<Usd>,
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
    pub investigation: Option<Box<FitReport>>,
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
