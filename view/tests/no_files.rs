//! The read side over a queue that is no file.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

use haltline_lab::MemoryQueue;
use haltline_protocol::{Change, Control, EventState, FaultKey, Intake, Layout, NewRow, NextStep, RowKind, Severity};
use haltline_view::{FaultDetail, FaultView, FindError, Rules, explain, list, show, status};
use jiff::Timestamp;

fn put(queue: &MemoryQueue, fault: &str, run: &str, severity: &str) -> FaultKey {
    let row = serde_json::json!({
        "faultId": fault, "runId": run, "stateSlug": "s", "kind": "PHASE_FAILED", "severity": severity,
        "timestamp": "2026-05-20T08:14:00Z", "message": format!("{fault} failed"), "pointers": {}, "snapshot": {},
    });
    let key = FaultKey { run_id: run.into(), fault_id: fault.into() };
    let stamp = Timestamp::UNIX_EPOCH;
    queue.put(&NewRow { kind: RowKind::Event, key: key.clone(), stamp, row: row.to_string().as_bytes() }).unwrap();
    key
}

#[test]
fn what_is_in_it_is_counted_listed_found_and_explained() {
    let home = tempfile::tempdir().unwrap();
    let layout = Layout::new(home.path());
    let rules = Rules { inbox: layout.inbox(), max_attempts: 3, severity_min: Severity::Medium };
    let queue = MemoryQueue::default();
    put(&queue, "mild", "r", "LOW");
    let grave = put(&queue, "grave", "r", "CRITICAL");
    put(&queue, "mild", "other", "LOW");
    queue.change(&grave, Change::Hold).unwrap();

    let counted = status(&queue, &rules.inbox).unwrap();
    assert_eq!((counted.pending.count, counted.held.count, counted.queue.as_str()), (2, 1, "memory"));
    let listed = list(&queue, None, Some("r")).unwrap();
    let listed: Vec<_> = listed.iter().map(|event| (event.fault_id.as_str(), event.state)).collect();
    assert_eq!(listed, [("grave", EventState::Held), ("mild", EventState::Pending)]);

    let Err(FindError::Several { candidates, .. }) = FaultView::find(&queue, "mild", None) else {
        panic!("two runs have it")
    };
    assert_eq!(candidates.len(), 2);
    let Err(FindError::Unknown { near, .. }) = FaultView::find(&queue, "gra", None) else { panic!("no id is this") };
    assert_eq!(near.into_iter().collect::<Vec<_>>(), [grave]);

    let detail = FaultDetail::find(&queue, &layout, &rules, "grave", None).unwrap();
    let story = explain(&detail, &rules, &|_, _| NextStep::Dispatched, false, Timestamp::UNIX_EPOCH);
    assert!(story.now[0].contains("a person holds it"), "{:?}", story.now);
    let shown = show(detail, rules.max_attempts);
    assert_eq!((shown.message.as_deref(), shown.events.len()), (Some("grave failed"), 1));
    assert!(!layout.queue().is_dir(), "looking made something");
}
