//! What the commands share that change a fault by hand: find it, take the queue in hand, change it, and tell.

use std::path::PathBuf;

use haltline_protocol::{Delivery, Layout};
use haltline_spool::{Operator, OperatorError, Scope};
use serde::Serialize;

use crate::case::{Case, CaseError};
use crate::cli::OneFault;
use crate::exit::Exit;
use crate::output::{self, line};
use crate::sighting::State;

/// Why a fault was not changed.
#[derive(Debug, thiserror::Error)]
pub(super) enum ByHandError {
    #[error(transparent)]
    Case(#[from] CaseError),
    #[error("{case}: {error}")]
    Operator { case: String, error: OperatorError },
    #[error("{case}: {problem}")]
    Refused { case: String, problem: &'static str },
}

impl ByHandError {
    fn exit(&self) -> Exit {
        match self {
            Self::Case(error) => error.exit(),
            Self::Operator { error: OperatorError::File(_), .. } => Exit::CannotWrite,
            Self::Operator { .. } | Self::Refused { .. } => Exit::Failed,
        }
    }
}

/// A change by hand.
pub(super) struct Change<'a> {
    pub(super) scope: Scope,
    /// What an event keeps of earlier attempts from now on; none where it stays as it is.
    pub(super) edit: &'a dyn Fn(&Delivery) -> Option<Delivery>,
    /// Why the fault cannot be changed as it is now.
    pub(super) refuse: &'a dyn Fn(&Case) -> Option<&'static str>,
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
    changed: Vec<PathBuf>,
}

impl Change<'_> {
    pub(super) fn run(&self, layout: &Layout, args: &OneFault) -> Exit {
        match self.make(layout, args) {
            Ok((case, changed)) => {
                if args.json {
                    let (fault_id, run_id) = (case.key.fault_id.as_str(), case.key.run_id.as_str());
                    output::json(&Changed { fault_id, run_id, changed });
                } else if changed.is_empty() {
                    line(format!("{} {}; nothing was changed.", case.name(), self.idle));
                } else {
                    line(format!("{} {} (events: {}).", case.name(), self.done, changed.len()));
                }
                Exit::Done
            }
            Err(error) => {
                output::error(&error);
                error.exit()
            }
        }
    }

    fn make(&self, layout: &Layout, args: &OneFault) -> Result<(Case, Vec<PathBuf>), ByHandError> {
        let case = Case::find(layout, &args.id, args.run_id.as_deref())?;
        if let Some(problem) = (self.refuse)(&case) {
            return Err(ByHandError::Refused { case: case.name(), problem });
        }
        let operator = Operator::open(layout);
        let changed = operator.and_then(|operator| operator.change(&case.key, self.scope, self.edit));
        match changed {
            Ok(changed) => Ok((case, changed)),
            Err(error) => Err(ByHandError::Operator { case: case.name(), error }),
        }
    }
}

/// Why what does not wait cannot be held or released; none where something waits or is in flight, of which the queue
/// tells more.
pub(super) fn refuse_settled(case: &Case) -> Option<&'static str> {
    let is_settled = case.events.iter().all(|sighted| matches!(sighted.state, State::Processed | State::DeadLetter));
    is_settled.then_some("nothing of it waits; it is settled, or was given up on and is not dispatched anyway")
}
