//! What dead drains left, and what the next drain would make of it. Nothing is touched.

use haltline_files::{FileError, Folder};
use haltline_protocol::{AttemptSlot, DeadDrain, Layout, Left, LeftOverAttempt, WaitingBody};

use crate::journal::{Place, PlannedMove, Written};
use crate::looking::open_if_there;
use crate::moves::find;
use crate::scan::{is_row_name, look_at};
use crate::session_folder::{ATTEMPTS, SessionFolder};
use crate::sessions::{is_locked, sessions};

/// What dead drains left, in the order of their ids, then the folders of drains that were killed as they began or ended.
pub(crate) fn dead_drains(layout: &Layout) -> Result<Vec<DeadDrain>, FileError> {
    let Some(in_flight) = open_if_there(&layout.in_flight())? else { return Ok(Vec::new()) };
    let place = |name: &str| layout.in_flight().join(name).display().to_string();
    let mut sessions = sessions(&in_flight)?;
    sessions.sort_by(|one, other| one.0.cmp(&other.0));
    let mut dead = Vec::new();
    // What a live drain has is on its way.
    for (drain_id, folder) in sessions.into_iter().filter(|(_, folder)| !is_locked(folder)) {
        dead.push(DeadDrain { place: place(&drain_id), left: Some(left(layout, &folder)?) });
    }
    let names = in_flight.names()?.into_iter().map(|entry| entry.name).filter(|name| SessionFolder::is_remains(name));
    let is_idle = |name: &String| in_flight.open_child(name).is_ok_and(|folder| !is_locked(&folder));
    dead.extend(names.filter(is_idle).map(|name| DeadDrain { place: place(&name), left: None }));
    Ok(dead)
}

fn left(layout: &Layout, folder: &Folder) -> Result<Left, FileError> {
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
            attempts.push(LeftOverAttempt { seq: planned.seq, number: planned.number, events, has_result });
        }
    }
    let mut left = Left { attempts, torn_lines: written.torn, ..Left::default() };
    for name in held {
        match look_at(folder, &name).map(|waiting| waiting.body) {
            Some(WaitingBody::Event(_)) => left.put_back += 1,
            Some(WaitingBody::Unreadable { .. }) => left.unreadable += 1,
            Some(_) => left.damaged += 1,
            None => {}
        }
    }
    for planned in written.moves {
        if was_made(layout, folder, &planned)? { left.rows_due += 1 } else { left.moves_forgotten += 1 }
    }
    Ok(left)
}

/// Whether the file of a planned move is where it was to go. A row of a move that had failed before is due.
fn was_made(layout: &Layout, session: &Folder, planned: &PlannedMove) -> Result<bool, FileError> {
    let path = match planned.to {
        None => return Ok(true),
        Some(Place::Held) => return Ok(find(session, &planned.name, planned.version, planned.stamp).is_some()),
        Some(Place::Pending) => layout.pending(),
        Some(Place::Processed) => layout.processed(),
        Some(Place::DeadLetter) => layout.dead_letter(),
        Some(Place::Quarantine) => layout.quarantine(),
    };
    let folder = open_if_there(&path)?;
    Ok(folder.is_some_and(|folder| find(&folder, &planned.name, planned.version, planned.stamp).is_some()))
}
