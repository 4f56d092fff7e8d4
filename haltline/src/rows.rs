//! The analytics rows, read for people. A torn or foreign line is passed over, and a pair that stands twice counts once.

use std::collections::HashSet;
use std::io::{BufRead, BufReader};

use haltline_files::{FileError, Folder};
use haltline_protocol::{Layout, RowLine};

/// The file of rows in the analytics folder.
pub(crate) const ROWS: &str = "skill-faults.jsonl";

/// The rows that are wanted, in the order in which they were written; none where there is no file.
///
/// # Errors
/// The file is there and cannot be read.
pub(crate) fn rows(
    layout: &Layout,
    is_wanted: impl Fn(&RowLine<'static>) -> bool,
) -> Result<Vec<RowLine<'static>>, FileError> {
    let path = layout.analytics().join(ROWS);
    let opened = match Folder::open(&layout.analytics()) {
        Ok(folder) => folder.open_file(ROWS).map_err(std::io::Error::from),
        Err(error) => Err(error.source),
    };
    let unreadable = |source| FileError { action: "read", path: path.clone(), source, hint: None };
    let file = match opened {
        Ok((file, _)) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(error)),
    };
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    for line in BufReader::new(file).split(b'\n') {
        let Some(row) = RowLine::parse(&line.map_err(unreadable)?) else { continue };
        if is_wanted(&row) && seen.insert((row.drain_id.clone(), row.seq)) {
            found.push(row);
        }
    }
    Ok(found)
}
