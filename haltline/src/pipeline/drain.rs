//! A drain: the consumer between the queue, the dispatcher and analytics.

use std::time::Instant;

use haltline_analytics::AnalyticsSummary;
use haltline_consumer::{Drain, DrainOptions, DrainReport, Wires};
use haltline_protocol::{DrainId, DrainTotals, Receipt, Record, RunId, SinkError};
use jiff::Timestamp;

use super::PipelineError;
use super::parts::{Actors, Pipeline};

/// What a drain brought.
#[derive(Debug)]
pub struct Drained {
    /// The drain's id.
    pub drain_id: DrainId,
    /// What the consumer did.
    pub report: DrainReport,
    /// What the sinks did.
    pub analytics: AnalyticsSummary,
    /// Why the sinks do not have the totals, if they do not. All else that the drain did is recorded.
    pub untold: Option<SinkError>,
}

impl Pipeline {
    /// Processes the queue once.
    ///
    /// # Errors
    /// The queue cannot be opened, read or written, or a required sink does not take what it is given.
    pub async fn drain(self, options: DrainOptions) -> Result<Drained, PipelineError> {
        let started = Instant::now();
        let Self { queue, source, sinks, progress, stop, cut } = self;
        let session = if options.dry_run { queue.open_preview().await? } else { queue.open().await? };
        let drain_id = session.id().clone();
        let (run_id, dry_run) = (options.run_id.clone(), options.dry_run);
        let actors = Actors::start(source, options.jobs, sinks, stop.clone(), cut.clone());
        let wires = Wires {
            dispatcher: actors.dispatcher.clone(),
            analytics: actors.analytics.clone(),
            progress,
            stop,
            cut: cut.clone(),
        };
        let drained = Drain::new(session.clone(), options).run(wires).await;
        if drained.is_err() {
            // What still runs is ended while its claims are still held.
            cut.cancel();
        }
        let untold = match &drained {
            Ok(report) if !dry_run => {
                let totals = totals(report, &drain_id, run_id, started);
                actors.record(Record::Drained(Box::new(totals))).await
            }
            _ => Ok(()),
        };
        let analytics = actors.finish().await?;
        drop(session);
        Ok(Drained { drain_id, report: drained?, analytics, untold: untold.err() })
    }
}
fn totals(report: &DrainReport, drain_id: &DrainId, run_id: Option<RunId>, started: Instant) -> DrainTotals {
    DrainTotals {
        ts: Timestamp::now(),
        drain_id: drain_id.clone(),
        run_id,
        state_slug: report.state_slug.clone(),
        duration_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        counts: report.counts.clone(),
        filed: Receipt::default(),
        aborted: report.stopped,
    }
}
