//! A fault to emit: any kind but the audit kinds.

use haltline_protocol::{Document, Kind, Pointers, Severity, rfc3339_millis};
use jiff::Timestamp;
use serde::Serialize;

use crate::{Emission, EmitError, FaultKind, Snapshot, fault_id};

/// What an orchestrator tells of a fault.
#[derive(Debug, Clone)]
pub struct FaultDraft<'a> {
    /// What kind of halt it is.
    pub kind: FaultKind,
    /// How severe it is; none for the kind's own. An unknown kind needs one.
    pub severity: Option<Severity>,
    /// The run that halted.
    pub run_id: &'a str,
    /// The orchestrator's name for its plan or state; may be empty.
    pub state_slug: &'a str,
    /// What happened, in one line, and nothing volatile: it is part of the fault's id.
    pub message: &'a str,
    /// Where to look further.
    pub pointers: Pointers,
    /// What was to be seen.
    pub snapshot: Snapshot,
}

impl FaultDraft<'_> {
    /// Makes the event, as of `now`.
    ///
    /// # Errors
    /// The run's id or the message is empty, an unknown kind has no severity, or the row would be too large.
    pub fn build(&self, now: Timestamp) -> Result<Emission, EmitError> {
        let kind = self.kind.kind();
        let severity = self
            .severity
            .or_else(|| kind.default_severity())
            .ok_or_else(|| EmitError::SeverityMissing(kind.as_str().to_owned()))?;
        if self.message.is_empty() {
            return Err(EmitError::Empty("message"));
        }
        let row = Row {
            kind,
            severity,
            run_id: self.run_id,
            state_slug: self.state_slug,
            message: self.message,
            investigate: true,
            pointers: &self.pointers,
            snapshot: &self.snapshot,
        };
        Emission::seal(&row.document(now)?, now)
    }
}

/// The fields of a new row.
pub(crate) struct Row<'a> {
    pub(crate) kind: &'a Kind,
    pub(crate) severity: Severity,
    pub(crate) run_id: &'a str,
    pub(crate) state_slug: &'a str,
    pub(crate) message: &'a str,
    pub(crate) investigate: bool,
    pub(crate) pointers: &'a Pointers,
    pub(crate) snapshot: &'a Snapshot,
}

impl Row<'_> {
    pub(crate) fn document(&self, now: Timestamp) -> Result<Document, EmitError> {
        if self.run_id.is_empty() {
            return Err(EmitError::Empty("runId"));
        }
        let mut document = Document::empty();
        document.set("faultId", &fault_id(self.kind, &self.snapshot.place, self.message))?;
        document.set("runId", &self.run_id)?;
        document.set("stateSlug", &self.state_slug)?;
        document.set("kind", &self.kind.as_str())?;
        document.set("severity", &self.severity)?;
        document.set("timestamp", &rfc3339_millis(now))?;
        document.set("message", &self.message)?;
        document.set("investigate", &self.investigate)?;
        document.set("pointers", &WrittenPointers::from(self.pointers))?;
        document.set("snapshot", self.snapshot)?;
        Ok(document)
    }
}

/// Pointers as a row has them.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WrittenPointers<'a> {
    state_file: &'a str,
    stdout_log: &'a str,
    living_plan: &'a str,
    worktree_path: &'a str,
}

impl<'a> From<&'a Pointers> for WrittenPointers<'a> {
    fn from(pointers: &'a Pointers) -> Self {
        Self {
            state_file: &pointers.state_file,
            stdout_log: &pointers.stdout_log,
            living_plan: &pointers.living_plan,
            worktree_path: &pointers.worktree_path,
        }
    }
}

#[cfg(test)]
mod tests {
    use haltline_protocol::LARGEST_ROW;

    use super::*;
    use crate::Place;

    const NOW: &str = "2026-05-20T08:14:00.123Z";

    fn draft(kind: &str) -> FaultDraft<'static> {
        FaultDraft {
            kind: kind.parse().unwrap(),
            severity: None,
            run_id: "build-42",
            state_slug: "checkout-flow",
            message: "phase 3 failed",
            pointers: Pointers { stdout_log: "/l".into(), ..Pointers::default() },
            snapshot: Snapshot {
                stdout_tail: "red \"x\"\n".into(),
                place: Place::Phase("3".parse().unwrap()),
                ..Snapshot::default()
            },
        }
    }

    #[test]
    fn a_row_is_written_as_the_contract_shows_it() {
        let emission = draft("PHASE_FAILED").build(NOW.parse().unwrap()).unwrap();
        let expected = r#"{
  "faultId": "PHASE_FAILED:p3:c052439a",
  "runId": "build-42",
  "stateSlug": "checkout-flow",
  "kind": "PHASE_FAILED",
  "severity": "CRITICAL",
  "timestamp": "2026-05-20T08:14:00.123Z",
  "message": "phase 3 failed",
  "investigate": true,
  "pointers": {
    "stateFile": "",
    "stdoutLog": "/l",
    "livingPlan": "",
    "worktreePath": ""
  },
  "snapshot": {
    "stdoutTail": "red \"x\"\n",
    "failureReason": "",
    "worktreeHead": "",
    "phase": {
      "index": 3
    }
  }
}
"#;
        assert_eq!(str::from_utf8(emission.row()).unwrap(), expected);
        assert_eq!(emission.fault_id().as_str(), "PHASE_FAILED:p3:c052439a");
        assert_eq!(emission.stamp(), NOW.parse().unwrap());
        assert!(!emission.event().is_audit_only());
    }

    #[test]
    fn an_unknown_kind_needs_a_severity_and_a_known_one_may_have_another() {
        let now = NOW.parse().unwrap();
        let error = draft("MY_KIND").build(now).unwrap_err();
        assert!(matches!(&error, EmitError::SeverityMissing(kind) if kind == "MY_KIND") && error.is_usage());
        let emission = FaultDraft { severity: Some(Severity::Low), ..draft("MY_KIND") }.build(now).unwrap();
        assert_eq!(emission.event().severity_text, "LOW");
        let emission = FaultDraft { severity: Some(Severity::Medium), ..draft("PHASE_FAILED") }.build(now).unwrap();
        assert_eq!(emission.event().severity_text, "MEDIUM");
    }

    #[test]
    fn a_row_fits_whatever_the_log_holds_and_says_so_where_it_does_not() {
        let now = NOW.parse().unwrap();
        for letter in ["x", "\0", "\n", "\u{fffd}", "\""] {
            let mut huge = draft("PHASE_FAILED");
            huge.snapshot.stdout_tail = letter.repeat(3 * LARGEST_ROW);
            let emission = huge.build(now).unwrap();
            assert!(emission.row().len() < LARGEST_ROW);
            let tail = emission.event().stdout_tail();
            assert!(!tail.is_empty() && tail.len() <= 256 * 1024);
        }
        let message = "m".repeat(LARGEST_ROW);
        let error = FaultDraft { message: &message, ..draft("PHASE_FAILED") }.build(now).unwrap_err();
        assert!(matches!(error, EmitError::TooLarge { field: "message", .. }) && error.is_usage());
    }

    #[test]
    fn what_has_to_say_something_is_not_empty() {
        let now = NOW.parse().unwrap();
        let no_run = FaultDraft { run_id: "", ..draft("PHASE_FAILED") }.build(now);
        assert!(matches!(no_run, Err(EmitError::Empty("runId"))));
        let no_message = FaultDraft { message: "", ..draft("PHASE_FAILED") }.build(now);
        assert!(matches!(no_message, Err(EmitError::Empty("message"))));
    }
}
