//! A whole drain with a best-effort sink that always fails, and with one that hangs: no count changes, and the records
//! wait in the outbox.
#![allow(clippy::unwrap_used, reason = "a test ends where something is not as it should be")]

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use haltline_analytics::{
    Activity, Analytics, AnalyticsSummary, SINKS, SinkDeclaration, SinkEntry, SinkFactory, SinkOpenError, SinkPolicy,
    open_sinks,
};
use haltline_consumer::{Drain, DrainOptions, DrainReport, Wires};
use haltline_dispatcher::mock::{ScriptedAnswer, ScriptedInvestigator};
use haltline_dispatcher::{Dispatcher, Source};
use haltline_emitter::{FaultDraft, MarkShipped, Snapshot, drain_queue, emit, mark_shipped};
use haltline_protocol::{Layout, Pointers, Receipt, Record, Severity, Sink, SinkError};
use haltline_spool::{FileSession, SpoolIntake};
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// A sink that delivers nothing.
#[derive(Clone, Copy)]
struct Broken {
    declaration: SinkDeclaration,
    hangs: bool,
}

const FAILS: Broken = Broken::new("fails", false);
const HANGS: Broken = Broken::new("hangs", true);

impl Broken {
    const fn new(name: &'static str, hangs: bool) -> Self {
        let policy = SinkPolicy::BestEffort;
        Self { declaration: SinkDeclaration { name, policy, ..SinkDeclaration::DEFAULT }, hangs }
    }
}

impl SinkFactory for Broken {
    fn declaration(&self) -> &SinkDeclaration {
        &self.declaration
    }

    fn open(&self, _settings: &toml::Table, _layout: &Layout) -> Result<Box<dyn Sink>, SinkOpenError> {
        Ok(Box::new(*self))
    }
}

#[async_trait]
impl Sink for Broken {
    fn name(&self) -> &'static str {
        self.declaration.name
    }

    async fn deliver(&mut self, _records: &[Record], _replay: bool) -> Result<Receipt, SinkError> {
        if self.hangs {
            std::future::pending::<()>().await;
        }
        Err(SinkError::Permanent { sink: self.declaration.name, reason: "it always fails".to_owned() })
    }
}

fn fill(layout: &Layout) {
    let intake = SpoolIntake::open(layout, false).unwrap();
    for number in 0..40 {
        let feature = number.to_string();
        let site = MarkShipped { feature: &feature, ..MarkShipped::default() };
        emit(&intake, &mark_shipped(&site, Timestamp::now()).unwrap()).unwrap();
    }
    for number in 0..4 {
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

async fn drain(layout: &Layout, kinds: &[&str]) -> (DrainReport, AnalyticsSummary) {
    let broken: [&dyn SinkFactory; 2] = [&FAILS, &HANGS];
    let registry = [&broken, SINKS].concat();
    let entries: Vec<SinkEntry> =
        kinds.iter().map(|kind| toml::from_str(&format!("kind = \"{kind}\"")).unwrap()).collect();
    let sinks = open_sinks(&registry, Activity::Drain, &entries, layout).unwrap();
    let session = Arc::new(FileSession::open(layout).unwrap());
    let options = DrainOptions {
        dry_run: false,
        max: 20,
        jobs: 2,
        severity_min: Severity::Medium,
        run_id: None,
        max_attempts: 3,
        own_audit: Some(drain_queue(Timestamp::now()).unwrap().event().clone()),
        learned_patterns: PathBuf::from("/nowhere/learned-patterns.json"),
    };
    let (dispatcher, requests) = mpsc::channel(1);
    let (analytics, batches) = mpsc::channel(1);
    let investigator = ScriptedInvestigator::new([
        ScriptedAnswer::root_cause("the disk is full"),
        ScriptedAnswer::Fails(haltline_protocol::Failure::BadReport),
        ScriptedAnswer::root_cause("the disk is full"),
    ]);
    let end = CancellationToken::new();
    let recording = tokio::spawn(Analytics::new(sinks).run(batches, end.clone()));
    let dispatching = Dispatcher::new(Source::Given(Arc::new(investigator)), 2).run(requests, CancellationToken::new());
    let dispatching = tokio::spawn(dispatching);
    let wires =
        Wires { dispatcher, analytics, progress: None, stop: CancellationToken::new(), cut: CancellationToken::new() };
    let report = Drain::new(session, options).run(wires).await.unwrap();
    // What is under way gets no time of grace, so that the test waits for no clock.
    end.cancel();
    dispatching.await.unwrap();
    (report, recording.await.unwrap())
}

#[tokio::test]
async fn no_count_changes_and_every_record_waits_in_the_outbox() {
    let calm = tempfile::tempdir().unwrap();
    let layout = Layout::new(calm.path());
    fill(&layout);
    let (expected, filed) = drain(&layout, &[]).await;
    assert_eq!((expected.counts.processed, expected.counts.failed, filed.filed().notes), (3, 1, 3));

    let home = tempfile::tempdir().unwrap();
    let layout = Layout::new(home.path());
    fill(&layout);
    let (report, summary) = drain(&layout, &["fails", "hangs"]).await;
    assert_eq!(report.counts, expected.counts);
    assert_eq!((report.stopped, &report.no_investigator, &report.unfit), (false, &None, &None));
    assert_eq!(summary.sinks, filed.sinks);
    let rows = std::fs::read_to_string(home.path().join("analytics/skill-faults.jsonl")).unwrap().lines().count();
    for outbox in summary.outboxes {
        let reports = 3;
        assert_eq!((outbox.waiting, outbox.dropped), ((rows + reports) as u64, 0), "{}", outbox.sink);
    }
}
