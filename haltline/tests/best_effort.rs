//! A whole drain with a best-effort sink that always fails, and with one that hangs: no count changes, and the records
//! wait in the outbox.
#![allow(clippy::unwrap_used, reason = "a test ends where something is not as it should be")]

use std::sync::Arc;

use async_trait::async_trait;
use haltline::{DrainOptions, Drained, Pipeline};
use haltline_analytics::{
    Activity, SINKS, SinkDeclaration, SinkEntry, SinkFactory, SinkOpenError, SinkPolicy, open_sinks,
};
use haltline_dispatcher::Source;
use haltline_dispatcher::mock::{ScriptedAnswer, ScriptedInvestigator};
use haltline_emitter::{FaultDraft, MarkShipped, Snapshot, drain_queue, emit, mark_shipped};
use haltline_protocol::{Failure, Layout, Pointers, Receipt, Record, Sink, SinkError};
use haltline_spool::{FileQueue, SpoolIntake};
use jiff::Timestamp;
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

/// Stops the pipeline when it is told the totals: what is under way then gets no time of grace, and the test waits for no
/// clock.
struct StopAtEnd(CancellationToken);

#[async_trait]
impl Sink for StopAtEnd {
    fn name(&self) -> &'static str {
        "stop-at-end"
    }

    async fn deliver(&mut self, records: &[Record], _replay: bool) -> Result<Receipt, SinkError> {
        if records.iter().any(|record| matches!(record, Record::Drained(_))) {
            self.0.cancel();
        }
        Ok(Receipt::default())
    }
}

async fn drain(layout: &Layout, kinds: &[&str]) -> Drained {
    let broken: [&dyn SinkFactory; 2] = [&FAILS, &HANGS];
    let registry = [&broken, SINKS].concat();
    let entries: Vec<SinkEntry> =
        kinds.iter().map(|kind| toml::from_str(&format!("kind = \"{kind}\"")).unwrap()).collect();
    let sinks = open_sinks(&registry, Activity::Drain, &entries, layout).unwrap();
    let investigator = ScriptedInvestigator::new([
        ScriptedAnswer::root_cause("the disk is full"),
        ScriptedAnswer::Fails(Failure::BadReport),
        ScriptedAnswer::root_cause("the disk is full"),
    ]);
    let stop = CancellationToken::new();
    let pipeline = Pipeline::new(Arc::new(FileQueue::new(layout.clone())), Source::Given(Arc::new(investigator)))
        .with_sinks(sinks)
        .with_sink(Box::new(StopAtEnd(stop.clone())))
        .with_stop(stop, CancellationToken::new());
    let own_audit = Some(drain_queue(Timestamp::now()).unwrap().event().clone());
    pipeline.drain(DrainOptions { own_audit, ..DrainOptions::default() }).await.unwrap()
}

#[tokio::test]
async fn no_count_changes_and_every_record_waits_in_the_outbox() {
    let calm = tempfile::tempdir().unwrap();
    let layout = Layout::new(calm.path());
    fill(&layout);
    let expected = drain(&layout, &[]).await;
    let counts = &expected.report.counts;
    assert_eq!((counts.processed, counts.failed, expected.analytics.filed().notes), (3, 1, 3));

    let home = tempfile::tempdir().unwrap();
    let layout = Layout::new(home.path());
    fill(&layout);
    let drained = drain(&layout, &["fails", "hangs"]).await;
    let report = &drained.report;
    assert_eq!(report.counts, *counts);
    assert_eq!((report.stopped, &report.no_investigator, &report.unfit), (false, &None, &None));
    assert_eq!(drained.analytics.sinks, expected.analytics.sinks);
    assert!(drained.untold.is_none());
    let rows = std::fs::read_to_string(home.path().join("analytics/skill-faults.jsonl")).unwrap().lines().count();
    let (reports, totals) = (3, 1);
    for outbox in drained.analytics.outboxes {
        let waiting = (rows + reports + totals) as u64;
        assert_eq!((outbox.waiting, outbox.dropped), (waiting, 0), "{}", outbox.sink);
    }
}
