//! The id of a fault: the same kind, place and message are the same fault.

use haltline_protocol::{FaultId, Kind};
use sha2::{Digest, Sha256};

use crate::Place;

/// How many bytes of the hash the id shows, as two hex digits each.
const HASH_BYTES: usize = 4;

/// The id of a fault: `<kind>:<index>:<hash>`, where the hash is over kind, index and message.
pub fn fault_id(kind: &Kind, place: &Place, message: &str) -> FaultId {
    let stem = format!("{}:{}", kind.as_str(), place.index());
    let hash = Sha256::new().chain_update(&stem).chain_update(":").chain_update(message).finalize();
    let digits: String = hash.iter().take(HASH_BYTES).map(|byte| format!("{byte:02x}")).collect();
    FaultId::new(format!("{stem}:{digits}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_values_of_the_contract_hold() {
        let recovery = "MANUAL_RECOVERY_INVOKED";
        for (kind, place, message, id) in [
            (recovery, Place::Run, "drain-faults subcommand invoked (queue)", "MANUAL_RECOVERY_INVOKED:all:276ba8b1"),
            (
                recovery,
                Place::Run,
                "--mark-phase-committed invoked for phase 2.1",
                "MANUAL_RECOVERY_INVOKED:all:e0792c37",
            ),
            (
                recovery,
                Place::Run,
                "mark-shipped subcommand invoked for feature 3 (PR #42)",
                "MANUAL_RECOVERY_INVOKED:all:6d6e6a14",
            ),
            ("PHASE_FAILED", Place::Run, "phase 0 failed", "PHASE_FAILED:all:302c3b29"),
            ("FEATURE_FAILED", Place::Feature("3".into()), "ship failed", "FEATURE_FAILED:f3:5ee04918"),
        ] {
            assert_eq!(fault_id(&Kind::new(kind), &place, message).as_str(), id);
        }
    }

    #[test]
    fn the_place_is_part_of_the_hash() {
        let kind = Kind::new("PHASE_FAILED");
        let phase = fault_id(&kind, &Place::Phase("3".parse().unwrap()), "m");
        let feature = fault_id(&kind, &Place::Feature("3".into()), "m");
        assert!(phase.as_str().starts_with("PHASE_FAILED:p3:"));
        assert_ne!(phase.as_str().rsplit(':').next(), feature.as_str().rsplit(':').next());
    }
}
