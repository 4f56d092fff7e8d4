//! The one place that knows who sits where: it opens the queue and the sinks, and ties the actors together.

pub(crate) mod upgrade;

use std::sync::Arc;
use std::time::{Duration, Instant};

use haltline_analytics::{
    Activity, Analytics, AnalyticsSummary, OpenSinks, SINKS, SinkEntry, SinkOpenError, open_sinks,
};
use haltline_consumer::{Drain, DrainError, DrainOptions, DrainReport, Wires};
use haltline_dispatcher::{Dispatcher, DispatcherConfig, DispatcherError, PreviewInvestigator, Providers, Source};
use haltline_files::{FileError, Folder};
use haltline_protocol::{
    DrainId, DrainTotals, Layout, Queue, QueueError, Receipt, Record, RecordBatch, RunId, SinkError,
};
use haltline_spool::FileQueue;
use haltline_view::shared_file_system;
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};

use crate::config::Settings;
use crate::exit::Exit;
use crate::signals::{self, Stop};
use crate::{progress, redaction};

/// Requests that wait for the dispatcher; it takes up to `jobs` at once, and the desk never sends more.
const REQUESTS: usize = 1;
/// Batches that wait for analytics: one is written while the next is moved.
const BATCHES: usize = 1;

/// Threads for file work: one reads, one moves, one plans the moves after those, one records. More would only keep memory
/// of their own.
const FILE_THREADS: usize = 4;

/// The longest that a drain waits for file work when it has ended. Its own work takes no such time.
const HANGING: Duration = Duration::from_secs(5);

/// What a drain is made of.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) options: DrainOptions,
    pub(crate) dispatcher: DispatcherConfig,
    pub(crate) sinks: Vec<SinkEntry>,
    pub(crate) activity: Activity,
    pub(crate) deadline: Option<Duration>,
}

impl Plan {
    /// A drain with the settings that are in force, of one run or of all.
    pub(crate) fn of(layout: &Layout, settings: Settings, run_id: Option<RunId>) -> Self {
        let options = DrainOptions {
            dry_run: false,
            max: settings.max.value,
            jobs: settings.jobs.value,
            severity_min: settings.severity_min.value,
            run_id,
            max_attempts: settings.max_attempts.value,
            own_audit: None,
            learned_patterns: layout.learned_patterns(),
        };
        let sinks = settings.sink_entries();
        let activity = Activity::Drain;
        Self { options, dispatcher: settings.into_dispatcher(), sinks, activity, deadline: None }
    }
}

/// What a drain brought.
#[derive(Debug)]
pub(crate) struct Drained {
    pub(crate) drain_id: String,
    pub(crate) report: DrainReport,
    pub(crate) analytics: AnalyticsSummary,
    /// Why a sink does not have the drain's totals.
    pub(crate) untold: Option<SinkError>,
}

/// Why a drain did not come to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ComposeError {
    #[error(transparent)]
    Investigator(#[from] DispatcherError),
    #[error(transparent)]
    Sink(#[from] SinkOpenError),
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Drain(#[from] DrainError),
    #[error("cannot start: {0}")]
    Runtime(#[from] std::io::Error),
    #[error("the {0} actor ended early; this is a defect of haltline, please report it with the log")]
    ActorGone(&'static str),
}

impl ComposeError {
    /// How the program ends on it.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Investigator(error) if error.is_usage() => Exit::Usage,
            Self::Investigator(_) | Self::Sink(SinkOpenError::UnknownKind { .. } | SinkOpenError::Settings { .. }) => {
                Exit::Config
            }
            Self::Sink(SinkOpenError::Unusable { .. }) | Self::Queue(_) | Self::File(_) => Exit::CannotWrite,
            Self::Drain(DrainError::Queue(_) | DrainError::File(_) | DrainError::Sink(_)) => Exit::CannotWrite,
            Self::Drain(DrainError::ActorGone(_)) | Self::ActorGone(_) | Self::Runtime(_) => Exit::Failed,
        }
    }
}

/// Runs one drain.
///
/// # Errors
/// The configuration is wrong, or the queue or a sink cannot be opened or written.
pub(crate) fn drain(layout: &Layout, plan: Plan) -> Result<Drained, ComposeError> {
    let providers = Providers::build(&plan.dispatcher)?;
    redaction::start_with(layout, &plan.dispatcher.investigators, plan.options.dry_run);
    // A sink of the user's that hangs on a file keeps a thread, and none of ours.
    let threads = FILE_THREADS + plan.sinks.len();
    let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(threads).enable_all().build()?;
    let drained = runtime.block_on(tie(layout, plan, providers));
    runtime.shutdown_timeout(HANGING);
    drained
}

async fn tie(layout: &Layout, plan: Plan, providers: Providers) -> Result<Drained, ComposeError> {
    let started = Instant::now();
    let stop = Stop::default();
    let watch = tokio::spawn(signals::watch(&stop, plan.deadline)?);
    let queue = FileQueue::new(layout.clone());
    let (session, sinks) = if plan.options.dry_run {
        (queue.open_preview().await?, OpenSinks::default())
    } else {
        if let Some(kind) = shared_file_system(layout.queue()) {
            tracing::warn!(kind, "the queue is on a file system that machines share; drain it from one machine only");
        }
        // Sinks make their folders in the queue: not where a queue root leads that is a link.
        drop(Folder::ensure(layout.queue())?);
        let sinks = open_sinks(SINKS, plan.activity, &plan.sinks, layout)?;
        (queue.open().await?, sinks)
    };
    let drain_id = session.id().clone();
    let (run_id, dry_run) = (plan.options.run_id.clone(), plan.options.dry_run);

    let (to_dispatcher, requests) = mpsc::channel(REQUESTS);
    let (to_analytics, batches) = mpsc::channel(BATCHES);
    let source = if plan.options.dry_run {
        Source::Given(Arc::new(PreviewInvestigator::of(&providers)))
    } else {
        Source::Providers(providers)
    };
    let dispatcher = Dispatcher::new(source, plan.dispatcher.jobs);
    let dispatching = tokio::spawn(dispatcher.run(requests, stop.cut.clone()));
    let recording = tokio::spawn(Analytics::new(sinks).run(batches, stop.stop.clone()));
    let wires = Wires {
        dispatcher: to_dispatcher,
        analytics: to_analytics.clone(),
        progress: progress::show(),
        stop: stop.stop.clone(),
        cut: stop.cut.clone(),
    };
    let drained = Drain::new(session.clone(), plan.options).run(wires).await;
    if drained.is_err() {
        // What still runs is ended while its claims are still held.
        stop.cut.cancel();
    }
    let untold = match &drained {
        Ok(report) if !dry_run => tell_totals(&to_analytics, totals(report, &drain_id, run_id, started)).await,
        _ => Ok(()),
    };
    drop(to_analytics);
    let analytics = recording.await.map_err(|_| ComposeError::ActorGone("analytics"))?;
    dispatching.await.map_err(|_| ComposeError::ActorGone("dispatcher"))?;
    drop(session);
    watch.abort();
    Ok(Drained { drain_id: drain_id.to_string(), report: drained?, analytics, untold: untold.err() })
}

fn totals(report: &DrainReport, drain_id: &DrainId, run_id: Option<RunId>, started: Instant) -> DrainTotals {
    let counts = &report.counts;
    DrainTotals {
        ts: Timestamp::now(),
        drain_id: drain_id.clone(),
        run_id,
        state_slug: report.state_slug.clone(),
        duration_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
        processed: counts.processed,
        short_circuited: counts.short_circuited,
        skipped: counts.skipped,
        failed: counts.failed,
        deferred: counts.deferred,
        collapsed: counts.collapsed,
        duplicates: counts.duplicates,
        quarantined: counts.quarantined,
        dispatched: counts.dispatched,
        dead_lettered: counts.dead_lettered,
        recovered: counts.recovered,
        avoided: counts.avoided,
        cost_usd: counts.cost_usd,
        filed: Receipt::default(),
        aborted: report.stopped,
    }
}

/// Tells sinks what the drain did. Where analytics is gone, its own task says why.
async fn tell_totals(analytics: &mpsc::Sender<RecordBatch>, totals: DrainTotals) -> Result<(), SinkError> {
    let (acknowledge, acknowledged) = oneshot::channel();
    let batch = RecordBatch { records: vec![Record::Drained(Box::new(totals))], replay: false, acknowledge };
    if analytics.send(batch).await.is_err() {
        return Ok(());
    }
    acknowledged.await.unwrap_or(Ok(()))
}
