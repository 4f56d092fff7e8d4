//! What is in the folders of drains, and what the next drain would make of what dead ones left. Nothing is touched.

use haltline_files::{FileError, Folder};
use haltline_protocol::{AttemptSlot, Layout, WaitingBody};

use crate::hold::{ATTEMPTS, Hold};
use crate::journal::{Place, PlannedMove, Written};
use crate::moves::find;
use crate::operator::holds;
use crate::preview::open_if_there;
use crate::scan::{is_row_name, look_at};
use crate::survey::is_locked;

/// The folder of one drain.
#[derive(Debug)]
pub struct HoldState {
    /// The drain, which is also the name of its folder.
    pub drain_id: String,
    /// Whether the drain lives; what follows is then on its way.
    pub is_live: bool,
    /// Events that are held without an attempt.
    pub put_back: u64,
    /// Held files that are no readable events.
    pub damaged: u64,
    /// Held files that cannot be read.
    pub unreadable: u64,
    /// Attempts that had begun and still have an event.
    pub attempts: Vec<HeldAttempt>,
    /// Moves that were made and whose row may not be recorded.
    pub rows_due: u64,
    /// Moves that were planned, and not made by this drain.
    pub moves_forgotten: u64,
    /// Lines of the journal that do not parse.
    pub torn_lines: u64,
}

/// An attempt that had begun.
#[derive(Debug)]
pub struct HeldAttempt {
    /// Its number in its drain's sequence.
    pub seq: u64,
    /// Which attempt at the fault it is, from 1.
    pub number: u32,
    /// How many of its events are still held.
    pub events: u64,
    /// Whether it has a complete report.
    pub has_result: bool,
}

/// A folder of a drain that is not ready, or not quite cleared away.
#[derive(Debug)]
pub struct Remains {
    /// Its name in `in-flight/`.
    pub name: String,
    /// Whether somebody is at it.
    pub is_busy: bool,
}

/// The folders of all drains, in the order of their ids.
///
/// # Errors
/// They are there and cannot be read.
pub fn hold_states(layout: &Layout) -> Result<Vec<HoldState>, FileError> {
    let Some(in_flight) = open_if_there(&layout.in_flight())? else { return Ok(Vec::new()) };
    let mut states = holds(&in_flight)?
        .into_iter()
        .map(|(drain_id, folder)| state(layout, drain_id, &folder))
        .collect::<Result<Vec<_>, _>>()?;
    states.sort_by(|one, other| one.drain_id.cmp(&other.drain_id));
    Ok(states)
}

/// The folders of drains that are not ready, or not quite cleared away.
///
/// # Errors
/// The folder of holds is there and cannot be read.
pub fn remains(layout: &Layout) -> Result<Vec<Remains>, FileError> {
    let Some(in_flight) = open_if_there(&layout.in_flight())? else { return Ok(Vec::new()) };
    let names = in_flight.names()?.into_iter().map(|entry| entry.name).filter(|name| Hold::is_remains(name));
    let seen = |name: String| {
        let is_busy = is_locked(&in_flight.open_child(&name).ok()?);
        Some(Remains { name, is_busy })
    };
    Ok(names.filter_map(seen).collect())
}

fn state(layout: &Layout, drain_id: String, folder: &Folder) -> Result<HoldState, FileError> {
    let is_live = is_locked(folder);
    let written = Written::read(folder)?;
    let mut held: Vec<String> =
        folder.names()?.into_iter().map(|entry| entry.name).filter(|name| is_row_name(name)).collect();
    let mut attempts = Vec::new();
    for planned in &written.attempts {
        let before = held.len();
        held.retain(|name| !planned.events.contains(name));
        let events = (before - held.len()) as u64;
        if events > 0 {
            let attempt = folder.open_child(ATTEMPTS).and_then(|all| all.open_child(&planned.seq.to_string()));
            let has_result = attempt.is_ok_and(|attempt| attempt.stat(AttemptSlot::RESULT).is_ok());
            attempts.push(HeldAttempt { seq: planned.seq, number: planned.number, events, has_result });
        }
    }
    let mut state = HoldState {
        drain_id,
        is_live,
        put_back: 0,
        damaged: 0,
        unreadable: 0,
        attempts,
        rows_due: 0,
        moves_forgotten: 0,
        torn_lines: written.torn,
    };
    for name in held {
        match look_at(folder, &name).map(|waiting| waiting.body) {
            Some(WaitingBody::Event(_)) => state.put_back += 1,
            Some(WaitingBody::Unreadable { .. }) => state.unreadable += 1,
            Some(_) => state.damaged += 1,
            None => {}
        }
    }
    for planned in written.moves {
        if was_made(layout, folder, &planned)? { state.rows_due += 1 } else { state.moves_forgotten += 1 }
    }
    Ok(state)
}

/// Whether the file of a planned move is where it was to go. A row of a move that had failed before is due.
fn was_made(layout: &Layout, hold: &Folder, planned: &PlannedMove) -> Result<bool, FileError> {
    let path = match planned.to {
        None => return Ok(true),
        Some(Place::Held) => return Ok(find(hold, &planned.name, planned.version, planned.stamp).is_some()),
        Some(Place::Pending) => layout.pending(),
        Some(Place::Processed) => layout.processed(),
        Some(Place::DeadLetter) => layout.dead_letter(),
        Some(Place::Quarantine) => layout.quarantine(),
    };
    let folder = open_if_there(&path)?;
    Ok(folder.is_some_and(|folder| find(&folder, &planned.name, planned.version, planned.stamp).is_some()))
}
