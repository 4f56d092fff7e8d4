//! The gate: holds back what is not severe enough for this drain, or has to wait after a failed attempt.

use std::collections::HashSet;
use std::sync::Arc;

use haltline_protocol::{HaltEvent, Severity};
use jiff::Timestamp;
use tokio::sync::mpsc;

use crate::candidate::Batch;
use crate::keys::HeldBack;
use crate::ranking::{Again, Share};

/// Lets events pass that are due.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    pub(crate) severity_min: Severity,
    pub(crate) now: Timestamp,
    pub(crate) held_back: HeldBack,
    /// What it has to note of the faults that have to wait; all of them where there is nothing here.
    pub(crate) only: Option<Arc<HashSet<Share>>>,
}

impl Gate {
    /// Returns how many events were held back.
    pub(crate) async fn run(self: Arc<Self>, mut batches: mpsc::Receiver<Batch>, onward: mpsc::Sender<Batch>) -> u64 {
        let mut skipped = 0;
        while let Some(mut batch) = batches.recv().await {
            let before = batch.candidates.len();
            batch.candidates.retain(|candidate| candidate.is_due);
            skipped += (before - batch.candidates.len()) as u64;
            if !batch.candidates.is_empty() && onward.send(batch).await.is_err() {
                break;
            }
        }
        skipped
    }

    /// The gate for a further pass. What it knows still holds; but where that was too much to remember, it looks anew
    /// for the faults in question.
    pub(crate) fn for_pass(&self, again: &Again) -> Self {
        let Again::Complete(only) = again else { return self.clone() };
        let held_back = if self.held_back.is_full() { HeldBack::default() } else { self.held_back.clone() };
        Self { held_back, only: Some(Arc::new(only.clone())), ..self.clone() }
    }

    /// Whether an event would be dispatched if nothing settled it before. Notes a fault that has to wait.
    pub(crate) fn is_due(&self, event: &HaltEvent) -> bool {
        let has_to_wait = event.delivery.holds_back_at(self.now);
        if has_to_wait && self.only.as_ref().is_none_or(|only| only.contains(&Share::of(event))) {
            self.held_back.insert(&event.key());
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
            only: None,
        };
        let is_held_back = |event: &HaltEvent| gate.held_back.contains(gate.held_back.hash(&event.key()));
        let mut event = candidate("PHASE_FAILED", "a", None).event;
        assert!(gate.is_due(&event));
        event.severity_text = "MEDIUM".to_owned();
        assert!(!gate.is_due(&event));
        event.severity_text = "nobody knows".to_owned();
        assert!(gate.is_due(&event), "an unknown severity ranks HIGH");
        assert!(!is_held_back(&event));
        event.delivery.not_before = Some("2026-06-01T00:00:01Z".parse().unwrap());
        assert!(!gate.is_due(&event));
        assert!(is_held_back(&event));
    }
}
