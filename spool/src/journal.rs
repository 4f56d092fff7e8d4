//! The journal of one drain: what it is about to do, on disk before it does it.
//!
//! Format: one JSON object a line, appended in groups and flushed (fdatasync(2)) once a group, before the first move
//! of the group. A torn last line was never acted on and is passed over.
//!
//! - `settle`: a file is about to be moved and gets this row. Until the row is acknowledged, recovery looks where the
//!   very file (by its version) is: where it was, nothing happened; where it was to go, the row is due.
//! - `attempt`: claimed events are about to be investigated. Without it nothing was started.
//! - `acknowledged`: analytics has every row up to this number.
//!
//! Numbers go on from the highest in the journal, so a pair of drain and number is never used twice.

use std::borrow::Cow;

use haltline_files::{FileError, Folder, Handle};
use haltline_protocol::{MoveOutcome, MoveState, RowDraft};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use rustix::io::Errno;

/// The journal's name in the drain's folder.
pub(crate) const JOURNAL: &str = "journal";
/// What is read of a journal at a time, in bytes.
const READ_BYTES: usize = 64 << 10;

/// Where a file is, or is to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Place {
    Pending,
    Held,
    Processed,
    DeadLetter,
    Quarantine,
}

/// One line.
#[derive(Debug, Serialize, Deserialize)]
#[expect(clippy::large_enum_variant, reason = "moves are the many: a box would cost an allocation an event")]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Entry<'a> {
    Settle(PlannedMove<'a>),
    Attempt(PlannedAttempt),
    Acknowledged(u64),
}

/// A move that is about to be made, with its row.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PlannedMove<'a> {
    pub(crate) seq: u64,
    pub(crate) ts: Timestamp,
    pub(crate) name: Cow<'a, str>,
    /// The version of the file.
    #[serde(rename = "mark")]
    pub(crate) version: u64,
    pub(crate) from: Place,
    /// None where the row tells of a move that has failed already.
    pub(crate) to: Option<Place>,
    /// What a taken name gets.
    pub(crate) stamp: Timestamp,
    pub(crate) draft: Cow<'a, RowDraft>,
    /// Why it goes into quarantine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<Cow<'a, str>>,
    /// The errno of the move that has failed already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) errno: Option<String>,
}

/// An investigation that is about to begin.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PlannedAttempt {
    pub(crate) seq: u64,
    pub(crate) number: u32,
    pub(crate) begun: Timestamp,
    /// The names of the held events, the leader first.
    pub(crate) events: Vec<String>,
}

/// The journal, open to append.
#[derive(Debug)]
pub(crate) struct Journal {
    file: Handle,
    next_seq: u64,
    last_row: u64,
    acknowledged: u64,
    /// The last group may have been written in part; the next one begins on a line of its own.
    is_torn: bool,
    /// The lines of a group; kept for its room.
    lines: Vec<u8>,
}

/// What a journal of a dead drain says.
#[derive(Debug)]
pub(crate) struct Written {
    /// The moves whose rows analytics may not have.
    pub(crate) moves: Vec<PlannedMove<'static>>,
    pub(crate) attempts: Vec<PlannedAttempt>,
    pub(crate) acknowledged: u64,
    /// Lines that were passed over.
    pub(crate) torn: u64,
    /// The highest number of a row; 0 where there is none.
    pub(crate) last_row: u64,
    last_seq: u64,
    is_empty: bool,
}

impl Journal {
    /// Opens the journal of a drain's folder; `written` is what it holds already.
    pub(crate) fn open(folder: &Folder, written: &Written) -> Result<Self, FileError> {
        let file = folder.append_handle(JOURNAL)?;
        Ok(Self {
            file,
            next_seq: written.last_seq.saturating_add(1),
            last_row: written.last_row,
            acknowledged: written.acknowledged,
            is_torn: !written.is_empty,
            lines: Vec::new(),
        })
    }

    /// The number of the next row or attempt.
    pub(crate) fn next_seq(&mut self) -> u64 {
        self.next_seqs(1)
    }

    /// The first of so many numbers in a row.
    pub(crate) fn next_seqs(&mut self, count: u64) -> u64 {
        let first = self.next_seq;
        self.next_seq = first.saturating_add(count);
        first
    }

    /// Appends entries and makes them durable.
    pub(crate) fn append<'a>(
        &mut self,
        folder: &Folder,
        entries: impl IntoIterator<Item = Entry<'a>>,
    ) -> Result<(), FileError> {
        let path = || folder.path().join(JOURNAL);
        self.lines.clear();
        if self.is_torn {
            self.lines.push(b'\n');
        }
        let mut last_row = None;
        let mut is_empty = true;
        for entry in entries {
            serde_json::to_writer(&mut self.lines, &entry).map_err(|error| FileError::new("write", path(), error))?;
            self.lines.push(b'\n');
            is_empty = false;
            if let Entry::Settle(planned) = entry {
                last_row = last_row.max(Some(planned.seq));
            }
        }
        if is_empty {
            return Ok(());
        }
        self.is_torn = true;
        folder.vfs().write(&self.file, &self.lines).map_err(|errno| FileError::new("write", path(), errno))?;
        self.is_torn = false;
        folder.sync_file_data(&self.file).map_err(|errno| FileError::new("make durable", path(), errno))?;
        self.last_row = self.last_row.max(last_row.unwrap_or(0));
        Ok(())
    }

    /// Whether a row has been numbered that analytics may not have.
    pub(crate) fn has_unacknowledged(&self) -> bool {
        self.last_row > self.acknowledged
    }

    /// Notes that analytics has every row up to a number. Not flushed: where the note is lost, the rows are delivered
    /// again and taken as delivered.
    pub(crate) fn acknowledge(&mut self, folder: &Folder, seq: u64) -> Result<(), FileError> {
        if seq <= self.acknowledged {
            return Ok(());
        }
        self.acknowledged = seq;
        let begin = if self.is_torn { "\n" } else { "" };
        let line = format!("{begin}{{\"acknowledged\":{seq}}}\n");
        self.is_torn = true;
        folder
            .vfs()
            .write(&self.file, line.as_bytes())
            .map_err(|errno| FileError::new("write", folder.path().join(JOURNAL), errno))?;
        self.is_torn = false;
        Ok(())
    }
}

impl Written {
    /// What the journal of a new drain holds.
    pub(crate) fn nothing() -> Self {
        Self {
            moves: Vec::new(),
            attempts: Vec::new(),
            acknowledged: 0,
            torn: 0,
            last_row: 0,
            last_seq: 0,
            is_empty: true,
        }
    }

    /// Reads the journal of a drain's folder; an empty one where there is none. What is acknowledged is forgotten on
    /// the way, so that memory is that of some groups, however many rows there are.
    pub(crate) fn read(folder: &Folder) -> Result<Self, FileError> {
        let mut written = Self::nothing();
        let unreadable = |errno| FileError::new("read", folder.path().join(JOURNAL), errno);
        let file = match folder.open_handle(JOURNAL) {
            Ok((file, _)) => file,
            Err(Errno::NOENT) => return Ok(written),
            Err(errno) => return Err(unreadable(errno)),
        };
        let mut bytes = Vec::new();
        loop {
            let begun = bytes.len();
            bytes.resize(begun + READ_BYTES, 0);
            let length = folder.vfs().read(&file, &mut bytes[begun..]).map_err(unreadable)?;
            bytes.truncate(begun + length);
            if length == 0 {
                written.add_line(&bytes, folder);
                return Ok(written);
            }
            written.is_empty = false;
            let mut lines = bytes.split(|byte| *byte == b'\n');
            let rest = lines.next_back().map_or(0, <[u8]>::len);
            lines.for_each(|line| written.add_line(line, folder));
            bytes.drain(..bytes.len() - rest);
        }
    }

    fn add_line(&mut self, line: &[u8], folder: &Folder) {
        if line.is_empty() {
            return;
        }
        match serde_json::from_slice(line) {
            Ok(entry) => self.add(entry),
            Err(error) => {
                self.torn += 1;
                tracing::warn!(path = %folder.path().display(), %error, "passed over a torn journal line");
            }
        }
    }

    fn add(&mut self, entry: Entry<'static>) {
        match entry {
            Entry::Settle(planned) => {
                self.last_seq = self.last_seq.max(planned.seq);
                self.last_row = self.last_row.max(planned.seq);
                self.moves.push(planned);
            }
            Entry::Attempt(planned) => {
                self.last_seq = self.last_seq.max(planned.seq);
                self.attempts.push(planned);
            }
            Entry::Acknowledged(seq) => {
                self.last_seq = self.last_seq.max(seq);
                self.acknowledged = self.acknowledged.max(seq);
                let acknowledged = self.acknowledged;
                self.moves.retain(|planned| planned.seq > acknowledged);
            }
        }
    }
}

impl PlannedMove<'_> {
    /// The outcome of a move that had failed before it was written down.
    pub(crate) fn earlier_outcome(&self) -> MoveOutcome {
        match &self.errno {
            Some(errno) if errno == "EEXIST" => MoveOutcome::TargetTaken,
            Some(errno) => MoveOutcome::Denied { errno: errno.clone() },
            None => MoveOutcome::Moved,
        }
    }
}

/// The errno of an outcome, where it tells of a failure.
pub(crate) fn errno_to_write(outcome: &MoveOutcome) -> Option<String> {
    (outcome.state() == MoveState::Failed).then(|| outcome.errno().unwrap_or("EIO").to_owned())
}

#[cfg(test)]
mod tests {
    use haltline_protocol::RowOutcome;

    use super::*;

    fn settle(seq: u64) -> Entry<'static> {
        Entry::Settle(PlannedMove {
            seq,
            ts: Timestamp::UNIX_EPOCH,
            name: format!("{seq}.json").into(),
            version: seq,
            from: Place::Pending,
            to: Some(Place::Processed),
            stamp: Timestamp::UNIX_EPOCH,
            draft: Cow::Owned(RowDraft::new(RowOutcome::AuditSkipped, format!("{seq}.json"))),
            reason: None,
            errno: None,
        })
    }

    #[test]
    fn what_was_not_acknowledged_is_found_again_behind_a_torn_line() {
        let home = tempfile::tempdir().unwrap();
        let folder = Folder::open(home.path()).unwrap();
        let mut journal = Journal::open(&folder, &Written::nothing()).unwrap();
        assert_eq!(journal.next_seq(), 1);
        journal.append(&folder, [settle(1), settle(2)]).unwrap();
        journal.acknowledge(&folder, 1).unwrap();
        folder.vfs().write(&journal.file, br#"{"settle":{"seq":3,"ts"#).unwrap();

        let written = Written::read(&folder).unwrap();
        let mut journal = Journal::open(&folder, &written).unwrap();
        assert_eq!(journal.next_seq(), 3, "nothing was done under the torn number");
        journal.append(&folder, [settle(3)]).unwrap();

        let numbers: Vec<_> = Written::read(&folder).unwrap().moves.iter().map(|planned| planned.seq).collect();
        assert_eq!(numbers, [2, 3]);
    }

    #[test]
    fn of_a_long_journal_only_what_is_not_acknowledged_is_kept() {
        let home = tempfile::tempdir().unwrap();
        let folder = Folder::open(home.path()).unwrap();
        let mut journal = Journal::open(&folder, &Written::nothing()).unwrap();
        for group in 0..10 {
            journal.append(&folder, (1..=100).map(|number| settle(group * 100 + number))).unwrap();
            journal.acknowledge(&folder, group * 100).unwrap();
        }
        let written = Written::read(&folder).unwrap();
        assert_eq!((written.last_row, written.acknowledged, written.moves.len()), (1000, 900, 100));
        assert!(written.moves.capacity() < 512, "all moves were kept at once");
    }
}
