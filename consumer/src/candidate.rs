//! An event on its way through the filters.

use haltline_protocol::{HaltEvent, RowDraft, RowOutcome, Ticket};
use jiff::Timestamp;
use tokio::sync::OwnedSemaphorePermit;

/// Events on their way together.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) candidates: Vec<Candidate>,
    /// The leave to be on the way: there are few at once, whatever blocks the line.
    pub(crate) _leave: Option<OwnedSemaphorePermit>,
}

/// An event that waits, as it was read.
#[derive(Debug)]
pub(crate) struct Candidate {
    pub(crate) ticket: Ticket,
    pub(crate) event: Box<HaltEvent>,
    /// When it halted, or when its file was written where its row has no readable time.
    pub(crate) time: Timestamp,
    /// Whether it passes the filters of severity and back-off, and so would be dispatched if nothing settled it.
    pub(crate) is_due: bool,
}

/// The row of an event as far as it is known before its move.
pub(crate) fn draft(event: &HaltEvent, ticket: &Ticket, outcome: RowOutcome) -> RowDraft {
    RowDraft {
        fault_id: Some(event.fault_id.clone()),
        run_id: Some(event.run_id.clone()),
        kind: Some(event.kind.as_str().to_owned()),
        severity: Some(event.severity_text.clone()),
        ..RowDraft::new(outcome, ticket.name.to_string())
    }
}
