//! `haltline status`: counts what is in the queue. Nothing is touched.

use std::path::PathBuf;

use haltline_files::FileError;
use haltline_protocol::{Layout, WaitingBody};
use haltline_spool::{FileCount, count_files, is_stopped, seen_holds};
use jiff::Timestamp;
use serde::Serialize;

use crate::cli::{self, DrainArgs};
use crate::config;
use crate::exit::Exit;
use crate::output::{self, age, line};
use crate::sighting::{State, look_through};

/// What is in the queue.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    queue: PathBuf,
    /// A person has stopped all dispatching.
    stopped: bool,
    /// Drains that live.
    live_drains: u64,
    pending: Count,
    deferred: Count,
    /// A person holds them.
    held: Count,
    in_flight: Count,
    abandoned: Count,
    processed: Count,
    dead_letter: Count,
    quarantine: Count,
    inbox: Count,
    /// What waits and is no readable event.
    unreadable: u64,
}

/// How many there are, and from when the oldest is: the event's time where it was read, else the file's.
#[derive(Debug, Default, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
struct Count {
    count: u64,
    #[serde(serialize_with = "output::maybe_millis")]
    oldest: Option<Timestamp>,
}

impl Count {
    fn add(&mut self, time: Timestamp) {
        self.count += 1;
        self.oldest = Some(self.oldest.map_or(time, |oldest| oldest.min(time)));
    }
}

impl From<FileCount> for Count {
    fn from(FileCount { count, oldest }: FileCount) -> Self {
        Self { count, oldest }
    }
}

pub(crate) fn run(layout: &Layout, args: &cli::Status) -> Exit {
    let status = match look(layout) {
        Ok(status) => status,
        Err(error) => {
            output::error(&error);
            return Exit::CannotWrite;
        }
    };
    if args.json {
        output::json(&status);
    } else {
        status.print();
    }
    Exit::Done
}

fn look(layout: &Layout) -> Result<Status, FileError> {
    // A configuration that cannot be used hides only where the notes are; `doctor` tells of it.
    let inbox = config::in_force(None, &DrainArgs::default()).ok().and_then(|settings| settings.inbox.clone());
    let mut status = Status {
        queue: layout.queue().to_owned(),
        stopped: is_stopped(layout)?,
        live_drains: seen_holds(layout)?.iter().map(|hold| u64::from(hold.is_live)).sum(),
        pending: Count::default(),
        deferred: Count::default(),
        held: Count::default(),
        in_flight: Count::default(),
        abandoned: Count::default(),
        processed: Count::default(),
        dead_letter: Count::default(),
        quarantine: Count::default(),
        inbox: Count::default(),
        unreadable: 0,
    };
    let read = [State::Pending, State::Deferred, State::Held, State::InFlight, State::Abandoned];
    look_through(layout, &read, |state, _, waiting| match waiting.body {
        WaitingBody::Event(event) => {
            let count = match state {
                State::Deferred => &mut status.deferred,
                State::Held => &mut status.held,
                State::InFlight => &mut status.in_flight,
                State::Abandoned => &mut status.abandoned,
                _ => &mut status.pending,
            };
            count.add(event.timestamp.unwrap_or(waiting.modified));
        }
        WaitingBody::Marker(_) => {}
        _ => status.unreadable += u64::from(state == State::Pending),
    })?;
    let is_event = |name: &str| name.ends_with(".json") && !name.contains("-RESOLVED-");
    status.processed = count_files(&layout.processed(), is_event)?.into();
    status.dead_letter = count_files(&layout.dead_letter(), is_event)?.into();
    status.quarantine = count_files(&layout.quarantine(), |name| !name.ends_with(".reason.json"))?.into();
    let is_note = |name: &str| name.ends_with(".md") && name.contains("-halt-");
    status.inbox = count_files(&inbox.unwrap_or_else(|| layout.inbox()), is_note)?.into();
    Ok(status)
}

impl Status {
    fn print(&self) {
        let now = Timestamp::now();
        let counts = [
            (self.pending, "wait"),
            (self.deferred, "wait for their next attempt"),
            (self.held, "wait until they are released"),
            (self.in_flight, "held by drains that run"),
            (self.abandoned, "left by drains that died; the next one takes them back"),
            (self.processed, "settled"),
            (self.dead_letter, "given up on"),
            (self.quarantine, "in quarantine: no readable events"),
            (self.inbox, "notes in the inbox"),
        ];
        for (Count { count, oldest }, what) in counts {
            let oldest = oldest.map(|time| format!(", the oldest {}", age(now.duration_since(time))));
            line(format!("{count:>7} {what}{}", oldest.unwrap_or_default()));
        }
        if self.unreadable > 0 {
            line(format!("{:>7} wait and are no readable events", self.unreadable));
        }
        line(match self.live_drains {
            0 => "No drain runs.".to_owned(),
            drains => format!("Drains that run: {drains}."),
        });
        if self.stopped {
            line(format!("Dispatching is stopped by {}; remove it to go on.", self.queue.join("STOP").display()));
        }
    }
}
