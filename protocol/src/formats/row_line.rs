//! One line of `skill-faults.jsonl`, written and read.

use std::borrow::Cow;

use serde::{Deserialize, Serialize, Serializer};

use crate::time::rfc3339_millis;
use crate::{CostSource, Failure, FaultId, FitReport, Row, RunId, Usd};

/// The version of the row's form.
const ROW_SCHEMA: u32 = 1;

/// A row as the file has it. A reader takes a field that is missing for null, and passes over those that it does not
/// know.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RowLine<'a> {
    /// When the outcome was known.
    pub ts: Cow<'a, str>,
    /// The version of the form.
    pub schema: u32,
    /// The drain whose outcome it is; with `seq` unique for ever.
    pub drain_id: Cow<'a, str>,
    /// The number of the row within its drain.
    pub seq: u64,
    /// The fault; none for a file that is no event.
    pub fault_id: Option<Cow<'a, str>>,
    /// The run; none for a file that is no event.
    pub run_id: Option<Cow<'a, str>>,
    /// The kind as the event says it.
    pub kind: Option<Cow<'a, str>>,
    /// The severity as the event says it.
    pub severity: Option<Cow<'a, str>>,
    /// How the event ended: a [`RowOutcome`](crate::RowOutcome) by name.
    pub outcome: Cow<'a, str>,
    /// How the move ended: a [`MoveState`](crate::MoveState) by name.
    #[serde(rename = "move")]
    pub moved: Cow<'a, str>,
    /// The errno's name where the move failed or found nothing.
    pub errno: Option<Cow<'a, str>>,
    /// Wall time of the investigation, in milliseconds.
    pub duration_ms: Option<u64>,
    /// Cost of the investigation in US dollars; none where it is not known or nothing was asked.
    pub cost_usd: Option<Usd>,
    /// Where the cost comes from: a [`CostSource`] by name.
    pub cost_source: Option<Cow<'a, str>>,
    /// The investigator that answered or failed.
    pub provider: Option<Cow<'a, str>>,
    /// The model that it used.
    pub model: Option<Cow<'a, str>>,
    /// Why the investigation failed: a [`Failure`] by name.
    pub failure: Option<Cow<'a, str>>,
    /// How many event files the investigation covers, the leader included.
    pub occurrences: Option<u32>,
    /// For an event that shared another's investigation: the report's path relative to the queue root.
    pub duplicate_of: Option<Cow<'a, str>>,
    /// The event's file name.
    pub file: Cow<'a, str>,
    /// The investigators that were asked before and could not work, with the reason of each.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub passed_over: Cow<'a, [String]>,
    /// The report, for readers of earlier releases; it is not read.
    #[serde(skip_serializing_if = "Option::is_none", skip_deserializing)]
    pub investigation: Option<&'a FitReport>,
}

impl RowLine<'_> {
    /// The name of the file in the analytics folder.
    pub const FILE: &'static str = "skill-faults.jsonl";
}

impl RowLine<'static> {
    /// Reads a line; none where it is no row, as one that a crash tore.
    pub fn parse(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }
}

impl<'a> From<&'a Row> for RowLine<'a> {
    fn from(row: &'a Row) -> Self {
        let draft = &row.draft;
        let text = |text: &'a Option<String>| text.as_deref().map(Cow::Borrowed);
        Self {
            ts: rfc3339_millis(row.ts).into(),
            schema: ROW_SCHEMA,
            drain_id: row.drain_id.as_str().into(),
            seq: row.seq,
            fault_id: draft.fault_id.as_ref().map(FaultId::as_str).map(Cow::Borrowed),
            run_id: draft.run_id.as_ref().map(RunId::as_str).map(Cow::Borrowed),
            kind: text(&draft.kind),
            severity: text(&draft.severity),
            outcome: draft.outcome.as_str().into(),
            moved: row.moved.as_str().into(),
            errno: text(&row.errno),
            duration_ms: draft.duration_ms,
            cost_usd: draft.cost_usd,
            cost_source: draft.cost_source.map(CostSource::as_str).map(Cow::Borrowed),
            provider: text(&draft.provider),
            model: text(&draft.model),
            failure: draft.failure.map(Failure::as_str).map(Cow::Borrowed),
            occurrences: draft.occurrences,
            duplicate_of: text(&draft.duplicate_of),
            file: draft.file.as_str().into(),
            passed_over: draft.passed_over.as_slice().into(),
            investigation: draft.investigation.as_deref(),
        }
    }
}

impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RowLine::from(self).serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DrainId, MoveOutcome, RowDraft, RowOutcome};

    #[test]
    fn a_row_has_every_field_and_a_failed_move_is_never_a_settled_one() {
        let row = Row::complete(
            "2026-05-20T08:14:00.123Z".parse().unwrap(),
            DrainId::from("d"),
            7,
            RowDraft::new(RowOutcome::AuditSkipped, "x.json"),
            &MoveOutcome::Denied { errno: "EACCES".into() },
        );
        let text = serde_json::to_string(&row).unwrap();
        assert_eq!(
            text,
            concat!(
                r#"{"ts":"2026-05-20T08:14:00.123Z","schema":1,"drainId":"d","seq":7,"faultId":null,"runId":null,"#,
                r#""kind":null,"severity":null,"outcome":"move-failed","move":"failed","errno":"EACCES","#,
                r#""durationMs":null,"costUsd":null,"costSource":null,"provider":null,"model":null,"failure":null,"#,
                r#""occurrences":null,"duplicateOf":null,"file":"x.json"}"#
            )
        );
        let read = RowLine::parse(text.as_bytes()).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
    }

    #[test]
    fn what_is_no_row_is_none_and_an_earlier_release_may_have_fewer_fields() {
        for line in ["", "\0\0", "[1]", r#"{"seq":1,"seq":1}"#, r#"{"drainId":7}"#, r#"{"drainId":"d","#] {
            assert!(RowLine::parse(line.as_bytes()).is_none(), "{line}");
        }
        let read = RowLine::parse(br#"{"drainId":"d","seq":3,"newer":[],"investigation":7}"#).unwrap();
        assert_eq!((&*read.drain_id, read.seq, read.fault_id), ("d", 3, None));
    }
}
