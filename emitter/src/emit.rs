//! The way from emissions into a queue, for callers that may block.

use haltline_protocol::{Intake, LARGEST_GROUP, NewRow, RowKind};

use crate::{Emission, EmitError};

/// Puts an event into the queue, beside earlier occurrences of its fault, and returns where it is, to be shown to a
/// person. When this returns, the event is durable, unless the intake was opened without.
///
/// # Errors
/// The queue cannot be written; nothing half written is left, and the caller may emit again.
pub fn emit(intake: &dyn Intake, emission: &Emission) -> Result<String, EmitError> {
    Ok(intake.put(&new_row(emission))?)
}

/// Puts events into the queue as [`emit`] does, and flushes them in groups, which takes a fraction of the time. Returns
/// where each is.
///
/// # Errors
/// The queue cannot be written. Nothing half written is left; which of the events are in the queue is not known, and
/// the caller may emit them all again.
pub fn emit_all(intake: &dyn Intake, emissions: &[Emission]) -> Result<Vec<String>, EmitError> {
    let mut places = Vec::with_capacity(emissions.len());
    for group in emissions.chunks(LARGEST_GROUP) {
        let rows: Vec<_> = group.iter().map(new_row).collect();
        for place in intake.put_group(&rows)? {
            places.push(place?);
        }
    }
    Ok(places)
}

pub(crate) fn new_row(emission: &Emission) -> NewRow<'_> {
    NewRow { kind: RowKind::Event, key: emission.event().key(), stamp: emission.stamp(), row: emission.row() }
}
