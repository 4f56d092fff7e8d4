//! `haltline list`: the events in the queue, the most severe and oldest first. Nothing is touched.

use std::cmp::Reverse;

use haltline_files::FileError;
use haltline_protocol::{HaltEvent, Layout, Severity, WaitingBody};
use jiff::Timestamp;
use serde::Serialize;

use crate::cli::List;
use crate::exit::Exit;
use crate::output::{self, age, line, visible_line};
use crate::redaction;
use crate::sighting::{State, look_through};

/// The most letters of a message: with the rest of the line it fits on a wide terminal.
const MESSAGE_LETTERS: usize = 80;
/// The most letters of an id.
const ID_LETTERS: usize = 96;

/// What is told of one event.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    state: State,
    severity: Severity,
    #[serde(serialize_with = "output::millis")]
    time: Timestamp,
    fault_id: String,
    run_id: String,
    /// Its beginning, without secrets and without what acts on a terminal.
    message: String,
    /// The name of its file.
    file: Box<str>,
}

pub(crate) fn run(layout: &Layout, args: &List) -> Exit {
    redaction::start(layout);
    let events = match find(layout, args) {
        Ok(events) => events,
        Err(error) => {
            output::error(&error);
            return Exit::CannotWrite;
        }
    };
    let now = Timestamp::now();
    for event in &events {
        if args.json {
            output::json(event);
        } else {
            event.print(now);
        }
    }
    Exit::Done
}

fn find(layout: &Layout, args: &List) -> Result<Vec<Listed>, FileError> {
    let wanted = |state: &State| args.state.map_or(*state != State::Processed, |wanted| wanted == *state);
    let states: Vec<_> = State::ALL.into_iter().filter(wanted).collect();
    let mut events = Vec::new();
    look_through(layout, &states, |state, _, waiting| {
        let WaitingBody::Event(event) = waiting.body else { return };
        if args.run_id.as_ref().is_none_or(|run_id| event.run_id.as_str() == run_id) {
            events.push(Listed::of(state, &event, waiting.modified, waiting.ticket.name));
        }
    })?;
    events.sort_by(|one, other| {
        (Reverse(one.severity), one.time, &one.file).cmp(&(Reverse(other.severity), other.time, &other.file))
    });
    Ok(events)
}

impl Listed {
    fn of(state: State, event: &HaltEvent, modified: Timestamp, file: Box<str>) -> Self {
        Self {
            state,
            severity: event.severity(),
            time: event.timestamp.unwrap_or(modified),
            fault_id: visible_line(event.fault_id.as_str(), ID_LETTERS),
            run_id: visible_line(event.run_id.as_str(), ID_LETTERS),
            message: redaction::clean_line(&event.message, MESSAGE_LETTERS),
            file,
        }
    }

    fn print(&self, now: Timestamp) {
        let Self { state, severity, time, fault_id, run_id, message, .. } = self;
        let (state, severity, age) = (state.as_str(), severity.as_str(), age(now.duration_since(*time)));
        line(format!("{state:<11} {severity:<8} {age:>4}  {fault_id}  {run_id}  {message}"));
    }
}
