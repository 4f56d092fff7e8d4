//! What the two commands of manual recovery share: check the state, emit the audit event, then write the state.

use std::path::{Path, PathBuf};

use haltline::redaction;
use haltline_emitter::{Emission, EmitError};
use haltline_protocol::Layout;
use jiff::Timestamp;

use super::emit;
use crate::exit::Exit;
use crate::output;
use crate::state_file::{Change, StateError, StateFile};

/// A recovery by hand.
pub(super) struct Recovery<'a> {
    /// What it is about, as `feature 3`.
    pub(super) subject: String,
    /// What that is now, as `shipped`.
    pub(super) outcome: &'static str,
    /// The state file to record it in.
    pub(super) state: Option<&'a Path>,
}

impl Recovery<'_> {
    /// Carries it out. `change` works out the new text of a state; `event` makes the audit event, knowing the state.
    pub(super) fn run(
        &self,
        layout: &Layout,
        change: impl Fn(&StateFile, Timestamp) -> Result<Change, StateError>,
        event: impl FnOnce(Option<&StateFile>, Timestamp) -> Result<Emission, EmitError>,
    ) -> Exit {
        redaction::start(layout);
        let Self { subject, outcome, .. } = self;
        let now = Timestamp::now();
        let state = match self.check(&change, now) {
            Ok(Checked::Recorded(path)) => {
                output::line(format!("{subject} is {outcome} already in {}; nothing was done", path.display()));
                return Exit::Done;
            }
            Ok(Checked::Open(state)) => state,
            Err(error) => {
                output::error(&error);
                return if error.is_usage() { Exit::Usage } else { Exit::Failed };
            }
        };
        let put = event(state.as_ref(), now).and_then(|emission| emit::put(layout, &emission, true));
        let audit = match put {
            Ok(path) => path,
            Err(error) => return emit::failed(&error),
        };
        let Some(state) = state else {
            output::line(format!("{subject} is {outcome}; audit event {audit}"));
            return Exit::Done;
        };
        match state.record(|state| change(state, now)) {
            Ok(()) => {
                let state = state.path().display();
                output::line(format!("{subject} is {outcome}, as recorded in {state}; audit event {audit}"));
                Exit::Done
            }
            Err(error) => {
                output::error(&error);
                output::note(format!(
                    "haltline: {subject} is not recorded, but its audit event is in the queue already: {audit}"
                ));
                Exit::Failed
            }
        }
    }

    fn check(
        &self,
        change: impl Fn(&StateFile, Timestamp) -> Result<Change, StateError>,
        now: Timestamp,
    ) -> Result<Checked, StateError> {
        let Some(path) = self.state else { return Ok(Checked::Open(None)) };
        let state = StateFile::read(path)?;
        match change(&state, now)? {
            Change::Nothing => Ok(Checked::Recorded(state.path().to_owned())),
            Change::Text(_) => Ok(Checked::Open(Some(state))),
        }
    }
}

/// What the check found.
enum Checked {
    /// The state says so already.
    Recorded(PathBuf),
    /// There is something to record, or no state to record it in.
    Open(Option<StateFile>),
}
