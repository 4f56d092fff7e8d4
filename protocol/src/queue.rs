//! The door for queues: what one drain can do with what waits.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use thiserror::Error;

use crate::{Delivery, DrainId, FaultKey, HaltEvent, MoveOutcome, ResolvedMarker, Row, RowDraft};

/// A queue as one drain sees it.
///
/// The queue numbers the rows of its drain, keeps them in its journal until they are acknowledged, and is the only
/// one that moves an event.
#[async_trait]
pub trait Queue: Send + Sync + fmt::Debug {
    /// The drain that holds the queue open.
    fn drain_id(&self) -> &DrainId;

    /// Tries to become the one drain that settles free; `false` where another is. Held until [`end_free_settles`]
    /// (Self::end_free_settles).
    ///
    /// # Errors
    /// The lock cannot be opened.
    async fn begin_free_settles(&self) -> Result<bool, QueueError>;

    /// Takes over what dead drains left: one hold for each, to be finished and closed. Only the drain that settles
    /// free may do it, and before it reads what waits: else a move of its own could pass for one of the dead drain's.
    ///
    /// # Errors
    /// The holds cannot be listed or taken over.
    async fn recover(&self) -> Result<Vec<Leftover>, QueueError>;

    /// Lets another drain settle free.
    async fn end_free_settles(&self);

    /// The next RESOLVED markers that wait; empty when all have been seen, and then from the first again. One without
    /// a readable time has that of its file.
    ///
    /// # Errors
    /// The queue cannot be read.
    async fn markers(&self) -> Result<Vec<(Ticket, ResolvedMarker)>, QueueError>;

    /// The next files that wait, in any order; empty when all have been seen, and then from the first again.
    ///
    /// # Errors
    /// The queue cannot be read.
    async fn scan(&self) -> Result<Vec<Waiting>, QueueError>;

    /// Puts the drain's own audit event among what it holds, durably, where no other drain sees it.
    ///
    /// # Errors
    /// It cannot be written.
    async fn adopt(&self, event: &HaltEvent) -> Result<Ticket, QueueError>;

    /// Makes events this drain's alone, durably, and reads them again: decisions rest on what was claimed. Answers
    /// in the order of the tickets.
    ///
    /// # Errors
    /// The queue cannot be written at all. That one event cannot be claimed is a [`MoveOutcome`].
    async fn claim(&self, tickets: &[Ticket]) -> Result<Vec<Claim>, QueueError>;

    /// Notes durably that claimed events are about to be investigated, and makes the attempt's folder.
    ///
    /// # Errors
    /// The journal or the folder cannot be written; nothing may be started.
    async fn begin_attempt(&self, number: u32, lead: &Ticket, followers: &[Ticket]) -> Result<AttemptSlot, QueueError>;

    /// Moves events and returns one completed row for each settlement that has a draft, in order. The rows stand in
    /// the journal until [`acknowledge`](Self::acknowledge).
    ///
    /// # Errors
    /// The journal cannot be written; nothing was moved.
    async fn settle(&self, settlements: Vec<Settlement>) -> Result<Vec<Settled>, QueueError>;

    /// Notes that analytics has every row up to `seq`.
    ///
    /// # Errors
    /// The journal cannot be written.
    async fn acknowledge(&self, seq: u64) -> Result<(), QueueError>;

    /// The faults of which an occurrence is a dead letter.
    ///
    /// # Errors
    /// The dead letters cannot be read.
    async fn dead_letters(&self) -> Result<Vec<FaultKey>, QueueError>;

    /// Whether another live drain holds an occurrence of each of the faults, or it is investigated by hand. Whoever asks
    /// after its own claim and gives way never investigates a fault at the same time as somebody else.
    ///
    /// # Errors
    /// The other drains' holds cannot be read.
    async fn are_held_elsewhere(&self, keys: &[FaultKey]) -> Result<Vec<bool>, QueueError>;

    /// Whether another live drain holds an occurrence of one of the faults, or it is investigated by hand.
    ///
    /// # Errors
    /// As [`are_held_elsewhere`](Self::are_held_elsewhere).
    async fn is_held_elsewhere(&self, keys: &[FaultKey]) -> Result<bool, QueueError> {
        Ok(self.are_held_elsewhere(keys).await?.contains(&true))
    }

    /// Whether a person has stopped all dispatching: nothing new may be investigated.
    ///
    /// # Errors
    /// It cannot be looked at.
    async fn is_stopped(&self) -> Result<bool, QueueError>;

    /// Ends the hold. What is not finished stays for the next drain to recover.
    ///
    /// # Errors
    /// The hold cannot be cleared away; the next drain does it.
    async fn close(&self) -> Result<(), QueueError>;
}

/// A claimed event as it was read under the claim, or why it could not be claimed.
pub type Claim = Result<(Ticket, HaltEvent), MoveOutcome>;

/// A queue's handle on one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// The file's name, which says nothing of what it is.
    pub name: Box<str>,
    /// The queue's own mark of the very file that was read.
    pub mark: u64,
    /// What its name gets where that is taken: the event's time, or the present where it has none.
    pub stamp: Timestamp,
    /// Whether this drain holds it.
    pub claimed: bool,
}

/// One file that waits.
#[derive(Debug)]
pub struct Waiting {
    /// The handle to move it by.
    pub ticket: Ticket,
    /// When it was last written: its age where its row has no readable time.
    pub modified: Timestamp,
    /// What it is.
    pub body: WaitingBody,
}

/// What a file that waits turned out to be.
#[derive(Debug)]
pub enum WaitingBody {
    /// An event.
    Event(Box<HaltEvent>),
    /// A marker, whatever its name says.
    Marker(ResolvedMarker),
    /// No readable event, for a reason that is given.
    Malformed(String),
    /// Unreadable or with a second name, and so young that its writer may still be at it. Left alone.
    Unfinished,
    /// A directory, FIFO, socket, device or symbolic link, by name; never opened. Left alone.
    Special(&'static str),
    /// It is there but could not be read. Left alone; the errno's name and what was tried.
    Unreadable {
        /// The errno's name.
        errno: String,
    },
}

/// One move that is asked for, with the row that tells of it.
#[derive(Debug)]
pub struct Settlement {
    /// What to move.
    pub ticket: Ticket,
    /// Where to.
    pub to: Destination,
    /// The row; none for a marker, which gets none.
    pub draft: Option<RowDraft>,
}

/// Where a settlement takes a file.
#[derive(Debug, Clone)]
pub enum Destination {
    /// Done with.
    Processed,
    /// Back into the queue; with what the attempt left, or as it was.
    Pending(Option<Delivery>),
    /// Given up on.
    DeadLetter(Delivery),
    /// No readable event, for this reason.
    Quarantine(String),
    /// Nowhere: an earlier move failed like this, and the row tells of it.
    Stay(MoveOutcome),
}

/// What came of one settlement.
#[derive(Debug)]
pub struct Settled {
    /// What was asked to be moved.
    pub ticket: Ticket,
    /// The row, complete.
    pub row: Option<Row>,
    /// How the move ended.
    pub outcome: MoveOutcome,
}

/// Where one attempt lives.
#[derive(Debug, Clone)]
pub struct AttemptSlot {
    /// Its number in its drain's sequence of rows.
    pub seq: u64,
    /// Which attempt at the fault it is, from 1.
    pub number: u32,
    /// A folder of its own, private to the user, empty at first.
    pub folder: PathBuf,
    /// When it began.
    pub begun: Timestamp,
}

/// What one dead drain left. What never started is back in the queue already.
#[derive(Debug)]
pub struct Leftover {
    /// Its hold, to settle under its own drain id and to close.
    pub hold: Arc<dyn Queue>,
    /// Rows of moves that were made and may not have been recorded.
    pub rows: Vec<Row>,
    /// The highest number that it planned a row under, 0 for none: once the rows are recorded, all up to it is settled
    /// or forgotten.
    pub last_planned: u64,
    /// Attempts that had begun.
    pub attempts: Vec<LeftAttempt>,
    /// Events that were claimed and are back in the queue.
    pub put_back: u32,
}

/// An attempt that had begun when its drain died.
#[derive(Debug)]
pub struct LeftAttempt {
    /// Where it lives.
    pub slot: AttemptSlot,
    /// The event that led.
    pub lead: HaltEvent,
    /// Whether the leader is still held, as the first of the events.
    pub is_lead_held: bool,
    /// How many events shared it, the leader included.
    pub occurrences: u32,
    /// Its events that are still held.
    pub events: Vec<(Ticket, HaltEvent)>,
}

/// Why a queue cannot be worked with.
#[derive(Debug, Error)]
#[error("cannot {action} {}: {source}{}", path.display(), hint.map(|hint| format!("; {hint}")).unwrap_or_default())]
pub struct QueueError {
    /// What was tried, as `open`.
    pub action: &'static str,
    /// On what.
    pub path: PathBuf,
    /// What the system says.
    pub source: io::Error,
    /// What to do about it.
    pub hint: Option<&'static str>,
}
