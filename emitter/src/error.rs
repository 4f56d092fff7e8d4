//! Why an event was not emitted.

use std::io;

use haltline_protocol::{EventError, QueueError};
use thiserror::Error;

/// Why an event was not emitted: the caller asked for what cannot be, or the machine failed.
#[derive(Debug, Error)]
pub enum EmitError {
    /// The kind belongs to the recovery commands.
    #[error(
        "kind {0:?} is made by the recovery commands alone (drain-faults, mark-shipped, mark-phase-committed); use \
         one of them, or another kind"
    )]
    AuditKind(String),
    /// The kind would break the lines that show it.
    #[error("kind {0:?} holds a control character; use letters, digits and `_`")]
    ControlInKind(String),
    /// Nobody can tell how severe an unknown kind is.
    #[error("kind {0:?} is not known, so its severity must be given: CRITICAL, HIGH, MEDIUM or LOW")]
    SeverityMissing(String),
    /// The phase is no JSON number.
    #[error("phase {0:?} is no number, as 3 or 2.1")]
    NoPhase(String),
    /// A required field is not there.
    #[error("the event has no `{0}`; add it")]
    Missing(&'static str),
    /// A field is there but has the wrong type.
    #[error("`{field}` is no {wanted}")]
    WrongType {
        /// The field.
        field: &'static str,
        /// What it should be.
        wanted: &'static str,
    },
    /// A text that has to say something is empty.
    #[error("`{0}` is empty; give it a value")]
    Empty(&'static str),
    /// The id in the event is another fault's.
    #[error("`faultId` is {given:?}, but kind, place and message give {expected:?}; correct it or leave it out")]
    FaultIdMismatch {
        /// The id as it came.
        given: String,
        /// The id that the event's own fields give.
        expected: String,
    },
    /// The row would be quarantined unread.
    #[error("the row takes more than {limit} bytes; its largest part is `{field}`, shorten that")]
    TooLarge {
        /// The most that a row may take, in bytes.
        limit: usize,
        /// The field that takes most.
        field: &'static str,
    },
    /// The input is not worth reading to its end.
    #[error("the input is larger than {0} bytes; shorten `snapshot.stdoutTail`")]
    InputTooLarge(u64),
    /// The input is no event.
    #[error("the input is no halt event to emit")]
    NoEvent(#[source] EventError),
    /// The input is no JSON object, or two readers could read it differently.
    #[error("the input is no JSON object, or a key stands twice in it")]
    NoJson(#[from] serde_json::Error),
    /// The input could not be read.
    #[error("cannot read the input")]
    Input(#[source] io::Error),
    /// The queue did not take the row.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// The actor ended before it answered.
    #[error("the emitter ended before it answered, so the event may be in the queue or not; emit it again")]
    Ended,
}

impl EmitError {
    /// Whether the caller asked for what cannot be (exit code 2), and not the machine failed (exit code 1).
    pub fn is_usage(&self) -> bool {
        !matches!(self, Self::Input(_) | Self::Queue(_) | Self::Ended)
    }
}
