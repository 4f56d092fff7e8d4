//! The queue as one drain works on it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use haltline_files::{FileError, Folder, Vfs, locked, system};
use haltline_protocol::{
    AttemptGrant, AttemptRequest, AttemptSlot, Claim, DrainId, FaultKey, FreeSettles, HaltEvent, Holder, Layout,
    MoveOutcome, Orphan, QueueError, ResolvedMarker, Session, Settled, Settlement, Ticket, Waiting, WaitingBody,
    event_name,
};
use jiff::Timestamp;
use rustix::io::Errno;

use crate::error::queue_error;
use crate::folders::Folders;
use crate::holders::holders;
use crate::journal::{Entry, Place, PlannedAttempt};
use crate::looking::{faults_in, is_there};
use crate::moves::{move_file, move_very_file};
use crate::recovery;
use crate::scan::{LARGEST_ROW, Scan, is_row_name, look_at, stamp_of};
use crate::session_folder::{ATTEMPTS, SessionFolder, new_drain_id};
use crate::sessions::{BY_HAND, SETTLE_LOCK, attempt_folder, lead_name};
use crate::settle::Touched;
use crate::version::version;

/// A queue of files, opened by one session.
#[derive(Debug, Clone)]
pub struct FileSession {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// File work is done where it is asked for: in the model, one thread is one process.
    is_inline: bool,
    folders: Folders,
    session: Arc<SessionFolder>,
    /// What dead sessions left, until it is closed.
    orphans: Mutex<HashMap<DrainId, Arc<SessionFolder>>>,
    scan: Mutex<Scan>,
}

impl FileSession {
    /// Opens a queue for a new session, and makes what is missing of its folders.
    ///
    /// # Errors
    /// The folders cannot be made, opened or written, or lie on more than one file system.
    pub fn open(layout: &Layout) -> Result<Self, QueueError> {
        Self::open_on(&system(), layout, None)
    }

    /// Opens a queue as [`open`](Self::open) does, on another file system. With an id of the caller's, file work is done
    /// on the caller's thread.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_on(vfs: &Arc<dyn Vfs>, layout: &Layout, id: Option<DrainId>) -> Result<Self, QueueError> {
        Self::try_open(vfs, layout, id).map_err(queue_error)
    }

    fn try_open(vfs: &Arc<dyn Vfs>, layout: &Layout, id: Option<DrainId>) -> Result<Self, FileError> {
        let folders = Folders::open(vfs, layout)?;
        let is_inline = id.is_some();
        let id = id.map_or_else(|| new_drain_id(&folders.in_flight), Ok)?;
        let session = Arc::new(SessionFolder::create(&folders.in_flight, id)?);
        let (orphans, scan) = (Mutex::default(), Mutex::default());
        Ok(Self { shared: Arc::new(Shared { is_inline, folders, session, orphans, scan }) })
    }

    /// Does blocking file work where it holds no other task up.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Shared) -> Result<T, FileError> + Send + 'static,
    ) -> Result<T, QueueError> {
        let shared = self.shared.clone();
        if shared.is_inline {
            return work(&shared).map_err(queue_error);
        }
        match tokio::task::spawn_blocking(move || work(&shared)).await {
            Ok(done) => done.map_err(queue_error),
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(error) => std::panic::resume_unwind(Box::new(error)),
            },
        }
    }

    async fn settle(&self, id: DrainId, settlements: Vec<Settlement>) -> Result<Vec<Settled>, QueueError> {
        self.blocking(move |shared| shared.folder_of(&id)?.settle(&shared.folders, settlements)).await
    }
}

#[async_trait]
impl Session for FileSession {
    fn id(&self) -> &DrainId {
        &self.shared.session.drain_id
    }

    /// Never: the lock of a session's folder is the kernel's, which keeps it while the process lives (flock(2)).
    async fn lost(&self) {
        std::future::pending().await
    }

    async fn free_settles(&self) -> Result<Option<FreeSettles>, QueueError> {
        self.blocking(|shared| {
            let lock = shared.folders.in_flight.lock_handle(SETTLE_LOCK)?;
            Ok(lock.map(FreeSettles::new))
        })
        .await
    }

    async fn recover(&self, _: &FreeSettles) -> Result<Vec<Orphan>, QueueError> {
        self.blocking(|shared| {
            let recovered = recovery::recover(&shared.folders)?;
            let mut orphans = locked(&shared.orphans);
            let keep = |(session, orphan): (SessionFolder, Orphan)| {
                orphans.insert(session.drain_id.clone(), Arc::new(session));
                orphan
            };
            Ok(recovered.into_iter().map(keep).collect())
        })
        .await
    }

    async fn markers(&self) -> Result<Vec<(Ticket, ResolvedMarker)>, QueueError> {
        self.blocking(|shared| locked(&shared.scan).next_markers(&shared.folders.pending)).await
    }

    async fn scan(&self) -> Result<Vec<Waiting>, QueueError> {
        self.blocking(|shared| locked(&shared.scan).next_batch(&shared.folders.pending)).await
    }

    async fn adopt(&self, event: &HaltEvent) -> Result<Ticket, QueueError> {
        let (name, row, stamp) = (event_name(&event.key()), event.raw().to_vec(), stamp_of(event));
        self.blocking(move |shared| {
            let session = &shared.session;
            session.folder.create_new(&name, &row)?;
            let stat = session
                .folder
                .stat(&name)
                .map_err(|errno| FileError::new("look at", session.folder.path().join(&name), errno))?;
            Ok(Ticket { name: name.into(), version: version(&stat), stamp, claimed: true })
        })
        .await
    }

    async fn claim(&self, tickets: &[Ticket]) -> Result<Vec<Claim>, QueueError> {
        let tickets = tickets.to_vec();
        self.blocking(move |shared| shared.claim(&tickets)).await
    }

    async fn begin_attempt(&self, request: AttemptRequest) -> Result<AttemptGrant, QueueError> {
        let AttemptRequest { number, lead, followers } = request;
        let events = std::iter::once(lead).chain(followers).map(|ticket| ticket.name.into()).collect();
        let slot = self.blocking(move |shared| shared.session.begin_attempt(number, events)).await?;
        Ok(AttemptGrant::Granted(slot))
    }

    async fn begin_by_hand(&self, event: &HaltEvent) -> Result<Result<AttemptSlot, Holder>, QueueError> {
        let (fault, row) = (event.key(), event.raw().to_vec());
        let number = event.delivery.attempts.saturating_add(1);
        self.blocking(move |shared| {
            let session = &shared.session;
            session.folder.create_new(BY_HAND, &row)?;
            match shared.holder(&fault)? {
                Some(holder) => Ok(Err(holder)),
                None => Ok(Ok(session.begin_attempt(number, vec![BY_HAND.to_owned()])?)),
            }
        })
        .await
    }

    async fn finish(&self, attempt: &AttemptSlot, settlements: Vec<Settlement>) -> Result<Vec<Settled>, QueueError> {
        self.settle(attempt.session.clone(), settlements).await
    }

    async fn settle_claimed(&self, settlements: Vec<Settlement>) -> Result<Vec<Settled>, QueueError> {
        self.settle(self.id().clone(), settlements).await
    }

    async fn settle_free(&self, _: &FreeSettles, settlements: Vec<Settlement>) -> Result<Vec<Settled>, QueueError> {
        self.settle(self.id().clone(), settlements).await
    }

    async fn acknowledge(&self, id: &DrainId, seq: u64) -> Result<(), QueueError> {
        let id = id.clone();
        self.blocking(move |shared| {
            let session = shared.folder_of(&id)?;
            session.journal().acknowledge(&session.folder, seq)
        })
        .await
    }

    async fn dead_letters(&self) -> Result<Vec<FaultKey>, QueueError> {
        self.blocking(|shared| faults_in(&shared.folders.dead_letter)).await
    }

    async fn holders(&self, faults: &[FaultKey]) -> Result<Vec<Option<Holder>>, QueueError> {
        let faults = faults.to_vec();
        self.blocking(move |shared| shared.holders(&faults)).await
    }

    async fn is_stopped(&self) -> Result<bool, QueueError> {
        self.blocking(|shared| is_there(&shared.folders.queue, Layout::STOP)).await
    }

    async fn close(&self, id: &DrainId) -> Result<(), QueueError> {
        let id = id.clone();
        self.blocking(move |shared| {
            let session = shared.folder_of(&id)?;
            locked(&shared.orphans).remove(&id);
            let holds_events = session.folder.names()?.iter().any(|entry| is_row_name(&entry.name));
            if holds_events || session.journal().has_unacknowledged() {
                tracing::warn!(folder = %session.folder.path().display(), "left work for the next drain");
                return Ok(());
            }
            session.remove(&shared.folders.in_flight)
        })
        .await
    }
}

impl Shared {
    /// The folder of this session, or of an orphan that it recovered.
    fn folder_of(&self, id: &DrainId) -> Result<Arc<SessionFolder>, FileError> {
        if *id == self.session.drain_id {
            return Ok(self.session.clone());
        }
        let orphan = locked(&self.orphans).get(id).cloned();
        orphan.ok_or_else(|| {
            FileError::new("find the session", self.folders.in_flight.path().join(id.as_str()), Errno::NOENT)
        })
    }

    fn claim(&self, tickets: &[Ticket]) -> Result<Vec<Claim>, FileError> {
        let session = &self.session;
        let pending = &self.folders.pending;
        let mut touched = Touched::default();
        let mut claims = Vec::with_capacity(tickets.len());
        for ticket in tickets {
            let claimed = move_very_file(pending, &ticket.name, ticket.version, &session.folder, ticket.stamp);
            let claimed = match claimed {
                Ok(name) => {
                    touched.add(Place::Held);
                    touched.add(Place::Pending);
                    session.folder.renew(&name)?;
                    read_claimed(&session.folder, &name, pending)
                }
                Err(outcome) => Err(outcome),
            };
            claims.push(claimed);
        }
        touched.sync(&self.folders, &session.folder)?;
        Ok(claims)
    }

    fn holders(&self, faults: &[FaultKey]) -> Result<Vec<Option<Holder>>, FileError> {
        holders(&self.folders.in_flight, &self.session.drain_id, faults)
    }

    fn holder(&self, fault: &FaultKey) -> Result<Option<Holder>, FileError> {
        Ok(self.holders(std::slice::from_ref(fault))?.pop().flatten())
    }
}

impl SessionFolder {
    fn begin_attempt(&self, number: u32, events: Vec<String>) -> Result<AttemptSlot, FileError> {
        let mut journal = self.journal();
        let seq = journal.next_seq();
        let begun = Timestamp::now();
        self.folder.ensure_child(ATTEMPTS)?.ensure_child(&seq.to_string())?;
        let lead = events.first().map(|name| self.folder.read(name, LARGEST_ROW)).transpose()?.flatten();
        self.folder.create_new(&lead_name(seq), &lead.unwrap_or_default())?;
        let planned = PlannedAttempt { seq, number, begun, events };
        journal.append(&self.folder, [Entry::Attempt(planned)])?;
        let folder = attempt_folder(&self.folder, seq);
        Ok(AttemptSlot { session: self.drain_id.clone(), seq, number, folder, begun })
    }
}

/// Reads what was claimed. What cannot be read stays held for the next drain; what is no event any more goes back, and
/// is the quarantine's to see to.
fn read_claimed(held: &Folder, name: &str, pending: &Folder) -> Claim {
    match look_at(held, name) {
        Some(Waiting { ticket, body: WaitingBody::Event(event), .. }) => {
            Ok((Ticket { claimed: true, ..ticket }, *event))
        }
        Some(Waiting { body: WaitingBody::Unreadable { errno }, .. }) => Err(MoveOutcome::Denied { errno }),
        _ => {
            move_file(held, name, pending, Timestamp::now())?;
            Err(MoveOutcome::AlreadyGone)
        }
    }
}
