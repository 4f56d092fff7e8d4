//! `haltline investigate`: has one fault investigated now, by hand. Its event stays where it is and as it is.
//!
//! The report is filed like a drain's, under a drain id of its own, so that an earlier report of the fault is kept
//! beside it. There is no analytics row: a row tells what became of an event, and nothing becomes of this one.

use std::path::PathBuf;
use std::sync::Arc;

use haltline::{ByHand, Filed, PipelineError};
use haltline_consumer::Progress;
use haltline_dispatcher::{DispatcherError, Providers};
use haltline_files::{FileError, Folder};
use haltline_protocol::{
    DispatchFailure, Failure, FaultKey, HaltEvent, Holder, Layout, NoInvestigator, PatternFile, QueueError, Survey,
};
use haltline_view::{FaultView, FindError, ViewError};

use crate::cli::{DrainArgs, Investigate};
use crate::compose::{self, ComposeError};
use crate::config::{self, ConfigError};
use crate::exit::Exit;
use crate::investigation::{FailureOutput, Output};
use crate::output::{self, visible};
use crate::progress;
use crate::queue;
use crate::signals::{self, Stop};
use haltline::redaction;

/// Why nobody was asked.
#[derive(Debug, thiserror::Error)]
enum InvestigateError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(
        "the queue {} has no event of the fault `{}`{}; look for it in pending-investigations/, processed/ and dead-letter/",
        queue,
        fault,
        of_run
    )]
    Unknown { queue: String, fault: String, of_run: String },
    #[error("more than one run has the fault `{fault}`; say which one with --run-id: {runs}")]
    SeveralRuns { fault: String, runs: String },
    #[error("the event is for the audit only, and there is nothing to investigate")]
    AuditOnly,
    #[error("a drain that runs now holds the fault `{0}`, or somebody has it investigated; wait for the report")]
    HeldNow(String),
    #[error(
        "an investigation of the fault `{0}` was cut off; to end what still runs of it and file its report: \
         `haltline drain-faults --queue --max 0`"
    )]
    CutOff(String),
    #[error(
        "a drain that is dead holds the fault `{0}`; the next drain takes it back: `haltline drain-faults --queue`"
    )]
    HeldByTheDead(String),
    #[error("dispatching is stopped by {}; remove it to go on", .0.display())]
    Stopped(PathBuf),
    #[error(transparent)]
    NoInvestigator(#[from] NoInvestigator),
    #[error(transparent)]
    Compose(#[from] ComposeError),
}

impl From<ViewError> for InvestigateError {
    fn from(error: ViewError) -> Self {
        match error {
            ViewError::Queue(error) => error.into(),
            ViewError::File(error) => error.into(),
        }
    }
}

impl From<PipelineError> for InvestigateError {
    fn from(error: PipelineError) -> Self {
        Self::Compose(error.into())
    }
}

impl From<DispatcherError> for InvestigateError {
    fn from(error: DispatcherError) -> Self {
        PipelineError::from(error).into()
    }
}

impl From<QueueError> for InvestigateError {
    fn from(error: QueueError) -> Self {
        PipelineError::from(error).into()
    }
}

impl From<FileError> for InvestigateError {
    fn from(error: FileError) -> Self {
        PipelineError::from(error).into()
    }
}

impl From<std::io::Error> for InvestigateError {
    fn from(error: std::io::Error) -> Self {
        Self::Compose(error.into())
    }
}

impl InvestigateError {
    fn exit(&self) -> Exit {
        match self {
            Self::Config(_) | Self::NoInvestigator(_) => Exit::Config,
            Self::Unknown { .. } | Self::SeveralRuns { .. } | Self::AuditOnly => Exit::Usage,
            Self::HeldNow(_) | Self::CutOff(_) | Self::HeldByTheDead(_) => Exit::Failed,
            Self::Stopped(_) => Exit::Stopped,
            Self::Compose(error) => error.exit(),
        }
    }
}

/// What came of asking.
struct Asked {
    event: Arc<HaltEvent>,
    /// The report with what sinks made of it, or why there is none.
    verdict: Result<Filed, DispatchFailure>,
}

pub(crate) fn run(layout: &Layout, args: &Investigate) -> Exit {
    match investigate(layout, args) {
        Ok(asked) => tell(layout, args, &asked),
        Err(error) => {
            output::error(&error);
            error.exit()
        }
    }
}

fn investigate(layout: &Layout, args: &Investigate) -> Result<Asked, InvestigateError> {
    let flags = DrainArgs { asked: args.asked.clone(), ..DrainArgs::default() };
    let settings = config::in_force(args.config.as_deref(), &flags)?;
    let providers = Providers::build(&settings.clone().into_dispatcher())?;
    let (key, event) = choose(layout, args)?;
    let investigator = providers.pick()?;
    redaction::start_with(layout, &settings.investigators, false);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let stop = Stop::default();
        let watch = tokio::spawn(signals::watch(&stop, None)?);
        let pipeline = compose::by_hand(layout, &settings, investigator, &stop)?;
        let event = event.map(Arc::new);
        // A bar that is behind is no reason to wait.
        let shown = progress::show();
        if let (Some(shown), Some(event)) = (&shown, &event) {
            let (fault_id, message) = (visible(key.fault_id.as_str()), visible(&event.message));
            shown.try_send(Progress::InvestigationStarted { fault_id, message }).ok();
        }
        let asked = pipeline.investigate(&key, event.clone(), categories(layout)).await;
        drop(shown);
        watch.abort();
        answer(layout, &key, event, asked?)
    })
}

/// The verdict on the event, or why nobody was asked.
fn answer(
    layout: &Layout,
    key: &FaultKey,
    event: Option<Arc<HaltEvent>>,
    asked: ByHand,
) -> Result<Asked, InvestigateError> {
    let fault = || visible(key.fault_id.as_str());
    let verdict = match asked {
        ByHand::Reported(filed) => Ok(filed),
        ByHand::Failed(failure) => Err(failure),
        ByHand::Held(Holder::Live) => return Err(InvestigateError::HeldNow(fault())),
        ByHand::Held(Holder::CutOff) => return Err(InvestigateError::CutOff(fault())),
        ByHand::Orphaned => return Err(InvestigateError::HeldByTheDead(fault())),
        ByHand::Stopped => return Err(InvestigateError::Stopped(layout.stop())),
    };
    let event = event.ok_or_else(|| InvestigateError::HeldByTheDead(fault()))?;
    Ok(Asked { event, verdict })
}

/// The fault and its newest event; none where drains hold all of them.
fn choose(layout: &Layout, args: &Investigate) -> Result<(FaultKey, Option<HaltEvent>), InvestigateError> {
    let fault = || visible(&args.fault_id);
    let unknown = |queue| {
        let of_run = args.run_id.as_deref().map(|run_id| format!(" in run `{}`", visible(run_id)));
        InvestigateError::Unknown { queue, fault: fault(), of_run: of_run.unwrap_or_default() }
    };
    let survey = queue::survey(layout);
    match FaultView::find(&survey, &args.fault_id, args.run_id.as_deref()) {
        // A file of that name is not meant here.
        Ok(found) if found.key.fault_id.as_str() != args.fault_id => Err(unknown(survey.place())),
        Ok(found) => {
            let key = found.key.clone();
            match found.newest_free() {
                Some(event) if event.is_audit_only() => Err(InvestigateError::AuditOnly),
                newest => Ok((key, newest.map(|event| *event))),
            }
        }
        Err(FindError::Unknown { queue, .. }) => Err(unknown(queue)),
        Err(FindError::Several { candidates, .. }) => {
            let runs: Vec<_> = candidates.iter().map(|key| visible(key.run_id.as_str())).collect();
            Err(InvestigateError::SeveralRuns { fault: fault(), runs: runs.join(", ") })
        }
        Err(FindError::View(error)) => Err(error.into()),
    }
}

/// The categories of the patterns in force; none where the file cannot be read.
fn categories(layout: &Layout) -> Arc<[String]> {
    let file = Folder::open(layout.queue()).and_then(|queue| queue.read(PatternFile::NAME, PatternFile::LARGEST));
    let patterns = file.ok().flatten().and_then(|file| PatternFile::parse(&file).ok()).unwrap_or_default();
    patterns.patterns().flatten().map(|pattern| pattern.category).collect()
}

fn tell(layout: &Layout, args: &Investigate, asked: &Asked) -> Exit {
    let usage = match &asked.verdict {
        Ok(filed) => &filed.filing.usage,
        Err(failure) => &failure.usage,
    };
    for reason in &usage.passed_over {
        output::note(format!("haltline: passed over {}", visible(reason)));
    }
    match &asked.verdict {
        Ok(filed) => {
            let path = layout.queue().join(Layout::report_in_queue(&filed.filing.event.key()));
            let is_filed = filed.unfiled.is_none();
            let output = Output::new(&filed.filing, is_filed.then_some(path), filed.receipt.notes);
            if args.json {
                output::json(&output);
            } else {
                output.print();
            }
            if let Some(error) = &filed.unfiled {
                output::error(error);
            }
            if is_filed { Exit::Done } else { Exit::CannotWrite }
        }
        Err(failure) => {
            let output = FailureOutput::new(&asked.event, failure);
            if args.json {
                output::json(&output);
            }
            output.print();
            if failure.class == Failure::Interrupted { Exit::Stopped } else { Exit::Failed }
        }
    }
}
