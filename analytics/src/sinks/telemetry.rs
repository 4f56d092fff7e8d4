//! The telemetry of auto-drains: `H/analytics/halt-events-drain.jsonl`, one line for each that did something.

use haltline_protocol::{DrainTotals, Layout, Record, Sink, rfc3339_millis};
use serde::Serialize;

use crate::factory::{Activity, SinkDeclaration, SinkFactory, SinkOpenError};
use crate::lines::{LineFormat, LineSink};

/// Opens the sink of telemetry.
pub(super) struct Telemetry;

impl SinkFactory for Telemetry {
    fn declaration(&self) -> &SinkDeclaration {
        &SinkDeclaration {
            name: AutoDrains::SINK,
            docs: "one row per auto-drain that did something in analytics/halt-events-drain.jsonl",
            writes: &["analytics/halt-events-drain.jsonl"],
            opens_for: |activity| activity == Activity::AutoDrain,
            ..SinkDeclaration::DEFAULT
        }
    }

    fn open(&self, settings: &toml::Table, layout: &Layout) -> Result<Box<dyn Sink>, SinkOpenError> {
        self.check(settings)?;
        LineSink::<AutoDrains>::open(layout)
    }
}

/// A row of `halt-events-drain.jsonl`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AutoDrainRow<'a> {
    /// When the auto-drain ended.
    ts: String,
    /// The run that it was for.
    run_id: &'a str,
    /// The slug of the run's events; none where there was none to read it from.
    state_slug: Option<&'a str>,
    /// Wall time, in milliseconds.
    duration_ms: u64,
    /// Events that were investigated, leaders only.
    processed: u64,
    /// Events that were settled free.
    short_circuited: u64,
    /// Events that a filter held back.
    skipped: u64,
    /// Events whose investigation or move failed.
    failed: u64,
    /// Notes that were filed.
    inbox_filed: u32,
    /// Patterns that were proposed.
    proposals_appended: u32,
    /// Whether it was stopped before it was done.
    aborted: bool,
    /// Events that were left for later.
    deferred: u64,
}

impl<'a> AutoDrainRow<'a> {
    /// Makes the row of a drain; none where it did nothing, or was not for one run.
    fn of(totals: &'a DrainTotals) -> Option<Self> {
        if totals.counts.is_idle() {
            return None;
        }
        Some(Self {
            ts: rfc3339_millis(totals.ts),
            run_id: totals.run_id.as_ref()?.as_str(),
            state_slug: totals.state_slug.as_deref(),
            duration_ms: totals.duration_ms,
            processed: totals.counts.processed,
            short_circuited: totals.counts.short_circuited,
            skipped: totals.counts.skipped,
            failed: totals.counts.failed,
            inbox_filed: totals.filed.notes,
            proposals_appended: totals.filed.proposals,
            aborted: totals.aborted,
            deferred: totals.counts.deferred,
        })
    }
}

struct AutoDrains;

impl LineFormat for AutoDrains {
    const SINK: &'static str = "telemetry";
    const FILE: &'static str = "halt-events-drain.jsonl";
    /// The whole line: it has no id.
    type Key = Box<[u8]>;

    fn write(record: &Record, line: &mut Vec<u8>) -> Result<bool, serde_json::Error> {
        let Record::Drained(totals) = record else { return Ok(false) };
        let Some(row) = AutoDrainRow::of(totals) else { return Ok(false) };
        serde_json::to_writer(line, &row)?;
        Ok(true)
    }

    fn key(line: &[u8]) -> Option<Self::Key> {
        Some(line.into())
    }
}

#[cfg(test)]
mod tests {
    use haltline_protocol::{DrainCounts, Receipt};

    use super::*;

    fn totals() -> DrainTotals {
        DrainTotals {
            ts: "2026-05-20T08:14:00.1239Z".parse().unwrap(),
            drain_id: "d".into(),
            run_id: Some("build-42".into()),
            state_slug: Some("checkout-flow".into()),
            duration_ms: 1200,
            counts: DrainCounts {
                processed: 1,
                short_circuited: 2,
                skipped: 3,
                failed: 4,
                deferred: 7,
                collapsed: 0,
                duplicates: 0,
                quarantined: 0,
                dispatched: 1,
                dead_lettered: 0,
                recovered: 0,
                avoided: 2,
                cost_usd: haltline_protocol::Usd::from_micros(250_000),
                ..DrainCounts::default()
            },
            filed: Receipt { reports: 1, notes: 5, proposals: 6 },
            aborted: false,
        }
    }

    #[tokio::test]
    async fn a_row_has_the_fields_that_old_readers_know_and_no_other() {
        let home = tempfile::tempdir().unwrap();
        let mut sink = Telemetry.open(&toml::Table::new(), &Layout::new(home.path())).unwrap();
        let record = Record::Drained(totals().into());
        sink.deliver(std::slice::from_ref(&record), false).await.unwrap();
        sink.deliver(std::slice::from_ref(&record), false).await.unwrap();
        let written = std::fs::read_to_string(home.path().join("analytics/halt-events-drain.jsonl")).unwrap();
        let line = concat!(
            r#"{"ts":"2026-05-20T08:14:00.123Z","runId":"build-42","stateSlug":"checkout-flow","durationMs":1200,"#,
            r#""processed":1,"shortCircuited":2,"skipped":3,"failed":4,"inboxFiled":5,"proposalsAppended":6,"#,
            r#""aborted":false,"deferred":7}"#
        );
        assert_eq!(written, format!("{line}\n{line}\n"));
        sink.deliver(&[record], true).await.unwrap();
        assert_eq!(written, format!("{line}\n{line}\n"), "a replay writes nothing twice");
    }

    #[test]
    fn a_drain_of_all_runs_and_one_that_did_nothing_have_no_row() {
        let all_runs = DrainTotals { run_id: None, ..totals() };
        let no_counts = DrainTotals { counts: DrainCounts { skipped: 3, ..DrainCounts::default() }, ..totals() };
        for totals in [all_runs, no_counts] {
            assert!(AutoDrainRow::of(&totals).is_none(), "{totals:?}");
        }
    }
}
