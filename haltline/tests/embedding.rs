//! Another program runs a drain with a sink and an investigator of its own: the example does.

#[path = "../examples/embedded_drain.rs"]
#[expect(dead_code, reason = "its main is not run here")]
mod embedded_drain;

use haltline::open_emitter;
use haltline_emitter::{FaultDraft, Snapshot};
use haltline_protocol::Pointers;

#[tokio::test]
async fn a_program_emits_and_drains_with_parts_of_its_own() {
    let home = tempfile::tempdir().unwrap();
    let emitter = open_emitter(home.path()).unwrap();
    let draft = FaultDraft {
        kind: "PHASE_FAILED".parse().unwrap(),
        severity: None,
        run_id: "build-42",
        state_slug: "checkout-flow",
        message: "phase 3 failed",
        pointers: Pointers::default(),
        snapshot: Snapshot::default(),
    };
    let fault_id = emitter.emit(draft).await.unwrap();
    assert_eq!(embedded_drain::drain(home.path()).await.unwrap(), 1);
    let report = home.path().join(format!("skill-faults/reports/build-42/{fault_id}.md"));
    assert!(std::fs::read_to_string(report).unwrap().contains("the disk is full"));
}
