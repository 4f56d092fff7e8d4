//! The events in the queue, the most severe and oldest first.

use std::cmp::Reverse;

use haltline_protocol::{EventState, Severity, Survey, WaitingBody};
use jiff::Timestamp;
use serde::Serialize;

use crate::error::ViewError;
use crate::fault::ID_LETTERS;
use crate::text::{clean_line, millis, visible_line};

/// The most letters of a message: with the rest of the line it fits on a wide terminal.
const MESSAGE_LETTERS: usize = 80;

/// What is told of one event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedEvent {
    /// Where it stands.
    pub state: EventState,
    /// How bad it is.
    pub severity: Severity,
    /// When it halted; when it was written where the event does not say.
    #[serde(serialize_with = "millis")]
    pub time: Timestamp,
    /// The fault.
    pub fault_id: String,
    /// The run.
    pub run_id: String,
    /// The beginning of its message, without secrets and without what acts on a terminal.
    pub message: String,
    /// The name of its file.
    pub file: Box<str>,
}

/// Lists the events of one state, or all that are not settled; of one run or of all.
///
/// # Errors
/// The queue cannot be read.
pub fn list(
    survey: &dyn Survey,
    state: Option<EventState>,
    run_id: Option<&str>,
) -> Result<Vec<ListedEvent>, ViewError> {
    let is_wanted = |one: &EventState| state.map_or(*one != EventState::Processed, |wanted| wanted == *one);
    let states: Vec<_> = EventState::ALL.into_iter().filter(is_wanted).collect();
    let mut events = Vec::new();
    survey.look_through(&states, &mut |seen| {
        let WaitingBody::Event(event) = &seen.waiting.body else { return };
        if run_id.is_none_or(|run_id| event.run_id.as_str() == run_id) {
            events.push(ListedEvent {
                state: seen.state,
                severity: event.severity(),
                time: event.timestamp.unwrap_or(seen.waiting.modified),
                fault_id: visible_line(event.fault_id.as_str(), ID_LETTERS),
                run_id: visible_line(event.run_id.as_str(), ID_LETTERS),
                message: clean_line(&event.message, MESSAGE_LETTERS),
                file: seen.waiting.ticket.name.clone(),
            });
        }
    })?;
    events.sort_by(|one, other| {
        (Reverse(one.severity), one.time, &one.file).cmp(&(Reverse(other.severity), other.time, &other.file))
    });
    Ok(events)
}
