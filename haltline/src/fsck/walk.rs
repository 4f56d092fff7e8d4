//! Every name in the folders of a home: who may read and write it, and whether it belongs there.

use std::path::Path;

use haltline_files::{FileError, Folder};
use haltline_protocol::{Layout, QUEUE_FOLDERS};
use haltline_spool::is_stale_temporary;
use jiff::Timestamp;
use rustix::fs::{FileType, Stat};
use rustix::process::geteuid;

use super::kind::Kind;
use super::{Seen, open};

/// What is haltline's in a home, which may have other things.
const HOME_FOLDERS: [&str; 2] = ["skill-faults", "analytics"];
/// What stands in the queue root beside its folders.
const ROOT_FILES: [&str; 5] =
    ["STOP", ".redaction-key", "learned-patterns.json", "pending-patterns.jsonl", "rejected-patterns.jsonl"];
/// What the folder of a drain has beside its events.
const HOLD_NAMES: [&str; 4] = ["lock", "journal", "attempts", "by-hand"];

/// Which names belong into a folder.
type Belongs = fn(&str, FileType) -> bool;

pub(super) fn look(layout: &Layout, seen: &mut Seen, now: Timestamp) -> Result<(), FileError> {
    let rows: Belongs = |name, kind| kind == FileType::RegularFile && name.ends_with(".json") && !name.starts_with('.');
    let files: Belongs = |_, kind| kind == FileType::RegularFile;
    let folders: Belongs = |_, kind| kind == FileType::Directory;
    let root: Belongs = |name, kind| {
        // STOP counts whatever it is.
        name == "STOP"
            || (kind == FileType::Directory && QUEUE_FOLDERS.contains(&name))
            || (kind == FileType::RegularFile && ROOT_FILES.contains(&name))
    };
    let in_flight: Belongs = |name, kind| kind == FileType::Directory || name == "settle.lock";
    let hold: Belongs =
        |name, kind| HOLD_NAMES.contains(&name) || (kind == FileType::RegularFile && name.ends_with(".json"));
    let report: Belongs =
        |name, kind| kind == FileType::RegularFile && (name.ends_with(".json") || name.ends_with(".md"));
    if let Some(home) = open(layout.home())? {
        for name in HOME_FOLDERS {
            if let Ok(stat) = home.stat(name) {
                judge_access(&home, name, &stat, seen);
            }
        }
    }
    look_into(layout.queue(), root, seen, now)?;
    for path in [layout.pending(), layout.processed(), layout.dead_letter()] {
        look_into(&path, rows, seen, now)?;
    }
    look_into(&layout.quarantine(), files, seen, now)?;
    look_into(&layout.inbox(), files, seen, now)?;
    look_into(&layout.analytics(), files, seen, now)?;
    look_into(&layout.migrations(), files, seen, now)?;
    for child in look_into(&layout.in_flight(), in_flight, seen, now)? {
        look_into(&layout.in_flight().join(child), hold, seen, now)?;
    }
    let reports = layout.queue().join("reports");
    for child in look_into(&reports, folders, seen, now)? {
        look_into(&reports.join(child), report, seen, now)?;
    }
    Ok(())
}

/// Looks at each name of a folder; the folders in it, by name.
fn look_into(path: &Path, belongs: Belongs, seen: &mut Seen, now: Timestamp) -> Result<Vec<String>, FileError> {
    let mut children = Vec::new();
    let Some(folder) = open(path)? else { return Ok(children) };
    let mut names: Vec<_> = folder.names()?.into_iter().map(|entry| entry.name).collect();
    names.sort_unstable();
    for name in names {
        // What is gone by now is none of our business.
        let Ok(stat) = folder.stat(&name) else { continue };
        let file_type = FileType::from_raw_mode(stat.st_mode);
        judge_access(&folder, &name, &stat, seen);
        if file_type == FileType::Directory {
            children.push(name.clone());
        }
        let kind = if name.starts_with(".rewrite-") && name.ends_with(".tmp") {
            Kind::KilledRewrite
        } else if is_stale_temporary(&name, &stat, now) {
            Kind::StaleTemporary
        } else if (name.ends_with(".tmp") && file_type == FileType::RegularFile) || belongs(&name, file_type) {
            continue;
        } else {
            match file_type {
                FileType::Symlink => Kind::Link,
                FileType::RegularFile | FileType::Directory => Kind::Orphan,
                _ => Kind::Special,
            }
        };
        seen.add(kind, path, &name);
    }
    Ok(children)
}

fn judge_access(folder: &Folder, name: &str, stat: &Stat, seen: &mut Seen) {
    let file_type = FileType::from_raw_mode(stat.st_mode);
    if !matches!(file_type, FileType::RegularFile | FileType::Directory) {
        return;
    }
    if stat.st_uid != geteuid().as_raw() {
        seen.add(Kind::Foreign, folder.path(), name);
    } else if stat.st_mode & 0o022 != 0 {
        seen.add(Kind::OthersWrite, folder.path(), name);
    } else if stat.st_mode & 0o077 != 0 {
        seen.add(Kind::OthersRead, folder.path(), name);
    }
    if file_type == FileType::RegularFile && stat.st_nlink > 1 {
        seen.add(Kind::HardLinks, folder.path(), name);
    }
}
