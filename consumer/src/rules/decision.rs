//! What a rule answers. Destination, row and count of a closed event follow from it, here and nowhere else.

use haltline_protocol::{Destination, RowDraft, RowOutcome, Settlement, Ticket};

use crate::counts::Tally;
use crate::settle::Order;

/// What becomes of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// The next rule decides; behind the last one, the event wants an investigation.
    Pass,
    /// The event stays where it is for this drain.
    HoldBack,
    /// The event leaves the queue without an investigation.
    Close(Closing),
}

/// Why an event leaves the queue without an investigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closing {
    /// A RESOLVED marker covers it.
    Resolved,
    /// It is kept for the audit only.
    AuditSkipped,
    /// The known pattern at this place in its file explains it.
    PatternMatched(usize),
}

impl Closing {
    /// The outcome in the event's row.
    pub(crate) fn outcome(self) -> RowOutcome {
        match self {
            Self::Resolved => RowOutcome::Resolved,
            Self::AuditSkipped => RowOutcome::AuditSkipped,
            Self::PatternMatched(_) => RowOutcome::PatternMatched,
        }
    }

    /// The count that the event goes into.
    fn tally(self) -> Tally {
        match self {
            Self::Resolved => Tally::Collapsed,
            Self::AuditSkipped => Tally::ShortCircuited,
            Self::PatternMatched(place) => Tally::KnownPattern(place),
        }
    }

    /// The order that closes an event; `is_avoided` says that it would have been dispatched otherwise.
    pub(crate) fn order(self, ticket: Ticket, draft: RowDraft, is_avoided: bool) -> Order {
        let settlement = Settlement { ticket, to: Destination::Processed, draft: Some(draft) };
        Order { settlement, tally: self.tally(), is_avoided }
    }
}
