//! What a session reads, claims and settles.

use jiff::Timestamp;

use crate::{Delivery, HaltEvent, MoveOutcome, ResolvedMarker, Row, RowDraft};

/// A claimed event as it was read under the claim, or why it could not be claimed.
pub type Claim = Result<(Ticket, HaltEvent), MoveOutcome>;

/// A queue's handle on one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// Its name in the queue, which says nothing of what it is.
    pub name: Box<str>,
    /// The queue's own number for the very bytes that were read.
    pub version: u64,
    /// What its name gets where that is taken: the event's time, or the present where it has none.
    pub stamp: Timestamp,
    /// Whether the session holds it.
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

/// What the next drain decides about an event that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextStep {
    /// A RESOLVED marker covers it: it is settled at no cost.
    Resolved,
    /// It is not severe enough, or backs off: it stays.
    HeldBack,
    /// It is kept for the audit only: it is settled at no cost.
    AuditSkipped,
    /// A known pattern explains it: it is settled at no cost.
    PatternMatched,
    /// It wants an investigation.
    Dispatched,
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
    /// Settled.
    Processed,
    /// Back into the queue; with what the attempt left, or as it was.
    Pending(Option<Delivery>),
    /// Dead-lettered.
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
