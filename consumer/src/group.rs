//! Events that share an investigation, before they are claimed.

use std::collections::HashMap;

use haltline_protocol::{FaultKey, Kind, RowDraft, RowOutcome, Ticket};

/// What is known of an event while it waits for its turn: its row is read again under the claim.
#[derive(Debug)]
pub(crate) struct Waiter {
    pub(crate) ticket: Ticket,
    pub(crate) key: FaultKey,
    pub(crate) kind: Kind,
    pub(crate) severity_text: String,
    /// The failed attempts at the fault so far.
    pub(crate) attempts: u32,
}

/// Events that share an investigation; the first leads.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) waiters: Vec<Waiter>,
}

impl Waiter {
    /// Its row, should it end before it is claimed.
    pub(crate) fn draft(&self, outcome: RowOutcome) -> RowDraft {
        RowDraft {
            fault_id: Some(self.key.fault_id.clone()),
            run_id: Some(self.key.run_id.clone()),
            kind: Some(self.kind.as_str().to_owned()),
            severity: Some(self.severity_text.clone()),
            ..RowDraft::new(outcome, self.ticket.name.to_string())
        }
    }
}

impl Group {
    /// The faults of its events, in their order.
    pub(crate) fn faults(&self) -> Vec<FaultKey> {
        self.waiters.iter().map(|waiter| waiter.key.clone()).collect()
    }

    /// The failed attempts at each of its faults so far.
    pub(crate) fn attempts(&self) -> HashMap<FaultKey, u32> {
        self.waiters.iter().map(|waiter| (waiter.key.clone(), waiter.attempts)).collect()
    }
}
