//! Every name in the folders of a home: who may read and write it, and whether it belongs there.

use std::path::Path;

use haltline_files::{FileError, Folder};
use haltline_protocol::{Layout, is_rewrite, is_stale_temporary, is_temporary};
use jiff::Timestamp;
use rustix::fs::{FileType, Stat};
use rustix::process::geteuid;

use super::kind::Kind;
use super::known::KnownFiles;
use super::seen::Seen;
use crate::open::{modified, open, sorted_names};

/// Looks at what is haltline's in a home, which may have other things.
pub(super) fn look(layout: &Layout, known: &KnownFiles, seen: &mut Seen, now: Timestamp) -> Result<(), FileError> {
    let Some(home) = open(layout.home())? else { return Ok(()) };
    for name in known.folders_of_home() {
        if let Ok(stat) = home.stat(name) {
            judge_access(&home, name, &stat, seen);
        }
    }
    let walk = Walk { home: layout.home(), known, now };
    known.folders_of_home().into_iter().try_for_each(|name| walk.look_into(name, seen))
}

/// A look at each name beneath a home.
struct Walk<'a> {
    home: &'a Path,
    known: &'a KnownFiles,
    now: Timestamp,
}

impl Walk<'_> {
    /// Looks at each name of a folder, then into the folders in it. `path` is the folder's from the home.
    fn look_into(&self, path: &str, seen: &mut Seen) -> Result<(), FileError> {
        let Some(folder) = open(&self.home.join(path))? else { return Ok(()) };
        let mut children = Vec::new();
        for name in sorted_names(&folder)? {
            // What is gone by now is none of our business.
            let Ok(stat) = folder.stat(&name) else { continue };
            judge_access(&folder, &name, &stat, seen);
            let child = format!("{path}/{name}");
            if let Some(kind) = self.out_of_place(&child, &name, &stat) {
                seen.add(kind, folder.path(), &name);
            }
            if FileType::from_raw_mode(stat.st_mode) == FileType::Directory && self.known.looks_into(&child) {
                children.push(child);
            }
        }
        children.iter().try_for_each(|child| self.look_into(child, seen))
    }

    /// Says what is wrong with what stands under a name; none where it belongs there.
    fn out_of_place(&self, path: &str, name: &str, stat: &Stat) -> Option<Kind> {
        let file_type = FileType::from_raw_mode(stat.st_mode);
        let is_file = file_type == FileType::RegularFile;
        if is_rewrite(name) {
            return Some(Kind::KilledRewrite);
        }
        if is_file && is_stale_temporary(name, modified(stat), self.now) {
            return Some(Kind::StaleTemporary);
        }
        let belongs = match file_type {
            FileType::RegularFile => is_temporary(name) || self.known.has_file(path),
            FileType::Directory => self.known.has_folder(path),
            _ => false,
        };
        // What stops dispatching counts whatever it is.
        if belongs || (name == Layout::STOP && self.known.has_file(path)) {
            return None;
        }
        Some(match file_type {
            FileType::Symlink => Kind::Link,
            FileType::RegularFile | FileType::Directory => Kind::Orphan,
            _ => Kind::Special,
        })
    }
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
