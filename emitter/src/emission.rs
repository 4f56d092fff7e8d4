//! A new event, ready to be put into a queue.

use haltline_protocol::{Document, FaultId, HaltEvent, LARGEST_ROW, redacted_row};
use jiff::Timestamp;

use crate::EmitError;

/// The fields that may be large, to name the largest in an error.
const LARGE_FIELDS: [&str; 8] =
    ["message", "snapshot", "pointers", "runId", "stateSlug", "kind", "faultId", "delivery"];

/// A new event. It comes from [`FaultDraft::build`](crate::FaultDraft::build), from [`from_json`](crate::from_json), or
/// from one of the three recovery sites; there is no other way to make one, so an event of an audit kind always has
/// `"investigate": false`.
#[derive(Debug, Clone)]
pub struct Emission {
    event: HaltEvent,
    stamp: Timestamp,
}

impl Emission {
    /// Seals a row: from here on it is what a drain will read.
    pub(crate) fn seal(document: &Document, now: Timestamp) -> Result<Self, EmitError> {
        Self::seal_row(document, &document.to_pretty(), now)
    }

    /// As [`seal`](Self::seal), of a document that was laid out apart.
    pub(crate) fn seal_row(document: &Document, row: &[u8], now: Timestamp) -> Result<Self, EmitError> {
        let row = &*redacted_row(row);
        if row.len() > LARGEST_ROW {
            let length = |field: &&str| document.get(field).map_or(0, str::len);
            let largest = LARGE_FIELDS.into_iter().max_by_key(length).filter(|field| length(field) > row.len() / 4);
            return Err(EmitError::TooLarge { limit: LARGEST_ROW, field: largest.unwrap_or("a field of your own") });
        }
        let event = HaltEvent::parse(row).map_err(EmitError::NoEvent)?;
        if event.kind.is_audit() && !event.is_audit_only() {
            return Err(EmitError::AuditKind(event.kind.as_str().to_owned()));
        }
        let stamp = event.timestamp.unwrap_or(now);
        Ok(Self { event, stamp })
    }

    /// The event as a drain will read it.
    pub fn event(&self) -> &HaltEvent {
        &self.event
    }

    /// The row as it is written: pretty JSON with a final newline.
    pub fn row(&self) -> &[u8] {
        self.event.raw()
    }

    /// The id of the fault.
    pub fn fault_id(&self) -> &FaultId {
        &self.event.fault_id
    }

    /// The event's time, or that of its making where its own cannot be read. File names are stamped with it.
    pub fn stamp(&self) -> Timestamp {
        self.stamp
    }
}
