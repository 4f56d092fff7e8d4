//! One fault of one run, with its events.

use haltline_protocol::{EventState, FaultKey, HaltEvent, Survey, WaitingBody};
use jiff::Timestamp;

use crate::error::ViewError;
use crate::event::EventView;
use crate::text::visible_line;

/// The most letters of an id in a message.
pub(crate) const ID_LETTERS: usize = 96;

/// A fault with its events.
#[derive(Debug)]
pub struct FaultView {
    /// The fault and its run.
    pub key: FaultKey,
    /// Its events, the oldest first.
    pub events: Vec<EventView>,
    /// When the latest marker that waits says that it went away.
    pub resolved: Option<Timestamp>,
}

impl FaultView {
    /// Gathers the events of a fault wherever they are. Each is read: its name is only a handle.
    ///
    /// # Errors
    /// The queue cannot be read.
    pub fn gather(survey: &dyn Survey, key: FaultKey) -> Result<Self, ViewError> {
        let (mut events, mut resolved) = (Vec::new(), None);
        survey.look_through(&EventState::ALL, &mut |mut seen| match std::mem::replace(
            &mut seen.waiting.body,
            WaitingBody::Unfinished,
        ) {
            WaitingBody::Event(event) if event.key() == key => events.push(EventView::new(&seen, event)),
            WaitingBody::Marker(marker) if seen.state == EventState::Pending && marker.key == key => {
                resolved = resolved.max(marker.timestamp);
            }
            _ => {}
        })?;
        events.sort_by(|one, other| (one.time, &one.place).cmp(&(other.time, &other.place)));
        Ok(Self { key, events, resolved })
    }

    /// Tells whether any of its events is in this state.
    pub fn is_any(&self, state: EventState) -> bool {
        self.events.iter().any(|event| event.state == state)
    }

    /// Tells whether all that is left of it is in these states.
    pub fn is_all(&self, states: &[EventState]) -> bool {
        self.events.iter().all(|event| states.contains(&event.state))
    }

    /// Returns the newest event that no drain holds.
    pub fn newest_free(self) -> Option<Box<HaltEvent>> {
        let free = self.events.into_iter().filter(|event| !event.state.is_with_a_drain());
        free.max_by_key(|event| event.time).map(|event| event.event)
    }

    /// Names the fault and its run, for people.
    pub fn name(&self) -> String {
        name_of(&self.key)
    }
}

/// Names a fault and its run, for people.
pub fn name_of(key: &FaultKey) -> String {
    let visible = |id| visible_line(id, ID_LETTERS);
    format!("`{}` of run `{}`", visible(key.fault_id.as_str()), visible(key.run_id.as_str()))
}
