//! Taking back what a dead drain left. Every step can be repeated: recovery may itself be killed.
//!
//! - A move in its journal that was made gets its row again, under the dead drain's own number; the sinks that have
//!   it already take it as delivered. One that was not made is forgotten: its file is still where it was, or whoever
//!   moved it since has a row of his own.
//! - A claimed event without an attempt goes back into the queue, as it was.
//! - An attempt is handed to the consumer with its events: there may be a report to take, and there is an attempt to
//!   count. One that a person asked for has none: what it started is ended, its report is taken, and nothing is counted.

use std::collections::BTreeMap;

use haltline_files::{FileError, Folder};
use haltline_protocol::{
    AttemptSlot, DrainId, HaltEvent, MoveOutcome, Orphan, OrphanedAttempt, Row, Ticket, WaitingBody,
};

use crate::folders::Folders;
use crate::journal::{Place, PlannedAttempt, PlannedMove, Written};
use crate::moves::{find, move_file};
use crate::scan::{is_row_name, look_at};
use crate::session_folder::SessionFolder;
use crate::sessions::{BY_HAND, attempt_folder, read_lead};
use crate::settle::{Touched, file_reason};

/// Takes over the folders of all dead drains.
pub(crate) fn recover(folders: &Folders) -> Result<Vec<(SessionFolder, Orphan)>, FileError> {
    let mut leftovers = Vec::new();
    let mut names: Vec<String> = folders.in_flight.names()?.into_iter().map(|entry| entry.name).collect();
    names.sort_unstable();
    for name in names {
        SessionFolder::clear_remains(&folders.in_flight, &name);
        if !SessionFolder::is_session(&name) || !is_folder(&folders.in_flight, &name) {
            continue;
        }
        if let Some((session, written)) = SessionFolder::take_over(&folders.in_flight, &name)? {
            leftovers.push(take_back(folders, session, written)?);
        }
    }
    Ok(leftovers)
}

fn is_folder(in_flight: &Folder, name: &str) -> bool {
    in_flight
        .stat(name)
        .is_ok_and(|stat| rustix::fs::FileType::from_raw_mode(stat.st_mode) == rustix::fs::FileType::Directory)
}

fn take_back(
    folders: &Folders,
    session: SessionFolder,
    mut written: Written,
) -> Result<(SessionFolder, Orphan), FileError> {
    tracing::info!(drain = %session.drain_id, "taking back what a dead drain left");
    // The dead drain, or one that was in this folder before and died too, may have moved files without making that
    // durable. What follows rests on where they are now.
    folders.sync(&session.folder)?;
    let planned_attempts = std::mem::take(&mut written.attempts);
    let last_planned = written.last_row;
    let rows = written.moves.into_iter().filter_map(|planned| row_that_is_due(folders, &session, planned)).collect();
    let Contents { attempts, unstarted } = contents(&session.drain_id, &session.folder, planned_attempts)?;
    let put_back = put_back(folders, &session, unstarted)?;
    let orphan = Orphan { session: session.drain_id.clone(), rows, last_planned, attempts, put_back };
    Ok((session, orphan))
}

/// The events of a dead drain's session.
pub(crate) struct Contents {
    pub(crate) attempts: Vec<OrphanedAttempt>,
    /// What was claimed and has no attempt.
    pub(crate) unstarted: Vec<Ticket>,
}

pub(crate) fn contents(id: &DrainId, folder: &Folder, planned: Vec<PlannedAttempt>) -> Result<Contents, FileError> {
    let mut held = held_events(folder)?;
    let attempts = planned.into_iter().filter_map(|planned| orphaned_attempt(id, folder, &mut held, planned)).collect();
    let unstarted = held.into_values().filter_map(|(ticket, body)| match body {
        HeldBody::Unreadable => None,
        HeldBody::Event(_) | HeldBody::Damaged => Some(ticket),
    });
    Ok(Contents { attempts, unstarted: unstarted.collect() })
}

/// The row of a move that was made; none where it was not.
fn row_that_is_due(folders: &Folders, session: &SessionFolder, planned: PlannedMove<'_>) -> Option<Row> {
    let outcome = match planned.to {
        None => planned.earlier_outcome(),
        Some(target) => {
            let to = folders.at(target, &session.folder);
            match find(to, &planned.name, planned.version, planned.stamp) {
                Some(name) => {
                    if let Some(reason) = &planned.reason {
                        file_reason_once(to, &name, reason);
                    }
                    MoveOutcome::Moved
                }
                None => return None,
            }
        }
    };
    Some(Row::complete(planned.ts, session.drain_id.clone(), planned.seq, planned.draft.into_owned(), &outcome))
}

fn file_reason_once(quarantine: &Folder, name: &str, reason: &str) {
    if quarantine.stat(&format!("{name}.reason.json")).is_err() {
        file_reason(quarantine, name, reason);
    }
}

/// What a session still has, by name.
type Held = BTreeMap<String, (Ticket, HeldBody)>;

/// What a held file turned out to be.
enum HeldBody {
    Event(Box<HaltEvent>),
    /// Damaged while it was held: back into the queue, where it is quarantined like any other.
    Damaged,
    /// Not to be read just now: it stays held, with its attempt, for a later drain.
    Unreadable,
}

fn held_events(folder: &Folder) -> Result<Held, FileError> {
    let mut held = Held::new();
    for entry in folder.names()?.into_iter().filter(|entry| is_row_name(&entry.name)) {
        let Some(waiting) = look_at(folder, &entry.name) else { continue };
        let ticket = Ticket { claimed: true, ..waiting.ticket };
        let event = match waiting.body {
            WaitingBody::Event(event) => HeldBody::Event(event),
            WaitingBody::Special(_) => continue,
            WaitingBody::Unreadable { errno } => {
                tracing::error!(file = entry.name, errno, "cannot read what a dead drain held; it stays there");
                HeldBody::Unreadable
            }
            _ => HeldBody::Damaged,
        };
        held.insert(entry.name, (ticket, event));
    }
    Ok(held)
}

fn orphaned_attempt(
    id: &DrainId,
    folder: &Folder,
    held: &mut Held,
    planned: PlannedAttempt,
) -> Option<OrphanedAttempt> {
    let path = attempt_folder(folder, planned.seq);
    let is_lead_held = planned.events.first().is_some_and(|name| held.contains_key(name));
    if planned.events.iter().any(|name| matches!(held.get(name), Some((_, HeldBody::Unreadable)))) {
        held.retain(|name, _| !planned.events.contains(name));
        return None;
    }
    let mut events = Vec::new();
    for name in &planned.events {
        match held.remove(name) {
            Some((ticket, HeldBody::Event(event))) => events.push((ticket, *event)),
            Some(other) => drop(held.insert(name.clone(), other)),
            None => {}
        }
    }
    let lead =
        read_lead(folder, &planned.seq.to_string()).or_else(|| events.first().map(|(_, event)| event.clone()))?;
    let session = id.clone();
    let slot = AttemptSlot { session, seq: planned.seq, number: planned.number, folder: path, begun: planned.begun };
    let occurrences = u32::try_from(planned.events.len()).unwrap_or(u32::MAX);
    let is_by_hand = planned.events == [BY_HAND];
    (is_by_hand || !events.is_empty()).then_some(OrphanedAttempt { slot, lead, is_lead_held, occurrences, events })
}

fn put_back(folders: &Folders, session: &SessionFolder, tickets: Vec<Ticket>) -> Result<u32, FileError> {
    let mut touched = Touched::default();
    let mut count = 0;
    for ticket in tickets {
        match move_file(&session.folder, &ticket.name, &folders.pending, ticket.stamp) {
            Ok(_) => {
                touched.add(Place::Pending);
                touched.add(Place::Held);
                count += 1;
            }
            Err(outcome) => {
                tracing::warn!(file = %ticket.name, errno = outcome.errno(), "could not put an event back; it stays held");
            }
        }
    }
    touched.sync(folders, &session.folder)?;
    Ok(count)
}
