//! The bare drain: list, read, parse, move, one row an event.
//!
//! Four system calls an event (`openat`, `read`, `close`, `renameat`) and rows by the buffer. With groups, the order
//! is that of a drain that survives a power cut: the rows of a group, flushed; its moves; both folders, flushed.

use std::ffi::CString;
use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use anyhow::{Context, Result};
use rustix::fs::{Mode, OFlags};
use serde::{Deserialize, Serialize};

use super::open_folder;

/// Bytes of rows that are collected before one write. A group of 1024 rows is four of them.
const ROW_BUFFER_BYTES: usize = 64 * 1024;

/// Bytes that one read asks for. Generated events are a hundredth of it, so that one read takes a whole file.
const READ_BYTES: usize = 64 * 1024;

/// When the work is made durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commit {
    /// Whenever the kernel likes.
    Never,
    /// After each group of so many events.
    EachGroup(usize),
}

/// The fields that a drain reads.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event<'a> {
    fault_id: &'a str,
    run_id: &'a str,
    kind: &'a str,
    severity: &'a str,
    timestamp: &'a str,
    investigate: bool,
}

/// A row with the fields that every row has.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    ts: &'a str,
    schema: u32,
    drain_id: &'a str,
    seq: u64,
    fault_id: &'a str,
    run_id: &'a str,
    kind: &'a str,
    severity: &'a str,
    outcome: &'a str,
    r#move: &'a str,
    errno: Option<&'a str>,
    duration_ms: Option<u64>,
    cost_usd: Option<f64>,
    cost_source: Option<&'a str>,
    provider: Option<&'a str>,
    model: Option<&'a str>,
    failure: Option<&'a str>,
    occurrences: Option<u32>,
    duplicate_of: Option<&'a str>,
    file: &'a str,
}

/// Drains the queue of a home and returns how many events it moved.
///
/// # Errors
/// A file cannot be read, moved or written, or is no event.
pub fn drain(home: &Path, commit: Commit) -> Result<u64> {
    let queue = home.join("skill-faults");
    for folder in [queue.join("processed"), home.join("analytics")] {
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let rows = home.join("analytics/skill-faults.jsonl");
    let rows = OpenOptions::new().create(true).append(true).open(&rows).context(rows.display().to_string())?;
    let mut floor = Work {
        from: open_folder(&queue.join("pending-investigations"))?,
        to: open_folder(&queue.join("processed"))?,
        rows: BufWriter::with_capacity(ROW_BUFFER_BYTES, rows),
        buffer: vec![0; READ_BYTES],
        moved: 0,
    };
    let group_size = match commit {
        Commit::Never => 1,
        Commit::EachGroup(size) => size,
    };
    let mut group = Vec::with_capacity(group_size);
    let pending = queue.join("pending-investigations");
    for entry in fs::read_dir(&pending).with_context(|| pending.display().to_string())? {
        group.push(CString::new(entry?.file_name().into_vec())?);
        if group.len() == group_size {
            floor.settle(&mut group, commit)?;
        }
    }
    floor.settle(&mut group, commit)?;
    floor.rows.flush()?;
    Ok(floor.moved)
}

struct Work {
    from: OwnedFd,
    to: OwnedFd,
    rows: BufWriter<File>,
    buffer: Vec<u8>,
    moved: u64,
}

impl Work {
    fn settle(&mut self, group: &mut Vec<CString>, commit: Commit) -> Result<()> {
        if group.is_empty() {
            return Ok(());
        }
        for name in group.iter() {
            self.write_row(name).with_context(|| format!("cannot settle {name:?}"))?;
        }
        if commit != Commit::Never {
            self.rows.flush()?;
            rustix::fs::fdatasync(self.rows.get_ref())?;
        }
        for name in group.drain(..) {
            rustix::fs::renameat(&self.from, name.as_c_str(), &self.to, name.as_c_str())?;
        }
        if commit != Commit::Never {
            rustix::fs::fsync(&self.to)?;
            rustix::fs::fsync(&self.from)?;
        }
        Ok(())
    }

    fn write_row(&mut self, name: &CString) -> Result<()> {
        let file = rustix::fs::openat(&self.from, name.as_c_str(), OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
        let length = rustix::io::read(&file, self.buffer.as_mut_slice())?;
        let event: Event<'_> = serde_json::from_slice(&self.buffer[..length])?;
        self.moved += 1;
        let row = Row {
            ts: event.timestamp,
            schema: 1,
            drain_id: "20260520T081400123Z-00000000",
            seq: self.moved,
            fault_id: event.fault_id,
            run_id: event.run_id,
            kind: event.kind,
            severity: event.severity,
            outcome: if event.investigate { "investigated" } else { "audit-skipped" },
            r#move: "moved",
            errno: None,
            duration_ms: None,
            cost_usd: None,
            cost_source: None,
            provider: None,
            model: None,
            failure: None,
            occurrences: None,
            duplicate_of: None,
            file: name.to_str()?,
        };
        serde_json::to_writer(&mut self.rows, &row)?;
        self.rows.write_all(b"\n")?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::events::{self, Sample};

    #[test]
    fn every_event_is_moved_and_has_one_row() {
        for commit in [Commit::Never, Commit::EachGroup(4), Commit::EachGroup(1024)] {
            let home = tempfile::tempdir().unwrap();
            events::fill(home.path(), 10, Sample::Audit).unwrap();
            assert_eq!(drain(home.path(), commit).unwrap(), 10);

            let count = |folder: &str| fs::read_dir(home.path().join("skill-faults").join(folder)).unwrap().count();
            assert_eq!((count("pending-investigations"), count("processed")), (0, 10));
            let rows = fs::read_to_string(home.path().join("analytics/skill-faults.jsonl")).unwrap();
            let seqs = rows.lines().map(|row| serde_json::from_str::<serde_json::Value>(row).unwrap()["seq"].as_u64());
            assert_eq!(seqs.collect::<Option<Vec<_>>>().unwrap(), (1..=10).collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_is_no_event_is_an_error() {
        let home = tempfile::tempdir().unwrap();
        events::fill(home.path(), 0, Sample::Audit).unwrap();
        fs::write(home.path().join("skill-faults/pending-investigations/a.json"), "{}").unwrap();
        assert!(drain(home.path(), Commit::Never).unwrap_err().to_string().contains("a.json"));
    }
}
