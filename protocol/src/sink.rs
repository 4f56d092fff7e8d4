//! The door for sinks.

use async_trait::async_trait;
use thiserror::Error;

use crate::{Receipt, Record};

/// Takes records to where somebody reads them.
///
/// A sink is idempotent on [`Record::pair`]: a record that comes again after a crash leaves no second trace. A delivery
/// that takes too long is dropped, so a best-effort sink must not block the thread.
#[async_trait]
pub trait Sink: Send {
    /// The name in the configuration and in messages.
    fn name(&self) -> &'static str;

    /// Delivers records and returns when they are durable. `replay` says that some may be there already.
    ///
    /// # Errors
    /// The records were not delivered, or only in part; the same batch may be delivered again.
    async fn deliver(&mut self, records: &[Record], replay: bool) -> Result<Receipt, SinkError>;
}

/// Why a sink could not deliver.
#[derive(Debug, Clone, Error)]
pub enum SinkError {
    /// It may work later: a full disk, a server that is away.
    #[error("sink `{sink}`: {reason}; it may work later")]
    Retriable {
        /// The sink.
        sink: &'static str,
        /// What happened: path, errno, what to do.
        reason: String,
    },
    /// It will not work until somebody mends it: a symbolic link in place of the file, a missing permission.
    #[error("sink `{sink}`: {reason}")]
    Permanent {
        /// The sink.
        sink: &'static str,
        /// What happened: path, errno, what to do.
        reason: String,
    },
}
