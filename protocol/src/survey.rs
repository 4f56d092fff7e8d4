//! The door for whoever looks at a queue and changes nothing.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::Serialize;

use crate::{HaltEvent, QueueError, Waiting};

/// A queue as it is seen from outside. Nothing is moved, made or kept locked, and no path is named but in texts.
///
/// The calls block: asynchronous code makes them where that is allowed.
pub trait Survey: Send + Sync + fmt::Debug {
    /// Says where the queue is, for people.
    fn place(&self) -> String;

    /// Tells whether a person has stopped all dispatching. A queue that does not exist is not stopped.
    ///
    /// # Errors
    /// The queue cannot be read.
    fn is_stopped(&self) -> Result<bool, QueueError>;

    /// Tells whether anything waits or is held by a drain. A queue that does not exist has no work.
    ///
    /// # Errors
    /// The queue cannot be read.
    fn has_work(&self) -> Result<bool, QueueError>;

    /// Returns the drains that hold something, in the order of their ids.
    ///
    /// # Errors
    /// The queue cannot be read.
    fn holders(&self) -> Result<Vec<Holding>, QueueError>;

    /// Counts what is closed, and reads none of it.
    ///
    /// # Errors
    /// The queue cannot be read.
    fn count(&self, closed: Closed) -> Result<Count, QueueError>;

    /// Shows each file or row in one of the states, one at a time. What waits and is no event counts as pending.
    ///
    /// An event that moves meanwhile is seen at least once.
    ///
    /// # Errors
    /// The queue cannot be read.
    fn look_through(&self, states: &[EventState], show: &mut dyn FnMut(Seen<'_>)) -> Result<(), QueueError>;

    /// Returns the attempts that a drain holds, finished or not.
    ///
    /// # Errors
    /// The queue cannot be read.
    fn attempts(&self, drain_id: &str) -> Result<Vec<SeenAttempt>, QueueError>;

    /// Tells what dead drains left, and what the next drain makes of it.
    ///
    /// # Errors
    /// The queue cannot be read.
    fn leftovers(&self) -> Result<Vec<DeadDrain>, QueueError>;
}

/// Where an event stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventState {
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

impl EventState {
    /// All states, in the order in which an event goes through them.
    pub const ALL: [Self; 7] =
        [Self::Pending, Self::Deferred, Self::Held, Self::InFlight, Self::Abandoned, Self::Processed, Self::DeadLetter];

    /// The states of what is not settled yet.
    pub const UNSETTLED: [Self; 5] = [Self::Pending, Self::Deferred, Self::Held, Self::InFlight, Self::Abandoned];

    /// The states of what a drain holds.
    pub const OF_HELD: [Self; 2] = [Self::InFlight, Self::Abandoned];

    /// Tells the state of an event that waits.
    pub fn of_waiting(event: &HaltEvent, now: Timestamp) -> Self {
        match &event.delivery {
            delivery if delivery.is_held() => Self::Held,
            delivery if delivery.holds_back_at(now) => Self::Deferred,
            _ => Self::Pending,
        }
    }

    /// Tells whether an event of this state waits.
    pub fn waits(self) -> bool {
        matches!(self, Self::Pending | Self::Deferred | Self::Held)
    }

    /// Tells whether a drain holds an event of this state.
    pub fn is_with_a_drain(self) -> bool {
        Self::OF_HELD.contains(&self)
    }

    /// Returns the name on the command line and in JSON.
    pub fn as_str(self) -> &'static str {
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

impl FromStr for EventState {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| format!("`{text}` is no state: {}", Self::ALL.map(Self::as_str).join(", ")))
    }
}

/// Something in the queue, where it was seen.
#[derive(Debug)]
pub struct Seen<'a> {
    /// Where it stands.
    pub state: EventState,
    /// The drain that holds it.
    pub drain_id: Option<&'a str>,
    /// The folder or table that it is in, for people.
    pub place: &'a str,
    /// What it is.
    pub waiting: Waiting,
}

/// What a drain no longer deals with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closed {
    /// Settled events.
    Processed,
    /// Events that were given up on.
    DeadLetter,
    /// What is no readable event.
    Quarantine,
}

/// How many there are, and from when the oldest is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// How many.
    pub count: u64,
    /// When the oldest was written; none where there are none.
    pub oldest: Option<Timestamp>,
}

impl Count {
    /// Counts one more.
    pub fn add(&mut self, time: Timestamp) {
        self.count += 1;
        self.oldest = Some(self.oldest.map_or(time, |oldest| oldest.min(time)));
    }
}

/// A drain that holds something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// The drain.
    pub drain_id: String,
    /// Whether it lives.
    pub is_live: bool,
}

/// An attempt that a drain holds.
#[derive(Debug)]
pub struct SeenAttempt {
    /// The event that leads.
    pub lead: HaltEvent,
    /// Where the attempt is, for people.
    pub place: String,
}

/// What a dead drain left.
#[derive(Debug)]
pub struct DeadDrain {
    /// Where it is, for people.
    pub place: String,
    /// What the next drain makes of it; none where the drain was killed as it began or ended, and holds nothing.
    pub left: Option<Left>,
}

/// What the next drain makes of what a dead one held.
#[derive(Debug, Default)]
pub struct Left {
    /// Events that are held without an attempt.
    pub put_back: u64,
    /// Held files that are no readable events.
    pub damaged: u64,
    /// Held files that cannot be read.
    pub unreadable: u64,
    /// Attempts that had begun and still have an event.
    pub attempts: Vec<LeftOverAttempt>,
    /// Moves that were made and whose row may not be recorded.
    pub rows_due: u64,
    /// Moves that were planned, and not made by this drain.
    pub moves_forgotten: u64,
    /// Lines of the journal that do not parse.
    pub torn_lines: u64,
}

/// An attempt that had begun.
#[derive(Debug)]
pub struct LeftOverAttempt {
    /// Its number in its drain's sequence.
    pub seq: u64,
    /// Which attempt at the fault it is, from 1.
    pub number: u32,
    /// How many of its events are still held.
    pub events: u64,
    /// Whether it has a complete report.
    pub has_result: bool,
}
