//! What a person changes in a queue by hand, under the settle lock: nobody settles free, recovers or upgrades meanwhile.
//!
//! An event that waits is changed as a drain would: moved into a session of one's own, rewritten there, moved back. One
//! that was dead-lettered is rewritten where it lies, since only the holder of the settle lock takes anything from there,
//! and then goes the same way. All leave before the first comes back: no drain meets half of a fault. A kill leaves a
//! dead session, and the next drain puts back what is in it. A fault of which a drain holds anything is left alone, and so
//! is a file whose row may not be recorded: recovery finds it by its version.

use std::collections::HashMap;
use std::path::PathBuf;

use haltline_files::{Entry, FileError, Folder, Handle, errno_named, system};
use haltline_protocol::{Change, ControlError, Delivery, FaultKey, Layout, MoveOutcome, Ticket, WaitingBody};
use jiff::Timestamp;
use rustix::io::Errno;

use crate::error::queue_error;
use crate::folders::Folders;
use crate::journal::Written;
use crate::looking::{are_in, if_there};
use crate::moves::{move_file, move_very_file};
use crate::scan::{LARGEST_ROW, is_row_name, look_at};
use crate::session_folder::{SessionFolder, new_drain_id};
use crate::sessions::{SETTLE_LOCK, sessions};
use crate::settle::with_delivery;
use crate::version::versions;

/// A queue in the hands of a person.
#[derive(Debug)]
pub(crate) struct Operator {
    pub(crate) folders: Folders,
    _settle_lock: Handle,
}

/// Why nothing was changed: a file failed, or the queue is not free.
#[derive(Debug)]
pub(crate) enum OperatorError {
    File(FileError),
    Refused(ControlError),
}

impl From<FileError> for OperatorError {
    fn from(error: FileError) -> Self {
        Self::File(error)
    }
}

impl From<OperatorError> for ControlError {
    fn from(error: OperatorError) -> Self {
        match error {
            OperatorError::File(error) => queue_error(error).into(),
            OperatorError::Refused(error) => error,
        }
    }
}

/// The refusal that names the drains which live.
fn busy_with(in_flight: &Folder) -> Result<OperatorError, FileError> {
    let live = sessions(in_flight)?
        .into_iter()
        .map(|(drain_id, _)| drain_id)
        .filter(|id| SessionFolder::is_live(in_flight, id));
    Ok(OperatorError::Refused(ControlError::Busy(live.collect())))
}

/// An event that is to be changed.
struct Chosen {
    ticket: Ticket,
    /// The versions under which a journal may know it.
    versions: [u64; 2],
    delivery: Delivery,
}

impl Chosen {
    /// The drain that has not recorded yet what became of it.
    fn drain_of<'a>(&self, unrecorded: &'a HashMap<u64, String>) -> Option<&'a String> {
        self.versions.iter().find_map(|version| unrecorded.get(version))
    }
}

impl Operator {
    /// Takes the settle lock of a queue.
    ///
    /// # Errors
    /// Somebody else has it, or the queue cannot be opened.
    pub(crate) fn open(layout: &Layout) -> Result<Self, OperatorError> {
        let folders = Folders::open(&system(), layout)?;
        match folders.in_flight.lock_handle(SETTLE_LOCK)? {
            Some(lock) => Ok(Self { folders, _settle_lock: lock }),
            None => Err(busy_with(&folders.in_flight)?),
        }
    }

    /// Changes what the events of a fault keep of earlier attempts, durably; those for which the change has nothing new
    /// stay as they are. Every other field is kept to the byte. Returns where the changed events are.
    ///
    /// # Errors
    /// The fault is in flight or not quite recorded, and nothing was changed; or the queue failed. Then each event is
    /// where it was, or in a session that the next drain gives back.
    pub(crate) fn change(&self, key: &FaultKey, change: Change) -> Result<Vec<PathBuf>, OperatorError> {
        self.refuse_in_flight(key)?;
        let waiting = choose(&self.folders.pending, key, |old| change.apply(old))?;
        let mut given_up = if change.brings_back() {
            // All of them have to come back: one that stays would draw the others after it.
            choose(&self.folders.dead_letter, key, |old| Some(change.apply(old).unwrap_or_else(|| old.clone())))?
        } else {
            Vec::new()
        };
        if waiting.is_empty() && given_up.is_empty() {
            return Ok(Vec::new());
        }
        let unrecorded = unrecorded(&self.folders.in_flight)?;
        if let Some(drain) = waiting.iter().chain(&given_up).find_map(|chosen| chosen.drain_of(&unrecorded)) {
            return Err(OperatorError::Refused(ControlError::Unrecorded(drain.clone())));
        }
        let in_flight = &self.folders.in_flight;
        let session = SessionFolder::create(in_flight, new_drain_id(in_flight)?)?;
        let mut held = Vec::with_capacity(waiting.len() + given_up.len());
        for Chosen { ticket, delivery, .. } in &waiting {
            match move_very_file(&self.folders.pending, &ticket.name, ticket.version, &session.folder, ticket.stamp) {
                Ok(name) => held.push((name, ticket.stamp, Some(delivery))),
                Err(outcome) => {
                    // A drain was quicker with one of them: it has the fault, and the others go back to it.
                    self.put_back(&session, held.iter().map(|(name, stamp, _)| (name.as_str(), *stamp)))?;
                    self.refuse_in_flight(key)?;
                    if outcome == MoveOutcome::AlreadyGone {
                        return Err(busy_with(in_flight)?);
                    }
                    return Err(unmoved(&self.folders.pending, &ticket.name, &outcome).into());
                }
            }
        }
        for Chosen { ticket, delivery, .. } in &mut given_up {
            rewrite(&self.folders.dead_letter, &ticket.name, delivery)?;
            let dead_letter = &self.folders.dead_letter;
            let name = move_file(dead_letter, &ticket.name, &session.folder, ticket.stamp)
                .map_err(|outcome| unmoved(dead_letter, &ticket.name, &outcome))?;
            held.push((name, ticket.stamp, None));
        }
        session.folder.sync()?;
        self.folders.pending.sync()?;
        self.folders.dead_letter.sync()?;
        for (name, _, delivery) in &held {
            if let Some(delivery) = delivery {
                rewrite(&session.folder, name, delivery)?;
            }
        }
        let names = held.iter().map(|(name, stamp, _)| (name.as_str(), *stamp));
        Ok(self.put_back(&session, names)?)
    }

    /// Lets what is held wait again, and takes the session away.
    fn put_back<'a>(
        &self,
        session: &SessionFolder,
        held: impl Iterator<Item = (&'a str, Timestamp)>,
    ) -> Result<Vec<PathBuf>, FileError> {
        let pending = &self.folders.pending;
        let mut paths = Vec::new();
        for (name, stamp) in held {
            let moved = move_file(&session.folder, name, pending, stamp)
                .map_err(|outcome| unmoved(&session.folder, name, &outcome))?;
            paths.push(pending.path().join(moved));
        }
        pending.sync()?;
        session.folder.sync()?;
        session.remove(&self.folders.in_flight)?;
        Ok(paths)
    }

    /// Refuses a fault of which a drain holds anything.
    fn refuse_in_flight(&self, key: &FaultKey) -> Result<(), OperatorError> {
        let in_flight = &self.folders.in_flight;
        for (drain_id, folder) in sessions(in_flight)? {
            if if_there(are_in(&folder, std::slice::from_ref(key)))?.is_some_and(|are_in| are_in.contains(&true)) {
                let is_live = SessionFolder::is_live(in_flight, &drain_id);
                return Err(OperatorError::Refused(if is_live {
                    ControlError::InFlight(drain_id)
                } else {
                    ControlError::Abandoned(drain_id)
                }));
            }
        }
        Ok(())
    }
}

fn unmoved(folder: &Folder, name: &str, outcome: &MoveOutcome) -> FileError {
    FileError::new("move", folder.path().join(name), outcome.errno().and_then(errno_named).unwrap_or(Errno::IO))
}

/// The versions of files whose rows may not be recorded yet, with the drain that has to. Read after the files were
/// listed: what was there then stood in a journal before.
pub(crate) fn unrecorded(in_flight: &Folder) -> Result<HashMap<u64, String>, FileError> {
    let mut versions = HashMap::new();
    for (drain_id, folder) in sessions(in_flight)? {
        for planned in Written::read(&folder)?.moves {
            versions.insert(planned.version, drain_id.clone());
        }
    }
    Ok(versions)
}

/// The events of a fault in a folder for which there is something new to keep.
fn choose(
    folder: &Folder,
    key: &FaultKey,
    edit: impl Fn(&Delivery) -> Option<Delivery>,
) -> Result<Vec<Chosen>, FileError> {
    let names = folder.names()?.into_iter().filter(|entry| is_row_name(&entry.name));
    let choose = |entry: Entry| {
        let waiting = look_at(folder, &entry.name)?;
        let WaitingBody::Event(event) = waiting.body else { return None };
        let delivery = if event.key() == *key { edit(&event.delivery)? } else { return None };
        let versions = versions(&folder.stat(&entry.name).ok()?);
        Some(Chosen { ticket: waiting.ticket, versions, delivery })
    };
    Ok(names.filter_map(choose).collect())
}

/// Writes an event anew with another `delivery`, durably, with its permissions and its time.
fn rewrite(folder: &Folder, name: &str, delivery: &Delivery) -> Result<(), FileError> {
    let unreadable = |errno| FileError::new("read", folder.path().join(name), errno);
    let (file, stat) = folder.open_handle(name).map_err(unreadable)?;
    let bytes = folder.read_handle(&file, &stat, LARGEST_ROW).map_err(unreadable)?;
    let bytes = with_delivery(&bytes, delivery, folder, name)?;
    folder.replace_like(name, &bytes, &stat)
}
