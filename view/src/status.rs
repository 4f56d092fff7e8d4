//! How much there is in the queue, and how old.

use std::path::Path;

use haltline_files::FileError;
use haltline_protocol::{Closed, Count, EventState, Survey, WaitingBody, is_note};
use jiff::Timestamp;
use rustix::fs::FileType;
use serde::Serialize;

use crate::error::ViewError;
use crate::open::{modified, open};
use crate::text::maybe_millis;

/// What is in the queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// Where the queue is.
    pub queue: String,
    /// A person has stopped all dispatching.
    pub stopped: bool,
    /// Drains that live.
    pub live_drains: u64,
    /// Events that wait and are due.
    pub pending: Tally,
    /// Events whose back-off is not over.
    pub deferred: Tally,
    /// Events that a person holds.
    pub held: Tally,
    /// Events that drains hold which live.
    pub in_flight: Tally,
    /// Events that drains hold which died.
    pub abandoned: Tally,
    /// Settled events.
    pub processed: Tally,
    /// Events that were given up on.
    pub dead_letter: Tally,
    /// What is no readable event, in quarantine.
    pub quarantine: Tally,
    /// Notes in the inbox.
    pub inbox: Tally,
    /// What waits and is no readable event.
    pub unreadable: u64,
}

/// How many there are, and from when the oldest is: the event's time where it was read, else the file's.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tally {
    /// How many.
    pub count: u64,
    /// From when the oldest is; null where there are none.
    #[serde(serialize_with = "maybe_millis")]
    pub oldest: Option<Timestamp>,
}

impl From<Count> for Tally {
    fn from(Count { count, oldest }: Count) -> Self {
        Self { count, oldest }
    }
}

/// Counts what is in the queue and in the folder of notes. Events that wait or are held are read, the others are not.
///
/// # Errors
/// The queue or the folder of notes cannot be read.
pub fn status(survey: &dyn Survey, inbox: &Path) -> Result<Status, ViewError> {
    let stopped = survey.is_stopped()?;
    let live_drains = survey.holders()?.iter().map(|holder| u64::from(holder.is_live)).sum();
    let [mut pending, mut deferred, mut held, mut in_flight, mut abandoned] = [Count::default(); 5];
    let mut unreadable = 0;
    survey.look_through(&EventState::UNSETTLED, &mut |seen| match &seen.waiting.body {
        WaitingBody::Event(event) => {
            let count = match seen.state {
                EventState::Deferred => &mut deferred,
                EventState::Held => &mut held,
                EventState::InFlight => &mut in_flight,
                EventState::Abandoned => &mut abandoned,
                _ => &mut pending,
            };
            count.add(event.timestamp.unwrap_or(seen.waiting.modified));
        }
        WaitingBody::Marker(_) => {}
        _ => unreadable += u64::from(seen.state == EventState::Pending),
    })?;
    Ok(Status {
        queue: survey.place(),
        stopped,
        live_drains,
        pending: pending.into(),
        deferred: deferred.into(),
        held: held.into(),
        in_flight: in_flight.into(),
        abandoned: abandoned.into(),
        processed: survey.count(Closed::Processed)?.into(),
        dead_letter: survey.count(Closed::DeadLetter)?.into(),
        quarantine: survey.count(Closed::Quarantine)?.into(),
        inbox: count_notes(inbox)?.into(),
        unreadable,
    })
}

fn count_notes(inbox: &Path) -> Result<Count, FileError> {
    let mut counted = Count::default();
    let Some(folder) = open(inbox)? else { return Ok(counted) };
    for entry in folder.names()?.into_iter().filter(|entry| !entry.name.starts_with('.') && is_note(&entry.name)) {
        // One that is gone by now is not there.
        let Ok(stat) = folder.stat(&entry.name) else { continue };
        if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile {
            counted.add(modified(&stat));
        }
    }
    Ok(counted)
}
