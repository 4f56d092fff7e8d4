//! An event of a fault, and where it stands.

use haltline_protocol::{EventState, HaltEvent, Seen};
use jiff::Timestamp;

/// An event, and where it stands.
#[derive(Debug)]
pub struct EventView {
    /// Where it stands.
    pub state: EventState,
    /// The drain that holds it.
    pub drain_id: Option<String>,
    /// Where it is, for people.
    pub place: String,
    /// The event itself.
    pub event: Box<HaltEvent>,
    /// When it halted; when it was written where the event does not say.
    pub time: Timestamp,
}

impl EventView {
    pub(crate) fn new(seen: &Seen<'_>, event: Box<HaltEvent>) -> Self {
        Self {
            state: seen.state,
            drain_id: seen.drain_id.map(str::to_owned),
            place: format!("{}/{}", seen.place, seen.waiting.ticket.name),
            time: event.timestamp.unwrap_or(seen.waiting.modified),
            event,
        }
    }
}
