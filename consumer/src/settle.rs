//! Settle: the last actor of the line. It has files moved, counts what came of it, and sees every row recorded.

use std::sync::Arc;

use futures::StreamExt;
use futures::stream::FuturesOrdered;
use haltline_protocol::{
    AttemptSlot, Destination, DrainId, FreeSettles, MoveState, QueueError, Record, Session, Settled, Settlement,
};
use tokio::sync::{mpsc, oneshot};

use crate::counts::{SettleCounts, Tally};
use crate::error::DrainError;
use crate::progress::{Progress, ProgressSender};
use crate::records::{Pending, Recorder};

/// What settle is asked for.
#[derive(Debug)]
pub(crate) enum SettleRequest {
    /// Move these files and record their rows.
    Settle(Vec<Order>),
    /// The same, and tell when the rows are recorded.
    SettleAndTell(Vec<Order>, oneshot::Sender<()>),
    /// End an attempt by settling its events, and tell when the rows are recorded.
    Finish(AttemptSlot, Vec<Order>, oneshot::Sender<()>),
}

/// One file to be moved, and what it counts as once it is.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) settlement: Settlement,
    pub(crate) tally: Tally,
    /// Whether it would have been dispatched but for this.
    pub(crate) is_avoided: bool,
}

/// Has files moved and rows recorded.
#[derive(Debug)]
pub(crate) struct Settle {
    pub(crate) session: Arc<dyn Session>,
    pub(crate) recorder: Recorder,
    pub(crate) progress: ProgressSender,
    /// The right to settle what the session does not hold; else that is left to the drain that has it.
    pub(crate) right: Option<Arc<FreeSettles>>,
}

/// Orders that are carried out together, so that they share their flushes.
pub(crate) const GROUP: usize = 384;
/// As few are enough while nothing is carried out.
const SMALL_GROUP: usize = 192;
/// Groups that are carried out at once: while the files of one are moved, the plan of the next is written.
const AT_ONCE: usize = 2;

/// A group whose files are moved.
#[derive(Debug)]
struct Moved {
    settled: Vec<Settled>,
    /// What each counts as, and whether it is avoided.
    kinds: Vec<(Tally, bool)>,
}

/// The last row of a group that is being recorded while the next is moved.
type Recording = Option<(DrainId, u64, Pending)>;

impl Settle {
    /// Works until every sender is gone. On an error it stops at once; what is not settled stays where it is.
    pub(crate) async fn run(self, mut requests: mpsc::Receiver<SettleRequest>) -> Result<SettleCounts, DrainError> {
        let mut counts = SettleCounts::default();
        let mut waiting = Vec::new();
        let mut moving = FuturesOrdered::new();
        let mut recording = None;
        loop {
            let request = tokio::select! {
                biased;
                Some(group) = moving.next() => {
                    recording = self.record(group?, recording, &mut counts).await?;
                    continue;
                }
                request = requests.recv(), if moving.len() < AT_ONCE => request,
            };
            let Some(request) = request else { break };
            let (attempt, told) = match request {
                SettleRequest::Settle(orders) => {
                    waiting.extend(orders);
                    (None, None)
                }
                SettleRequest::SettleAndTell(orders, told) => {
                    waiting.extend(orders);
                    (None, Some(told))
                }
                SettleRequest::Finish(attempt, orders, told) => (Some((attempt, orders)), Some(told)),
            };
            let enough = if moving.is_empty() { SMALL_GROUP } else { GROUP };
            if waiting.len() < enough && told.is_none() {
                continue;
            }
            moving.push_back(self.carry_out(std::mem::take(&mut waiting), None, &mut counts));
            if let Some((attempt, orders)) = attempt {
                moving.push_back(self.carry_out(orders, Some(attempt), &mut counts));
            }
            if let Some(told) = told {
                self.finish(&mut moving, recording.take(), &mut counts).await?;
                told.send(()).ok();
            }
        }
        moving.push_back(self.carry_out(waiting, None, &mut counts));
        self.finish(&mut moving, recording, &mut counts).await?;
        Ok(counts)
    }

    /// Waits until all that is under way is moved and recorded.
    async fn finish(
        &self,
        moving: &mut FuturesOrdered<impl Future<Output = Result<Moved, QueueError>>>,
        mut recording: Recording,
        counts: &mut SettleCounts,
    ) -> Result<(), DrainError> {
        while let Some(group) = moving.next().await {
            recording = self.record(group?, recording, counts).await?;
        }
        self.acknowledge(recording).await
    }

    /// Moves the files of a group. Where they are another drain's to move, they are left and counted at once.
    fn carry_out(
        &self,
        orders: Vec<Order>,
        attempt: Option<AttemptSlot>,
        counts: &mut SettleCounts,
    ) -> impl Future<Output = Result<Moved, QueueError>> + '_ {
        let mut kinds = Vec::with_capacity(orders.len());
        let mut settlements = Vec::with_capacity(orders.len());
        for Order { settlement, tally, is_avoided } in orders {
            // What stays where it is, since a claim failed, is told by the drain that tried.
            let has_failed = matches!(settlement.to, Destination::Stay(_));
            if settlement.ticket.claimed || self.right.is_some() || has_failed {
                kinds.push((tally, is_avoided));
                settlements.push(settlement);
            } else {
                counts.add(Tally::Deferred);
            }
        }
        async move {
            let settled = match (&attempt, &self.right) {
                _ if settlements.is_empty() => Vec::new(),
                (Some(attempt), _) => self.session.finish(attempt, settlements).await?,
                (None, Some(right)) => self.session.settle_free(right, settlements).await?,
                (None, None) => self.session.settle_claimed(settlements).await?,
            };
            Ok(Moved { settled, kinds })
        }
    }

    /// Counts a group whose files are moved, and has its rows recorded.
    async fn record(
        &self,
        group: Moved,
        recording: Recording,
        counts: &mut SettleCounts,
    ) -> Result<Recording, DrainError> {
        let Moved { settled, kinds } = group;
        if settled.is_empty() {
            return Ok(recording);
        }
        for (settled, (tally, is_avoided)) in settled.iter().zip(kinds) {
            count(settled, tally, is_avoided, counts);
        }
        self.progress.send(Progress::Settled { events: settled.len() as u64 });

        self.acknowledge(recording).await?;
        let records: Vec<Record> = settled.into_iter().filter_map(|settled| settled.row).map(Record::Settled).collect();
        let Some((session, last)) = records.last().map(Record::pair) else { return Ok(None) };
        let session = session.clone();
        Ok(Some((session, last, self.recorder.send(records, false).await?)))
    }

    async fn acknowledge(&self, recording: Recording) -> Result<(), DrainError> {
        if let Some((session, seq, pending)) = recording {
            pending.acknowledged().await?;
            self.session.acknowledge(&session, seq).await?;
        }
        Ok(())
    }
}

fn count(settled: &Settled, tally: Tally, is_avoided: bool, counts: &mut SettleCounts) {
    if settled.outcome.state() == MoveState::Failed {
        let errno = settled.outcome.errno();
        tracing::error!(file = %settled.ticket.name, errno, "could not move an event; it stays where it is");
        counts.add(Tally::Failed);
        counts.uncollapsed += u64::from(tally == Tally::Collapsed);
        return;
    }
    counts.add(tally);
    if is_avoided {
        counts.counts.avoided += 1;
        counts.counts.own_avoided += u64::from(tally == Tally::OwnAudit);
    }
}
