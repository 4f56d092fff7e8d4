//! The markers of completed migrations. That a marker is there says all; nobody reads what is in it.

use haltline_files::Folder;
use haltline_protocol::{Layout, Migration, MigrationReport, rfc3339_millis};
use jiff::Timestamp;
use rustix::fs::FileType;
use rustix::io::Errno;

use crate::UpgradeError;
use crate::summary::count_line;

/// Whether a migration is completed.
///
/// # Errors
/// The marker's name is taken by something else than a regular file, or the folder of markers cannot be read.
pub(crate) fn is_done(layout: &Layout, migration: &dyn Migration) -> Result<bool, UpgradeError> {
    let folder = match Folder::open(&layout.migrations()) {
        Ok(folder) => folder,
        Err(error) if error.is_missing() => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    let name = marker_name(migration);
    let path = folder.path().join(&name);
    match folder.stat(&name) {
        Ok(stat) => match kind_of(FileType::from_raw_mode(stat.st_mode)) {
            None => Ok(true),
            Some(kind) => Err(UpgradeError::OddMarker { path, kind }),
        },
        Err(Errno::NOENT) => Ok(false),
        Err(errno) => Err(haltline_files::FileError {
            action: "look at",
            path,
            source: errno.into(),
            hint: haltline_files::hint(errno),
        }
        .into()),
    }
}

/// Writes the marker durably.
///
/// # Errors
/// It could not be written, or something odd took its name meanwhile.
pub(crate) fn write(layout: &Layout, migration: &dyn Migration, report: &MigrationReport) -> Result<(), UpgradeError> {
    let folder = Folder::ensure(&layout.migrations())?;
    let text = format!("{} {}\n", rfc3339_millis(Timestamp::now()), count_line(report));
    if !folder.create_new(&marker_name(migration), text.as_bytes())? {
        is_done(layout, migration)?;
    }
    Ok(())
}

fn marker_name(migration: &dyn Migration) -> String {
    format!("v{}.done", migration.version())
}

/// What something is that is no regular file.
fn kind_of(file_type: FileType) -> Option<&'static str> {
    match file_type {
        FileType::RegularFile => None,
        FileType::Directory => Some("directory"),
        FileType::Symlink => Some("symbolic link"),
        FileType::Fifo => Some("FIFO"),
        FileType::Socket => Some("socket"),
        _ => Some("device"),
    }
}
