//! The notes in the inbox.

use std::path::{Path, PathBuf};

use haltline_files::FileError;
use haltline_protocol::{DrainId, FaultKey, is_note_of, note_tells_of};

use crate::open::{open, sorted_names};

/// The most that is read of a note, in bytes.
const LONGEST_NOTE: u64 = 16 << 20;

/// Finds the notes of a fault's investigations. Other runs may have notes of the same name.
pub(crate) fn notes_of(
    inbox: &Path,
    key: &FaultKey,
    investigations: &[(DrainId, u64)],
) -> Result<Vec<PathBuf>, FileError> {
    let Some(folder) = open(inbox)? else { return Ok(Vec::new()) };
    let is_its = |name: &String| {
        let file = folder.read(name, LONGEST_NOTE).ok().flatten().unwrap_or_default();
        investigations.iter().any(|(drain_id, seq)| note_tells_of(&file, drain_id, *seq))
    };
    let names = sorted_names(&folder)?.into_iter().filter(|name| is_note_of(name, &key.fault_id));
    Ok(names.filter(is_its).map(|name| folder.path().join(name)).collect())
}
