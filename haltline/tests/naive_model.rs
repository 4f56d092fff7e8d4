//! Drains of random queues against the plainest model of what a drain has to do: order, counts, and who is dispatched.

use std::collections::{BTreeMap, BTreeSet};

use haltline_consumer::{Drain, DrainOptions, Wires};
use haltline_lab::MemoryQueue;
use haltline_protocol::{
    DispatchFailure, DispatchRequest, DrainCounts, Failure, FaultKey, Intake, Layout, NewRow, Queue, RecordBatch,
    RowKind, Usage,
};
use haltline_spool::{FileQueue, SpoolIntake};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

const SEVERITIES: [&str; 4] = ["LOW", "MEDIUM", "HIGH", "CRITICAL"];

/// One row of a generated queue.
#[derive(Debug, Clone)]
enum Given {
    Event {
        fault: u32,
        kind: Kind,
        severity: usize,
        second: i64,
        backs_off: bool,
    },
    /// A RESOLVED marker; `is_odd` where its name does not say so.
    Marker {
        fault: u32,
        second: i64,
        is_odd: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Fault,
    Audit,
    Timeout,
    Overloaded,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Fault => "PHASE_FAILED",
            Self::Audit => "MANUAL_RECOVERY_INVOKED",
            Self::Timeout => "PROVIDER_TIMEOUT",
            Self::Overloaded => "PROVIDER_OVERLOADED",
        }
    }
}

/// What a drain does with a queue.
#[derive(Debug, PartialEq, Eq)]
struct Done {
    /// The faults that were dispatched, in their order.
    dispatched: Vec<String>,
    /// Investigated, by another's investigation, audit-skipped, held back, collapsed, left for later.
    counts: [u64; 6],
}

impl Done {
    fn of(dispatched: Vec<String>, counts: &DrainCounts) -> Self {
        let DrainCounts { processed, duplicates, short_circuited, skipped, collapsed, deferred, .. } = *counts;
        Self { dispatched, counts: [processed, duplicates, short_circuited, skipped, collapsed, deferred] }
    }
}

/// The kind of a fault follows from its number, so that a fault has one kind.
fn fault_id(fault: u32, kind: Kind) -> String {
    format!("{}:{fault:06}", kind.name())
}

fn time(second: i64) -> Timestamp {
    Timestamp::constant(1_700_000_000, 0) + SignedDuration::from_secs(second)
}

fn row(given: &Given) -> (RowKind, FaultKey, Timestamp, String) {
    let (kind, id, second, text) = match given {
        Given::Event { fault, kind, severity, second, backs_off } => {
            let id = fault_id(*fault, *kind);
            let investigate = if *kind == Kind::Audit { ",\"investigate\":false" } else { "" };
            let delivery =
                if *backs_off { ",\"delivery\":{\"attempts\":1,\"notBefore\":\"2999-01-01T00:00:00Z\"}" } else { "" };
            let text = format!(
                r#"{{"faultId":"{id}","runId":"run","stateSlug":"s","kind":"{}","severity":"{}","timestamp":"{}",
                    "message":"m","pointers":{{}},"snapshot":{{}}{investigate}{delivery}}}"#,
                kind.name(),
                SEVERITIES[*severity],
                time(*second)
            );
            (RowKind::Event, id, *second, text)
        }
        Given::Marker { fault, second, .. } => {
            let id = fault_id(*fault, Kind::Fault);
            let text = format!(
                r#"{{"event":"SKILL_FAULT_RESOLVED","timestamp":"{}","runId":"run","faultId":"{id}"}}"#,
                time(*second)
            );
            (RowKind::Resolved, id, *second, text)
        }
    };
    (kind, FaultKey { run_id: "run".into(), fault_id: id.as_str().into() }, time(second), text)
}

/// What has to be done, in the plainest way.
fn naive(queue: &[Given], max: usize) -> Done {
    let mut resolved: BTreeMap<String, i64> = BTreeMap::new();
    for given in queue {
        if let Given::Marker { fault, second, .. } = given {
            let latest = resolved.entry(fault_id(*fault, Kind::Fault)).or_insert(*second);
            *latest = (*latest).max(*second);
        }
    }
    let [mut audits, mut skipped, mut collapsed] = [0; 3];
    let mut waits: BTreeSet<String> = BTreeSet::new();
    let mut due = Vec::new();
    for given in queue {
        let Given::Event { fault, kind, severity, second, backs_off } = given else { continue };
        let id = fault_id(*fault, *kind);
        if resolved.get(&id).is_some_and(|latest| latest >= second) {
            collapsed += 1;
        } else if *backs_off {
            skipped += 1;
            waits.insert(id);
        } else if *severity == 0 {
            skipped += 1;
        } else if *kind == Kind::Audit {
            audits += 1;
        } else {
            due.push((std::cmp::Reverse(*severity), *second, id, *kind));
        }
    }
    let before = due.len();
    due.retain(|(_, _, id, _)| !waits.contains(id));
    skipped += (before - due.len()) as u64;
    due.sort();
    let mut groups: Vec<(String, String, u64)> = Vec::new();
    let mut places = BTreeMap::new();
    for (_, _, id, kind) in due {
        let shares = if kind == Kind::Fault { id.clone() } else { kind.name().to_owned() };
        let place = *places.entry(shares.clone()).or_insert(groups.len());
        match groups.get_mut(place) {
            Some((_, _, events)) => *events += 1,
            None => groups.push((shares, id, 1)),
        }
    }
    let (now, later) = groups.split_at(groups.len().min(max));
    let events = |groups: &[(String, String, u64)]| groups.iter().map(|(_, _, events)| events).sum::<u64>();
    let processed = now.len() as u64;
    let counts = [processed, events(now) - processed, audits, skipped, collapsed, events(later)];
    Done { dispatched: now.iter().map(|(_, id, _)| id.clone()).collect(), counts }
}

/// One drain of a queue. Every investigation fails on its provider's part and is put back, so that it changes nothing
/// else; it counts as if it had been answered.
async fn drain(queue: &dyn Queue, max: u32) -> Done {
    let session = queue.open().await.expect("the queue can be opened");
    let options = DrainOptions { max, jobs: 1, ..DrainOptions::default() };
    let (dispatcher, mut requests) = mpsc::channel(1);
    let (analytics, mut batches) = mpsc::channel::<RecordBatch>(1);
    let (stop, cut) = (CancellationToken::new(), CancellationToken::new());
    let wires = Wires { dispatcher, analytics, progress: None, stop, cut };
    let dispatching = async {
        let mut dispatched = Vec::new();
        let mut occurrences = Vec::new();
        while let Some(request) = requests.recv().await {
            match request {
                DispatchRequest::Prepare { reply } => drop(reply.send(Ok("model".to_owned()))),
                DispatchRequest::Salvage { reply, .. } => drop(reply.send(None)),
                DispatchRequest::Investigate { assignment, reply } => {
                    dispatched.push(assignment.event.fault_id.as_str().to_owned());
                    occurrences.push(u64::from(assignment.occurrences));
                    let failure = DispatchFailure {
                        class: Failure::Crash,
                        detail: "as the test wants it".to_owned(),
                        usage: Box::new(Usage::default()),
                        retry_after: None,
                    };
                    drop(reply.send(Err(failure)));
                }
            }
        }
        (dispatched, occurrences)
    };
    let recording = async {
        while let Some(batch) = batches.recv().await {
            batch.acknowledge.send(Ok(())).ok();
        }
    };
    let (report, (dispatched, occurrences), ()) =
        tokio::join!(Drain::new(session, options).run(wires), dispatching, recording);
    let mut counts = report.expect("the queue can be drained").counts;
    let investigated = dispatched.len() as u64;
    assert_eq!(counts.failed, occurrences.iter().sum::<u64>());
    (counts.processed, counts.duplicates) = (investigated, counts.failed - investigated);
    Done::of(dispatched, &counts)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime")
}

fn fill(intake: &dyn Intake, queue: &[Given]) {
    for given in queue {
        let (kind, key, stamp, text) = row(given);
        intake.put(&NewRow { kind, key, stamp, row: text.as_bytes() }).expect("the queue can be written");
    }
}

/// Fills a queue of files. Markers under odd names are written as files, in the order in which they are given.
fn fill_files(layout: &Layout, queue: &[Given]) {
    let intake = SpoolIntake::open(layout, false).expect("the queue can be made");
    for (place, given) in queue.iter().enumerate() {
        match given {
            Given::Marker { is_odd: true, .. } => {
                let (.., text) = row(given);
                std::fs::write(layout.pending().join(format!("odd-{place}.json")), text).expect("a file");
            }
            given => fill(&intake, std::slice::from_ref(given)),
        }
    }
}

fn event() -> impl Strategy<Value = Given> {
    let kind = prop_oneof![
        6 => Just(Kind::Fault),
        1 => Just(Kind::Audit),
        1 => Just(Kind::Timeout),
        1 => Just(Kind::Overloaded),
    ];
    (0..40_u32, kind, 0..4_usize, 0..50_i64, prop::bool::weighted(0.15)).prop_map(
        |(fault, kind, severity, second, backs_off)| Given::Event { fault, kind, severity, second, backs_off },
    )
}

fn queue() -> impl Strategy<Value = Vec<Given>> {
    let marker = (0..40_u32, 0..50_i64, any::<bool>()).prop_map(|(fault, second, is_odd)| Given::Marker {
        fault,
        second,
        is_odd,
    });
    prop::collection::vec(prop_oneof![8 => event(), 1 => marker], 0..120)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_drain_of_a_queue_that_reads_in_order_does_what_the_model_says(queue in queue(), max in 0..12_u32) {
        let folder = tempfile::tempdir().expect("a folder");
        let memory = MemoryQueue::new(folder.path());
        fill(&memory, &queue);
        prop_assert_eq!(runtime().block_on(drain(&memory, max)), naive(&queue, max as usize));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn a_drain_of_a_queue_of_files_does_what_the_model_says(queue in queue(), max in 0..12_u32) {
        let home = tempfile::tempdir().expect("a folder");
        let layout = Layout::new(home.path());
        fill_files(&layout, &queue);
        prop_assert_eq!(runtime().block_on(drain(&FileQueue::new(layout), max)), naive(&queue, max as usize));
    }
}

/// 1,000 markers under odd names, 300 faults in back-off ahead of all that is due, 100,000 faults of all severities.
fn large_queue() -> Vec<Given> {
    let mut queue = Vec::new();
    for number in 0..300 {
        queue.push(Given::Event { fault: number, kind: Kind::Fault, severity: 3, second: 0, backs_off: true });
    }
    for number in 0..100_000_u32 {
        let severity = (number % 4) as usize;
        let second = i64::from(number.wrapping_mul(7919) % 10_000);
        queue.push(Given::Event { fault: 300 + number, kind: Kind::Fault, severity, second, backs_off: false });
    }
    for number in 0..1000 {
        queue.push(Given::Marker { fault: 300 + number * 90, second: 5000, is_odd: true });
    }
    queue
}

#[test]
fn a_large_queue_with_late_markers_and_back_off_is_exact() {
    let queue = large_queue();
    let home = tempfile::tempdir().expect("a folder");
    let layout = Layout::new(home.path());
    fill_files(&layout, &queue);
    let done = runtime().block_on(drain(&FileQueue::new(layout), 20));
    assert_eq!(done, naive(&queue, 20));
    assert_eq!(done.dispatched.len(), 20);
}
