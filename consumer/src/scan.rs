//! The scan: reads what waits, batch by batch, and asks the rules that the whole queue has a say in.

use std::collections::HashSet;
use std::sync::Arc;

use haltline_protocol::{
    Destination, FaultKey, ResolvedMarker, RowDraft, RowOutcome, RunId, Session, Settlement, Ticket, Waiting,
    WaitingBody,
};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use crate::candidate::{Batch, Candidate};
use crate::counts::Tally;
use crate::error::DrainError;
use crate::filter::close;
use crate::rules::{Context, Decision, Stage, decide};
use crate::settle::{Order, SettleRequest};

/// Batches between the scan and the ranking: one in work, one ready.
const ON_THE_WAY: usize = 2;

/// Reads what waits.
#[derive(Debug)]
pub(crate) struct Scan {
    pub(crate) session: Arc<dyn Session>,
    pub(crate) run_id: Option<RunId>,
    pub(crate) context: Arc<Context>,
    pub(crate) stop: CancellationToken,
}

/// What the scan saw besides the events that it sent on.
#[derive(Debug, Default)]
pub(crate) struct Scanned {
    /// Events of other runs.
    pub(crate) skipped: u64,
    /// Files that could not be read.
    pub(crate) failed: u64,
    /// The RESOLVED markers, to be moved away once their events are.
    pub(crate) markers: Vec<(Ticket, FaultKey)>,
    /// Whether some of them came too late for events that were read before.
    pub(crate) has_late_markers: bool,
    /// The slug of the first event that was looked at.
    pub(crate) state_slug: Option<String>,
    /// Whether a stop ended it.
    pub(crate) stopped: bool,
}

/// One batch, sorted out.
#[derive(Debug, Default)]
struct Sorted {
    due: Vec<Candidate>,
    held_back: Vec<Candidate>,
    settled: Vec<Order>,
}

impl Scan {
    /// Reads the markers by their names, then every file once.
    pub(crate) async fn run(
        self,
        onward: mpsc::Sender<Batch>,
        settle: mpsc::Sender<SettleRequest>,
    ) -> Result<Scanned, DrainError> {
        let mut scanned = Scanned::default();
        let read_before = self.read_markers(&mut scanned).await?;
        let permits = Arc::new(Semaphore::new(ON_THE_WAY));
        loop {
            if self.stop.is_cancelled() {
                scanned.stopped = true;
                return Ok(scanned);
            }
            // The semaphore is never closed.
            let _permit = permits.clone().acquire_owned().await.ok();
            let files = self.session.scan().await?;
            if files.is_empty() {
                return Ok(scanned);
            }
            let mut sorted = Sorted::default();
            files.into_iter().for_each(|waiting| self.sort_out(waiting, &read_before, &mut sorted, &mut scanned));
            let Sorted { due, held_back, settled } = sorted;
            let batch = Batch { due, held_back, _permit };
            let is_gone = (!settled.is_empty() && settle.send(SettleRequest::Settle(settled)).await.is_err())
                || (!batch.is_empty() && onward.send(batch).await.is_err());
            if is_gone {
                return Ok(scanned);
            }
        }
    }

    /// Reads the files with a marker's name; returns the versions of those that are markers.
    async fn read_markers(&self, scanned: &mut Scanned) -> Result<HashSet<u64>, DrainError> {
        let mut versions = HashSet::new();
        loop {
            let batch = self.session.markers().await?;
            if batch.is_empty() {
                return Ok(versions);
            }
            for (ticket, marker) in batch {
                versions.insert(ticket.version);
                self.add_marker(ticket, marker, scanned);
            }
        }
    }

    fn add_marker(&self, ticket: Ticket, marker: ResolvedMarker, scanned: &mut Scanned) {
        if !self.is_other_run(&marker.key.run_id) {
            self.context.resolved.add(&marker);
            scanned.markers.push((ticket, marker.key));
        }
    }

    fn sort_out(&self, waiting: Waiting, read_before: &HashSet<u64>, sorted: &mut Sorted, scanned: &mut Scanned) {
        let Waiting { ticket, modified, body } = waiting;
        match body {
            WaitingBody::Event(event) if self.is_other_run(&event.run_id) => scanned.skipped += 1,
            WaitingBody::Event(event) => {
                scanned.state_slug.get_or_insert_with(|| event.state_slug.clone());
                let time = event.timestamp.unwrap_or(modified);
                let is_due = self.context.is_due(&event);
                let candidate = Candidate { ticket, event, time, is_due, is_own: false };
                match decide(Stage::Scan, &candidate, &self.context) {
                    Decision::Pass => sorted.due.push(candidate),
                    Decision::HoldBack => sorted.held_back.push(candidate),
                    Decision::Close(closing) => sorted.settled.push(close(candidate, closing)),
                }
            }
            WaitingBody::Marker(_) if read_before.contains(&ticket.version) => {}
            WaitingBody::Marker(marker) => {
                self.add_marker(ticket, marker, scanned);
                scanned.has_late_markers = true;
            }
            WaitingBody::Malformed(reason) => {
                tracing::warn!(file = %ticket.name, reason, "no halt event; into quarantine");
                let draft = RowDraft::new(RowOutcome::Quarantined, ticket.name.to_string());
                let to = Destination::Quarantine(reason);
                sorted.settled.push(Order {
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
