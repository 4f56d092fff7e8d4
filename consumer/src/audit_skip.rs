//! The audit-skip filter: an event that is kept for the audit only is settled here, and nothing behind this actor
//! ever hears of it. It closes the loop in which a drain paid for an investigation of its own audit event.

use haltline_protocol::{Destination, RowOutcome, Settlement};
use tokio::sync::mpsc;

use crate::candidate::{Batch, Candidate, draft};
use crate::counts::Tally;
use crate::settle::{Order, SettleRequest};

/// Takes audit-only events out of the line.
#[derive(Debug)]
pub(crate) struct AuditSkip;

impl AuditSkip {
    pub(crate) async fn run(
        self,
        mut batches: mpsc::Receiver<Batch>,
        onward: mpsc::Sender<Batch>,
        settle: mpsc::Sender<SettleRequest>,
    ) {
        while let Some(mut batch) = batches.recv().await {
            let skipped = Self::take_out(&mut batch.candidates);
            if !skipped.is_empty() && settle.send(SettleRequest::Settle(skipped)).await.is_err() {
                return;
            }
            if !batch.candidates.is_empty() && onward.send(batch).await.is_err() {
                return;
            }
        }
    }

    /// Takes out of a batch what is settled; the rest goes on.
    fn take_out(batch: &mut Vec<Candidate>) -> Vec<Order> {
        batch.extract_if(.., |candidate| candidate.event.is_audit_only()).map(skip).collect()
    }
}

/// The order that settles an audit-only event.
fn skip(candidate: Candidate) -> Order {
    let draft = draft(&candidate.event, &candidate.ticket, RowOutcome::AuditSkipped);
    // Before anything is claimed, a drain holds its own event alone.
    let tally = if candidate.ticket.claimed { Tally::OwnAudit } else { Tally::ShortCircuited };
    Order {
        settlement: Settlement { ticket: candidate.ticket, to: Destination::Processed, draft: Some(draft) },
        tally,
        is_avoided: candidate.is_due,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::candidate;

    #[test]
    fn only_the_flag_on_an_audit_kind_takes_an_event_out() {
        let mut batch = vec![
            candidate("MANUAL_RECOVERY_INVOKED", "a", Some("false")),
            candidate("MANUAL_RECOVERY_INVOKED", "b", None),
            candidate("MANUAL_RECOVERY_INVOKED", "c", Some("null")),
            candidate("PHASE_FAILED", "d", Some("false")),
            candidate("RECOVERY_BOUNDARY", "e", Some("false")),
        ];
        let skipped = AuditSkip::take_out(&mut batch);
        let names = |names: Vec<&str>| names.join(" ");
        assert_eq!(names(batch.iter().map(|fault| fault.event.fault_id.as_str()).collect()), "b c d");
        assert_eq!(skipped.len(), 2);
        assert!(skipped.iter().all(|order| order.tally == Tally::ShortCircuited));
    }
}
