//! The gate: holds back what is not severe enough for this drain, or has to wait after a failed attempt.

use std::sync::Arc;

use dashmap::DashSet;
use haltline_protocol::{FaultKey, HaltEvent, Severity};
use jiff::Timestamp;
use tokio::sync::mpsc;

use crate::candidate::Candidate;

/// Faults that have to wait. Back-off belongs to the fault, so one occurrence holds the others back, whichever is
/// read first.
pub(crate) type HeldBack = Arc<DashSet<FaultKey>>;

/// Lets events pass that are due.
#[derive(Debug)]
pub(crate) struct Gate {
    pub(crate) severity_min: Severity,
    pub(crate) now: Timestamp,
    pub(crate) held_back: HeldBack,
}

impl Gate {
    /// Returns how many events were held back.
    pub(crate) async fn run(
        self: Arc<Self>,
        mut batches: mpsc::Receiver<Vec<Candidate>>,
        onward: mpsc::Sender<Vec<Candidate>>,
    ) -> u64 {
        let mut skipped = 0;
        while let Some(mut batch) = batches.recv().await {
            let before = batch.len();
            batch.retain(|candidate| candidate.is_due);
            skipped += (before - batch.len()) as u64;
            if !batch.is_empty() && onward.send(batch).await.is_err() {
                break;
            }
        }
        skipped
    }

    /// Whether an event would be dispatched if nothing settled it before. Notes a fault that has to wait.
    pub(crate) fn is_due(&self, event: &HaltEvent) -> bool {
        let has_to_wait = event.delivery.holds_back_at(self.now);
        if has_to_wait {
            self.held_back.insert(event.key());
        }
        !has_to_wait && event.severity() >= self.severity_min
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::candidate;

    #[test]
    fn severity_and_back_off_hold_an_event_back() {
        let gate = Gate {
            severity_min: Severity::High,
            now: "2026-06-01T00:00:00Z".parse().unwrap(),
            held_back: HeldBack::default(),
        };
        let mut event = candidate("PHASE_FAILED", "a", None).event;
        assert!(gate.is_due(&event));
        event.severity_text = "MEDIUM".to_owned();
        assert!(!gate.is_due(&event));
        event.severity_text = "nobody knows".to_owned();
        assert!(gate.is_due(&event), "an unknown severity ranks HIGH");
        assert!(gate.held_back.is_empty());
        event.delivery.not_before = Some("2026-06-01T00:00:01Z".parse().unwrap());
        assert!(!gate.is_due(&event));
        assert!(gate.held_back.contains(&event.key()));
    }
}
