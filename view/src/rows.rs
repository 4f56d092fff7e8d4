//! The analytics rows. A torn or foreign line is passed over, and a pair that stands twice counts once.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead, BufReader};

use haltline_files::FileError;
use haltline_protocol::{Layout, RowLine};

use crate::open::open;

/// Returns the rows that are wanted, in the order in which they were written; none where there is no file.
///
/// # Errors
/// The file exists and cannot be read.
pub(crate) fn rows(
    layout: &Layout,
    is_wanted: impl Fn(&RowLine<'static>) -> bool,
) -> Result<Vec<RowLine<'static>>, FileError> {
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    each_line(layout, |line| {
        let Some(row) = RowLine::parse(line) else { return };
        if is_wanted(&row) && seen.insert((row.drain_id.clone(), row.seq)) {
            found.push(row);
        }
    })?;
    Ok(found)
}

/// Tells whether the file has a line that is no row.
///
/// # Errors
/// The file exists and cannot be read.
pub(crate) fn has_torn_line(layout: &Layout) -> Result<bool, FileError> {
    let mut is_torn = false;
    each_line(layout, |line| {
        let is_row = RowLine::parse(line).is_some_and(|row| !row.drain_id.is_empty());
        is_torn |= !line.is_empty() && !is_row;
    })?;
    Ok(is_torn)
}

fn each_line(layout: &Layout, mut show: impl FnMut(&[u8])) -> Result<(), FileError> {
    let Some(file) = open_rows(layout)? else { return Ok(()) };
    for line in BufReader::new(file).split(b'\n') {
        show(&line.map_err(|source| unreadable(layout, source))?);
    }
    Ok(())
}

fn open_rows(layout: &Layout) -> Result<Option<File>, FileError> {
    let Some(folder) = open(&layout.analytics())? else { return Ok(None) };
    match folder.open_file(RowLine::FILE) {
        Ok((file, _)) => Ok(Some(file)),
        Err(rustix::io::Errno::NOENT) => Ok(None),
        Err(errno) => Err(unreadable(layout, errno.into())),
    }
}

fn unreadable(layout: &Layout, source: std::io::Error) -> FileError {
    FileError { action: "read", path: layout.analytics().join(RowLine::FILE), source, hint: None }
}
