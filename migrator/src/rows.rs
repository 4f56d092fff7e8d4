//! The rows of one folder: which there are, and what each of them is.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::DirEntryExt;

use haltline_files::{FileError, Folder, errno_name, hint};
use haltline_protocol::QueueRow;
use haltline_spool::LARGEST_ROW;
use rustix::fs::Stat;
use rustix::io::Errno;

/// A regular file whose name ends in `.json` and is not hidden, as drains take them.
#[derive(Debug)]
pub(crate) struct RowFile {
    /// Its name; `Err` with something to show where it is no UTF-8.
    pub(crate) name: Result<String, String>,
    /// Its inode, as the folder says.
    pub(crate) inode: u64,
}

/// What a file turned out to be.
pub(crate) enum Found {
    /// An event or a marker.
    Row(Box<OpenRow>),
    /// No row, for this reason.
    Malformed(String),
    /// It cannot be read, for this reason.
    Unreadable(String),
    /// It was moved, or is nothing that is ever opened.
    Nothing,
}

/// A row that was read and is held open.
pub(crate) struct OpenRow {
    pub(crate) file: File,
    /// What the file was before it was read.
    pub(crate) seen: Stat,
    pub(crate) bytes: Vec<u8>,
    pub(crate) row: QueueRow,
}

/// Lists the rows of a folder in the order of their inodes, which a cold disk likes.
pub(crate) fn list(folder: &Folder) -> Result<Vec<RowFile>, FileError> {
    let fail = |source| FileError { action: "list", path: folder.path().to_owned(), source, hint: None };
    let mut rows = Vec::new();
    for entry in std::fs::read_dir(folder.path()).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        let name = entry.file_name();
        if !name.as_encoded_bytes().ends_with(b".json") || name.as_encoded_bytes().starts_with(b".") {
            continue;
        }
        match entry.file_type() {
            Ok(kind) if kind.is_file() => {}
            Ok(_) => continue,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(fail(error)),
        }
        let name = name.into_string().map_err(|name| name.to_string_lossy().into_owned());
        rows.push(RowFile { name, inode: entry.ino() });
    }
    rows.sort_unstable_by_key(|row| row.inode);
    Ok(rows)
}

/// Reads one file of a folder.
pub(crate) fn read(folder: &Folder, name: &str) -> Found {
    let (file, seen) = match folder.open_file(name) {
        Ok(opened) => opened,
        // EINVAL and ELOOP: something else has the name since it was listed.
        Err(Errno::NOENT | Errno::INVAL | Errno::LOOP) => return Found::Nothing,
        Err(errno) => return Found::Unreadable(describe("open it", errno)),
    };
    let size = u64::try_from(seen.st_size).unwrap_or(u64::MAX);
    if size > LARGEST_ROW {
        return Found::Malformed(format!("it has {size} bytes; a row has {LARGEST_ROW} at most"));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default() + 1);
    if let Err(error) = (&file).take(LARGEST_ROW + 1).read_to_end(&mut bytes) {
        return Found::Unreadable(describe("read it", Errno::from_io_error(&error).unwrap_or(Errno::IO)));
    }
    match QueueRow::parse(&bytes) {
        Ok(_) if bytes.len() as u64 > LARGEST_ROW => Found::Malformed("it grows while it is read".into()),
        Ok(row) => Found::Row(Box::new(OpenRow { file, seen, bytes, row })),
        Err(error) => Found::Malformed(error.to_string()),
    }
}

fn describe(action: &str, errno: Errno) -> String {
    let hint = hint(errno).map(|hint| format!("; {hint}")).unwrap_or_default();
    format!("cannot {action}: {}{hint}", errno_name(errno))
}
