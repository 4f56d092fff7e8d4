//! A look at what lies in a queue, and in which state. Nothing is moved, made or kept locked.

use std::path::Path;
use std::str::FromStr;

use haltline_files::FileError;
use haltline_protocol::{Layout, Waiting, WaitingBody};
use haltline_spool::{Survey, seen_holds};
use jiff::Timestamp;
use serde::Serialize;

/// Where an event stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum State {
    /// It waits.
    Pending,
    /// It waits, and its back-off is not over.
    Deferred,
    /// It waits, and a person holds it.
    Held,
    /// A drain that lives holds it.
    InFlight,
    /// A drain that died held it; the next one takes it back.
    Abandoned,
    /// It is settled.
    Processed,
    /// It was given up on.
    DeadLetter,
}

impl State {
    /// All of them, in the order in which an event goes through them.
    pub(crate) const ALL: [Self; 7] =
        [Self::Pending, Self::Deferred, Self::Held, Self::InFlight, Self::Abandoned, Self::Processed, Self::DeadLetter];

    /// Whether an event of this state waits.
    pub(crate) fn waits(self) -> bool {
        matches!(self, Self::Pending | Self::Deferred | Self::Held)
    }

    /// The name on the command line and in JSON.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Deferred => "deferred",
            Self::Held => "held",
            Self::InFlight => "in-flight",
            Self::Abandoned => "abandoned",
            Self::Processed => "processed",
            Self::DeadLetter => "dead-letter",
        }
    }
}

impl FromStr for State {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| format!("`{text}` is no state: {}", Self::ALL.map(Self::as_str).join(", ")))
    }
}

/// Shows each file that lies where the states say, one at a time, with its folder. What waits and is no event counts as
/// pending.
///
/// # Errors
/// A folder of the queue is there and cannot be read.
pub(crate) fn look_through(
    layout: &Layout,
    states: &[State],
    mut show: impl FnMut(State, &Path, Waiting),
) -> Result<(), FileError> {
    let now = Timestamp::now();
    let mut show_wanted = |state, folder: &Path, waiting| {
        if states.contains(&state) {
            show(state, folder, waiting);
        }
    };
    // In the order in which events move, so that one on its way is seen at least once.
    if states.iter().any(|state| state.waits()) {
        let folder = layout.pending();
        each(&folder, |waiting| {
            let state = match &waiting.body {
                WaitingBody::Event(event) if event.delivery.is_held() => State::Held,
                WaitingBody::Event(event) if event.delivery.holds_back_at(now) => State::Deferred,
                _ => State::Pending,
            };
            show_wanted(state, &folder, waiting);
        })?;
    }
    if states.contains(&State::InFlight) || states.contains(&State::Abandoned) {
        for hold in seen_holds(layout)? {
            let state = if hold.is_live { State::InFlight } else { State::Abandoned };
            let folder = layout.in_flight().join(&hold.drain_id);
            each(&folder, |waiting| show_wanted(state, &folder, waiting))?;
        }
    }
    for (state, folder) in [(State::Processed, layout.processed()), (State::DeadLetter, layout.dead_letter())] {
        if states.contains(&state) {
            each(&folder, |waiting| show_wanted(state, &folder, waiting))?;
        }
    }
    Ok(())
}

/// Shows each file of a folder; none where it is not there.
fn each(path: &Path, mut show: impl FnMut(Waiting)) -> Result<(), FileError> {
    let Some(mut survey) = Survey::open(path)? else { return Ok(()) };
    while let Some(batch) = Some(survey.next_batch()?).filter(|batch| !batch.is_empty()) {
        batch.into_iter().for_each(&mut show);
    }
    Ok(())
}
