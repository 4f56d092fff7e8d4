//! Collapse: an event whose fault went away by itself, as a RESOLVED marker says, needs nobody.

use std::collections::HashMap;
use std::sync::Arc;

use haltline_protocol::{Destination, FaultKey, ResolvedMarker, RowDraft, RowOutcome, Settlement, Ticket};
use jiff::Timestamp;
use tokio::sync::mpsc;

use crate::candidate::{Candidate, draft};
use crate::counts::Tally;
use crate::settle::{Order, SettleRequest};

/// The markers that wait: for each fault the time when it last went away.
#[derive(Debug, Default)]
pub(crate) struct Markers {
    resolved: HashMap<FaultKey, Timestamp>,
    tickets: Vec<(Ticket, FaultKey)>,
}

impl Markers {
    pub(crate) fn add(&mut self, ticket: Ticket, marker: ResolvedMarker) {
        let time = marker.timestamp.unwrap_or(Timestamp::MIN);
        let latest = self.resolved.entry(marker.key.clone()).or_insert(time);
        *latest = time.max(*latest);
        self.tickets.push((ticket, marker.key));
    }

    /// Whether the fault went away no earlier than `time`.
    pub(crate) fn covers(&self, key: &FaultKey, time: Timestamp) -> bool {
        self.resolved.get(key).is_some_and(|resolved| *resolved >= time)
    }

    /// The markers' files, to be moved away once their events are.
    pub(crate) fn into_tickets(self) -> Vec<(Ticket, FaultKey)> {
        self.tickets
    }
}

/// Takes events out of the line whose fault has a marker.
#[derive(Debug)]
pub(crate) struct Collapse {
    pub(crate) markers: Arc<Markers>,
}

impl Collapse {
    pub(crate) async fn run(
        self,
        mut batches: mpsc::Receiver<Vec<Candidate>>,
        onward: mpsc::Sender<Vec<Candidate>>,
        settle: mpsc::Sender<SettleRequest>,
    ) {
        while let Some(batch) = batches.recv().await {
            let (gone, waiting): (Vec<_>, Vec<_>) =
                batch.into_iter().partition(|candidate| self.markers.covers(&candidate.event.key(), candidate.time));
            let collapsed: Vec<_> = gone
                .into_iter()
                .map(|Candidate { ticket, event, is_due, .. }| {
                    let resolved = draft(&event, &ticket, RowOutcome::Resolved);
                    collapse(ticket, resolved, is_due)
                })
                .collect();
            if !collapsed.is_empty() && settle.send(SettleRequest::Settle(collapsed)).await.is_err() {
                return;
            }
            if !waiting.is_empty() && onward.send(waiting).await.is_err() {
                return;
            }
        }
    }
}

/// The order that settles an event whose fault went away.
pub(crate) fn collapse(ticket: Ticket, resolved: RowDraft, is_avoided: bool) -> Order {
    Order {
        settlement: Settlement { ticket, to: Destination::Processed, draft: Some(resolved) },
        tally: Tally::Collapsed,
        is_avoided,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_covers_what_is_not_younger_than_the_latest_one() {
        let key = FaultKey { run_id: "r".into(), fault_id: "f".into() };
        let ticket = || Ticket { name: "m".into(), mark: 1, stamp: Timestamp::UNIX_EPOCH, claimed: false };
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut markers = Markers::default();
        for second in [200, 100] {
            markers.add(ticket(), ResolvedMarker { key: key.clone(), timestamp: Some(at(second)) });
        }
        assert!(markers.covers(&key, at(200)));
        assert!(!markers.covers(&key, at(201)));
        assert!(!markers.covers(&FaultKey { run_id: "other".into(), ..key }, at(1)));
        assert_eq!(markers.into_tickets().len(), 2);
    }
}
