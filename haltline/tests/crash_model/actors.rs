//! The processes of a history: emitters and drains as they are, with a dispatcher and sinks that cost nothing.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use haltline_consumer::{Drain, DrainOptions, Wires};
use haltline_files::Folder;
use haltline_lab::{Process, Scene};
use haltline_protocol::{
    Assignment, AttemptSlot, DispatchFailure, DispatchRequest, Failure, FaultKey, HaltEvent, Intake, Investigation,
    NewRow, RecordBatch, RowKind, Severity, SinkError, Usage, Verdict,
};
use haltline_spool::SpoolIntake;
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::history::Emission;
use crate::ledger::Occurrence;
use crate::machine::{Machine, occurrence_in};

/// The attempts after which an event is given up on.
pub(crate) const MAX_ATTEMPTS: u32 = 3;
const REPORT: &str = r#"{"report":{"faultId":"FAULT","outcome":"needs-human","rootCause":"r","evidence":[]},
    "usage":{"provider":"model","model":null,"tokensIn":null,"tokensCached":null,"tokensOut":null,"cost":null,
    "duration":{"secs":1,"nanos":0}}}"#;

/// Emits events under numbers of their own, one after the other or in one batch.
pub(crate) fn emit(machine: &Machine, process: &Arc<Process>, emissions: &[(Emission, Occurrence)], at_once: bool) {
    let Ok(intake) = SpoolIntake::open_on(&machine.vfs(process), &machine.layout, true) else { return };
    for emissions in emissions.chunks(if at_once { emissions.len() } else { 1 }) {
        let texts: Vec<_> = emissions.iter().map(|(emission, number)| row(*emission, *number)).collect();
        let events =
            || emissions.iter().filter(|(emission, _)| *emission != Emission::Resolved).map(|(_, number)| *number);
        machine.ledger.accounts().begun.extend(events());
        let rows = emissions.iter().zip(&texts).map(|((emission, number), text)| NewRow {
            kind: if *emission == Emission::Resolved { RowKind::Resolved } else { RowKind::Event },
            key: key(*emission),
            stamp: stamp(*number),
            row: text.as_bytes(),
        });
        let rows: Vec<_> = rows.collect();
        let put = match rows.as_slice() {
            [new] if !at_once => intake.put(new).map(drop),
            rows => intake.put_group(rows).and_then(|places| places.into_iter().try_for_each(|place| place.map(drop))),
        };
        if put.is_ok() {
            machine.ledger.accounts().acknowledged.extend(events());
        }
    }
}

fn key(emission: Emission) -> FaultKey {
    let fault_id = match emission {
        Emission::Fault(fault) => format!("fault-{fault}"),
        Emission::Audit => "audit".to_owned(),
        Emission::Resolved => "fault-0".to_owned(),
    };
    FaultKey { run_id: "run".into(), fault_id: fault_id.as_str().into() }
}

fn stamp(number: Occurrence) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + i64::from(number)).expect("a time")
}

fn row(emission: Emission, number: Occurrence) -> String {
    let (key, stamp) = (key(emission), stamp(number));
    let (kind, investigate) = match emission {
        Emission::Fault(_) => ("PHASE_FAILED", "true"),
        Emission::Audit => ("MANUAL_RECOVERY_INVOKED", "false"),
        Emission::Resolved => {
            let fault_id = key.fault_id.as_str();
            return format!(
                r#"{{"event":"SKILL_FAULT_RESOLVED","timestamp":"{stamp}","runId":"run","faultId":"{fault_id}"}}"#
            );
        }
    };
    format!(
        "{{\n  \"faultId\": \"{}\",\n  \"runId\": \"run\",\n  \"stateSlug\": \"s\",\n  \"kind\": \"{kind}\",\n  \
         \"severity\": \"HIGH\",\n  \"timestamp\": \"{stamp}\",\n  \"message\": \"m{number}\",\n  \
         \"pointers\": {{}},\n  \"snapshot\": {{}},\n  \"investigate\": {investigate}\n}}\n",
        key.fault_id.as_str()
    )
}

/// Works the queue off once.
pub(crate) fn drain(machine: &Machine, process: &Arc<Process>, all_well: bool) {
    let Some(queue) = machine.open_queue(process) else { return };
    let options = DrainOptions {
        // A drain that may be killed leaves something for others.
        max: if all_well { 10 } else { 1 },
        jobs: 1,
        severity_min: Severity::Low,
        max_attempts: MAX_ATTEMPTS,
        ..DrainOptions::default()
    };
    let (dispatcher, requests) = mpsc::channel(1);
    let (analytics, batches) = mpsc::channel(1);
    let wires =
        Wires { dispatcher, analytics, progress: None, stop: CancellationToken::new(), cut: CancellationToken::new() };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let drained = runtime.block_on(async {
        let drain = Drain::new(Arc::new(queue), options).run(wires);
        tokio::join!(drain, dispatch(machine, process, requests, all_well), record(machine, process, batches)).0
    });
    if let Err(error) = drained {
        machine.note(&error.to_string());
    }
}

async fn record(machine: &Machine, process: &Process, mut batches: mpsc::Receiver<RecordBatch>) {
    while let Some(RecordBatch { records, replay, acknowledge }) = batches.recv().await {
        let mut taken = Ok(());
        for record in &records {
            if let Err(errno) = process.act(|_| machine.ledger.accounts().take(record, replay)) {
                taken = Err(SinkError::Retriable { sink: "model", reason: errno.to_string() });
                break;
            }
        }
        acknowledge.send(taken).ok();
    }
}

async fn dispatch(
    machine: &Machine,
    process: &Arc<Process>,
    mut requests: mpsc::Receiver<DispatchRequest>,
    all_well: bool,
) {
    while let Some(request) = requests.recv().await {
        match request {
            DispatchRequest::Prepare { reply } => drop(reply.send(Ok("model".to_owned()))),
            DispatchRequest::Investigate { assignment, reply } => {
                let fault = assignment.event.key();
                machine.ledger.ask(&fault, process);
                let verdict = investigate(machine, process, &assignment, all_well);
                machine.ledger.answered(&fault);
                reply.send(verdict).ok();
            }
            DispatchRequest::Salvage { assignment, reply } => drop(reply.send(salvage(machine, process, &assignment))),
        }
    }
}

fn investigate(machine: &Machine, process: &Arc<Process>, assignment: &Assignment, all_well: bool) -> Verdict {
    let begun = process.act(|scene| {
        let events = claimed_events(machine, scene, assignment);
        machine.ledger.accounts().begin_attempt(&events);
        (events, scene.chance().below(if all_well { 1 } else { 6 }))
    });
    let Ok((events, chance)) = begun else { return Err(failure(Failure::Crash)) };
    match chance {
        0..=3 => {}
        4 => return Err(failure(Failure::BadReport)),
        _ => {
            machine.ledger.accounts().forgive_attempt(&events);
            return Err(failure(Failure::Interrupted));
        }
    }
    let report = report(&assignment.event);
    let kept = Folder::open_on(&machine.vfs(process), &assignment.slot.folder)
        .and_then(|folder| folder.replace(AttemptSlot::RESULT, report.as_bytes()));
    if kept.is_err() {
        return Err(failure(Failure::Crash));
    }
    machine.ledger.accounts().reported.extend(events);
    parse(report.as_bytes()).ok_or_else(|| failure(Failure::BadReport))
}

fn salvage(machine: &Machine, process: &Arc<Process>, assignment: &Assignment) -> Option<Investigation> {
    let folder = Folder::open_on(&machine.vfs(process), &assignment.slot.folder).ok()?;
    parse(&folder.read(AttemptSlot::RESULT, 1 << 20).ok()??)
}

/// The report of a fault, as it is kept.
pub(crate) fn report(event: &HaltEvent) -> String {
    REPORT.replace("FAULT", event.fault_id.as_str())
}

pub(crate) fn parse(report: &[u8]) -> Option<Investigation> {
    serde_json::from_slice(report).ok()
}

/// The events that the investigation stands for. Before anything is started they have to be this drain's alone, and
/// that and the intent have to be durable.
fn claimed_events(machine: &Machine, scene: &Scene<'_>, assignment: &Assignment) -> Vec<Occurrence> {
    let slot = &assignment.slot;
    let hold = slot.folder.ancestors().nth(2).and_then(Path::to_str).unwrap_or_default();
    let fault = format!("\"{}\"", assignment.event.fault_id.as_str());
    let (files, durable) = (scene.files(), scene.durable_files());
    let mut events = Vec::new();
    for (path, bytes) in &files {
        let Some((folder, name)) = path.rsplit_once('/') else { continue };
        let Some(event) = occurrence_in(name, bytes).filter(|_| folder == hold) else { continue };
        if !String::from_utf8_lossy(bytes).contains(&fault) {
            continue;
        }
        events.push(event);
        if durable.get(path).is_none_or(|bytes| occurrence_in(name, bytes) != Some(event)) {
            machine.ledger.accounts().violated(format!("I4: the claim of event {event} is not durable"));
        }
        let places = files.iter().filter(|(path, bytes)| {
            let name = path.rsplit_once('/').map_or("", |(_, name)| name);
            !path.contains("/attempts/") && occurrence_in(name, bytes) == Some(event)
        });
        let places: Vec<&String> = places.map(|(path, _)| path).collect();
        if places.len() != 1 {
            machine.ledger.accounts().violated(format!("I3: event {event} is claimed and is at {places:?}"));
        }
    }
    let journal = durable.get(&format!("{hold}/journal")).map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let intent = format!("{{\"attempt\":{{\"seq\":{},", slot.seq);
    if !journal.unwrap_or_default().contains(&intent) {
        machine.ledger.accounts().violated(format!("I4: attempt {} of {hold} begins without an intent", slot.seq));
    }
    events
}

fn failure(class: Failure) -> DispatchFailure {
    let usage = Usage { provider: "model".to_owned(), duration: Duration::ZERO, ..Usage::default() };
    DispatchFailure { class, detail: "as chance had it".to_owned(), usage: Box::new(usage), retry_after: None }
}
