//! The outbox of a best-effort sink: `H/outbox/<sink>/`, where its records lie until they are delivered.
//!
//! A batch is one file, whole and durable when it has its name: `<stamp>-<number>-<records>.jsonl`. The names sort in
//! the order of delivery, and say how old a file is and how many records are in it without a look inside. Drains share
//! an outbox: each puts its own files, and whoever holds `lock` delivers those of all.

use std::collections::HashSet;
use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use haltline_files::{FileError, Folder};
use haltline_protocol::{DrainId, Record, compact_stamp};
use jiff::{SignedDuration, Timestamp};

/// What outboxes write in a home, as patterns of paths.
pub const OUTBOX_FILES: &[&str] = &["outbox/*/lock", "outbox/*/*.jsonl"];
/// The lock file, held while files are delivered.
const LOCK: &str = "lock";
/// The most that lies in an outbox, in bytes. The oldest files make room for new ones.
const MOST_BYTES: u64 = 16 << 20;
/// How long a file lies in an outbox at most.
const LONGEST: SignedDuration = SignedDuration::from_hours(7 * 24);
/// The digits of the number in a name. It tells files of one millisecond apart.
const NUMBER_DIGITS: usize = 6;

/// The outbox of one sink.
#[derive(Debug)]
pub(crate) struct Outbox {
    folder: PathBuf,
    dropped: AtomicU64,
}

/// Who may deliver from an outbox.
#[derive(Debug)]
pub(crate) enum Access {
    /// This drain, while it keeps the lock.
    Ours(File),
    /// Another drain.
    Theirs,
    /// Nothing was ever put there.
    Missing,
}

/// One file of an outbox.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Batch {
    name: String,
    /// How many records it has.
    pub(crate) records: u64,
}

impl Outbox {
    /// Takes the outbox of a sink. Nothing is made before there is something to keep.
    pub(crate) fn new(outboxes: PathBuf, sink: &str) -> Self {
        Self { folder: outboxes.join(sink), dropped: AtomicU64::new(0) }
    }

    /// Puts the records that are wanted into the outbox durably, and drops the oldest where they are too many. On a
    /// replay, records that lie there already are left out.
    ///
    /// # Errors
    /// The records cannot be written; they count as dropped.
    pub(crate) fn put(&self, records: &[Record], wanted: fn(&Record) -> bool, replay: bool) -> Result<(), FileError> {
        let records: Vec<_> = records.iter().filter(|record| wanted(record)).collect();
        self.try_put(&records, replay).inspect_err(|_| self.drop_records(records.len() as u64))
    }

    fn try_put(&self, records: &[&Record], replay: bool) -> Result<(), FileError> {
        let folder = Folder::ensure(&self.folder)?;
        let batches = self.batches(&folder)?;
        let known = if replay { known_pairs(&folder, &batches)? } else { HashSet::new() };
        let (mut lines, mut count) = (Vec::new(), 0);
        for record in records {
            let (drain_id, seq) = record.pair();
            if replay && known.contains(&(drain_id.clone(), seq)) {
                continue;
            }
            lines
                .extend(record.to_line().map_err(|error| FileError::new("write a record into", folder.path(), error))?);
            lines.push(b'\n');
            count += 1;
        }
        if count == 0 {
            return Ok(());
        }
        if lines.len() as u64 > MOST_BYTES {
            self.drop_records(count);
            return Ok(());
        }
        self.make_room(&folder, &batches, lines.len() as u64)?;
        let mut newest = batches.last().map(|batch| batch.name.clone()).unwrap_or_default();
        loop {
            let name = name_after(&newest, count);
            if folder.create_new(&name, &lines)? {
                return Ok(());
            }
            // Another drain took the name.
            newest = name;
        }
    }

    /// Drops the oldest files until there is room.
    fn make_room(&self, folder: &Folder, batches: &[Batch], bytes: u64) -> Result<(), FileError> {
        let size = |batch: &Batch| folder.stat(&batch.name).map_or(0, |stat| u64::try_from(stat.st_size).unwrap_or(0));
        let mut total: u64 = bytes + batches.iter().map(size).sum::<u64>();
        for batch in batches {
            if total <= MOST_BYTES {
                break;
            }
            total -= size(batch);
            folder.remove_own(&batch.name)?;
            self.drop_records(batch.records);
        }
        Ok(())
    }

    /// Tries to take the right to deliver.
    pub(crate) fn lock(&self) -> Result<Access, FileError> {
        match Folder::open(&self.folder) {
            Err(error) if error.is_missing() => Ok(Access::Missing),
            Err(error) => Err(error),
            Ok(folder) => Ok(folder.try_lock(LOCK)?.map_or(Access::Theirs, Access::Ours)),
        }
    }

    /// Returns the oldest file and its records, once those that are too old are dropped. Lines that cannot be read are
    /// left out.
    pub(crate) fn oldest(&self) -> Result<Option<(Batch, Vec<Record>)>, FileError> {
        let folder = Folder::open(&self.folder)?;
        for batch in self.batches(&folder)? {
            // Another drain may have dropped it to make room.
            let Some(bytes) = folder.read(&batch.name, MOST_BYTES)? else { continue };
            return Ok(Some((batch, lines(&bytes).filter_map(Record::from_line).collect())));
        }
        Ok(None)
    }

    /// Lists the files in the order of delivery, once those that are too old are dropped.
    fn batches(&self, folder: &Folder) -> Result<Vec<Batch>, FileError> {
        let too_old = Timestamp::now().checked_sub(LONGEST).map(compact_stamp).unwrap_or_default();
        let mut batches = list(folder)?;
        let kept = batches.split_off(batches.partition_point(|batch| batch.name < too_old));
        for batch in batches {
            folder.remove_own(&batch.name)?;
            self.drop_records(batch.records);
        }
        Ok(kept)
    }

    /// Takes a file away of which so many records are delivered; those that could not be read are dropped with it.
    pub(crate) fn remove(&self, batch: &Batch, delivered: usize) -> Result<(), FileError> {
        Folder::open(&self.folder)?.remove_own(&batch.name)?;
        self.drop_records(batch.records.saturating_sub(delivered as u64));
        Ok(())
    }

    /// Counts the records that lie in the outbox.
    pub(crate) fn waiting(&self) -> u64 {
        let batches = Folder::open(&self.folder).and_then(|folder| list(&folder));
        batches.map_or(0, |batches| batches.iter().map(|batch| batch.records).sum())
    }

    /// Returns how many records this drain dropped.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    fn drop_records(&self, count: u64) {
        self.dropped.fetch_add(count, Ordering::Relaxed);
    }
}

/// Lists the files in the order of delivery. What has another name is not ours.
fn list(folder: &Folder) -> Result<Vec<Batch>, FileError> {
    let mut batches: Vec<_> = folder.names()?.into_iter().filter_map(|entry| Batch::of(entry.name)).collect();
    batches.sort_unstable();
    Ok(batches)
}

impl Batch {
    fn of(name: String) -> Option<Self> {
        let mut parts = name.strip_suffix(".jsonl")?.split('-');
        let (stamp, number, records) = (parts.next()?, parts.next()?, parts.next()?.parse().ok()?);
        let is_ours = stamp.len() == compact_stamp(Timestamp::UNIX_EPOCH).len()
            && number.len() == NUMBER_DIGITS
            && (stamp.bytes().chain(number.bytes())).all(|byte| byte.is_ascii_digit() || b"TZ".contains(&byte))
            && parts.next().is_none();
        is_ours.then_some(Self { name, records })
    }
}

/// Returns the next name: of the present, or right after the newest one where the clock says that it is of later.
fn name_after(newest: &str, records: u64) -> String {
    let now = compact_stamp(Timestamp::now());
    let mut parts = newest.split('-');
    let (stamp, number) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let (stamp, number) = match number.parse::<u32>() {
        Ok(number) if stamp >= now.as_str() => (stamp, number + 1),
        _ => (now.as_str(), 0),
    };
    format!("{stamp}-{number:0NUMBER_DIGITS$}-{records}.jsonl")
}

fn known_pairs(folder: &Folder, batches: &[Batch]) -> Result<HashSet<(DrainId, u64)>, FileError> {
    let mut known = HashSet::new();
    for batch in batches {
        let bytes = folder.read(&batch.name, MOST_BYTES)?.unwrap_or_default();
        known.extend(lines(&bytes).filter_map(Record::from_line).map(|record| {
            let (drain_id, seq) = record.pair();
            (drain_id.clone(), seq)
        }));
    }
    Ok(known)
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use haltline_protocol::{MoveOutcome, Row, RowDraft, RowOutcome};

    use super::*;

    fn row(seq: u64, bytes: usize) -> Record {
        let draft = RowDraft::new(RowOutcome::AuditSkipped, "x".repeat(bytes));
        Record::Settled(Row::complete(Timestamp::UNIX_EPOCH, "d".into(), seq, draft, &MoveOutcome::Moved))
    }

    fn all(_: &Record) -> bool {
        true
    }

    fn setup() -> (tempfile::TempDir, Outbox) {
        let home = tempfile::tempdir().unwrap();
        let outbox = Outbox::new(home.path().join("outbox"), "hook");
        (home, outbox)
    }

    fn names(home: &tempfile::TempDir) -> Vec<String> {
        let entries = fs::read_dir(home.path().join("outbox/hook")).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Takes everything out, in the order of delivery.
    fn empty(outbox: &Outbox) -> Vec<u64> {
        let mut seqs = Vec::new();
        while let Some((batch, records)) = outbox.oldest().unwrap() {
            seqs.extend(records.iter().map(|record| record.pair().1));
            outbox.remove(&batch, records.len()).unwrap();
        }
        seqs
    }

    #[test]
    fn records_come_out_in_the_order_in_which_they_were_put() {
        let (home, outbox) = setup();
        assert!(matches!(outbox.lock(), Ok(Access::Missing)));
        assert!(!home.path().join("outbox").try_exists().unwrap());
        for seq in 0..20 {
            outbox.put(&[row(2 * seq, 1), row(2 * seq + 1, 1)], all, false).unwrap();
        }
        assert_eq!((outbox.waiting(), outbox.dropped()), (40, 0));
        let folder = home.path().join("outbox/hook");
        let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&folder), mode(&folder.join(&names(&home)[0]))), (0o700, 0o600));
        assert_eq!(empty(&outbox), (0..40).collect::<Vec<_>>());
        assert_eq!(names(&home), Vec::<String>::new());
    }

    #[test]
    fn a_clock_that_was_ahead_does_not_change_the_order() {
        let (home, outbox) = setup();
        outbox.put(&[row(1, 1)], all, false).unwrap();
        let folder = Folder::open(&home.path().join("outbox/hook")).unwrap();
        let name = &names(&home)[0];
        folder.move_to(name, &folder, "29991231T235959999Z-000009-1.jsonl").unwrap();
        outbox.put(&[row(2, 1)], all, false).unwrap();
        assert_eq!(names(&home)[1], "29991231T235959999Z-000010-1.jsonl");
        assert_eq!(empty(&outbox), [1, 2]);
    }

    #[test]
    fn a_replay_puts_only_what_does_not_lie_there() {
        let (_home, outbox) = setup();
        outbox.put(&[row(1, 1), row(2, 1)], all, false).unwrap();
        outbox.put(&[row(1, 1), row(2, 1), row(3, 1)], all, true).unwrap();
        outbox.put(&[row(1, 1)], all, true).unwrap();
        assert_eq!(empty(&outbox), [1, 2, 3]);
    }

    #[test]
    fn the_oldest_make_room_and_are_counted() {
        let (home, outbox) = setup();
        for seq in 0..10 {
            outbox.put(&[row(2 * seq, 1 << 20), row(2 * seq + 1, 1 << 20)], all, false).unwrap();
        }
        let bytes: u64 =
            names(&home).iter().map(|name| home.path().join("outbox/hook").join(name).metadata().unwrap().len()).sum();
        assert!(bytes <= MOST_BYTES, "{bytes}");
        assert_eq!((outbox.waiting(), outbox.dropped()), (14, 6));
        outbox.put(&[row(99, 17 << 20)], all, false).unwrap();
        assert_eq!((outbox.waiting(), outbox.dropped()), (14, 7), "what never fits pushes nothing out");
        assert_eq!(empty(&outbox), (6..20).collect::<Vec<_>>());
    }

    #[test]
    fn what_is_too_old_or_cannot_be_read_is_dropped_and_counted() {
        let (home, outbox) = setup();
        for seq in 1..=3 {
            outbox.put(&[row(seq, 1), row(10 + seq, 1)], all, false).unwrap();
        }
        let folder = Folder::open(&home.path().join("outbox/hook")).unwrap();
        let names = names(&home);
        folder.move_to(&names[0], &folder, "20200101T000000000Z-000000-2.jsonl").unwrap();
        fs::write(home.path().join("outbox/hook").join(&names[1]), "{\n\0\n").unwrap();
        fs::write(home.path().join("outbox/hook/notes.txt"), "somebody's own").unwrap();
        assert_eq!(empty(&outbox), [3, 13]);
        assert_eq!((outbox.waiting(), outbox.dropped()), (0, 4));
        let old = home.path().join("outbox/hook/20200101T000000000Z-000000-2.jsonl");
        fs::write(&old, "").unwrap();
        outbox.put(&[row(4, 1)], all, false).unwrap();
        assert_eq!((outbox.waiting(), outbox.dropped(), old.try_exists().unwrap()), (1, 6, false));
        assert!(home.path().join("outbox/hook/notes.txt").is_file());
    }

    #[test]
    fn one_drain_at_a_time_delivers() {
        let (home, outbox) = setup();
        outbox.put(&[row(1, 1)], all, false).unwrap();
        let other = Outbox::new(home.path().join("outbox"), "hook");
        let lock = outbox.lock().unwrap();
        assert!(matches!((&lock, other.lock()), (Access::Ours(_), Ok(Access::Theirs))));
        other.put(&[row(2, 1)], all, false).unwrap();
        assert_eq!(empty(&outbox), [1, 2]);
        drop(lock);
        assert!(matches!(other.lock(), Ok(Access::Ours(_))));
    }

    #[test]
    fn what_cannot_be_written_is_dropped_and_counted() {
        let (home, outbox) = setup();
        fs::write(home.path().join("outbox"), "").unwrap();
        outbox.put(&[row(1, 1), row(2, 1)], all, false).unwrap_err();
        assert_eq!((outbox.waiting(), outbox.dropped()), (0, 2));
    }
}
