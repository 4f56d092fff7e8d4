//! An event on its way through the rules.

use haltline_protocol::{HaltEvent, RowDraft, RowOutcome, Ticket};
use jiff::Timestamp;
use tokio::sync::OwnedSemaphorePermit;

/// Events on their way together.
#[derive(Debug)]
pub(crate) struct Batch {
    /// What is due. The filters close some of it.
    pub(crate) due: Vec<Candidate>,
    /// What is not due. It stays where it is, and goes straight to the ranking, which has to know of it.
    pub(crate) held_back: Vec<Candidate>,
    /// Few batches are on their way at once, whatever blocks the line.
    pub(crate) _permit: Option<OwnedSemaphorePermit>,
}

/// An event that waits, as it was read.
#[derive(Debug)]
pub(crate) struct Candidate {
    pub(crate) ticket: Ticket,
    pub(crate) event: Box<HaltEvent>,
    /// When it halted, or when its file was written where its row has no readable time.
    pub(crate) time: Timestamp,
    /// Whether it passes the filters of severity and back-off, and so would be dispatched if no rule closed it.
    pub(crate) is_due: bool,
    /// Whether it is the audit event of this very drain.
    pub(crate) is_own: bool,
}

impl Batch {
    pub(crate) fn is_empty(&self) -> bool {
        self.due.is_empty() && self.held_back.is_empty()
    }
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
