//! From the settings in force to a pipeline, with what belongs to the binary alone: signals, progress, the runtime.

use std::sync::Arc;
use std::time::Duration;

use haltline::redaction;
use haltline::{DrainOptions, Drained, Pipeline, PipelineError};
use haltline_analytics::{Activity, OpenSinks, SINKS, SinkEntry, SinkOpenError, open_sinks};
use haltline_consumer::DrainError;
use haltline_dispatcher::{DispatcherConfig, PreviewInvestigator, Providers, Source};
use haltline_files::Folder;
use haltline_migrator::Upgraded;
use haltline_protocol::{Investigator, Layout, RunId};
use haltline_spool::FileQueue;
use haltline_view::shared_file_system;

use crate::config::Settings;
use crate::exit::Exit;
use crate::signals::{self, Stop};
use crate::{output, progress};

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

/// Why a command that runs a pipeline did not come to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ComposeError {
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    #[error("cannot start: {0}")]
    Runtime(#[from] std::io::Error),
}

impl ComposeError {
    /// How the program ends on it.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Runtime(_) => Exit::Failed,
            Self::Pipeline(error) => exit(error),
        }
    }
}

fn exit(error: &PipelineError) -> Exit {
    match error {
        PipelineError::Investigator(error) if error.is_usage() => Exit::Usage,
        PipelineError::Investigator(_)
        | PipelineError::NoInvestigator(_)
        | PipelineError::Sink(SinkOpenError::UnknownKind { .. } | SinkOpenError::Settings { .. }) => Exit::Config,
        PipelineError::Sink(SinkOpenError::Unusable { .. })
        | PipelineError::Queue(_)
        | PipelineError::File(_)
        | PipelineError::Drain(DrainError::Queue(_) | DrainError::File(_) | DrainError::Sink(_)) => Exit::CannotWrite,
        PipelineError::Upgrade(_) | PipelineError::Drain(DrainError::ActorGone(_)) | PipelineError::ActorGone(_) => {
            Exit::Failed
        }
    }
}

/// Runs one drain.
///
/// # Errors
/// The configuration is wrong, or the queue or a sink cannot be opened or written.
pub(crate) fn drain(layout: &Layout, plan: Plan) -> Result<Drained, ComposeError> {
    let providers = Providers::build(&plan.dispatcher).map_err(PipelineError::from)?;
    redaction::start_with(layout, &plan.dispatcher.investigators, plan.options.dry_run);
    // A sink of the user's that hangs on a file keeps a thread, and none of ours.
    let threads = FILE_THREADS + plan.sinks.len();
    let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(threads).enable_all().build()?;
    let drained = runtime.block_on(async {
        let stop = Stop::default();
        let watch = tokio::spawn(signals::watch(&stop, plan.deadline)?);
        let (source, sinks) = if plan.options.dry_run {
            (Source::Given(Arc::new(PreviewInvestigator::of(&providers))), OpenSinks::default())
        } else {
            (Source::Providers(providers), sinks(layout, plan.activity, &plan.sinks)?)
        };
        let pipeline = Pipeline::new(Arc::new(FileQueue::new(layout.clone())), source)
            .with_sinks(sinks)
            .with_progress(progress::show())
            .with_stop(stop.stop, stop.cut);
        let drained = pipeline.drain(plan.options).await;
        watch.abort();
        Ok(drained?)
    });
    runtime.shutdown_timeout(HANGING);
    drained
}

/// A pipeline for one investigation by hand.
///
/// # Errors
/// A sink cannot be opened.
pub(crate) fn by_hand(
    layout: &Layout,
    settings: &Settings,
    investigator: Arc<dyn Investigator>,
    stop: &Stop,
) -> Result<Pipeline, PipelineError> {
    let sinks = sinks(layout, Activity::Investigation, &settings.sink_entries())?;
    let pipeline = Pipeline::new(Arc::new(FileQueue::new(layout.clone())), Source::Given(investigator));
    Ok(pipeline.with_sinks(sinks).with_stop(stop.stop.clone(), stop.cut.clone()))
}

/// Opens the sinks of a queue that is about to be written.
fn sinks(layout: &Layout, activity: Activity, entries: &[SinkEntry]) -> Result<OpenSinks, PipelineError> {
    if let Some(kind) = shared_file_system(layout.queue()) {
        tracing::warn!(kind, "the queue is on a file system that machines share; drain it from one machine only");
    }
    // Sinks make their folders in the queue: not where a queue root leads that is a link.
    drop(Folder::ensure(layout.queue())?);
    Ok(open_sinks(SINKS, activity, entries, layout)?)
}

/// Runs the migrations that are due.
///
/// # Errors
/// The queue cannot be upgraded, or the runtime cannot be started.
pub(crate) fn upgrade(layout: &Layout, dry_run: bool) -> Result<Upgraded, ComposeError> {
    // There is no socket and no child to wait for, and so no driver of I/O.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    runtime.block_on(async {
        let sinks = if !dry_run && is_due(layout) { upgrade_sinks(layout) } else { OpenSinks::default() };
        let (progress, drawing) = progress::show_upgrade().unzip();
        let upgraded = haltline::upgrade(layout, dry_run, sinks, progress).await;
        if let Some(drawing) = drawing {
            drawing.await.ok();
        }
        Ok(upgraded?)
    })
}

/// Whether there is a queue with a migration to run. Where there is none, nothing is recorded and no folder is made.
fn is_due(layout: &Layout) -> bool {
    layout.queue().symlink_metadata().is_ok()
        && haltline_migrator::status(layout).is_ok_and(|migrations| migrations.iter().any(|migration| !migration.done))
}

/// Opens the sinks. An upgrade that cannot be recorded is worth more than none.
fn upgrade_sinks(layout: &Layout) -> OpenSinks {
    open_sinks(SINKS, Activity::Upgrade, &[], layout).unwrap_or_else(|error| {
        output::error(&error);
        OpenSinks::default()
    })
}
