//! The gate: holds back what is not severe enough for this drain, or has to wait after a failed attempt.

use std::collections::HashSet;
use std::sync::Arc;

use haltline_protocol::{HaltEvent, Severity};
use jiff::Timestamp;
use tokio::sync::mpsc;

use crate::candidate::{Batch, Candidate};
use crate::keys::HeldBack;
use crate::ranking::{Again, Share};

/// Lets events pass that are due.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    pub(crate) severity_min: Severity,
    pub(crate) now: Timestamp,
    pub(crate) held_back: HeldBack,
    /// The faults of which it has to note what it holds back; all of them where there is nothing here.
    pub(crate) only: Option<Arc<HashSet<Share>>>,
}

impl Gate {
    /// Returns how many events were held back.
    pub(crate) async fn run(self: Arc<Self>, mut batches: mpsc::Receiver<Batch>, onward: mpsc::Sender<Batch>) -> u64 {
        let mut skipped = 0;
        while let Some(mut batch) = batches.recv().await {
            let before = batch.candidates.len();
            batch.candidates.retain(|candidate| self.lets_pass(candidate));
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

    /// Whether an event would be dispatched if nothing settled it before.
    pub(crate) fn is_due(&self, event: &HaltEvent) -> bool {
        !event.delivery.holds_back_at(self.now) && event.severity() >= self.severity_min
    }

    /// Whether an event is due. Where it is not, it notes what that means for the others of its fault.
    pub(crate) fn lets_pass(&self, candidate: &Candidate) -> bool {
        let event = &candidate.event;
        if !candidate.is_due && self.only.as_ref().is_none_or(|only| only.contains(&Share::of(event))) {
            if event.delivery.holds_back_at(self.now) {
                self.held_back.insert(&event.key());
            } else {
                self.held_back.note_attempts(&event.key(), event.delivery.attempts);
            }
        }
        candidate.is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::candidate;

    #[test]
    fn severity_and_back_off_hold_an_event_back_and_tell_of_its_fault() {
        let gate = Gate {
            severity_min: Severity::High,
            now: "2026-06-01T00:00:00Z".parse().unwrap(),
            held_back: HeldBack::default(),
            only: None,
        };
        let hash = |event: &HaltEvent| gate.held_back.hash(&event.key());
        let mut given = candidate("PHASE_FAILED", "a", None);
        let mut lets_pass = |change: &dyn Fn(&mut HaltEvent)| {
            change(&mut given.event);
            given.is_due = gate.is_due(&given.event);
            (
                gate.lets_pass(&given),
                gate.held_back.attempts(hash(&given.event)),
                gate.held_back.contains(hash(&given.event)),
            )
        };
        assert_eq!(lets_pass(&|event| event.delivery.attempts = 2), (true, 0, false));
        let unknown = |event: &mut HaltEvent| event.severity_text = "nobody knows".to_owned();
        assert_eq!(lets_pass(&unknown), (true, 0, false), "an unknown severity ranks HIGH");
        assert_eq!(lets_pass(&|event| event.severity_text = "MEDIUM".to_owned()), (false, 2, false));
        let wait = |event: &mut HaltEvent| event.delivery.not_before = Some("2026-06-01T00:00:01Z".parse().unwrap());
        assert_eq!(lets_pass(&wait), (false, 2, true));
    }
}
