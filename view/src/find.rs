//! Which fault a person means by an id or by the name of a file.

use std::collections::BTreeSet;

use haltline_protocol::{EventState, FaultKey, Survey, WaitingBody};

use crate::error::ViewError;
use crate::fault::{FaultView, ID_LETTERS};
use crate::text::visible_line;

/// The most candidates that are named.
const MOST_CANDIDATES: usize = 20;

/// Why no single fault is meant.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// The queue cannot be read.
    #[error(transparent)]
    View(#[from] ViewError),
    /// No fault and no file is called so.
    #[error(
        "the queue {queue} has no fault or file `{}`{}; `haltline list` lists what there is{}",
        visible(id), of_run(run_id.as_deref()), also(near)
    )]
    Unknown {
        /// Where the queue is.
        queue: String,
        /// What was asked for.
        id: String,
        /// The run that was asked for.
        run_id: Option<String>,
        /// Faults whose id begins like that.
        near: BTreeSet<FaultKey>,
    },
    /// More than one fault is called so.
    #[error("`{}` is more than one fault; say which one:{}", visible(id), listed(candidates))]
    Several {
        /// What was asked for.
        id: String,
        /// The faults that are called so.
        candidates: BTreeSet<FaultKey>,
    },
}

impl FaultView {
    /// Finds the fault that has an id, or an event file of that name; of one run or of any. Each file is read: its name
    /// is only a handle.
    ///
    /// # Errors
    /// There is none, or more than one, or the queue cannot be read.
    pub fn find(survey: &dyn Survey, id: &str, run_id: Option<&str>) -> Result<Self, FindError> {
        let (mut meant, mut near) = (BTreeSet::new(), BTreeSet::new());
        let look = survey.look_through(&EventState::ALL, &mut |seen| {
            let WaitingBody::Event(event) = &seen.waiting.body else { return };
            if run_id.is_some_and(|run_id| event.run_id.as_str() != run_id) {
                return;
            }
            if event.fault_id.as_str() == id || &*seen.waiting.ticket.name == id {
                meant.insert(event.key());
            } else if event.fault_id.as_str().starts_with(id) {
                near.insert(event.key());
            }
        });
        look.map_err(ViewError::from)?;
        match only(id, meant)? {
            Some(key) => Ok(Self::gather(survey, key)?),
            None => {
                let (id, run_id) = (id.to_owned(), run_id.map(str::to_owned));
                Err(FindError::Unknown { queue: survey.place(), id, run_id, near })
            }
        }
    }
}

/// Returns the one fault of several candidates; none where there is none.
pub(crate) fn only(id: &str, mut candidates: BTreeSet<FaultKey>) -> Result<Option<FaultKey>, FindError> {
    if candidates.len() > 1 {
        return Err(FindError::Several { id: id.to_owned(), candidates });
    }
    Ok(candidates.pop_first())
}

fn visible(id: &str) -> String {
    visible_line(id, ID_LETTERS)
}

fn of_run(run_id: Option<&str>) -> String {
    run_id.map(|run_id| format!(" in run `{}`", visible(run_id))).unwrap_or_default()
}

fn also(near: &BTreeSet<FaultKey>) -> String {
    if near.is_empty() { String::new() } else { format!(". Near it:{}", listed(near)) }
}

/// Lists faults as they are named on the command line.
fn listed(candidates: &BTreeSet<FaultKey>) -> String {
    let candidate =
        |key: &FaultKey| format!("\n    {} --run-id {}", visible(key.fault_id.as_str()), visible(key.run_id.as_str()));
    let mut text: String = candidates.iter().take(MOST_CANDIDATES).map(candidate).collect();
    if candidates.len() > MOST_CANDIDATES {
        text.push_str(&format!("\n    and {} more", candidates.len() - MOST_CANDIDATES));
    }
    text
}
