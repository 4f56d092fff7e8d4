//! One move of one file, and what came of it.

use haltline_files::{Folder, errno_name};
use haltline_protocol::{MoveOutcome, candidate_names};
use jiff::Timestamp;
use rustix::io::Errno;

use crate::version::is_version;

/// The name that a file has after its move, or why it was not moved.
pub(crate) type Moved = Result<String, MoveOutcome>;

/// Moves a file to another folder, under its own name or beside what has that name there.
pub(crate) fn move_file(from: &Folder, name: &str, to: &Folder, stamp: Timestamp) -> Moved {
    for target in candidate_names(name, stamp) {
        match from.move_to(name, to, &target) {
            Ok(()) => return Ok(target),
            Err(Errno::EXIST) => {}
            Err(Errno::NOENT) => return Err(explain_missing(from, name)),
            Err(errno) => return Err(denied(errno)),
        }
    }
    Err(MoveOutcome::TargetTaken)
}

/// Moves the very file that was read, as its version tells. Should another file have taken its name since,
/// that other file is put back, and the one that was meant is gone.
pub(crate) fn move_very_file(from: &Folder, name: &str, version: u64, to: &Folder, stamp: Timestamp) -> Moved {
    let target = move_file(from, name, to, stamp)?;
    match to.stat(&target) {
        Ok(stat) if is_version(&stat, version) => Ok(target),
        Ok(_) => {
            move_file(to, &target, from, Timestamp::now())?;
            // The folder that it was in may be removed next: a power cut must not find the file there.
            from.sync().map_err(|error| denied(error.errno()))?;
            Err(MoveOutcome::AlreadyGone)
        }
        Err(errno) => Err(denied(errno)),
    }
}

/// How many free names in a row end a search: the names before the one that a file got were taken when it was moved,
/// but some may have been tidied away since.
const MOST_GAPS: usize = 8;

/// Finds a file that was to be moved to a folder, by its version.
pub(crate) fn find(folder: &Folder, name: &str, version: u64, stamp: Timestamp) -> Option<String> {
    let mut gaps = 0;
    for candidate in candidate_names(name, stamp) {
        match folder.stat(&candidate) {
            Ok(stat) if is_version(&stat, version) => return Some(candidate),
            Ok(_) => gaps = 0,
            Err(_) => gaps += 1,
        }
        if gaps == MOST_GAPS {
            return None;
        }
    }
    None
}

/// ENOENT says that the source is gone or that the target folder is (rename(2)); only the first is another's win.
fn explain_missing(from: &Folder, name: &str) -> MoveOutcome {
    match from.stat(name) {
        Err(Errno::NOENT) => MoveOutcome::AlreadyGone,
        _ => denied(Errno::NOENT),
    }
}

fn denied(errno: Errno) -> MoveOutcome {
    MoveOutcome::Denied { errno: errno_name(errno) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::version::version;

    struct Desk {
        _home: tempfile::TempDir,
        from: Folder,
        to: Folder,
    }

    fn desk() -> Desk {
        let home = tempfile::tempdir().unwrap();
        let root = Folder::open(home.path()).unwrap();
        let (from, to) = (root.ensure_child("from").unwrap(), root.ensure_child("to").unwrap());
        from.create_new("x.json", b"1").unwrap();
        Desk { _home: home, from, to }
    }

    const STAMP: Timestamp = Timestamp::UNIX_EPOCH;

    #[test]
    fn a_taken_name_is_stamped_and_nothing_is_overwritten() {
        let desk = desk();
        desk.to.create_new("x.json", b"old").unwrap();
        assert_eq!(move_file(&desk.from, "x.json", &desk.to, STAMP), Ok("x~19700101T000000000Z.json".to_owned()));
        assert_eq!(desk.to.read("x.json", 9).unwrap().unwrap(), b"old");
    }

    #[test]
    fn a_source_that_is_gone_is_told_from_a_target_folder_that_vanished() {
        let desk = desk();
        assert_eq!(move_file(&desk.from, "y.json", &desk.to, STAMP), Err(MoveOutcome::AlreadyGone));
        std::fs::remove_dir(desk.to.path()).unwrap();
        let denied = MoveOutcome::Denied { errno: "ENOENT".to_owned() };
        assert_eq!(move_file(&desk.from, "x.json", &desk.to, STAMP), Err(denied));
        assert!(desk.from.stat("x.json").is_ok());
    }

    #[test]
    fn another_file_under_the_same_name_is_put_back() {
        let desk = desk();
        let read = version(&desk.from.stat("x.json").unwrap());
        assert_eq!(move_very_file(&desk.from, "x.json", read + 1, &desk.to, STAMP), Err(MoveOutcome::AlreadyGone));
        assert_eq!(desk.from.read("x.json", 9).unwrap().unwrap(), b"1");
        assert!(desk.to.names().unwrap().is_empty());
        assert_eq!(move_very_file(&desk.from, "x.json", read, &desk.to, STAMP), Ok("x.json".to_owned()));
        assert_eq!(find(&desk.to, "x.json", read, STAMP).as_deref(), Some("x.json"));
        assert_eq!(find(&desk.to, "x.json", read + 1, STAMP), None);
    }
}
