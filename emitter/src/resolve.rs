//! RESOLVED markers: a fault went away by itself.

use std::path::PathBuf;

use haltline_protocol::{Document, FaultKey, rfc3339_millis};
use haltline_spool::{Inlet, RowKind};
use jiff::Timestamp;

use crate::{EmitError, LARGEST_ROW};

/// Puts a marker into the queue: what waits of this fault and is not younger than `now` needs no investigation.
/// Returns where the marker is.
///
/// # Errors
/// An id is empty, the marker would be too large, or the queue cannot be written.
pub fn resolve(inlet: &Inlet, key: &FaultKey, now: Timestamp) -> Result<PathBuf, EmitError> {
    for (name, id) in [("runId", key.run_id.as_str()), ("faultId", key.fault_id.as_str())] {
        if id.is_empty() {
            return Err(EmitError::Empty(name));
        }
    }
    let mut document = Document::empty();
    document.set("event", &"SKILL_FAULT_RESOLVED")?;
    document.set("timestamp", &rfc3339_millis(now))?;
    document.set("runId", &key.run_id)?;
    document.set("faultId", &key.fault_id)?;
    let row = document.to_pretty();
    if row.len() > LARGEST_ROW {
        let run_is_longer = key.run_id.as_str().len() > key.fault_id.as_str().len();
        let field = if run_is_longer { "runId" } else { "faultId" };
        return Err(EmitError::TooLarge { limit: LARGEST_ROW, field });
    }
    Ok(inlet.put(RowKind::Resolved, key, now, &row)?)
}

#[cfg(test)]
mod tests {
    use haltline_protocol::{Layout, QueueRow};

    use super::*;

    #[test]
    fn a_marker_is_read_back_as_one_and_stands_beside_an_earlier_one() {
        let home = tempfile::tempdir().unwrap();
        let inlet = Inlet::open(&Layout::new(home.path()), true).unwrap();
        let key = FaultKey { run_id: "r".into(), fault_id: "K:all:00000000".into() };
        let now = "2026-05-20T08:14:00.123Z".parse().unwrap();
        let path = resolve(&inlet, &key, now).unwrap();
        assert!(path.ends_with("r-RESOLVED-K:all:00000000.json"));
        let row = std::fs::read(&path).unwrap();
        assert!(row.ends_with(b"\n}\n"));
        let QueueRow::Resolved(marker) = QueueRow::parse(&row).unwrap() else { panic!("no marker") };
        assert_eq!((marker.key, marker.timestamp), (key.clone(), Some(now)));
        assert_ne!(resolve(&inlet, &key, now).unwrap(), path);
    }

    #[test]
    fn a_marker_without_an_id_is_wrong_usage() {
        let home = tempfile::tempdir().unwrap();
        let inlet = Inlet::open(&Layout::new(home.path()), true).unwrap();
        for (run_id, fault_id) in [("", "f"), ("r", "")] {
            let key = FaultKey { run_id: run_id.into(), fault_id: fault_id.into() };
            assert!(resolve(&inlet, &key, Timestamp::UNIX_EPOCH).unwrap_err().is_usage());
        }
        let long = "r".repeat(LARGEST_ROW);
        let key = FaultKey { run_id: long.as_str().into(), fault_id: "f".into() };
        assert!(matches!(
            resolve(&inlet, &key, Timestamp::UNIX_EPOCH),
            Err(EmitError::TooLarge { field: "runId", .. })
        ));
    }
}
