//! Emitting: a row is in the queue once the caller is told so, whatever happens to the machine next.

use std::collections::VecDeque;
use std::sync::Arc;

use haltline_files::{FileError, Folder, Unnamed, Vfs, system};
use haltline_protocol::{
    Intake, LARGEST_GROUP, Layout, NewRow, QueueError, RowKind, candidate_names, event_name, marker_name,
};

use crate::error::queue_error;

/// Puts rows into a queue of files.
#[derive(Debug)]
pub struct SpoolIntake {
    pending: Folder,
    durable: bool,
}

impl SpoolIntake {
    /// Opens the queue for emitting, and makes its folders where they are missing. Without `durable` nothing is
    /// flushed: a power cut may lose what was put last.
    ///
    /// # Errors
    /// The folder of waiting events cannot be made or opened.
    pub fn open(layout: &Layout, durable: bool) -> Result<Self, QueueError> {
        Self::open_on(&system(), layout, durable)
    }

    /// Opens the queue for emitting as [`open`](Self::open) does, on another file system.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_on(vfs: &Arc<dyn Vfs>, layout: &Layout, durable: bool) -> Result<Self, QueueError> {
        let pending = Folder::ensure_on(vfs, layout.queue()).and_then(|queue| queue.ensure_child(Layout::PENDING));
        Ok(Self { pending: pending.map_err(queue_error)?, durable })
    }

    fn try_put(&self, row: &NewRow<'_>) -> Result<String, FileError> {
        let place = self.give_name(self.pending.write_file(row.row, self.durable)?, row)?;
        self.sync_names()?;
        Ok(place)
    }

    fn write_group(&self, group: &[NewRow<'_>], written: &mut VecDeque<Unnamed>) -> Result<(), FileError> {
        for new in group {
            written.push_back(self.pending.write_file(new.row, false)?);
        }
        if self.durable {
            let files: Vec<_> = written.iter().map(Unnamed::file).collect();
            let flushed: Result<(), _> = self.pending.sync_files(&files).into_iter().collect();
            flushed.map_err(|errno| FileError::new("write a file in", self.pending.path(), errno))?;
        }
        Ok(())
    }

    fn give_name(&self, unnamed: Unnamed, new: &NewRow<'_>) -> Result<String, FileError> {
        let name = match new.kind {
            RowKind::Event => event_name(&new.key),
            RowKind::Resolved => marker_name(&new.key),
        };
        match unnamed.try_names(&self.pending, candidate_names(&name, new.stamp))? {
            Some(name) => Ok(self.pending.path().join(name).display().to_string()),
            None => {
                Err(FileError::new("find a free name for", self.pending.path().join(name), rustix::io::Errno::EXIST))
            }
        }
    }

    fn sync_names(&self) -> Result<(), FileError> {
        if self.durable { self.pending.sync() } else { Ok(()) }
    }
}

impl Intake for SpoolIntake {
    fn put(&self, row: &NewRow<'_>) -> Result<String, QueueError> {
        self.try_put(row).map_err(queue_error)
    }

    fn put_group(&self, rows: &[NewRow<'_>]) -> Result<Vec<Result<String, QueueError>>, QueueError> {
        debug_assert!(rows.len() <= LARGEST_GROUP, "each row takes an open file");
        let mut written = VecDeque::with_capacity(rows.len());
        if let Err(error) = self.write_group(rows, &mut written) {
            written.iter().for_each(|unnamed| unnamed.forget(&self.pending));
            return Err(queue_error(error));
        }
        let mut places: Vec<_> = written
            .into_iter()
            .zip(rows)
            .map(|(unnamed, new)| self.give_name(unnamed, new).map_err(queue_error))
            .collect();
        if let Err(error) = self.sync_names() {
            let in_doubt = places.iter_mut().filter(|place| place.is_ok());
            in_doubt
                .for_each(|place| *place = Err(queue_error(FileError::new(error.action, &error.path, error.errno()))));
        }
        Ok(places)
    }
}

#[cfg(test)]
mod tests {
    use haltline_protocol::FaultKey;
    use jiff::Timestamp;

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
                    let intake = SpoolIntake::open(layout, true).unwrap();
                    for turn in 0..5 {
                        let text = format!("{number}-{turn}");
                        let row = text.as_bytes();
                        let (kind, stamp) = (RowKind::Event, Timestamp::UNIX_EPOCH);
                        intake.put(&NewRow { kind, key: key.clone(), stamp, row }).unwrap();
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
        let intake = SpoolIntake::open(&layout, true).unwrap();
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
        let put_all = |intake: &SpoolIntake| {
            let groups = rows.chunks(LARGEST_GROUP).map(|group| intake.put_group(group));
            groups.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect::<Result<Vec<_>, _>>()
        };
        let paths = put_all(&intake).unwrap();
        let read: Vec<String> = paths.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
        assert_eq!(read, texts);
        assert_eq!(std::fs::read_dir(layout.pending()).unwrap().count(), 150);

        let elsewhere = Layout::new(home.path().join("elsewhere"));
        let intake = SpoolIntake::open(&elsewhere, true).unwrap();
        rustix::fs::rmdir(elsewhere.pending()).unwrap();
        let error = put_all(&intake).unwrap_err();
        assert!(error.to_string().contains("pending-investigations"), "{error}");
    }

    #[test]
    fn a_marker_stands_beside_its_event() {
        let home = tempfile::tempdir().unwrap();
        let intake = SpoolIntake::open(&Layout::new(home.path()), false).unwrap();
        let key = FaultKey { run_id: "r".into(), fault_id: "f".into() };
        let (kind, stamp) = (RowKind::Resolved, Timestamp::UNIX_EPOCH);
        let path = intake.put(&NewRow { kind, key, stamp, row: b"{}" }).unwrap();
        assert!(path.ends_with("skill-faults/pending-investigations/r-RESOLVED-f.json"));
    }
}
