//! What flagging a row costs at least: read it, write it anew with one more field, flush it, rename it.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use rustix::fs::{Mode, OFlags};

use super::open_folder;
use crate::bench::events::pending_folder;

/// Adds the field `investigate` to every row of a home's queue, one after the other; how many there were.
///
/// # Errors
/// A file cannot be read or written, or is no JSON object.
pub fn migrate(home: &Path) -> Result<u64> {
    let path = pending_folder(home);
    let folder = open_folder(&path)?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let mut changed = 0;
    let names: Result<Vec<_>, _> = fs::read_dir(&path)?.map(|entry| entry.map(|entry| entry.file_name())).collect();
    for name in names? {
        let mut text = fs::read(path.join(&name))?;
        let event: serde_json::Value =
            serde_json::from_slice(&text).with_context(|| format!("cannot read {name:?}"))?;
        if event.get("investigate").is_some() {
            continue;
        }
        let end = text.iter().rposition(|byte| *byte == b'}').context("no JSON object")?;
        let end = text[..end].trim_ascii_end().len();
        text.truncate(end);
        text.extend_from_slice(b",\n  \"investigate\": false\n}\n");
        let mut file = File::from(rustix::fs::openat(&folder, ".new.tmp", flags, Mode::RUSR | Mode::WUSR)?);
        file.write_all(&text)?;
        rustix::fs::fsync(&file)?;
        rustix::fs::renameat(&folder, ".new.tmp", &folder, &name)?;
        changed += 1;
    }
    rustix::fs::fsync(&folder)?;
    Ok(changed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::events::{self, Sample};

    #[test]
    fn every_row_gets_the_field_and_stays_json() {
        let home = tempfile::tempdir().unwrap();
        events::fill(home.path(), 3, Sample::Unflagged).unwrap();
        assert_eq!(migrate(home.path()).unwrap(), 3);
        for entry in fs::read_dir(pending_folder(home.path())).unwrap() {
            let row: serde_json::Value = serde_json::from_slice(&fs::read(entry.unwrap().path()).unwrap()).unwrap();
            assert_eq!(row["investigate"], false);
        }
        assert_eq!(migrate(home.path()).unwrap(), 0);
    }
}
