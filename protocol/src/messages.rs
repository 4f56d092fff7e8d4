//! The messages between actors. Requests are in the imperative; an answer travels in the `oneshot` of its request.

use tokio::sync::oneshot;

use crate::{Assignment, DispatchFailure, Investigation, NoInvestigator, Record, SinkError};

/// How an investigation ended.
pub type Verdict = Result<Investigation, DispatchFailure>;

/// What the consumer asks of the dispatcher.
#[derive(Debug)]
pub enum DispatchRequest {
    /// Find an investigator, before anything is claimed.
    Prepare {
        /// Answered with its name.
        reply: oneshot::Sender<Result<String, NoInvestigator>>,
    },
    /// Investigate a claimed fault.
    Investigate {
        /// The fault.
        assignment: Assignment,
        /// Answered when the attempt has ended and its result is on disk.
        reply: oneshot::Sender<Verdict>,
    },
    /// Take what an attempt of a dead drain left.
    Salvage {
        /// The fault and its attempt.
        assignment: Assignment,
        /// Answered with the complete report if there is one.
        reply: oneshot::Sender<Option<Investigation>>,
    },
}

/// Records for analytics, acknowledged together.
#[derive(Debug)]
pub struct RecordBatch {
    /// The records, in order.
    pub records: Vec<Record>,
    /// They may have been delivered before a crash: a sink that has one already takes it as delivered.
    pub replay: bool,
    /// Answered when every sink has them, durably.
    pub acknowledge: oneshot::Sender<Result<(), SinkError>>,
}
