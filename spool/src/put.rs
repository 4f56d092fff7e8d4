//! Emitting: a row is in the queue once the caller is told so, whatever happens to the machine next.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;

use haltline_protocol::{FaultKey, Layout, QueueError, candidate_names, event_name, marker_name};
use jiff::Timestamp;

use crate::error::failed;
use crate::folder::Folder;
use crate::new_file::Unnamed;
use crate::vfs::{Vfs, system};

/// What a file that is put into the queue is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowKind {
    /// A halt event.
    Event,
    /// A RESOLVED marker.
    Resolved,
}

/// A row that is to be put into a queue.
#[derive(Debug, Clone)]
pub struct NewRow<'a> {
    /// What it is.
    pub kind: RowKind,
    /// The fault that it is about.
    pub key: FaultKey,
    /// The event's time.
    pub stamp: Timestamp,
    /// The row as it is written.
    pub row: &'a [u8],
}

/// Rows that are flushed together; each takes an open file meanwhile.
const GROUP: usize = 64;

/// Puts rows into a queue.
#[derive(Debug)]
pub struct Inlet {
    pending: Folder,
    durable: bool,
}

impl Inlet {
    /// Opens the queue for emitting, and makes its folders where they are missing. Without `durable` nothing is
    /// flushed: a power cut may lose what was put last.
    ///
    /// # Errors
    /// The folder of waiting events cannot be made or opened.
    pub fn open(layout: &Layout, durable: bool) -> Result<Self, QueueError> {
        Self::open_on(&system(), layout, durable)
    }

    pub(crate) fn open_on(vfs: &Arc<dyn Vfs>, layout: &Layout, durable: bool) -> Result<Self, QueueError> {
        let queue = Folder::ensure_on(vfs, layout.queue())?;
        Ok(Self { pending: queue.ensure_child(Layout::PENDING)?, durable })
    }

    /// Writes a row whole under its own name, or beside what has that name already. `stamp` is the event's time.
    /// Returns where it is.
    ///
    /// # Errors
    /// It could not be written or made durable; nothing half written is left, and the caller may put it again.
    pub fn put(&self, kind: RowKind, key: &FaultKey, stamp: Timestamp, row: &[u8]) -> Result<PathBuf, QueueError> {
        let path = self.give_name(self.pending.write_file(row, self.durable)?, kind, key, stamp)?;
        if self.durable {
            self.pending.sync()?;
        }
        Ok(path)
    }

    /// Writes rows as [`put`](Self::put) does, and flushes them in groups, which takes a fraction of the time. Returns
    /// where each is.
    ///
    /// # Errors
    /// One could not be written or made durable. Nothing half written is left; which of the rows are in the queue is
    /// not known, and the caller may put them all again.
    pub fn put_all(&self, rows: &[NewRow<'_>]) -> Result<Vec<PathBuf>, QueueError> {
        let mut paths = Vec::with_capacity(rows.len());
        for group in rows.chunks(GROUP) {
            let mut written = VecDeque::with_capacity(group.len());
            let put = self.write_group(group, &mut written).and_then(|()| self.name_group(group, &mut written));
            written.iter().for_each(|unnamed| unnamed.forget(&self.pending));
            paths.extend(put?);
        }
        Ok(paths)
    }

    fn write_group(&self, group: &[NewRow<'_>], written: &mut VecDeque<Unnamed>) -> Result<(), QueueError> {
        for new in group {
            written.push_back(self.pending.write_file(new.row, false)?);
        }
        if self.durable {
            let files: Vec<_> = written.iter().map(Unnamed::file).collect();
            let flushed: Result<(), _> = self.pending.sync_files(&files).into_iter().collect();
            flushed.map_err(|errno| failed("write a file in", self.pending.path(), errno))?;
        }
        Ok(())
    }

    fn name_group(&self, group: &[NewRow<'_>], written: &mut VecDeque<Unnamed>) -> Result<Vec<PathBuf>, QueueError> {
        let mut paths = Vec::with_capacity(group.len());
        for new in group {
            let Some(unnamed) = written.pop_front() else { break };
            paths.push(self.give_name(unnamed, new.kind, &new.key, new.stamp)?);
        }
        if self.durable {
            self.pending.sync()?;
        }
        Ok(paths)
    }

    fn give_name(
        &self,
        unnamed: Unnamed,
        kind: RowKind,
        key: &FaultKey,
        stamp: Timestamp,
    ) -> Result<PathBuf, QueueError> {
        let name = match kind {
            RowKind::Event => event_name(key),
            RowKind::Resolved => marker_name(key),
        };
        match unnamed.try_names(&self.pending, candidate_names(&name, stamp))? {
            Some(name) => Ok(self.pending.path().join(name)),
            None => Err(failed("find a free name for", self.pending.path().join(name), rustix::io::Errno::EXIST)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_occurrence_is_never_overwritten_even_by_eight_at_once() {
        let home = tempfile::tempdir().unwrap();
        let layout = Layout::new(home.path());
        let key = FaultKey { run_id: "r".into(), fault_id: "f".into() };
        std::thread::scope(|scope| {
            for number in 0..8 {
                let (layout, key) = (&layout, &key);
                scope.spawn(move || {
                    let inlet = Inlet::open(layout, true).unwrap();
                    for turn in 0..5 {
                        let row = format!("{number}-{turn}");
                        inlet.put(RowKind::Event, key, Timestamp::UNIX_EPOCH, row.as_bytes()).unwrap();
                    }
                });
            }
        });
        let mut rows: Vec<String> = std::fs::read_dir(layout.pending())
            .unwrap()
            .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
            .collect();
        rows.sort();
        let mut expected: Vec<String> = (0..8).flat_map(|n| (0..5).map(move |t| format!("{n}-{t}"))).collect();
        expected.sort();
        assert_eq!(rows, expected);
        assert!(layout.pending().join("r-f.json").is_file());
        assert!(layout.pending().join("r-f~19700101T000000000Z-39.json").is_file());
    }

    #[test]
    fn a_batch_is_put_whole_and_overwrites_nothing() {
        let home = tempfile::tempdir().unwrap();
        let layout = Layout::new(home.path());
        let inlet = Inlet::open(&layout, true).unwrap();
        let texts: Vec<String> = (0..150).map(|number| number.to_string()).collect();
        let new = |text: &'_ String| FaultKey { run_id: "r".into(), fault_id: text[..1].into() };
        let rows: Vec<_> = texts
            .iter()
            .map(|text| NewRow {
                kind: RowKind::Event,
                key: new(text),
                stamp: Timestamp::UNIX_EPOCH,
                row: text.as_bytes(),
            })
            .collect();
        let paths = inlet.put_all(&rows).unwrap();
        let read: Vec<String> = paths.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
        assert_eq!(read, texts);
        assert_eq!(std::fs::read_dir(layout.pending()).unwrap().count(), 150);

        let elsewhere = Layout::new(home.path().join("elsewhere"));
        let inlet = Inlet::open(&elsewhere, true).unwrap();
        rustix::fs::rmdir(elsewhere.pending()).unwrap();
        let error = inlet.put_all(&rows).unwrap_err();
        assert!(error.to_string().contains("pending-investigations"), "{error}");
    }

    #[test]
    fn a_marker_stands_beside_its_event() {
        let home = tempfile::tempdir().unwrap();
        let inlet = Inlet::open(&Layout::new(home.path()), false).unwrap();
        let key = FaultKey { run_id: "r".into(), fault_id: "f".into() };
        let path = inlet.put(RowKind::Resolved, &key, Timestamp::UNIX_EPOCH, b"{}").unwrap();
        assert!(path.ends_with("skill-faults/pending-investigations/r-RESOLVED-f.json"));
    }
}
