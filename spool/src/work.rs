//! Whether there is anything for a drain to do, asked without touching anything.

use haltline_files::{FileError, Folder};
use haltline_protocol::Layout;

use crate::hold::Hold;
use crate::scan::is_row_name;

/// Whether anything waits or is held. A queue that is not there has no work.
///
/// # Errors
/// The queue is there and cannot be read.
pub fn has_work(layout: &Layout) -> Result<bool, FileError> {
    let any = |path: &std::path::Path, is_work: fn(&str) -> bool| match Folder::open(path) {
        Ok(folder) => folder.has_name(is_work),
        Err(error) if error.is_missing() => Ok(false),
        Err(error) => Err(error),
    };
    let is_hold = |name: &str| Hold::is_hold(name) && name != crate::queue::SETTLE_LOCK;
    Ok(any(&layout.pending(), is_row_name)? || any(&layout.in_flight(), is_hold)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_or_a_hold_is_work_and_a_lock_is_none() {
        let home = tempfile::tempdir().unwrap();
        let layout = Layout::new(home.path());
        assert!(!has_work(&layout).unwrap());
        let in_flight = Folder::ensure(&layout.in_flight()).unwrap();
        in_flight.create_new("settle.lock", b"").unwrap();
        let pending = Folder::ensure(&layout.pending()).unwrap();
        pending.create_new("x.tmp", b"").unwrap();
        assert!(!has_work(&layout).unwrap());
        in_flight.ensure_child("20260520T081400123Z-0").unwrap();
        assert!(has_work(&layout).unwrap());
        in_flight.remove_empty_child("20260520T081400123Z-0").unwrap();
        pending.create_new("x.json", b"").unwrap();
        assert!(has_work(&layout).unwrap());
    }
}
