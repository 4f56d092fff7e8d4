//! What emitting costs at least: the file work of a durable put, its bytes at hand.

use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::fs::{Mode, OFlags};

use super::open_folder;
use crate::bench::events::{Sample, event, pending_folder};

/// Puts events into the queue of a home, and makes each group of so many durable before the next: every file is
/// flushed, then the folder. Returns what the loop took.
///
/// # Errors
/// A file cannot be written.
pub fn emit(home: &Path, events: u32, group: usize) -> Result<Duration> {
    let folder = pending_folder(home);
    std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let folder = open_folder(&folder)?;
    let events: Vec<_> = (0..events).map(|number| event(number, Sample::Audit)).collect();
    let start = Instant::now();
    for group in events.chunks(group) {
        put(&folder, group)?;
    }
    Ok(start.elapsed())
}

fn put(folder: &OwnedFd, group: &[(String, Vec<u8>)]) -> Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let mut files = Vec::with_capacity(group.len());
    for (name, text) in group {
        let temporary = format!(".{name}.tmp");
        let mut file = File::from(rustix::fs::openat(folder, &temporary, flags, Mode::RUSR | Mode::WUSR)?);
        file.write_all(text)?;
        files.push((temporary, file));
    }
    for (_, file) in &files {
        rustix::fs::fsync(file)?;
    }
    for ((temporary, _), (name, _)) in files.iter().zip(group) {
        rustix::fs::renameat(folder, temporary, folder, name)?;
    }
    rustix::fs::fsync(folder)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_has_its_name_in_the_end() {
        for group in [1, 4] {
            let home = tempfile::tempdir().unwrap();
            emit(home.path(), 10, group).unwrap();
            let names = std::fs::read_dir(pending_folder(home.path())).unwrap();
            let names: Vec<_> = names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            assert!(names.len() == 10 && names.iter().all(|name| !name.starts_with('.')), "{names:?}");
        }
    }
}
