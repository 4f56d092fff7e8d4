//! What ends a drain before its time.

use haltline_files::FileError;
use haltline_protocol::{NoInvestigator, QueueError, SinkError};
use thiserror::Error;

/// What ends a drain before its time. Nothing is lost: what is not settled is still held or still waits.
#[derive(Debug, Error)]
pub enum DrainError {
    /// The queue cannot be read or written.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// The file of learned patterns cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A sink does not take what it is given.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// Another actor has gone: a defect of haltline.
    #[error("the {0} actor ended early; this is a defect of haltline, please report it with the log")]
    ActorGone(&'static str),
}

/// Why the worker stopped dispatching.
#[derive(Debug, Clone)]
pub(crate) enum DispatchEnd {
    /// No investigator can be started.
    NoInvestigator(NoInvestigator),
    /// The investigator's surroundings fail: every other event would fail alike.
    Unfit(String),
    /// A person stopped all dispatching.
    Stopped,
    /// A cap stands against another investigation: which, and when it frees.
    Refused(String),
}
