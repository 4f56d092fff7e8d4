//! Taking back what a dead drain left. Every step can be repeated: recovery may itself be killed.
//!
//! - A move in its journal that was made gets its row again, under the dead drain's own number; the sinks that have
//!   it already take it as delivered. One that was not made is forgotten: its file is still where it was.
//! - A claimed event without an attempt goes back into the queue, as it was.
//! - An attempt is handed to the consumer with its events: there may be a report to take, and there is an attempt to
//!   count.

use std::collections::HashMap;
use std::sync::Arc;

use haltline_protocol::{
    AttemptSlot, HaltEvent, LeftAttempt, Leftover, MoveOutcome, QueueError, Row, Ticket, WaitingBody,
};

use crate::folder::Folder;
use crate::folders::Folders;
use crate::hold::{ATTEMPTS, Hold};
use crate::journal::{Place, PlannedAttempt, PlannedMove, Written};
use crate::moves::{find, move_file};
use crate::queue::DrainQueue;
use crate::scan::{is_row_name, look_at};
use crate::settle::{Touched, file_reason};

/// Takes over the folders of all dead drains.
pub(crate) fn recover(folders: &Arc<Folders>) -> Result<Vec<Leftover>, QueueError> {
    let mut leftovers = Vec::new();
    let mut names: Vec<String> = folders.in_flight.names()?.into_iter().map(|entry| entry.name).collect();
    names.sort_unstable();
    for name in names {
        Hold::clear_unfinished(&folders.in_flight, &name);
        if !Hold::is_hold(&name) || !is_folder(&folders.in_flight, &name) {
            continue;
        }
        if let Some((hold, written)) = Hold::take_over(&folders.in_flight, &name)? {
            leftovers.push(take_back(folders, hold, written)?);
        }
    }
    Ok(leftovers)
}

fn is_folder(in_flight: &Folder, name: &str) -> bool {
    in_flight
        .stat(name)
        .is_ok_and(|stat| rustix::fs::FileType::from_raw_mode(stat.st_mode) == rustix::fs::FileType::Directory)
}

fn take_back(folders: &Arc<Folders>, hold: Hold, mut written: Written) -> Result<Leftover, QueueError> {
    tracing::info!(drain = %hold.drain_id, "taking back what a dead drain left");
    let planned_attempts = std::mem::take(&mut written.attempts);
    let rows = written.unacknowledged().filter_map(|planned| row_that_is_due(folders, &hold, planned)).collect();
    let mut held = held_events(&hold.folder)?;
    let attempts =
        planned_attempts.into_iter().filter_map(|planned| left_attempt(&hold.folder, &mut held, planned)).collect();
    let put_back = put_back(folders, &hold, held.into_values().map(|(ticket, _)| ticket))?;
    Ok(Leftover { hold: Arc::new(DrainQueue::of_dead(folders.clone(), hold)), rows, attempts, put_back })
}

/// The row of a move that was made; none where it was not.
fn row_that_is_due(folders: &Folders, hold: &Hold, planned: PlannedMove) -> Option<Row> {
    let outcome = match planned.to {
        None => planned.earlier_outcome(),
        Some(target) => {
            let to = folders.at(target, &hold.folder);
            let from = folders.at(planned.from, &hold.folder);
            match find(to, &planned.name, planned.mark, planned.stamp) {
                Some(name) => {
                    if let Some(reason) = &planned.reason {
                        file_reason_once(to, &name, reason);
                    }
                    MoveOutcome::Moved
                }
                None if from.stat(&planned.name).is_ok_and(|stat| stat.st_ino == planned.mark) => return None,
                None => MoveOutcome::AlreadyGone,
            }
        }
    };
    Some(Row::complete(planned.ts, hold.drain_id.clone(), planned.seq, planned.draft, &outcome))
}

fn file_reason_once(quarantine: &Folder, name: &str, reason: &str) {
    if quarantine.stat(&format!("{name}.reason.json")).is_err() {
        file_reason(quarantine, name, reason);
    }
}

type Held = HashMap<String, (Ticket, Option<HaltEvent>)>;

fn held_events(folder: &Folder) -> Result<Held, QueueError> {
    let mut held = Held::new();
    for entry in folder.names()?.into_iter().filter(|entry| is_row_name(&entry.name)) {
        let Some(waiting) = look_at(folder, &entry.name) else { continue };
        let ticket = Ticket { claimed: true, ..waiting.ticket };
        let event = match waiting.body {
            WaitingBody::Event(event) => Some(*event),
            WaitingBody::Special(_) => continue,
            _ => None,
        };
        held.insert(entry.name, (ticket, event));
    }
    Ok(held)
}

fn left_attempt(folder: &Folder, held: &mut Held, planned: PlannedAttempt) -> Option<LeftAttempt> {
    let events: Vec<_> = planned
        .events
        .iter()
        .filter_map(|name| match held.remove(name)? {
            (ticket, Some(event)) => Some((ticket, event)),
            (ticket, None) => {
                // Damaged while it was held: back into the queue, where it is quarantined like any other.
                held.insert(name.clone(), (ticket, None));
                None
            }
        })
        .collect();
    let slot = AttemptSlot {
        seq: planned.seq,
        number: planned.number,
        folder: folder.path().join(ATTEMPTS).join(planned.seq.to_string()),
        begun: planned.begun,
    };
    (!events.is_empty()).then_some(LeftAttempt { slot, events })
}

fn put_back(folders: &Folders, hold: &Hold, tickets: impl Iterator<Item = Ticket>) -> Result<u32, QueueError> {
    let mut touched = Touched::default();
    let mut count = 0;
    for ticket in tickets {
        match move_file(&hold.folder, &ticket.name, &folders.pending, ticket.stamp) {
            Ok(_) => {
                touched.add(Place::Held);
                touched.add(Place::Pending);
                count += 1;
            }
            Err(outcome) => {
                tracing::warn!(file = %ticket.name, errno = outcome.errno(), "could not put an event back; it stays held");
            }
        }
    }
    touched.sync(folders, &hold.folder)?;
    Ok(count)
}
