//! Rewriting a row where it lies, while drains and emitters go on.
//!
//! A drain may move the row away at any time, and an emitter may then give its name to a newer row. A plain rename
//! onto the name would bring the first row back and lose the second. So the new bytes are written to a temporary file
//! of the same folder, flushed, and change places with the row in one step (renameat2(2), RENAME_EXCHANGE):
//!
//! - The row was moved before: the exchange says ENOENT, and the temporary file is forgotten. The row is [`Gone`].
//! - The row is moved afterwards: what is moved is the new row, whole.
//! - Something else has the name by now, or somebody wrote into the row: a look just before the exchange finds it;
//!   where it happens after that look, the wrong file comes out of the exchange, and a second exchange undoes the
//!   first. The row is [`Changed`]. Where the name is free again by then, or taken by yet another file, what came out
//!   is moved back without replacing, beside the name if need be.
//!
//! Which file it is, its inode says. The caller keeps the row open meanwhile, so that its inode's number is given to
//! no other file. Until a wrong exchange is undone, the moved row stands under its name a second time, for the time of
//! one system call. No drain touches it there where, as in a migration, the new row is one that only the holder of the
//! settle lock may move and the caller is that holder.
//!
//! A kill leaves the temporary file behind. Its name, `.rewrite-<row's inode>-<new file's inode>.tmp`, tells what it
//! is: a file of either inode is the old row or the new one, the other of which is in place. A file of any other inode
//! is a newer row that a wrong exchange took, and [`clear_rewrites`] gives it back.
//!
//! The new file is durable before the exchange; the exchange itself once [`Folder::sync`] was called, one time for
//! any number of rewrites. File systems without RENAME_EXCHANGE (as NFS) say EINVAL, and the row stays as it was.
//!
//! [`Gone`]: Rewrite::Gone
//! [`Changed`]: Rewrite::Changed

use std::fs::File;

use haltline_files::{FileError, Folder, Handle, Vfs};
use haltline_protocol::candidate_names;
use jiff::Timestamp;
use rustix::fs::{Mode, Stat, Timespec, Timestamps, fstat};
use rustix::io::Errno;

/// How the names of temporary files of a rewrite begin.
const PREFIX: &str = ".rewrite-";
/// How they end.
const SUFFIX: &str = ".tmp";

/// How a rewrite ended.
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rewrite {
    /// The new row is in place.
    Done,
    /// The row was moved away before; nothing was written.
    Gone,
    /// The name holds another file, or the row was written to, since it was read; that is as it was. The caller may
    /// read it again.
    Changed,
}

/// A row, and what is to stand in its place.
#[derive(Debug)]
pub struct Replacement<'a> {
    /// The row's name.
    pub name: &'a str,
    /// The open row, from [`Folder::open_file`].
    pub row: &'a File,
    /// What it was when its reading began, from the same call.
    pub seen: &'a Stat,
    /// The new bytes.
    pub bytes: &'a [u8],
}

/// The new file, before it is flushed.
struct Written {
    file: Handle,
    name: String,
    inode: u64,
}

/// The new file, flushed, before it changes places.
struct Staged {
    name: String,
    inode: u64,
}

/// Puts new bytes in place of rows, with their permissions, owners and times. Their new files are flushed together,
/// which takes a fraction of the time. How each row ended, in their order; no two of them may be the same file.
///
/// # Errors
/// One could not be written; that row is as it was, and no temporary file of it is left.
pub fn rewrite_all(folder: &Folder, rows: &[Replacement<'_>]) -> Vec<Result<Rewrite, FileError>> {
    let written: Vec<_> = rows.iter().map(|new| write_new(folder, new.seen, new.bytes)).collect();
    let files: Vec<_> = written.iter().flatten().map(|written| &written.file).collect();
    let mut flushed = folder.sync_files(&files).into_iter();
    let ended = rows.iter().zip(&written).map(|(new, written)| {
        let written = written.as_ref().map_err(|errno| *errno);
        let ended = written.and_then(|written| {
            let staged = arm(folder, new.seen, written, flushed.next().unwrap_or(Err(Errno::IO)))?;
            take_place(folder, new, &staged)
        });
        ended.map_err(|errno| FileError::new("rewrite", folder.path().join(new.name), errno))
    });
    ended.collect()
}

/// Lets the new file and its row change places where the row is still what was read.
fn take_place(folder: &Folder, new: &Replacement<'_>, staged: &Staged) -> Result<Rewrite, Errno> {
    let ended = match (folder.stat(new.name), fstat(new.row)) {
        (Ok(found), Ok(held)) if is_same(&found, new.seen) && is_same(&held, new.seen) => {
            return exchange(folder, new.name, new.seen, staged);
        }
        (Ok(_), Ok(_)) => Ok(Rewrite::Changed),
        (Err(Errno::NOENT), _) => Ok(Rewrite::Gone),
        (Err(errno), _) | (_, Err(errno)) => Err(errno),
    };
    forget(folder, &staged.name);
    ended
}

/// Clears away what rewrites left that were killed. The caller has to keep other rewriters out.
///
/// # Errors
/// The folder cannot be read, or a row that has to go back cannot.
pub fn clear_rewrites(folder: &Folder) -> Result<(), FileError> {
    let fail = |errno| FileError::new("clear up", folder.path(), errno);
    for entry in folder.names()? {
        let name = entry.name.as_str();
        let Some(inodes) = inodes_in(name) else { continue };
        let found = match folder.stat(name) {
            Ok(stat) => stat.st_ino,
            Err(Errno::NOENT) => continue,
            Err(errno) => return Err(fail(errno)),
        };
        match inodes {
            Some(inodes) if !inodes.contains(&found) => {
                tracing::warn!(path = %folder.path().display(), file = name, "giving back a row that a kill left aside");
                let restored = format!("restored-{found}.json");
                give_back(folder, name, &restored).map_err(fail)?;
            }
            _ => forget(folder, name),
        }
    }
    Ok(())
}

/// Writes the new file, under a name that tells only which row it is for.
fn write_new(folder: &Folder, seen: &Stat, bytes: &[u8]) -> Result<Written, Errno> {
    let name = format!("{PREFIX}{}{SUFFIX}", seen.st_ino);
    let file = folder.vfs().create(folder.handle(), &name)?;
    let written = folder.vfs().write(&file, bytes).and_then(|()| folder.vfs().stat_open(&file));
    match written.and_then(|made| dress(folder.vfs(), &file, &made, seen).map(|()| made.st_ino)) {
        Ok(inode) => Ok(Written { file, name, inode }),
        Err(errno) => {
            forget(folder, &name);
            Err(errno)
        }
    }
}

/// Gives the new file, once it is flushed, the name that tells what it is.
fn arm(folder: &Folder, seen: &Stat, written: &Written, flushed: Result<(), Errno>) -> Result<Staged, Errno> {
    let name = format!("{PREFIX}{}-{}{SUFFIX}", seen.st_ino, written.inode);
    match flushed.and_then(|()| folder.vfs().rename(folder.handle(), &written.name, folder.handle(), &name)) {
        Ok(()) => Ok(Staged { name, inode: written.inode }),
        Err(errno) => {
            forget(folder, &written.name);
            Err(errno)
        }
    }
}

/// Lets the new file and the row change places, and undoes that where it was not the row.
fn exchange(folder: &Folder, name: &str, seen: &Stat, staged: &Staged) -> Result<Rewrite, Errno> {
    match swap(folder, &staged.name, name) {
        Ok(()) => {}
        Err(errno) => {
            forget(folder, &staged.name);
            return if errno == Errno::NOENT { Ok(Rewrite::Gone) } else { Err(errno) };
        }
    }
    let out = folder.stat(&staged.name)?;
    if is_same(&out, seen) {
        forget(folder, &staged.name);
        return Ok(Rewrite::Done);
    }
    match swap(folder, &staged.name, name) {
        Ok(()) if folder.stat(&staged.name)?.st_ino == staged.inode => forget(folder, &staged.name),
        Ok(()) | Err(Errno::NOENT) => give_back(folder, &staged.name, name)?,
        Err(errno) => return Err(errno),
    }
    Ok(Rewrite::Changed)
}

fn swap(folder: &Folder, one: &str, other: &str) -> Result<(), Errno> {
    folder.vfs().exchange(folder.handle(), one, other)
}

/// Moves a row that was taken by mistake to its name, or beside what has that name.
fn give_back(folder: &Folder, temporary: &str, name: &str) -> Result<(), Errno> {
    for candidate in candidate_names(name, Timestamp::now()) {
        match folder.move_to(temporary, folder, &candidate) {
            Err(Errno::EXIST) => {}
            moved => return moved,
        }
    }
    Err(Errno::EXIST)
}

fn forget(folder: &Folder, temporary: &str) {
    if let Err(error) = folder.remove_own(temporary) {
        tracing::warn!(%error, "left a temporary file behind");
    }
}

/// Whether a file is the one that was read, and still as it was read. Its change time says nothing: a rename sets it.
fn is_same(found: &Stat, seen: &Stat) -> bool {
    let marks = |stat: &Stat| (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime, stat.st_mtime_nsec);
    marks(found) == marks(seen)
}

/// Gives a new file the owner, permissions and times of the row that it stands for.
fn dress(vfs: &dyn Vfs, file: &Handle, made: &Stat, seen: &Stat) -> Result<(), Errno> {
    if (made.st_uid, made.st_gid) != (seen.st_uid, seen.st_gid) {
        match vfs.set_owner(file, seen.st_uid, seen.st_gid) {
            // Only root may give a file away. The row is worth more than its owner.
            Err(Errno::PERM) => {
                tracing::warn!(uid = seen.st_uid, gid = seen.st_gid, "a rewritten row changes its owner")
            }
            changed => changed?,
        }
    }
    vfs.set_mode(file, Mode::from_raw_mode(seen.st_mode))?;
    vfs.set_times(
        file,
        &Timestamps {
            last_access: time(seen.st_atime, seen.st_atime_nsec),
            last_modification: time(seen.st_mtime, seen.st_mtime_nsec),
        },
    )
}

/// A time of a file; the type of its nanoseconds is not the same on every system.
fn time(tv_sec: i64, nanoseconds: impl TryInto<i64>) -> Timespec {
    Timespec { tv_sec, tv_nsec: nanoseconds.try_into().unwrap_or_default() }
}

/// The inodes in the name of a rewrite's temporary file: inner `None` before it was given them, outer `None` for the
/// name of anything else.
fn inodes_in(name: &str) -> Option<Option<[u64; 2]>> {
    let middle = name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
    match middle.split_once('-') {
        Some((row, made)) => Some(Some([row.parse().ok()?, made.parse().ok()?])),
        None => middle.parse().ok().map(|_: u64| None),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::path::PathBuf;

    use super::*;

    fn folder() -> (tempfile::TempDir, Folder) {
        let home = tempfile::tempdir().unwrap();
        let folder = Folder::ensure(&home.path().join("rows")).unwrap();
        assert!(folder.create_new("x.json", b"old").unwrap());
        (home, folder)
    }

    fn rewrite(folder: &Folder, row: &File, seen: &Stat) -> Result<Rewrite, FileError> {
        rewrite_all(folder, &[Replacement { name: "x.json", row, seen, bytes: b"new" }]).remove(0)
    }

    fn stage(folder: &Folder, seen: &Stat, bytes: &[u8]) -> Result<Staged, Errno> {
        let written = write_new(folder, seen, bytes)?;
        arm(folder, seen, &written, folder.sync_file(&written.file))
    }

    fn names(folder: &Folder) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn text(folder: &Folder, name: &str) -> String {
        std::fs::read_to_string(folder.path().join(name)).unwrap()
    }

    #[test]
    fn a_rewritten_row_keeps_its_mode_and_its_times() {
        let (_home, folder) = folder();
        let path: PathBuf = folder.path().join("x.json");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let past = std::time::UNIX_EPOCH + std::time::Duration::new(1_700_000_000, 123_456_789);
        File::options().append(true).open(&path).unwrap().set_modified(past).unwrap();

        let (row, seen) = folder.open_file("x.json").unwrap();
        assert_eq!(rewrite(&folder, &row, &seen).unwrap(), Rewrite::Done);
        let after = path.metadata().unwrap();
        assert_eq!(text(&folder, "x.json"), "new");
        assert_eq!((after.mode() & 0o7777, after.modified().unwrap()), (0o640, past));
        assert_ne!(after.ino(), seen.st_ino);
        assert_eq!(names(&folder), ["x.json"]);
    }

    #[test]
    fn a_row_that_was_moved_is_not_brought_back() {
        let (home, folder) = folder();
        let elsewhere = Folder::ensure(&home.path().join("elsewhere")).unwrap();
        let (row, seen) = folder.open_file("x.json").unwrap();
        folder.move_to("x.json", &elsewhere, "x.json").unwrap();
        assert_eq!(rewrite(&folder, &row, &seen).unwrap(), Rewrite::Gone);
        let staged = stage(&folder, &seen, b"new").unwrap();
        assert_eq!(exchange(&folder, "x.json", &seen, &staged).unwrap(), Rewrite::Gone);
        assert!(names(&folder).is_empty());
        assert_eq!(text(&elsewhere, "x.json"), "old");
    }

    #[test]
    fn a_newer_row_of_the_name_stays_even_where_the_exchange_took_it() {
        let (home, folder) = folder();
        let elsewhere = Folder::ensure(&home.path().join("elsewhere")).unwrap();
        let (row, seen) = folder.open_file("x.json").unwrap();
        folder.move_to("x.json", &elsewhere, "x.json").unwrap();
        assert!(folder.create_new("x.json", b"newer").unwrap());

        assert_eq!(rewrite(&folder, &row, &seen).unwrap(), Rewrite::Changed);
        let staged = stage(&folder, &seen, b"new").unwrap();
        assert_eq!(exchange(&folder, "x.json", &seen, &staged).unwrap(), Rewrite::Changed);
        assert_eq!((names(&folder), text(&folder, "x.json")), (vec!["x.json".to_owned()], "newer".to_owned()));
    }

    #[test]
    fn a_row_that_was_written_to_since_it_was_read_stays() {
        let (_home, folder) = folder();
        let (row, seen) = folder.open_file("x.json").unwrap();
        std::fs::write(folder.path().join("x.json"), "longer").unwrap();
        assert_eq!(rewrite(&folder, &row, &seen).unwrap(), Rewrite::Changed);
        assert_eq!((names(&folder), text(&folder, "x.json")), (vec!["x.json".to_owned()], "longer".to_owned()));
    }

    #[test]
    fn what_a_killed_rewrite_left_is_cleared_and_a_row_that_it_took_comes_back() {
        let (home, folder) = folder();
        let (row, seen) = folder.open_file("x.json").unwrap();
        std::fs::write(folder.path().join(format!(".rewrite-{}.tmp", seen.st_ino)), "half").unwrap();
        std::fs::write(folder.path().join(".0123456789abcdef.tmp"), "somebody else's").unwrap();
        clear_rewrites(&folder).unwrap();
        assert_eq!(names(&folder), [".0123456789abcdef.tmp", "x.json"]);

        let before = stage(&folder, &seen, b"new").unwrap();
        clear_rewrites(&folder).unwrap();
        assert_eq!(text(&folder, "x.json"), "old");
        assert!(folder.stat(&before.name).is_err());

        let after = stage(&folder, &seen, b"new").unwrap();
        swap(&folder, &after.name, "x.json").unwrap();
        clear_rewrites(&folder).unwrap();
        assert_eq!((names(&folder).len(), text(&folder, "x.json")), (2, "new".to_owned()));

        let elsewhere = Folder::ensure(&home.path().join("elsewhere")).unwrap();
        let (second, seen) = folder.open_file("x.json").unwrap();
        let staged = stage(&folder, &seen, b"again").unwrap();
        folder.move_to("x.json", &elsewhere, "x.json").unwrap();
        assert!(folder.create_new("x.json", b"newer").unwrap());
        swap(&folder, &staged.name, "x.json").unwrap();
        clear_rewrites(&folder).unwrap();
        let restored = names(&folder).into_iter().find(|name| name.starts_with("restored-")).unwrap();
        assert_eq!(text(&folder, &restored), "newer");
        drop((row, second));
    }
}
