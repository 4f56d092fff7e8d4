//! Passes over the queue beside the line of actors: over the markers, and over the events where one pass was not
//! enough.

use std::sync::Arc;

use haltline_protocol::{Destination, FaultKey, Queue, RunId, Settlement, Ticket};
use tokio::sync::mpsc;

use crate::candidate::Candidate;
use crate::collapse::{LateMarkers, Markers, collapse_candidate};
use crate::counts::DrainCounts;
use crate::error::DrainError;
use crate::patterns::PatternBook;
use crate::progress::Teller;
use crate::ranking::{Ranked, Ranking};
use crate::records::Recorder;
use crate::scan::{Scan, Scanned};
use crate::settle::{Order, Settle, SettleRequest};

/// Goes over the queue.
#[derive(Debug)]
pub(crate) struct Gather {
    pub(crate) queue: Arc<dyn Queue>,
    pub(crate) recorder: Recorder,
    pub(crate) settles_free: bool,
    pub(crate) run_id: Option<RunId>,
}

/// What one pass over the events did.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    pub(crate) counts: DrainCounts,
    pub(crate) stopped: bool,
    /// Whether something could not be read, which may be an event.
    is_blind: bool,
}

impl Gather {
    /// Takes the markers that wait into an index.
    pub(crate) async fn read_markers(&self, mut markers: Markers) -> Result<Markers, DrainError> {
        loop {
            let batch = self.queue.markers().await?;
            if batch.is_empty() {
                markers.seal();
                return Ok(markers);
            }
            for (_, marker) in batch {
                if self.run_id.as_ref().is_none_or(|run_id| *run_id == marker.key.run_id) {
                    markers.add(&marker);
                }
            }
        }
    }

    /// Moves the markers away that an index covers, once their events are. One whose fault a live drain holds is still
    /// needed.
    pub(crate) async fn move_markers(&self, markers: &Markers) -> Result<(), DrainError> {
        loop {
            let batch = self.queue.markers().await?;
            if batch.is_empty() {
                return Ok(());
            }
            let known = batch.into_iter().filter(|(_, marker)| markers.knows(marker));
            self.move_away(known.map(|(ticket, marker)| (ticket, marker.key)).collect()).await?;
        }
    }

    /// Moves markers away by their names.
    pub(crate) async fn move_away(&self, markers: Vec<(Ticket, FaultKey)>) -> Result<(), DrainError> {
        if markers.is_empty() {
            return Ok(());
        }
        let (tickets, keys): (Vec<_>, Vec<_>) = markers.into_iter().unzip();
        let are_held = self.queue.are_held_elsewhere(&keys).await?;
        let free = tickets.into_iter().zip(are_held).filter(|(_, is_held)| !is_held);
        let settlement = |(ticket, _)| Settlement { ticket, to: Destination::Processed, draft: None };
        for settled in self.queue.settle(free.map(settlement).collect()).await? {
            if let Some(errno) = settled.outcome.errno() {
                tracing::warn!(file = %settled.ticket.name, errno, "could not move a marker; it stays");
            }
        }
        Ok(())
    }

    /// Settles the events that markers cover and nothing else, and moves the markers away.
    pub(crate) async fn collapse(&self, scan: &Scan) -> Result<Gathered, DrainError> {
        let covered = |candidate: Candidate| scan.markers.cover(&candidate).then(|| collapse_candidate(candidate));
        let gathered = self.pass(scan, covered).await?;
        if gathered.counts.uncollapsed == 0 && !gathered.is_blind && !gathered.stopped {
            self.move_markers(&scan.markers).await?;
        }
        Ok(gathered)
    }

    /// Ranks once more what is due, and settles what late markers cover.
    pub(crate) async fn rank(
        &self,
        scan: &Scan,
        mut ranking: Ranking,
        book: &PatternBook,
        late_markers: &Markers,
    ) -> Result<(Ranked, Gathered), DrainError> {
        let due = |candidate: Candidate| {
            // What is settled free and still there could not be moved, or has come since.
            if scan.markers.cover(&candidate)
                || !scan.gate.lets_pass(&candidate)
                || candidate.event.is_audit_only()
                || book.explain(&candidate.event).is_some()
            {
                return None;
            }
            if late_markers.cover(&candidate) {
                return Some(collapse_candidate(candidate));
            }
            ranking.add(candidate);
            None
        };
        let gathered = self.pass(scan, due).await?;
        Ok((ranking.finish(late_markers), gathered))
    }

    /// Reads every event once, and settles what `take` makes an order of.
    async fn pass(
        &self,
        scan: &Scan,
        mut take: impl FnMut(Candidate) -> Option<Order>,
    ) -> Result<Gathered, DrainError> {
        let (to_settle, orders) = mpsc::channel(1);
        let reading = async move {
            let mut scanned = Scanned::default();
            let mut candidates = Vec::new();
            // What is no event is the line's to see to, and a marker that comes now is for the next drain.
            while scan.next(&mut candidates, &mut Vec::new(), &mut scanned).await? {
                scanned.late_markers = LateMarkers::default();
                let orders: Vec<_> = candidates.drain(..).filter_map(&mut take).collect();
                if !orders.is_empty() && to_settle.send(SettleRequest::Settle(orders)).await.is_err() {
                    break;
                }
            }
            Ok::<_, DrainError>(scanned)
        };
        let (counts, scanned) = tokio::join!(self.settle().run(orders), reading);
        let scanned = scanned?;
        Ok(Gathered { counts: counts?, stopped: scanned.stopped, is_blind: scanned.failed > 0 })
    }

    /// Settles some orders.
    pub(crate) async fn settle_now(&self, orders: Vec<Order>) -> Result<DrainCounts, DrainError> {
        if orders.is_empty() {
            return Ok(DrainCounts::default());
        }
        let (requests, inbox) = mpsc::channel(1);
        requests.send(SettleRequest::Settle(orders)).await.map_err(|_| DrainError::ActorGone("settle"))?;
        drop(requests);
        self.settle().run(inbox).await
    }

    fn settle(&self) -> Settle {
        Settle {
            queue: self.queue.clone(),
            recorder: self.recorder.clone(),
            teller: Teller(None),
            settles_free: self.settles_free,
        }
    }
}
