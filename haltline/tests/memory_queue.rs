//! The drain over a queue in memory, which is no file, with the mock in the dispatcher's place: what the product promises
//! holds whatever queue is behind the ports.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::sync::Arc;
use std::time::Duration;

use haltline::{DrainOptions, Drained, Pipeline, PipelineError};
use haltline_analytics::{Activity, SINKS, open_sinks};
use haltline_dispatcher::Source;
use haltline_dispatcher::mock::{ScriptedAnswer, ScriptedInvestigator};
use haltline_emitter::{
    Emission, FaultDraft, MarkPhaseCommitted, MarkShipped, Snapshot, drain_queue, emit, mark_phase_committed,
    mark_shipped,
};
use haltline_lab::MemoryQueue;
use haltline_protocol::{
    AttemptGrant, DrainCounts, Failure, FaultKey, Intake, Layout, NewRow, Pointers, Queue, RowKind,
};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

/// A queue in memory, and a home for what the sinks write.
struct Bench {
    home: tempfile::TempDir,
    queue: MemoryQueue,
}

impl Bench {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let queue = MemoryQueue::new(home.path().join("attempts"));
        Self { home, queue }
    }

    fn layout(&self) -> Layout {
        Layout::new(self.home.path())
    }

    fn emit(&self, emission: &Emission) {
        emit(&self.queue, emission).unwrap();
    }

    fn fault(&self, message: &str) {
        let draft = FaultDraft {
            kind: "PHASE_FAILED".parse().unwrap(),
            severity: None,
            run_id: "build-42",
            state_slug: "checkout-flow",
            message,
            pointers: Pointers::default(),
            snapshot: Snapshot::default(),
        };
        self.emit(&draft.build(Timestamp::now()).unwrap());
    }

    fn row(&self, kind: &str, fault_id: &str, fields: &str) {
        let row = format!(
            r#"{{"faultId":"{fault_id}","runId":"r","stateSlug":"s","kind":"{kind}","severity":"HIGH",
                "timestamp":"2026-05-20T08:14:00Z","message":"m","pointers":{{}},"snapshot":{{}}{fields}}}"#
        );
        let key = FaultKey { run_id: "r".into(), fault_id: fault_id.into() };
        let new = NewRow { kind: RowKind::Event, key, stamp: Timestamp::now(), row: row.as_bytes() };
        self.queue.put(&new).unwrap();
    }

    fn pipeline(&self, investigator: &Arc<ScriptedInvestigator>) -> Pipeline {
        std::fs::create_dir_all(self.layout().queue()).unwrap();
        let sinks = open_sinks(SINKS, Activity::Drain, &[], &self.layout()).unwrap();
        Pipeline::new(Arc::new(self.queue.clone()), Source::Given(investigator.clone())).with_sinks(sinks)
    }

    async fn try_drain(
        &self,
        investigator: &Arc<ScriptedInvestigator>,
        options: DrainOptions,
    ) -> Result<Drained, PipelineError> {
        self.pipeline(investigator).drain(options).await
    }

    async fn drain(&self, investigator: &Arc<ScriptedInvestigator>) -> DrainCounts {
        self.try_drain(investigator, DrainOptions::default()).await.unwrap().report.counts
    }

    /// The rows of all drains so far: outcome and fault.
    fn rows(&self) -> Vec<(String, String)> {
        let text = std::fs::read_to_string(self.layout().analytics().join("skill-faults.jsonl")).unwrap_or_default();
        let parse = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap();
        let text_of = |row: &serde_json::Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
        text.lines().map(parse).map(|row| (text_of(&row, "outcome"), text_of(&row, "faultId"))).collect()
    }
}

fn scripted(script: impl IntoIterator<Item = ScriptedAnswer>) -> Arc<ScriptedInvestigator> {
    Arc::new(ScriptedInvestigator::new(script))
}

fn finds_cause() -> Arc<ScriptedInvestigator> {
    scripted([ScriptedAnswer::root_cause("the disk is full")])
}

#[tokio::test]
async fn t01_an_audit_event_is_skipped_settled_and_recorded_and_nobody_is_asked() {
    let bench = Bench::new();
    bench.row("MANUAL_RECOVERY_INVOKED", "a", ",\"investigate\":false");
    bench.row("RECOVERY_BOUNDARY", "b", ",\"investigate\":false");
    let investigator = finds_cause();
    let counts = bench.drain(&investigator).await;
    assert_eq!((counts.short_circuited, counts.dispatched, counts.avoided), (2, 0, 2));
    assert!(investigator.asked().is_empty());
    assert_eq!((bench.queue.waiting().len(), bench.queue.processed().len()), (0, 2));
    let mut rows = bench.rows();
    rows.sort();
    assert_eq!(rows, [("audit-skipped".into(), "a".into()), ("audit-skipped".into(), "b".into())]);
}

#[tokio::test]
async fn t02_a_fault_is_investigated_filed_and_recorded() {
    let bench = Bench::new();
    bench.fault("phase 3 failed");
    let drained = bench.try_drain(&finds_cause(), DrainOptions::default()).await.unwrap();
    assert_eq!((drained.report.counts.processed, drained.report.counts.dispatched), (1, 1));
    assert_eq!(drained.analytics.filed().notes, 1);
    assert_eq!(bench.queue.waiting().len(), 0);
    assert_eq!(bench.rows()[0].0, "investigated");
    assert_eq!(std::fs::read_dir(bench.layout().queue().join("reports/build-42")).unwrap().count(), 2);
}

#[tokio::test]
async fn t03_a_mixed_queue_is_counted_event_by_event() {
    let bench = Bench::new();
    bench.row("MANUAL_RECOVERY_INVOKED", "audit", ",\"investigate\":false");
    bench.row("PHASE_FAILED", "f", "");
    bench.row("PHASE_FAILED", "f", "");
    bench.row("PHASE_FAILED", "later", ",\"delivery\":{\"attempts\":1,\"notBefore\":\"2999-01-01T00:00:00Z\"}");
    let counts = bench.drain(&finds_cause()).await;
    let seen = (counts.processed, counts.duplicates, counts.short_circuited, counts.skipped, counts.failed);
    assert_eq!(seen, (1, 1, 1, 1, 0));
    assert_eq!(bench.queue.waiting(), ["r-later.json"]);
}

#[tokio::test]
async fn t04_a_row_without_the_flag_is_investigated() {
    let bench = Bench::new();
    for (fault_id, fields) in [("a", ""), ("b", ",\"investigate\":null"), ("c", ",\"investigate\":\"false\"")] {
        bench.row("MANUAL_RECOVERY_INVOKED", fault_id, fields);
    }
    assert_eq!(bench.drain(&finds_cause()).await.processed, 3);
}

#[tokio::test]
async fn t05_a_drain_tells_of_itself_and_settles_that_event_whatever_the_filters() {
    let bench = Bench::new();
    let own_audit = Some(drain_queue(Timestamp::now()).unwrap().event().clone());
    let run_id = Some("another".into());
    let options = DrainOptions { own_audit, run_id, ..DrainOptions::default() };
    let counts = bench.try_drain(&finds_cause(), options).await.unwrap().report.counts;
    assert_eq!((counts.short_circuited, counts.dispatched), (1, 0));
    assert_eq!(bench.rows(), [("audit-skipped".into(), "MANUAL_RECOVERY_INVOKED:all:276ba8b1".into())]);
    assert_eq!(bench.queue.waiting().len(), 0);
}

#[tokio::test]
async fn t06_t08_after_each_recovery_site_the_next_drain_settles_its_event_free() {
    let now = Timestamp::now();
    let shipped = MarkShipped { feature: "3", pr: Some("42"), run_id: Some("r"), ..MarkShipped::default() };
    let committed = MarkPhaseCommitted { phase: "2.1", run_id: "r", ..MarkPhaseCommitted::default() };
    for emission in [
        drain_queue(now).unwrap(),
        mark_shipped(&shipped, now).unwrap(),
        mark_phase_committed(&committed, now).unwrap(),
    ] {
        let bench = Bench::new();
        bench.emit(&emission);
        let investigator = finds_cause();
        let counts = bench.drain(&investigator).await;
        assert_eq!((counts.short_circuited, counts.dispatched), (1, 0));
        assert!(investigator.asked().is_empty() && bench.queue.waiting().is_empty());
    }
}

#[tokio::test]
async fn a_failed_attempt_waits_and_after_the_last_one_it_is_a_dead_letter() {
    let bench = Bench::new();
    bench.row("PHASE_FAILED", "f", ",\"delivery\":{\"attempts\":2}");
    let counts = bench.drain(&scripted([ScriptedAnswer::Fails(Failure::Crash)])).await;
    assert_eq!((counts.failed, counts.dead_lettered), (1, 1));
    bench.row("PHASE_FAILED", "f", "");
    let investigator = finds_cause();
    let counts = bench.drain(&investigator).await;
    assert_eq!((counts.dead_lettered, counts.dispatched), (1, 0));
    assert!(investigator.asked().is_empty(), "an occurrence of a dead letter joins it unpaid");
}

#[tokio::test]
async fn no_program_starts_where_an_attempt_is_not_granted() {
    let bench = Bench::new();
    let investigator = finds_cause();

    bench.row("PHASE_FAILED", "capped", "");
    bench.queue.answer_next_attempt(AttemptGrant::Refused("per_day_usd of 5.00 is used up".to_owned()));
    let report = bench.try_drain(&investigator, DrainOptions::default()).await.unwrap().report;
    assert_eq!((report.counts.deferred, report.refused.as_deref()), (1, Some("per_day_usd of 5.00 is used up")));
    assert_eq!(bench.queue.waiting(), ["r-capped.json"], "it is back as it was");

    bench.queue.answer_next_attempt(AttemptGrant::Duplicate("reports/r/earlier.md".to_owned()));
    let counts = bench.drain(&investigator).await;
    assert_eq!((counts.duplicates, counts.avoided), (1, 1));
    assert_eq!(bench.rows().last().unwrap().0, "duplicate");

    bench.row("PHASE_FAILED", "unsure", "");
    bench.queue.answer_next_attempt(AttemptGrant::Unknown("the server did not answer".to_owned()));
    let counts = bench.drain(&investigator).await;
    assert_eq!(counts.deferred, 1);
    assert!(bench.queue.waiting().is_empty(), "it stays claimed for the session that recovers it");
    assert!(investigator.asked().is_empty());
    let counts = bench.drain(&investigator).await;
    assert_eq!((counts.recovered, counts.processed), (1, 1));
}

#[tokio::test]
async fn a_session_that_is_lost_ends_what_runs() {
    let bench = Bench::new();
    bench.row("PHASE_FAILED", "f", "");
    let investigator = scripted([ScriptedAnswer::HangsUntilCut]);
    let (stop, cut) = (CancellationToken::new(), CancellationToken::new());
    let pipeline = bench.pipeline(&investigator).with_stop(stop.clone(), cut.clone());
    let losing = async {
        investigator.wait_until_asked(1).await;
        bench.queue.lose_all();
    };
    let draining = pipeline.drain(DrainOptions { max: 1, ..DrainOptions::default() });
    let (drained, ()) = tokio::join!(tokio::time::timeout(Duration::from_secs(60), draining), losing);
    let report = drained.expect("the investigation was not ended").unwrap().report;
    assert!(stop.is_cancelled() && cut.is_cancelled());
    assert_eq!((report.counts.deferred, report.stopped), (1, true));
}

#[tokio::test]
async fn a_preview_says_what_the_drain_does() {
    let bench = Bench::new();
    bench.row("MANUAL_RECOVERY_INVOKED", "audit", ",\"investigate\":false");
    bench.row("PHASE_FAILED", "f", "");
    let options = DrainOptions { dry_run: true, ..DrainOptions::default() };
    let pipeline = Pipeline::new(Arc::new(bench.queue.clone()), Source::Given(finds_cause()));
    let preview = pipeline.drain(options).await.unwrap().report.counts;
    assert_eq!((bench.queue.waiting().len(), preview.dispatched), (2, 0));
    let counts = bench.drain(&finds_cause()).await;
    assert_eq!((preview.processed, preview.short_circuited), (counts.processed, counts.short_circuited));
    assert!(bench.queue.open().await.unwrap().scan().await.unwrap().is_empty());
}
