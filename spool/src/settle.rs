//! Settling: the journal first, then the moves, then the folders made durable, and only then the rows.

use std::borrow::Cow;

use haltline_files::{FileError, Folder};
use haltline_protocol::{
    Delivery, Destination, MoveOutcome, Row, RowOutcome, Settled, Settlement, Ticket, candidate_names,
};
use jiff::Timestamp;
use serde_json::json;

use crate::folders::Folders;
use crate::journal::{Entry, Place, PlannedMove, errno_to_write};
use crate::moves::{Moved, move_file, move_very_file};
use crate::scan::LARGEST_ROW;
use crate::session_folder::SessionFolder;
use crate::version::version;

impl SessionFolder {
    /// Moves files and returns their rows, complete, in order.
    pub(crate) fn settle(
        &self,
        folders: &Folders,
        mut settlements: Vec<Settlement>,
    ) -> Result<Vec<Settled>, FileError> {
        for settlement in &mut settlements {
            self.note_delivery(settlement)?;
        }
        let ts = Timestamp::now();
        let first = self.plan(&settlements, ts)?;
        let turn = self.turn();
        let mut numbers = first..;
        let mut touched = Touched::default();
        let mut settled = Vec::with_capacity(settlements.len());
        for Settlement { ticket, to, draft } in settlements {
            let outcome = match &to {
                Destination::Stay(outcome) => outcome.clone(),
                _ => self.carry_out(folders, &ticket, &to, draft.as_ref().map(|draft| draft.outcome), &mut touched),
            };
            let row = draft
                .and_then(|draft| Some(Row::complete(ts, self.drain_id.clone(), numbers.next()?, draft, &outcome)));
            settled.push(Settled { ticket, row, outcome });
        }
        drop(turn);
        touched.sync(folders, &self.folder)?;
        Ok(settled)
    }

    /// Writes what is about to happen into the journal; the number of the first row, from which the others count on.
    fn plan(&self, settlements: &[Settlement], ts: Timestamp) -> Result<u64, FileError> {
        let rows = settlements.iter().filter(|settlement| settlement.draft.is_some()).count() as u64;
        let mut journal = self.journal();
        let first = journal.next_seqs(rows);
        let drafted =
            settlements.iter().filter_map(|Settlement { ticket, to, draft }| Some((ticket, to, draft.as_ref()?)));
        let entries = drafted.zip(first..).map(|((ticket, to, draft), seq)| {
            Entry::Settle(PlannedMove {
                seq,
                ts,
                name: Cow::Borrowed(&ticket.name),
                version: ticket.version,
                from: source(ticket),
                to: target(to),
                stamp: ticket.stamp,
                draft: Cow::Borrowed(draft),
                reason: reason(to).map(Cow::Borrowed),
                errno: match to {
                    Destination::Stay(outcome) => errno_to_write(outcome),
                    _ => None,
                },
            })
        });
        journal.append(&self.folder, entries)?;
        Ok(first)
    }

    fn carry_out(
        &self,
        folders: &Folders,
        ticket: &Ticket,
        to: &Destination,
        planned_outcome: Option<RowOutcome>,
        touched: &mut Touched,
    ) -> MoveOutcome {
        let (Some(target), source) = (target(to), source(ticket)) else { return MoveOutcome::Moved };
        let (from_folder, to_folder) = (folders.at(source, &self.folder), folders.at(target, &self.folder));
        // What is held is this drain's alone, and an audit event is claimed by nobody: their names are sure. Any
        // other file that waits could have been claimed, and its name emitted again, since it was read. It goes by way
        // of the session, so that the wrong file, should a kill come before it is put back, is put back by recovery.
        let moved = if ticket.claimed || planned_outcome == Some(RowOutcome::AuditSkipped) {
            move_file(from_folder, &ticket.name, to_folder, ticket.stamp)
        } else {
            touched.add(Place::Held);
            move_very_file(from_folder, &ticket.name, ticket.version, &self.folder, ticket.stamp)
                .and_then(|held| move_file(&self.folder, &held, to_folder, ticket.stamp))
        };
        if moved.is_ok() {
            // The target is flushed first: a power cut between the two may leave a file in both, never in none.
            touched.add(target);
            touched.add(source);
        }
        if let (Ok(name), Some(reason)) = (&moved, reason(to)) {
            file_reason(to_folder, name, reason);
        }
        outcome(moved)
    }

    /// Writes what an attempt left into the event, while it is still held.
    fn note_delivery(&self, settlement: &mut Settlement) -> Result<(), FileError> {
        let delivery = match &settlement.to {
            Destination::Pending(Some(delivery)) | Destination::DeadLetter(delivery) if settlement.ticket.claimed => {
                delivery
            }
            _ => return Ok(()),
        };
        let name = &settlement.ticket.name;
        let Some(bytes) = self.folder.read(name, LARGEST_ROW)? else { return Ok(()) };
        self.folder.replace(name, &with_delivery(&bytes, delivery, &self.folder, name)?)?;
        let stat = self
            .folder
            .stat(name)
            .map_err(|errno| FileError::new("look at", self.folder.path().join(&**name), errno))?;
        settlement.ticket.version = version(&stat);
        Ok(())
    }
}

/// The folders whose names a group of moves has changed.
#[derive(Default)]
pub(crate) struct Touched(Vec<Place>);

impl Touched {
    pub(crate) fn add(&mut self, place: Place) {
        if !self.0.contains(&place) {
            self.0.push(place);
        }
    }

    pub(crate) fn sync(&self, folders: &Folders, held: &Folder) -> Result<(), FileError> {
        self.0.iter().try_for_each(|place| folders.at(*place, held).sync())
    }
}

/// The row with another `delivery`; without one where there is nothing left to keep.
pub(crate) fn with_delivery(
    bytes: &[u8],
    delivery: &Delivery,
    folder: &Folder,
    name: &str,
) -> Result<Vec<u8>, FileError> {
    delivery.write_into(bytes).map_err(|error| FileError {
        action: "rewrite",
        path: folder.path().join(name),
        source: error.into(),
        hint: None,
    })
}

/// Puts the reason beside a file in quarantine. The file is safe already; a reason that cannot be written is told.
pub(crate) fn file_reason(quarantine: &Folder, name: &str, reason: &str) {
    let note = json!({
        "file": name,
        "reason": reason,
        "quarantinedAt": haltline_protocol::rfc3339_millis(Timestamp::now()),
    });
    let text = format!("{note:#}\n");
    for candidate in candidate_names(&format!("{name}.reason.json"), Timestamp::now()) {
        match quarantine.create_new(&candidate, text.as_bytes()) {
            Ok(true) => return,
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(%error, file = name, reason, "could not write why a file is in quarantine");
                return;
            }
        }
    }
}

pub(crate) fn outcome(moved: Moved) -> MoveOutcome {
    match moved {
        Ok(_) => MoveOutcome::Moved,
        Err(outcome) => outcome,
    }
}

fn source(ticket: &Ticket) -> Place {
    if ticket.claimed { Place::Held } else { Place::Pending }
}

fn target(to: &Destination) -> Option<Place> {
    match to {
        Destination::Processed => Some(Place::Processed),
        Destination::Pending(_) => Some(Place::Pending),
        Destination::DeadLetter(_) => Some(Place::DeadLetter),
        Destination::Quarantine(_) => Some(Place::Quarantine),
        Destination::Stay(_) => None,
    }
}

fn reason(to: &Destination) -> Option<&str> {
    match to {
        Destination::Quarantine(reason) => Some(reason),
        _ => None,
    }
}
