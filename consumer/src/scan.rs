//! The scan: reads what waits, batch by batch, and takes out what is no event.

use std::sync::Arc;

use haltline_protocol::{Destination, Queue, RowDraft, RowOutcome, RunId, Settlement, Waiting, WaitingBody};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use crate::candidate::{Batch, Candidate};
use crate::collapse::{LateMarkers, Markers};
use crate::counts::Tally;
use crate::error::DrainError;
use crate::gate::Gate;
use crate::settle::{Order, SettleRequest};

/// Batches on the way between the scan and where their events are let go: one in work, one ready.
const ON_THE_WAY: usize = 2;

/// Reads what waits.
#[derive(Debug)]
pub(crate) struct Scan {
    pub(crate) queue: Arc<dyn Queue>,
    pub(crate) run_id: Option<RunId>,
    pub(crate) gate: Arc<Gate>,
    /// The markers that are known already.
    pub(crate) markers: Arc<Markers>,
    pub(crate) stop: CancellationToken,
}

/// What the scan saw besides events.
#[derive(Debug, Default)]
pub(crate) struct Scanned {
    /// Events of other runs.
    pub(crate) skipped: u64,
    /// Files that could not be read.
    pub(crate) failed: u64,
    /// Markers under names that did not say so, and those that came after the others had been read.
    pub(crate) late_markers: LateMarkers,
    /// The slug of the first event that was looked at.
    pub(crate) state_slug: Option<String>,
    /// Whether a stop ended it.
    pub(crate) stopped: bool,
}

impl Scan {
    pub(crate) async fn run(
        self,
        onward: mpsc::Sender<Batch>,
        settle: mpsc::Sender<SettleRequest>,
    ) -> Result<Scanned, DrainError> {
        let mut scanned = Scanned::default();
        let leaves = Arc::new(Semaphore::new(ON_THE_WAY));
        loop {
            // The semaphore is never closed.
            let _leave = leaves.clone().acquire_owned().await.ok();
            let (mut candidates, mut malformed) = (Vec::new(), Vec::new());
            if !self.next(&mut candidates, &mut malformed, &mut scanned).await? {
                return Ok(scanned);
            }
            let gone = (!malformed.is_empty() && settle.send(SettleRequest::Settle(malformed)).await.is_err())
                || (!candidates.is_empty() && onward.send(Batch { candidates, _leave }).await.is_err());
            if gone {
                return Ok(scanned);
            }
        }
    }

    /// Reads the next files and sorts them out; `false` at the end.
    pub(crate) async fn next(
        &self,
        candidates: &mut Vec<Candidate>,
        malformed: &mut Vec<Order>,
        scanned: &mut Scanned,
    ) -> Result<bool, DrainError> {
        if self.stop.is_cancelled() {
            scanned.stopped = true;
            return Ok(false);
        }
        let batch = self.queue.scan().await?;
        let is_end = batch.is_empty();
        for waiting in batch {
            self.sort_out(waiting, candidates, malformed, scanned);
        }
        Ok(!is_end)
    }

    fn sort_out(
        &self,
        waiting: Waiting,
        candidates: &mut Vec<Candidate>,
        malformed: &mut Vec<Order>,
        scanned: &mut Scanned,
    ) {
        let Waiting { ticket, modified, body } = waiting;
        match body {
            WaitingBody::Event(event) if self.is_other_run(&event.run_id) => scanned.skipped += 1,
            WaitingBody::Event(event) => {
                scanned.state_slug.get_or_insert_with(|| event.state_slug.clone());
                let time = event.timestamp.unwrap_or(modified);
                let is_due = self.gate.is_due(&event);
                candidates.push(Candidate { ticket, event, time, is_due });
            }
            WaitingBody::Marker(marker) if self.is_other_run(&marker.key.run_id) => {}
            WaitingBody::Marker(marker) => {
                if !self.markers.knows(&marker) {
                    scanned.late_markers.add(ticket, marker);
                }
            }
            WaitingBody::Malformed(reason) => {
                tracing::warn!(file = %ticket.name, reason, "no halt event; into quarantine");
                let draft = RowDraft::new(RowOutcome::Quarantined, ticket.name.to_string());
                let to = Destination::Quarantine(reason);
                malformed.push(Order {
                    settlement: Settlement { ticket, to, draft: Some(draft) },
                    tally: Tally::Quarantined,
                    is_avoided: false,
                });
            }
            WaitingBody::Unfinished => {
                tracing::info!(file = %ticket.name, "not yet a whole event; left to its writer");
            }
            WaitingBody::Special(what) => {
                tracing::warn!(file = %ticket.name, what, "no regular file; left alone");
            }
            WaitingBody::Unreadable { errno } => {
                tracing::error!(file = %ticket.name, errno, "cannot read; left where it is");
                scanned.failed += 1;
            }
        }
    }

    fn is_other_run(&self, run_id: &RunId) -> bool {
        self.run_id.as_ref().is_some_and(|wanted| wanted != run_id)
    }
}
