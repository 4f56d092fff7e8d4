//! Emitting: a row is in the queue once the caller is told so, whatever happens to the machine next.

use std::path::PathBuf;
use std::sync::Arc;

use haltline_protocol::{FaultKey, QueueError};
use jiff::Timestamp;

use crate::error::failed;
use crate::folder::Folder;
use crate::layout::{Layout, PENDING};
use crate::names::{candidates, event_name, marker_name};
use crate::vfs::{Vfs, system};

/// What a file that is put into the queue is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowKind {
    /// A halt event.
    Event,
    /// A RESOLVED marker.
    Resolved,
}

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
        Ok(Self { pending: queue.ensure_child(PENDING)?, durable })
    }

    /// Writes a row whole under its own name, or beside what has that name already. `stamp` is the event's time.
    /// Returns where it is.
    ///
    /// # Errors
    /// It could not be written or made durable; nothing half written is left, and the caller may put it again.
    pub fn put(&self, kind: RowKind, key: &FaultKey, stamp: Timestamp, row: &[u8]) -> Result<PathBuf, QueueError> {
        let name = match kind {
            RowKind::Event => event_name(key),
            RowKind::Resolved => marker_name(key),
        };
        let written = self.pending.write_file(row, self.durable)?;
        let Some(name) = written.try_names(&self.pending, candidates(&name, stamp))? else {
            return Err(failed("find a free name for", self.pending.path().join(name), rustix::io::Errno::EXIST));
        };
        if self.durable {
            self.pending.sync()?;
        }
        Ok(self.pending.path().join(name))
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
    fn a_marker_stands_beside_its_event() {
        let home = tempfile::tempdir().unwrap();
        let inlet = Inlet::open(&Layout::new(home.path()), false).unwrap();
        let key = FaultKey { run_id: "r".into(), fault_id: "f".into() };
        let path = inlet.put(RowKind::Resolved, &key, Timestamp::UNIX_EPOCH, b"{}").unwrap();
        assert!(path.ends_with("skill-faults/pending-investigations/r-RESOLVED-f.json"));
    }
}
