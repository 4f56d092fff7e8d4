//! The port for queues: what a drain, or a person who has one fault investigated, does with what waits.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use thiserror::Error;

use crate::{
    AttemptGrant, AttemptRequest, AttemptSlot, Claim, DrainId, FaultKey, HaltEvent, Holder, Orphan, ResolvedMarker,
    Settled, Settlement, Ticket, Waiting,
};

/// A queue of halt events.
#[async_trait]
pub trait Queue: Send + Sync + fmt::Debug {
    /// Opens a session, and makes what is missing of the queue.
    ///
    /// # Errors
    /// The queue cannot be made, opened or written.
    async fn open(&self) -> Result<Arc<dyn Session>, QueueError>;

    /// Opens a session that answers as if: it says that a settlement is made, and changes nothing. A queue that is not
    /// there is empty.
    ///
    /// # Errors
    /// The queue is there and cannot be read.
    async fn open_preview(&self) -> Result<Arc<dyn Session>, QueueError>;
}

/// A queue as one drain, or one investigation by hand, has it open.
///
/// The session numbers its rows, keeps them in its journal until they are acknowledged, and is the only one that moves
/// an event. What it does not finish stays its own until a later session recovers it.
#[async_trait]
pub trait Session: Send + Sync + fmt::Debug {
    /// The id under which its rows stand.
    fn id(&self) -> &DrainId;

    /// Resolves when the session no longer owns what it claimed, as when its server counts it as dead. Whoever waits
    /// for it ends what runs and settles nothing more.
    async fn lost(&self);

    /// Asks for the right to settle what nobody claimed; none where another session has it.
    ///
    /// # Errors
    /// The right cannot be asked for.
    async fn free_settles(&self) -> Result<Option<FreeSettles>, QueueError>;

    /// Takes over what dead sessions left, each to be finished and closed. It has to be done before what waits is read:
    /// else a settlement of this session could pass for one of a dead session.
    ///
    /// # Errors
    /// What they left cannot be listed or taken over.
    async fn recover(&self, right: &FreeSettles) -> Result<Vec<Orphan>, QueueError>;

    /// Returns the next RESOLVED markers that are known as such without reading every event; empty when all have been
    /// seen. One without a readable time has that of its last change.
    ///
    /// # Errors
    /// The queue cannot be read.
    async fn markers(&self) -> Result<Vec<(Ticket, ResolvedMarker)>, QueueError>;

    /// Returns what waits next, in any order; empty when all has been seen.
    ///
    /// # Errors
    /// The queue cannot be read.
    async fn scan(&self) -> Result<Vec<Waiting>, QueueError>;

    /// Puts the session's own audit event among what it holds, durably, where no other session sees it.
    ///
    /// # Errors
    /// It cannot be written.
    async fn adopt(&self, event: &HaltEvent) -> Result<Ticket, QueueError>;

    /// Makes events this session's alone, durably, and reads them again: decisions rest on what was claimed. Answers
    /// in the order of the tickets.
    ///
    /// # Errors
    /// The queue cannot be written at all. That one event cannot be claimed is a [`MoveOutcome`](crate::MoveOutcome).
    async fn claim(&self, tickets: &[Ticket]) -> Result<Vec<Claim>, QueueError>;

    /// Asks to investigate claimed events. Where it is granted, that is noted durably.
    ///
    /// # Errors
    /// The queue cannot be written; nothing may be started.
    async fn begin_attempt(&self, request: AttemptRequest) -> Result<AttemptGrant, QueueError>;

    /// Begins an investigation that a person asks for, of an event that stays where it is; who has the fault instead,
    /// where somebody has. Drains give way to it as to one another.
    ///
    /// # Errors
    /// As [`begin_attempt`](Self::begin_attempt).
    async fn begin_by_hand(&self, event: &HaltEvent) -> Result<Result<AttemptSlot, Holder>, QueueError>;

    /// Ends an attempt, of this session or of an orphan: settles its events, whose drafts say the outcome, the cost and
    /// the report. Answers as [`settle_claimed`](Self::settle_claimed).
    ///
    /// # Errors
    /// As [`settle_claimed`](Self::settle_claimed).
    async fn finish(&self, attempt: &AttemptSlot, settlements: Vec<Settlement>) -> Result<Vec<Settled>, QueueError>;

    /// Settles what this session holds, and notes claims that failed. Returns the settlements in order, each with its
    /// row where it has a draft. The rows stand in the journal until [`acknowledge`](Self::acknowledge).
    ///
    /// # Errors
    /// The journal cannot be written; nothing was moved.
    async fn settle_claimed(&self, settlements: Vec<Settlement>) -> Result<Vec<Settled>, QueueError>;

    /// Settles what nobody claimed, and what this session holds. Answers as [`settle_claimed`](Self::settle_claimed).
    ///
    /// # Errors
    /// As [`settle_claimed`](Self::settle_claimed).
    async fn settle_free(&self, right: &FreeSettles, settlements: Vec<Settlement>) -> Result<Vec<Settled>, QueueError>;

    /// Notes that analytics has every row up to `seq` of this session, or of an orphan.
    ///
    /// # Errors
    /// The journal cannot be written.
    async fn acknowledge(&self, session: &DrainId, seq: u64) -> Result<(), QueueError>;

    /// Returns the faults of which an occurrence is a dead letter.
    ///
    /// # Errors
    /// The dead letters cannot be read.
    async fn dead_letters(&self) -> Result<Vec<FaultKey>, QueueError>;

    /// Returns who else has each of the faults. Whoever asks after its own claim and gives way never investigates a
    /// fault at the same time as somebody else.
    ///
    /// # Errors
    /// What other sessions hold cannot be read.
    async fn holders(&self, faults: &[FaultKey]) -> Result<Vec<Option<Holder>>, QueueError>;

    /// Returns whether somebody else has one of the faults.
    ///
    /// # Errors
    /// As [`holders`](Self::holders).
    async fn is_held_elsewhere(&self, faults: &[FaultKey]) -> Result<bool, QueueError> {
        Ok(self.holders(faults).await?.iter().any(Option::is_some))
    }

    /// Returns whether a person has stopped all dispatching: nothing new may be investigated.
    ///
    /// # Errors
    /// It cannot be looked at.
    async fn is_stopped(&self) -> Result<bool, QueueError>;

    /// Ends this session, or an orphan. What is not finished stays for a later session to recover.
    ///
    /// # Errors
    /// What is left of it cannot be cleared away; a later session does it.
    async fn close(&self, session: &DrainId) -> Result<(), QueueError>;
}

/// The right of one session at a time to settle what nobody claimed and to recover what dead sessions left. It ends
/// when it is dropped.
pub struct FreeSettles(#[expect(dead_code, reason = "held for its drop")] Box<dyn Any + Send + Sync>);

impl FreeSettles {
    /// Wraps what a queue holds for the right, as a lock.
    pub fn new(held: impl Any + Send + Sync) -> Self {
        Self(Box::new(held))
    }
}

impl fmt::Debug for FreeSettles {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("FreeSettles")
    }
}

/// Why a queue cannot be worked with.
#[derive(Debug, Error)]
#[error("cannot {action} {on}: {cause}{}", hint.map(|hint| format!("; {hint}")).unwrap_or_default())]
pub struct QueueError {
    /// What was tried, as `open`.
    pub action: &'static str,
    /// On what, as a person is told: a path, a table.
    pub on: String,
    /// What the system below says.
    #[source]
    pub cause: Box<dyn std::error::Error + Send + Sync>,
    /// What to do about it.
    pub hint: Option<&'static str>,
}

impl QueueError {
    /// An error without a hint.
    pub fn new(
        action: &'static str,
        on: impl fmt::Display,
        cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { action, on: on.to_string(), cause: cause.into(), hint: None }
    }
}
