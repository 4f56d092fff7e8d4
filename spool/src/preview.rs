//! The queue for a dry run: it shows what waits and changes no byte, keeps no lock and makes no folder. To learn whether
//! a drain lives it asks for the drain's lock as one of many, for an instant.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use haltline_files::{FileError, Folder, Vfs, locked};
use haltline_protocol::{
    AttemptGrant, AttemptRequest, AttemptSlot, Claim, Delivery, Destination, DrainId, FaultKey, FreeSettles, HaltEvent,
    Holder, Layout, MoveOutcome, Orphan, QueueError, ResolvedMarker, RowDraft, Session, Settled, Settlement, Ticket,
    Waiting, WaitingBody,
};
use rustix::io::Errno;

use crate::error::queue_error;
use crate::holders::live_holders;
use crate::journal::Written;
use crate::looking::{faults_in, if_there, is_there};
use crate::recovery::{Contents, contents};
use crate::scan::{BATCH_FILES, Scan, look_at};
use crate::sessions::{is_locked, sessions};

/// A session that answers as if: a settlement is said to be moved, and nothing is. Only what a dead session held and
/// would be back in the queue waits from then on.
#[derive(Debug)]
pub(crate) struct PreviewSession {
    id: DrainId,
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
    /// How many of those that are back the scan has shown.
    shown: usize,
    /// The folders of dead sessions.
    orphans: HashMap<DrainId, Arc<Folder>>,
    dead_lettered: HashSet<FaultKey>,
}

/// A file of a dead drain that would be back in the queue.
#[derive(Debug)]
struct Back {
    session: Arc<Folder>,
    name: Box<str>,
    delivery: Option<Delivery>,
}

impl PreviewSession {
    /// Opens what there is; a queue that is not there is empty.
    ///
    /// # Errors
    /// The folder of waiting events is there and cannot be read.
    pub(crate) fn open_on(vfs: &Arc<dyn Vfs>, layout: &Layout) -> Result<Self, FileError> {
        let open_if_there = |path: &Path| if_there(Folder::open_on(vfs, path));
        Ok(Self {
            id: DrainId::new("dry-run"),
            queue: open_if_there(layout.queue())?,
            pending: open_if_there(&layout.pending())?,
            dead_letter: open_if_there(&layout.dead_letter())?,
            in_flight: open_if_there(&layout.in_flight())?,
            as_if: Mutex::default(),
        })
    }

    fn as_if(&self) -> MutexGuard<'_, AsIf> {
        locked(&self.as_if)
    }

    /// What a dead session left.
    fn orphan(&self, id: String, folder: Folder) -> Result<Orphan, FileError> {
        let session = DrainId::new(id);
        let Contents { attempts, unstarted } = contents(&session, &folder, Written::read(&folder)?.attempts)?;
        let folder = Arc::new(folder);
        let put_back = u32::try_from(unstarted.len()).unwrap_or(u32::MAX);
        let back = |ticket: Ticket| Back { session: folder.clone(), name: ticket.name, delivery: None };
        let mut as_if = self.as_if();
        as_if.back.extend(unstarted.into_iter().map(back));
        as_if.orphans.insert(session.clone(), folder);
        Ok(Orphan { session, rows: Vec::new(), last_planned: 0, attempts, put_back })
    }

    fn note(&self, id: &DrainId, settlement: &Settlement) {
        let session = self.as_if().orphans.get(id).cloned();
        match (&settlement.to, session, &settlement.draft) {
            (Destination::Pending(delivery), Some(session), _) => {
                let name = settlement.ticket.name.clone();
                self.as_if().back.push(Back { session, name, delivery: delivery.clone() });
            }
            (Destination::DeadLetter(_), _, Some(RowDraft { run_id: Some(run_id), fault_id: Some(fault_id), .. })) => {
                let fault = FaultKey { run_id: run_id.clone(), fault_id: fault_id.clone() };
                self.as_if().dead_lettered.insert(fault);
            }
            _ => {}
        }
    }

    fn settle(&self, session: &DrainId, settlements: Vec<Settlement>) -> Vec<Settled> {
        let as_if = |settlement: Settlement| {
            self.note(session, &settlement);
            Settled { ticket: settlement.ticket, row: None, outcome: MoveOutcome::Moved }
        };
        settlements.into_iter().map(as_if).collect()
    }

    fn refuse(&self, action: &'static str) -> QueueError {
        let path = self.pending.as_ref().map(|pending| pending.path().to_owned()).unwrap_or_default();
        queue_error(FileError::new(action, path, Errno::ROFS).with_hint("this is a dry run"))
    }
}

impl Back {
    fn look_at(&self) -> Option<Waiting> {
        let mut waiting = look_at(&self.session, &self.name)?;
        if let (WaitingBody::Event(event), Some(delivery)) = (&mut waiting.body, &self.delivery) {
            event.delivery.clone_from(delivery);
        }
        Some(waiting)
    }
}

#[async_trait]
impl Session for PreviewSession {
    fn id(&self) -> &DrainId {
        &self.id
    }

    async fn lost(&self) {
        std::future::pending().await
    }

    async fn free_settles(&self) -> Result<Option<FreeSettles>, QueueError> {
        Ok(Some(FreeSettles::new(())))
    }

    async fn recover(&self, _: &FreeSettles) -> Result<Vec<Orphan>, QueueError> {
        let Some(in_flight) = &self.in_flight else { return Ok(Vec::new()) };
        let dead = sessions(in_flight).map_err(queue_error)?.into_iter().filter(|(_, folder)| !is_locked(folder));
        dead.map(|(session, folder)| self.orphan(session, folder).map_err(queue_error)).collect()
    }

    async fn markers(&self) -> Result<Vec<(Ticket, ResolvedMarker)>, QueueError> {
        let pending = self.pending.as_ref();
        pending.map_or(Ok(Vec::new()), |pending| self.as_if().scan.next_markers(pending).map_err(queue_error))
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
        let pending = self.pending.as_ref();
        pending.map_or(Ok(Vec::new()), |pending| as_if.scan.next_batch(pending).map_err(queue_error))
    }

    async fn adopt(&self, _: &HaltEvent) -> Result<Ticket, QueueError> {
        Err(self.refuse("hold an event in"))
    }

    async fn claim(&self, _: &[Ticket]) -> Result<Vec<Claim>, QueueError> {
        Err(self.refuse("claim an event in"))
    }

    async fn begin_attempt(&self, _: AttemptRequest) -> Result<AttemptGrant, QueueError> {
        Err(self.refuse("begin an investigation in"))
    }

    async fn begin_by_hand(&self, _: &HaltEvent) -> Result<Result<AttemptSlot, Holder>, QueueError> {
        Err(self.refuse("begin an investigation in"))
    }

    async fn finish(&self, attempt: &AttemptSlot, settlements: Vec<Settlement>) -> Result<Vec<Settled>, QueueError> {
        Ok(self.settle(&attempt.session, settlements))
    }

    async fn settle_claimed(&self, settlements: Vec<Settlement>) -> Result<Vec<Settled>, QueueError> {
        Ok(self.settle(&self.id, settlements))
    }

    async fn settle_free(&self, _: &FreeSettles, settlements: Vec<Settlement>) -> Result<Vec<Settled>, QueueError> {
        Ok(self.settle(&self.id, settlements))
    }

    async fn acknowledge(&self, _: &DrainId, _: u64) -> Result<(), QueueError> {
        Ok(())
    }

    async fn dead_letters(&self) -> Result<Vec<FaultKey>, QueueError> {
        let mut faults = self.dead_letter.as_ref().map_or_else(|| Ok(Vec::new()), faults_in).map_err(queue_error)?;
        faults.extend(self.as_if().dead_lettered.iter().cloned());
        Ok(faults)
    }

    async fn holders(&self, faults: &[FaultKey]) -> Result<Vec<Option<Holder>>, QueueError> {
        let in_flight = self.in_flight.as_ref();
        let holders =
            in_flight.map_or_else(|| Ok(vec![None; faults.len()]), |in_flight| live_holders(in_flight, faults));
        holders.map_err(queue_error)
    }

    async fn is_stopped(&self) -> Result<bool, QueueError> {
        self.queue.as_ref().map_or(Ok(false), |queue| is_there(queue, Layout::STOP)).map_err(queue_error)
    }

    async fn close(&self, _: &DrainId) -> Result<(), QueueError> {
        Ok(())
    }
}
