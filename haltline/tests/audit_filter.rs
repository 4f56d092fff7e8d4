//! The audit-skip filter with the dispatcher swapped for a mock: not one message of a skipped event reaches it.
#![allow(clippy::unwrap_used, reason = "a test ends where something is not as it should be")]

use std::sync::Arc;

use haltline_analytics::{Analytics, OpenSinks};
use haltline_consumer::{Drain, DrainOptions, DrainReport, Wires};
use haltline_dispatcher::mock::ScriptedInvestigator;
use haltline_dispatcher::{Dispatcher, Source};
use haltline_emitter::{FaultDraft, MarkShipped, Snapshot, drain_queue, emit, mark_shipped};
use haltline_protocol::{DispatchRequest, Layout, Pointers};
use haltline_spool::{FileSession, SpoolIntake};
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

fn fill(layout: &Layout, audits: usize, faults: usize) {
    let intake = SpoolIntake::open(layout, false).unwrap();
    for number in 0..audits {
        let feature = number.to_string();
        let site = MarkShipped { feature: &feature, ..MarkShipped::default() };
        emit(&intake, &mark_shipped(&site, Timestamp::now()).unwrap()).unwrap();
    }
    for number in 0..faults {
        let draft = FaultDraft {
            kind: "PHASE_FAILED".parse().unwrap(),
            severity: None,
            run_id: "build-42",
            state_slug: "s",
            message: &format!("phase {number} failed"),
            pointers: Pointers::default(),
            snapshot: Snapshot::default(),
        };
        emit(&intake, &draft.build(Timestamp::now()).unwrap()).unwrap();
    }
}

/// A drain with the dispatcher's wire in the test's hand; analytics has no sinks.
async fn drain(layout: &Layout, dispatcher: mpsc::Sender<DispatchRequest>) -> DrainReport {
    let queue = Arc::new(FileSession::open(layout).unwrap());
    let own_audit = Some(drain_queue(Timestamp::now()).unwrap().event().clone());
    let options = DrainOptions { own_audit, ..DrainOptions::default() };
    let (analytics, batches) = mpsc::channel(1);
    let recording = tokio::spawn(Analytics::new(OpenSinks::default()).run(batches, CancellationToken::new()));
    let wires =
        Wires { dispatcher, analytics, progress: None, stop: CancellationToken::new(), cut: CancellationToken::new() };
    let report = Drain::new(queue, options).run(wires).await.unwrap();
    recording.await.unwrap();
    report
}

fn waiting(layout: &Layout) -> usize {
    std::fs::read_dir(layout.pending()).unwrap().count()
}

#[tokio::test]
async fn no_message_of_a_skipped_event_reaches_the_dispatcher() {
    let home = tempfile::tempdir().unwrap();
    let layout = Layout::new(home.path());
    fill(&layout, 2500, 0);
    let (dispatcher, mut requests) = mpsc::channel(1);
    let report = drain(&layout, dispatcher).await;
    assert!(requests.recv().await.is_none(), "the wire is closed and nothing came over it");
    assert_eq!(report.counts.short_circuited, 2501, "the drain's own audit event is one of them");
    assert_eq!(report.counts.avoided, 2501);
    assert_eq!(waiting(&layout), 0);
}

#[tokio::test]
async fn among_audit_events_only_the_faults_are_asked_about() {
    let home = tempfile::tempdir().unwrap();
    let layout = Layout::new(home.path());
    fill(&layout, 30, 3);
    let investigator = Arc::new(ScriptedInvestigator::new([]));
    let (dispatcher, requests) = mpsc::channel(1);
    let dispatching =
        tokio::spawn(Dispatcher::new(Source::Given(investigator.clone()), 2).run(requests, CancellationToken::new()));
    let report = drain(&layout, dispatcher).await;
    let summary = dispatching.await.unwrap();
    let asked = investigator.asked();
    assert_eq!((asked.len(), summary.started, report.counts.dispatched), (3, 3, 3));
    assert!(asked.iter().all(|asked| asked.fault_id.as_str().starts_with("PHASE_FAILED:")));
    assert_eq!((report.counts.short_circuited, report.counts.processed), (31, 3));
    assert_eq!(waiting(&layout), 0);
    assert_eq!(std::fs::read_dir(layout.processed()).unwrap().count(), 34);
    assert_eq!(std::fs::read_dir(layout.in_flight()).unwrap().count(), 1, "only the settle lock is left");
}
