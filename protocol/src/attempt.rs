//! Investigations as a queue knows them: what begins one, and what dead sessions left of theirs.

use std::path::PathBuf;

use jiff::Timestamp;

use crate::{DrainId, HaltEvent, Row, Ticket};

/// Asks a queue for the leave to investigate claimed events.
#[derive(Debug, Clone)]
pub struct AttemptRequest {
    /// Which attempt at the fault it is, from 1.
    pub number: u32,
    /// The event that leads.
    pub lead: Ticket,
    /// The events that share the investigation.
    pub followers: Vec<Ticket>,
}

/// The answer to an [`AttemptRequest`].
#[derive(Debug, Clone)]
pub enum AttemptGrant {
    /// The attempt is noted durably: the investigator may be started.
    Granted(AttemptSlot),
    /// A cap stands against it: which, and when it frees.
    Refused(String),
    /// The cause has an answer already: the report's path relative to the queue root.
    Duplicate(String),
    /// It is not known whether the attempt is noted: nothing may be started.
    Unknown(String),
}

/// Where one attempt lives.
#[derive(Debug, Clone)]
pub struct AttemptSlot {
    /// The session under whose id its rows stand.
    pub session: DrainId,
    /// Its number in its session's sequence of rows.
    pub seq: u64,
    /// Which attempt at the fault it is, from 1.
    pub number: u32,
    /// A folder of its own, private to the user and empty: what is in it is the dispatcher's.
    pub folder: PathBuf,
    /// When it began.
    pub begun: Timestamp,
}

impl AttemptSlot {
    /// The file in the folder that holds the checked report. Once it is there, nobody is asked again.
    pub const RESULT: &'static str = "result.json";
}

/// What one dead session left. What never started is back in the queue already.
#[derive(Debug)]
pub struct Orphan {
    /// The dead session.
    pub session: DrainId,
    /// Rows of moves that were made and may not have been recorded.
    pub rows: Vec<Row>,
    /// The highest number that it planned a row under, 0 for none: once the rows are recorded, all up to it is settled
    /// or forgotten.
    pub last_planned: u64,
    /// Attempts that had begun.
    pub attempts: Vec<OrphanedAttempt>,
    /// Events that were claimed and are back in the queue.
    pub put_back: u32,
}

/// An attempt that had begun when its session died.
#[derive(Debug)]
pub struct OrphanedAttempt {
    /// Where it lives.
    pub slot: AttemptSlot,
    /// The event that led.
    pub lead: HaltEvent,
    /// Whether the leader is still held, as the first of the events.
    pub is_lead_held: bool,
    /// How many events shared it, the leader included.
    pub occurrences: u32,
    /// Its events that are still held.
    pub events: Vec<(Ticket, HaltEvent)>,
}

/// Who has a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// A live session: a drain, or an investigation by hand.
    Live,
    /// An investigation by hand that was cut off: what it started may still run, until a drain takes it back.
    CutOff,
}
