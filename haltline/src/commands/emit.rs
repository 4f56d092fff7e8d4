//! `haltline emit`: puts a halt into the queue and prints its fault id once it is durable.

use std::fs::File;
use std::path::Path;

use haltline::redaction;
use haltline_emitter::{Emission, EmitError, FaultDraft, FaultKind, Place, Snapshot, emit, from_json, pointer};
use haltline_protocol::{Layout, Pointers, QueueError};
use jiff::Timestamp;

use crate::cli::Emit;
use crate::exit::Exit;
use crate::{output, queue};

pub(crate) fn run(layout: &Layout, args: &Emit) -> Exit {
    redaction::start(layout);
    let emission = match &args.json {
        Some(file) => read(file),
        None => describe(args),
    };
    let emitted = emission.and_then(|emission| {
        let place = put(layout, &emission, !args.no_sync)?;
        Ok((emission, place))
    });
    match emitted {
        Ok((emission, place)) => {
            tracing::info!(path = place, "emitted");
            output::line(emission.fault_id().as_str());
            Exit::Done
        }
        Err(error) => failed(&error),
    }
}

/// Puts an event into the queue and returns where it is.
pub(super) fn put(layout: &Layout, emission: &Emission, durable: bool) -> Result<String, EmitError> {
    emit(&queue::intake(layout, durable)?, emission)
}

/// Tells why an event was not emitted.
pub(super) fn failed(error: &EmitError) -> Exit {
    output::error(error);
    if error.is_usage() { Exit::Usage } else { Exit::Failed }
}

/// The event that stands in a file, or comes on standard input.
fn read(file: &Path) -> Result<Emission, EmitError> {
    let now = Timestamp::now();
    if file.as_os_str() == "-" {
        return from_json(std::io::stdin().lock(), now);
    }
    match File::open(file) {
        Ok(input) => from_json(input, now),
        Err(source) => {
            let on = file.display().to_string();
            Err(QueueError { action: "open", on, cause: source.into(), hint: None }.into())
        }
    }
}

/// The event that the flags describe. The command line sees to it that the first three are there.
fn describe(args: &Emit) -> Result<Emission, EmitError> {
    let kind: FaultKind = args.kind.as_deref().unwrap_or_default().parse()?;
    let place = match (&args.phase, &args.feature) {
        (Some(index), _) => Place::Phase(index.parse()?),
        (None, Some(number)) => Place::Feature(number.clone()),
        (None, None) => Place::Run,
    };
    let run_id = args.run_id.as_deref().unwrap_or_default();
    let (log, worktree) = (args.stdout_log.as_deref(), args.worktree.as_deref());
    let reason = args.failure_reason.as_deref().unwrap_or_default();
    let (snapshot, unread) = Snapshot::capture(log, worktree, reason, place);
    if let Some(unread) = unread {
        output::error(&unread);
    }
    let draft = FaultDraft {
        kind,
        severity: args.severity,
        run_id,
        state_slug: args.slug.as_deref().unwrap_or(run_id),
        message: args.message.as_deref().unwrap_or_default(),
        pointers: Pointers {
            stdout_log: log.map(pointer).unwrap_or_default(),
            worktree_path: worktree.map(pointer).unwrap_or_default(),
            ..Pointers::default()
        },
        snapshot,
    };
    draft.build(Timestamp::now())
}
