//! The queue for a dry run: it shows what waits and changes no byte, keeps no lock and makes no folder. To learn whether
//! a drain lives it asks for the drain's lock as one of many, for an instant.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use haltline_protocol::{
    AttemptSlot, Claim, Delivery, Destination, DrainId, FaultKey, HaltEvent, Layout, Leftover, MoveOutcome, Queue,
    QueueError, ResolvedMarker, RowDraft, Settled, Settlement, Ticket, Waiting, WaitingBody,
};
use rustix::io::Errno;

use crate::error::{errno_of, failed};
use crate::folder::Folder;
use crate::holders::are_held_live;
use crate::journal::Written;
use crate::locked::locked;
use crate::operator::holds;
use crate::queue::{faults_in, is_there};
use crate::recovery::{Contents, contents};
use crate::scan::{BATCH_FILES, Scan, look_at};
use crate::survey::is_locked;

/// A queue that answers as if: a settlement is said to be moved, and nothing is. Only what a dead drain held and would
/// be back in the queue waits from then on.
#[derive(Debug)]
pub struct PreviewQueue {
    drain_id: DrainId,
    shared: Arc<Shared>,
    /// The folder of the dead drain whose hold this is.
    hold: Option<Arc<Folder>>,
}

#[derive(Debug)]
struct Shared {
    queue: Option<Folder>,
    pending: Option<Folder>,
    dead_letter: Option<Folder>,
    in_flight: Option<Folder>,
    as_if: Mutex<AsIf>,
}

/// The queue as it would be.
#[derive(Debug, Default)]
struct AsIf {
    scan: Scan,
    back: Vec<Back>,
    /// How many of those that are back this pass has shown.
    shown: usize,
    dead_lettered: HashSet<FaultKey>,
}

/// A file of a dead drain that would be back in the queue.
#[derive(Debug)]
struct Back {
    hold: Arc<Folder>,
    name: Box<str>,
    delivery: Option<Delivery>,
}

impl PreviewQueue {
    /// Opens what there is; a queue that is not there is empty.
    ///
    /// # Errors
    /// The folder of waiting events is there and cannot be read.
    pub fn open(layout: &Layout) -> Result<Self, QueueError> {
        let shared = Shared {
            queue: open_if_there(layout.queue())?,
            pending: open_if_there(&layout.pending())?,
            dead_letter: open_if_there(&layout.dead_letter())?,
            in_flight: open_if_there(&layout.in_flight())?,
            as_if: Mutex::default(),
        };
        Ok(Self { drain_id: DrainId::new("dry-run"), shared: Arc::new(shared), hold: None })
    }

    fn as_if(&self) -> MutexGuard<'_, AsIf> {
        locked(&self.shared.as_if)
    }

    /// What a dead drain left.
    fn leftover(&self, drain_id: String, folder: Folder) -> Result<Leftover, QueueError> {
        let Contents { attempts, unstarted } = contents(&folder, Written::read(&folder)?.attempts)?;
        let hold = Arc::new(folder);
        let put_back = u32::try_from(unstarted.len()).unwrap_or(u32::MAX);
        let back = |ticket: Ticket| Back { hold: hold.clone(), name: ticket.name, delivery: None };
        self.as_if().back.extend(unstarted.into_iter().map(back));
        let hold = Self { drain_id: DrainId::new(drain_id), shared: self.shared.clone(), hold: Some(hold) };
        Ok(Leftover { hold: Arc::new(hold), rows: Vec::new(), last_planned: 0, attempts, put_back })
    }

    fn note(&self, settlement: &Settlement) {
        match (&settlement.to, &self.hold, &settlement.draft) {
            (Destination::Pending(delivery), Some(hold), _) => {
                let (hold, name) = (hold.clone(), settlement.ticket.name.clone());
                self.as_if().back.push(Back { hold, name, delivery: delivery.clone() });
            }
            (Destination::DeadLetter(_), _, Some(RowDraft { run_id: Some(run_id), fault_id: Some(fault_id), .. })) => {
                let fault = FaultKey { run_id: run_id.clone(), fault_id: fault_id.clone() };
                self.as_if().dead_lettered.insert(fault);
            }
            _ => {}
        }
    }

    fn refuse(&self, action: &'static str) -> QueueError {
        let path = self.shared.pending.as_ref().map(|pending| pending.path().to_owned()).unwrap_or_default();
        QueueError { hint: Some("this is a dry run"), ..failed(action, path, Errno::ROFS) }
    }
}

impl Back {
    fn look_at(&self) -> Option<Waiting> {
        let mut waiting = look_at(&self.hold, &self.name)?;
        if let (WaitingBody::Event(event), Some(delivery)) = (&mut waiting.body, &self.delivery) {
            event.delivery.clone_from(delivery);
        }
        Some(waiting)
    }
}

pub(crate) fn open_if_there(path: &std::path::Path) -> Result<Option<Folder>, QueueError> {
    match Folder::open(path) {
        Ok(folder) => Ok(Some(folder)),
        Err(error) if errno_of(&error.source) == Errno::NOENT => Ok(None),
        Err(error) => Err(error),
    }
}

#[async_trait]
impl Queue for PreviewQueue {
    fn drain_id(&self) -> &DrainId {
        &self.drain_id
    }

    async fn begin_free_settles(&self) -> Result<bool, QueueError> {
        Ok(true)
    }

    async fn end_free_settles(&self) {}

    async fn recover(&self) -> Result<Vec<Leftover>, QueueError> {
        let Some(in_flight) = &self.shared.in_flight else { return Ok(Vec::new()) };
        let dead = holds(in_flight)?.into_iter().filter(|(_, folder)| !is_locked(folder));
        dead.map(|(drain_id, folder)| self.leftover(drain_id, folder)).collect()
    }

    async fn markers(&self) -> Result<Vec<(Ticket, ResolvedMarker)>, QueueError> {
        let pending = self.shared.pending.as_ref();
        pending.map_or(Ok(Vec::new()), |pending| self.as_if().scan.next_markers(pending))
    }

    async fn scan(&self) -> Result<Vec<Waiting>, QueueError> {
        let as_if = &mut *self.as_if();
        while as_if.shown < as_if.back.len() {
            let back: Vec<_> = as_if.back[as_if.shown..].iter().take(BATCH_FILES).collect();
            as_if.shown += back.len();
            let batch: Vec<_> = back.into_iter().filter_map(Back::look_at).collect();
            if !batch.is_empty() {
                return Ok(batch);
            }
        }
        let pending = self.shared.pending.as_ref();
        let batch = pending.map_or(Ok(Vec::new()), |pending| as_if.scan.next_batch(pending))?;
        if batch.is_empty() {
            as_if.shown = 0;
        }
        Ok(batch)
    }

    async fn adopt(&self, _: &HaltEvent) -> Result<Ticket, QueueError> {
        Err(self.refuse("hold an event in"))
    }

    async fn claim(&self, tickets: &[Ticket]) -> Result<Vec<Claim>, QueueError> {
        let Some(pending) = &self.shared.pending else { return Ok(Vec::new()) };
        let read = |ticket: &Ticket| match look_at(pending, &ticket.name) {
            Some(Waiting { ticket, body: WaitingBody::Event(event), .. }) => Ok((ticket, *event)),
            _ => Err(MoveOutcome::AlreadyGone),
        };
        Ok(tickets.iter().map(read).collect())
    }

    async fn begin_attempt(&self, _: u32, _: &Ticket, _: &[Ticket]) -> Result<AttemptSlot, QueueError> {
        Err(self.refuse("begin an investigation in"))
    }

    async fn settle(&self, settlements: Vec<Settlement>) -> Result<Vec<Settled>, QueueError> {
        let as_if = |settlement: Settlement| {
            self.note(&settlement);
            Settled { ticket: settlement.ticket, row: None, outcome: MoveOutcome::Moved }
        };
        Ok(settlements.into_iter().map(as_if).collect())
    }

    async fn acknowledge(&self, _: u64) -> Result<(), QueueError> {
        Ok(())
    }

    async fn dead_letters(&self) -> Result<Vec<FaultKey>, QueueError> {
        let mut faults = self.shared.dead_letter.as_ref().map_or_else(|| Ok(Vec::new()), faults_in)?;
        faults.extend(self.as_if().dead_lettered.iter().cloned());
        Ok(faults)
    }

    async fn are_held_elsewhere(&self, keys: &[FaultKey]) -> Result<Vec<bool>, QueueError> {
        let in_flight = self.shared.in_flight.as_ref();
        in_flight.map_or_else(|| Ok(vec![false; keys.len()]), |in_flight| are_held_live(in_flight, keys))
    }

    async fn is_stopped(&self) -> Result<bool, QueueError> {
        self.shared.queue.as_ref().map_or(Ok(false), |queue| is_there(queue, Layout::STOP))
    }

    async fn close(&self) -> Result<(), QueueError> {
        Ok(())
    }
}
