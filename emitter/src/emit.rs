//! The way from emissions into a queue.

use std::path::PathBuf;

use haltline_spool::{Inlet, NewRow, RowKind};

use crate::{Emission, EmitError};

/// Puts an event into the queue, beside earlier occurrences of its fault, and returns where it is. When this returns,
/// the event is durable, unless the inlet was opened without.
///
/// # Errors
/// The queue cannot be written; nothing half written is left, and the caller may emit again.
pub fn emit(inlet: &Inlet, emission: &Emission) -> Result<PathBuf, EmitError> {
    Ok(inlet.put(RowKind::Event, &emission.event().key(), emission.stamp(), emission.row())?)
}

/// Puts events into the queue as [`emit`] does, and flushes them in groups, which takes a fraction of the time. Returns
/// where each is.
///
/// # Errors
/// The queue cannot be written. Nothing half written is left; which of the events are in the queue is not known, and
/// the caller may emit them all again.
pub fn emit_all(inlet: &Inlet, emissions: &[Emission]) -> Result<Vec<PathBuf>, EmitError> {
    let rows: Vec<_> = emissions
        .iter()
        .map(|emission| NewRow {
            kind: RowKind::Event,
            key: emission.event().key(),
            stamp: emission.stamp(),
            row: emission.row(),
        })
        .collect();
    Ok(inlet.put_all(&rows)?)
}

#[cfg(test)]
mod tests {
    use haltline_protocol::Layout;
    use jiff::Timestamp;

    use super::*;
    use crate::drain_queue;

    #[test]
    fn every_occurrence_is_a_file_of_its_own_with_the_row_to_the_byte() {
        let home = tempfile::tempdir().unwrap();
        let inlet = Inlet::open(&Layout::new(home.path()), true).unwrap();
        let emission = drain_queue("2026-05-20T08:14:00.123Z".parse().unwrap()).unwrap();
        let first = emit(&inlet, &emission).unwrap();
        let second = emit(&inlet, &emission).unwrap();
        assert!(first.ends_with("drain-faults-MANUAL_RECOVERY_INVOKED:all:276ba8b1.json"));
        assert!(second.ends_with("drain-faults-MANUAL_RECOVERY_INVOKED:all:276ba8b1~20260520T081400123Z.json"));
        for path in [first, second] {
            assert_eq!(std::fs::read(path).unwrap(), emission.row());
        }
    }

    #[test]
    fn a_batch_brings_its_paths_in_its_order_and_every_row_to_the_byte() {
        let home = tempfile::tempdir().unwrap();
        let inlet = Inlet::open(&Layout::new(home.path()), true).unwrap();
        // More than one flush takes, and each of them one fault: only the order tells them apart.
        let stamp = |number: i64| Timestamp::from_millisecond(1_700_000_000_000 + number).unwrap();
        let emissions: Vec<_> = (0..70).map(|number| drain_queue(stamp(number)).unwrap()).collect();
        let paths = emit_all(&inlet, &emissions).unwrap();
        let read: Vec<_> = paths.iter().map(|path| std::fs::read(path).unwrap()).collect();
        let rows: Vec<_> = emissions.iter().map(Emission::row).collect();
        assert_eq!(read, rows);
        assert!(paths[0].ends_with("drain-faults-MANUAL_RECOVERY_INVOKED:all:276ba8b1.json"), "{paths:?}");
        assert_eq!(std::fs::read_dir(paths[0].parent().unwrap()).unwrap().count(), 70);
        assert_eq!(emit_all(&inlet, &[]).unwrap(), Vec::<PathBuf>::new());
    }

    #[test]
    fn a_queue_that_cannot_be_written_is_no_wrong_usage() {
        let home = tempfile::tempdir().unwrap();
        let inlet = Inlet::open(&Layout::new(home.path()), true).unwrap();
        rustix::fs::unlink(home.path().join("skill-faults/pending-investigations")).unwrap_err();
        rustix::fs::rmdir(home.path().join("skill-faults/pending-investigations")).unwrap();
        let error = emit(&inlet, &drain_queue(Timestamp::UNIX_EPOCH).unwrap()).unwrap_err();
        assert!(!error.is_usage());
        assert!(error.to_string().contains("pending-investigations"), "{error}");
    }
}
