//! The door for what a person changes in a queue by hand.

use std::fmt;
use std::path::PathBuf;

use jiff::Timestamp;
use thiserror::Error;

use crate::{Delivery, FaultKey, HELD, QueueError};

/// A queue that a person changes. Nobody settles free, recovers or upgrades meanwhile.
///
/// The calls block: asynchronous code makes them where that is allowed.
pub trait Control: Send + Sync + fmt::Debug {
    /// Changes what the events of a fault keep of earlier attempts, durably. Every other field is kept to the byte.
    /// Returns where the changed events are, for people.
    ///
    /// # Errors
    /// The fault is in flight or not quite recorded, and nothing was changed; or the queue failed.
    fn change(&self, key: &FaultKey, change: Change) -> Result<Vec<String>, ControlError>;

    /// Tells what has not changed since a time and may go. Nothing is touched.
    ///
    /// # Errors
    /// The queue cannot be read.
    fn find_purgeable(&self, before: Timestamp) -> Result<Purge, QueueError>;

    /// Removes what has not changed since a time and may go, durably. Returns what that was.
    ///
    /// # Errors
    /// The queue is busy, and nothing was changed; or it failed: a part may be gone, and the rest goes the next time.
    fn purge(&self, before: Timestamp) -> Result<Purge, ControlError>;

    /// Mends what a look at the files found. Returns how many things were mended; what is well by now is passed over.
    ///
    /// # Errors
    /// The queue is busy, or something cannot be mended.
    fn repair(&self, repairs: &[Repair]) -> Result<u64, ControlError>;
}

/// What a person does to a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It is due as if it had never been tried, and what was given up on comes back.
    Retry,
    /// No drain dispatches it.
    Hold,
    /// What was held is due.
    Release,
}

impl Change {
    /// Returns what an event keeps of earlier attempts from now on; none where it stays as it is.
    pub fn apply(self, delivery: &Delivery) -> Option<Delivery> {
        match self {
            // Why the last attempt failed is still worth knowing.
            Self::Retry => {
                let due = Delivery { last_error: delivery.last_error.clone(), ..Delivery::default() };
                (due != *delivery && !delivery.is_held()).then_some(due)
            }
            Self::Hold => (!delivery.is_held()).then(|| Delivery { not_before: Some(HELD), ..delivery.clone() }),
            Self::Release => delivery.is_held().then(|| Delivery { not_before: None, ..delivery.clone() }),
        }
    }

    /// Tells whether the change brings back what was given up on.
    pub fn brings_back(self) -> bool {
        self == Self::Retry
    }
}

/// What may go, by kind, and what has to stay for now.
#[derive(Debug, Default, Clone, Copy)]
pub struct Purge {
    /// Reports of faults that have no event left.
    pub reports: PurgeTally,
    /// Settled events and used markers.
    pub processed: PurgeTally,
    /// Events that were given up on.
    pub dead_letter: PurgeTally,
    /// What is in quarantine, with its reasons.
    pub quarantine: PurgeTally,
    /// Old files that stay: their fault waits or is in flight.
    pub still_needed: u64,
    /// Old files that stay: their row may not be recorded.
    pub unrecorded: u64,
    /// Nothing at all may go.
    pub is_empty: bool,
}

/// How many files there are of one kind, how large and how old.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct PurgeTally {
    /// How many.
    pub count: u64,
    /// Their bytes.
    pub bytes: u64,
    /// When the oldest last changed.
    pub oldest: Option<Timestamp>,
    /// When the newest last changed.
    pub newest: Option<Timestamp>,
}

/// One thing that is mended. A queue that is no files needs none of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repair {
    /// A stale temporary file goes.
    Reap {
        /// The folder that it is in.
        folder: PathBuf,
        /// Its name.
        name: String,
    },
    /// Nobody but the user may read or write a file or folder.
    Tighten {
        /// The folder that it is in.
        folder: PathBuf,
        /// Its name.
        name: String,
    },
    /// The events that killed rewrites took come back, and what else those left is cleared away.
    ClearRewrites,
}

/// Why nothing was changed by hand.
#[derive(Debug, Error)]
pub enum ControlError {
    /// The queue failed.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// Somebody else works on the queue, or was quicker with an event.
    #[error("{}; nothing was changed, try again in a moment", busy(.0))]
    Busy(
        /// The drains that live, one of which may be it.
        Vec<String>,
    ),
    /// A live drain holds the fault.
    #[error(
        "the drain {0} holds the fault just now; nothing was changed. Wait until it ends, or end it (SIGTERM), then try \
         again"
    )]
    InFlight(
        /// The drain.
        String,
    ),
    /// A dead drain holds the fault.
    #[error(
        "the drain {0} is dead and holds the fault; nothing was changed. `haltline drain-faults --queue` takes it back, \
         then try again"
    )]
    Abandoned(
        /// The drain.
        String,
    ),
    /// A row of the fault is not recorded yet.
    #[error(
        "the drain {0} has not recorded yet what became of the fault; nothing was changed. Wait until it ends, or run \
         `haltline drain-faults --queue` where it is dead, then try again"
    )]
    Unrecorded(
        /// The drain.
        String,
    ),
}

fn busy(drains: &[String]) -> String {
    match drains {
        [] => "another command works on the queue just now".to_owned(),
        drains => format!("a drain works on what waits just now ({})", drains.join(", ")),
    }
}
