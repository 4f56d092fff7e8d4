//! What the commands share that change a fault by hand: find it, change it, and tell.

use haltline_protocol::{Change, Control, ControlError, EventState, Layout};
use haltline_view::{FaultView, FindError};
use serde::Serialize;

use crate::cli::OneFault;
use crate::exit::Exit;
use crate::output::{self, line};
use crate::queue;

/// Why a fault was not changed.
#[derive(Debug, thiserror::Error)]
pub(super) enum ByHandError {
    #[error(transparent)]
    Find(#[from] FindError),
    #[error("{fault}: {error}")]
    Control { fault: String, error: ControlError },
    #[error("{fault}: {problem}")]
    Refused { fault: String, problem: &'static str },
}

impl ByHandError {
    fn exit(&self) -> Exit {
        match self {
            Self::Find(error) => find_exit(error),
            Self::Control { error, .. } => control_exit(error),
            Self::Refused { .. } => Exit::Failed,
        }
    }
}

/// How the program ends where no single fault was found.
pub(super) fn find_exit(error: &FindError) -> Exit {
    match error {
        FindError::View(_) => Exit::CannotWrite,
        FindError::Unknown { .. } | FindError::Several { .. } => Exit::Usage,
    }
}

/// How the program ends where the queue was not changed.
pub(super) fn control_exit(error: &ControlError) -> Exit {
    if matches!(error, ControlError::Queue(_)) { Exit::CannotWrite } else { Exit::Failed }
}

/// A change by hand, and how it is told.
pub(super) struct ByHand<'a> {
    pub(super) change: Change,
    /// Why the fault cannot be changed as it is now.
    pub(super) refuse: &'a dyn Fn(&FaultView) -> Option<&'static str>,
    /// What the fault does from now on, as `waits again`.
    pub(super) done: &'static str,
    /// The same where there was nothing to change.
    pub(super) idle: &'static str,
}

/// What was done, for programs.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Changed<'a> {
    fault_id: &'a str,
    run_id: &'a str,
    /// Where the events are that were changed.
    changed: Vec<String>,
}

impl ByHand<'_> {
    pub(super) fn run(&self, layout: &Layout, args: &OneFault) -> Exit {
        match self.make(layout, args) {
            Ok((fault, changed)) => {
                if args.json {
                    let (fault_id, run_id) = (fault.key.fault_id.as_str(), fault.key.run_id.as_str());
                    output::json(&Changed { fault_id, run_id, changed });
                } else if changed.is_empty() {
                    line(format!("{} {}; nothing was changed.", fault.name(), self.idle));
                } else {
                    line(format!("{} {} (events: {}).", fault.name(), self.done, changed.len()));
                }
                Exit::Done
            }
            Err(error) => {
                output::error(&error);
                error.exit()
            }
        }
    }

    fn make(&self, layout: &Layout, args: &OneFault) -> Result<(FaultView, Vec<String>), ByHandError> {
        let fault = FaultView::find(&queue::survey(layout), &args.id, args.run_id.as_deref())?;
        if let Some(problem) = (self.refuse)(&fault) {
            return Err(ByHandError::Refused { fault: fault.name(), problem });
        }
        match queue::control(layout).change(&fault.key, self.change) {
            Ok(changed) => Ok((fault, changed)),
            Err(error) => Err(ByHandError::Control { fault: fault.name(), error }),
        }
    }
}

/// Why what does not wait cannot be held or released; none where something waits or is in flight, of which the queue
/// tells more.
pub(super) fn refuse_settled(fault: &FaultView) -> Option<&'static str> {
    let is_settled = fault.is_all(&[EventState::Processed, EventState::DeadLetter]);
    is_settled.then_some("nothing of it waits; it is settled, or was given up on and is not dispatched anyway")
}
