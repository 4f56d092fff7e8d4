//! RESOLVED markers: a fault went away by itself.

use haltline_protocol::{Document, FaultKey, Intake, LARGEST_ROW, NewRow, RowKind, rfc3339_millis};
use jiff::Timestamp;

use crate::EmitError;

/// Puts a marker into the queue: what waits of this fault and is not younger than `now` needs no investigation.
/// Returns where the marker is, to be shown to a person.
///
/// # Errors
/// An id is empty, the marker would be too large, or the queue cannot be written.
pub fn resolve(intake: &dyn Intake, key: &FaultKey, now: Timestamp) -> Result<String, EmitError> {
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
    Ok(intake.put(&NewRow { kind: RowKind::Resolved, key: key.clone(), stamp: now, row: &row })?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::MemoryIntake;

    #[test]
    fn a_marker_without_an_id_is_wrong_usage() {
        let intake = MemoryIntake::default();
        for (run_id, fault_id) in [("", "f"), ("r", "")] {
            let key = FaultKey { run_id: run_id.into(), fault_id: fault_id.into() };
            assert!(resolve(&intake, &key, Timestamp::UNIX_EPOCH).unwrap_err().is_usage());
        }
        let long = "r".repeat(LARGEST_ROW);
        let key = FaultKey { run_id: long.as_str().into(), fault_id: "f".into() };
        assert!(matches!(
            resolve(&intake, &key, Timestamp::UNIX_EPOCH),
            Err(EmitError::TooLarge { field: "runId", .. })
        ));
    }
}
