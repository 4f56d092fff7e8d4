//! Why a pipeline did not come to its end.

use haltline_analytics::SinkOpenError;
use haltline_consumer::DrainError;
use haltline_dispatcher::DispatcherError;
use haltline_files::FileError;
use haltline_migrator::UpgradeError;
use haltline_protocol::{NoInvestigator, QueueError};

/// Why a pipeline did not come to its end. What was done until then is recorded, or a later drain recovers it.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The configuration of investigators is wrong.
    #[error(transparent)]
    Investigator(#[from] DispatcherError),
    /// There is no investigator that could be asked.
    #[error(transparent)]
    NoInvestigator(#[from] NoInvestigator),
    /// A required sink cannot be opened.
    #[error(transparent)]
    Sink(#[from] SinkOpenError),
    /// The queue cannot be opened, read or written.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// A folder of the home cannot be made.
    #[error(transparent)]
    File(#[from] FileError),
    /// The drain failed.
    #[error(transparent)]
    Drain(#[from] DrainError),
    /// The upgrade failed.
    #[error(transparent)]
    Upgrade(#[from] UpgradeError),
    /// An actor has gone: a defect of haltline.
    #[error("the {0} actor ended early; this is a defect of haltline, please report it with the log")]
    ActorGone(&'static str),
}
