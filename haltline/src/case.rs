//! One fault of one run, as a person names it, and where its events are. Nothing is moved or locked.

use std::collections::BTreeSet;
use std::path::PathBuf;

use haltline_files::FileError;
use haltline_protocol::{FaultKey, HaltEvent, Layout, WaitingBody};
use jiff::Timestamp;

use crate::exit::Exit;
use crate::output::visible_line;
use crate::sighting::{State, look_through};

/// The most letters of an id in a message.
const ID_LETTERS: usize = 96;
/// The most candidates that are named.
const MOST_CANDIDATES: usize = 20;

/// A fault with its events.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) key: FaultKey,
    /// The oldest first.
    pub(crate) events: Vec<Sighted>,
    /// When the latest marker that waits says that it went away.
    pub(crate) resolved: Option<Timestamp>,
}

/// An event where it is.
#[derive(Debug)]
pub(crate) struct Sighted {
    pub(crate) state: State,
    pub(crate) path: PathBuf,
    pub(crate) event: Box<HaltEvent>,
    /// When it halted; when its file was written where the event does not say.
    pub(crate) time: Timestamp,
}

/// Why no single fault is meant.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CaseError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("the queue {queue} has no fault or file `{id}`{of_run}; `haltline list` lists what there is{}", also(.near))]
    Unknown { queue: String, id: String, of_run: String, near: Vec<String> },
    #[error("`{id}` is more than one fault; say which one:{}", listed(.candidates))]
    Several { id: String, candidates: Vec<String> },
}

impl CaseError {
    /// More than one fault has the id.
    pub(crate) fn several(id: &str, candidates: &BTreeSet<FaultKey>) -> Self {
        Self::Several { id: visible(id), candidates: candidates.iter().map(candidate).collect() }
    }

    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::File(_) => Exit::CannotWrite,
            Self::Unknown { .. } | Self::Several { .. } => Exit::Usage,
        }
    }
}

fn also(near: &[String]) -> String {
    if near.is_empty() { String::new() } else { format!(". Near it:{}", listed(near)) }
}

fn listed(candidates: &[String]) -> String {
    let mut text: String =
        candidates.iter().take(MOST_CANDIDATES).map(|candidate| format!("\n    {candidate}")).collect();
    if candidates.len() > MOST_CANDIDATES {
        text.push_str(&format!("\n    and {} more", candidates.len() - MOST_CANDIDATES));
    }
    text
}

/// What the events of a queue have to do with an id.
#[derive(Default)]
struct Seen {
    /// The faults that have it, or a file of that name.
    meant: BTreeSet<FaultKey>,
    /// Faults whose id begins with it.
    near: BTreeSet<FaultKey>,
}

impl Case {
    /// Finds the fault that has an id, or an event file of that name; of one run or of any. Each file is read: its name
    /// is only a handle.
    ///
    /// # Errors
    /// There is none, or more than one, or a folder of the queue cannot be read.
    pub(crate) fn find(layout: &Layout, id: &str, run_id: Option<&str>) -> Result<Self, CaseError> {
        let mut seen = Seen::default();
        look_through(layout, &State::ALL, |_, _, waiting| {
            let WaitingBody::Event(event) = waiting.body else { return };
            seen.add(event.key(), &waiting.ticket.name, id, run_id);
        })?;
        let key = seen.only(layout, id, run_id)?;
        let mut events = Vec::new();
        let mut resolved = None;
        look_through(layout, &State::ALL, |state, folder, waiting| match waiting.body {
            WaitingBody::Event(event) if event.key() == key => {
                let time = event.timestamp.unwrap_or(waiting.modified);
                events.push(Sighted { state, path: folder.join(&*waiting.ticket.name), event, time });
            }
            WaitingBody::Marker(marker) if state == State::Pending && marker.key == key => {
                resolved = resolved.max(marker.timestamp);
            }
            _ => {}
        })?;
        events.sort_by(|one, other| (one.time, &one.path).cmp(&(other.time, &other.path)));
        Ok(Self { key, events, resolved })
    }

    /// Whether any of its events is in this state.
    pub(crate) fn is_any(&self, state: State) -> bool {
        self.events.iter().any(|sighted| sighted.state == state)
    }

    /// The fault and its run, for people.
    pub(crate) fn name(&self) -> String {
        name_of(&self.key)
    }
}

/// A fault and its run, for people.
pub(crate) fn name_of(key: &FaultKey) -> String {
    format!("`{}` of run `{}`", visible(key.fault_id.as_str()), visible(key.run_id.as_str()))
}

impl Seen {
    fn add(&mut self, key: FaultKey, file: &str, id: &str, run_id: Option<&str>) {
        if run_id.is_some_and(|run_id| key.run_id.as_str() != run_id) {
            return;
        }
        if key.fault_id.as_str() == id || file == id {
            self.meant.insert(key);
        } else if key.fault_id.as_str().starts_with(id) {
            self.near.insert(key);
        }
    }

    fn only(self, layout: &Layout, id: &str, run_id: Option<&str>) -> Result<FaultKey, CaseError> {
        let Self { mut meant, near } = self;
        if meant.len() > 1 {
            return Err(CaseError::several(id, &meant));
        }
        meant.pop_first().ok_or_else(|| CaseError::Unknown {
            queue: layout.queue().display().to_string(),
            id: visible(id),
            of_run: run_id.map(|run_id| format!(" in run `{}`", visible(run_id))).unwrap_or_default(),
            near: near.iter().map(candidate).collect(),
        })
    }
}

fn visible(id: &str) -> String {
    visible_line(id, ID_LETTERS)
}

/// A fault as it is named on the command line.
fn candidate(key: &FaultKey) -> String {
    format!("{} --run-id {}", visible(key.fault_id.as_str()), visible(key.run_id.as_str()))
}
