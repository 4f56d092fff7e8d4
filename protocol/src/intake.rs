//! The port through which rows get into a queue.

use std::fmt;

use jiff::Timestamp;

use crate::{FaultKey, QueueError};

/// The most rows of one group. A queue on files keeps an open file for each of them meanwhile; a common limit of a
/// process is 256 open files.
pub const LARGEST_GROUP: usize = 64;

/// The most that a row may take, in bytes. A queue quarantines a larger one unread.
pub const LARGEST_ROW: usize = 1 << 20;

/// Puts rows into a queue. The calls block until the rows are durable, or the queue was opened without that.
pub trait Intake: Send + Sync + fmt::Debug {
    /// Puts one row, and returns where it is, to be shown to a person. It stands beside earlier occurrences of its fault.
    ///
    /// # Errors
    /// The row could not be written or made durable. Nothing half written is left, and the caller may put it again.
    fn put(&self, row: &NewRow<'_>) -> Result<String, QueueError>;

    /// Puts at most [`LARGEST_GROUP`] rows and flushes them together, which takes a fraction of the time. Returns for
    /// each row, in order, what [`put`](Self::put) would return.
    ///
    /// # Errors
    /// A row could not be written. None of the group is in the queue, so the caller may put each row by itself.
    fn put_group(&self, rows: &[NewRow<'_>]) -> Result<Vec<Result<String, QueueError>>, QueueError>;
}

/// A row that is to be put into a queue.
#[derive(Debug, Clone)]
pub struct NewRow<'a> {
    /// What it is.
    pub kind: RowKind,
    /// The fault that it is about.
    pub key: FaultKey,
    /// The event's time.
    pub stamp: Timestamp,
    /// The row as it is written.
    pub row: &'a [u8],
}

/// What a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowKind {
    /// A halt event.
    Event,
    /// A RESOLVED marker.
    Resolved,
}
