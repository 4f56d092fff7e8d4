//! The queue for a dry run: it shows what waits and changes no byte, takes no lock and makes no folder.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use haltline_protocol::{
    AttemptSlot, Claim, DrainId, FaultKey, HaltEvent, Leftover, MoveOutcome, Queue, QueueError, ResolvedMarker,
    Settled, Settlement, Ticket, Waiting, WaitingBody,
};
use rustix::io::Errno;

use crate::error::{errno_of, failed};
use crate::folder::Folder;
use crate::layout::{Layout, STOP};
use crate::queue::{are_in, is_there};
use crate::scan::{Scan, look_at};

/// A queue that answers as if: a settlement is said to be moved, and nothing is.
#[derive(Debug)]
pub struct PreviewQueue {
    drain_id: DrainId,
    queue: Option<Folder>,
    pending: Option<Folder>,
    dead_letter: Option<Folder>,
    scan: Mutex<Scan>,
}

impl PreviewQueue {
    /// Opens what there is; a queue that is not there is empty.
    ///
    /// # Errors
    /// The folder of waiting events is there and cannot be read.
    pub fn open(layout: &Layout) -> Result<Self, QueueError> {
        Ok(Self {
            drain_id: DrainId::new("dry-run"),
            queue: open_if_there(layout.queue())?,
            pending: open_if_there(&layout.pending())?,
            dead_letter: open_if_there(&layout.dead_letter())?,
            scan: Mutex::new(Scan::default()),
        })
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
        Ok(Vec::new())
    }

    async fn markers(&self) -> Result<Vec<(Ticket, ResolvedMarker)>, QueueError> {
        let mut scan = self.scan.lock().unwrap_or_else(PoisonError::into_inner);
        self.pending.as_ref().map_or(Ok(Vec::new()), |pending| scan.next_markers(pending))
    }

    async fn scan(&self) -> Result<Vec<Waiting>, QueueError> {
        let mut scan = self.scan.lock().unwrap_or_else(PoisonError::into_inner);
        self.pending.as_ref().map_or(Ok(Vec::new()), |pending| scan.next_batch(pending))
    }

    async fn adopt(&self, _: &HaltEvent) -> Result<Ticket, QueueError> {
        Err(self.refuse("hold an event in"))
    }

    async fn claim(&self, tickets: &[Ticket]) -> Result<Vec<Claim>, QueueError> {
        let Some(pending) = &self.pending else { return Ok(Vec::new()) };
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
        let as_if =
            |settlement: Settlement| Settled { ticket: settlement.ticket, row: None, outcome: MoveOutcome::Moved };
        Ok(settlements.into_iter().map(as_if).collect())
    }

    async fn acknowledge(&self, _: u64) -> Result<(), QueueError> {
        Ok(())
    }

    async fn are_given_up(&self, keys: &[FaultKey]) -> Result<Vec<bool>, QueueError> {
        self.dead_letter.as_ref().map_or_else(|| Ok(vec![false; keys.len()]), |folder| are_in(folder, keys))
    }

    async fn are_held_elsewhere(&self, keys: &[FaultKey]) -> Result<Vec<bool>, QueueError> {
        Ok(vec![false; keys.len()])
    }

    async fn is_stopped(&self) -> Result<bool, QueueError> {
        self.queue.as_ref().map_or(Ok(false), |queue| is_there(queue, STOP))
    }

    async fn close(&self) -> Result<(), QueueError> {
        Ok(())
    }
}

impl PreviewQueue {
    fn refuse(&self, action: &'static str) -> QueueError {
        let path = self.pending.as_ref().map(|pending| pending.path().to_owned()).unwrap_or_default();
        QueueError { hint: Some("this is a dry run"), ..failed(action, path, Errno::ROFS) }
    }
}
