//! Looking into the folders of a queue.

use std::collections::HashMap;
use std::path::Path;

use haltline_files::{FileError, Folder};
use haltline_protocol::{FaultKey, HaltEvent, WaitingBody};
use rustix::io::Errno;

use crate::scan::Scan;

/// Opens a folder, where it is there.
pub(crate) fn open_if_there(path: &Path) -> Result<Option<Folder>, FileError> {
    if_there(Folder::open(path))
}

/// Returns what was found, where it is there. A folder that was removed while it was open cannot be listed (ENOENT): a
/// drain that ends takes its folder away under whoever looks into it.
pub(crate) fn if_there<T>(found: Result<T, FileError>) -> Result<Option<T>, FileError> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.is_missing() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether anything stands under a name; it is not opened.
pub(crate) fn is_there(folder: &Folder, name: &str) -> Result<bool, FileError> {
    match folder.stat(name) {
        Ok(_) => Ok(true),
        Err(Errno::NOENT) => Ok(false),
        Err(errno) => Err(FileError::new("look at", folder.path().join(name), errno)),
    }
}

/// Whether a folder has events of these faults.
pub(crate) fn are_in(folder: &Folder, keys: &[FaultKey]) -> Result<Vec<bool>, FileError> {
    let mut are_in = vec![false; keys.len()];
    let mut places: HashMap<&FaultKey, Vec<usize>> = HashMap::new();
    for (place, key) in keys.iter().enumerate() {
        places.entry(key).or_default().push(place);
    }
    for_each_event(folder, |event| {
        places.get(&event.key()).into_iter().flatten().for_each(|place| are_in[*place] = true);
    })?;
    Ok(are_in)
}

/// The faults of the events in a folder, one for each event.
pub(crate) fn faults_in(folder: &Folder) -> Result<Vec<FaultKey>, FileError> {
    let mut faults = Vec::new();
    for_each_event(folder, |event| faults.push(event.key()))?;
    Ok(faults)
}

fn for_each_event(folder: &Folder, mut show: impl FnMut(&HaltEvent)) -> Result<(), FileError> {
    let mut scan = Scan::default();
    loop {
        let batch = scan.next_batch(folder)?;
        if batch.is_empty() {
            return Ok(());
        }
        for waiting in &batch {
            if let WaitingBody::Event(event) = &waiting.body {
                show(event);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_taken_away_under_the_looker_is_not_there() {
        let home = tempfile::tempdir().unwrap();
        let session = Folder::open(home.path()).unwrap().ensure_child("session").unwrap();
        let key = FaultKey { run_id: "r".into(), fault_id: "f".into() };
        assert_eq!(if_there(are_in(&session, std::slice::from_ref(&key))).unwrap(), Some(vec![false]));
        std::fs::remove_dir(session.path()).unwrap();
        assert_eq!(if_there(are_in(&session, std::slice::from_ref(&key))).unwrap(), None);
        assert!(if_there(session.names()).unwrap().is_none());
    }
}
