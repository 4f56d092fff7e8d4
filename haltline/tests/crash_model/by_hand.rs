//! The process of a person who has the first fault investigated by hand.

use std::sync::Arc;

use haltline_files::Folder;
use haltline_lab::{Process, Scene};
use haltline_protocol::{AttemptSlot, Filing, HaltEvent, Record, Session};
use jiff::Timestamp;

use crate::actors::{parse, report};
use crate::machine::{Machine, occurrence_in};

/// Asks about the first fault, if an event of it is free, and files the report.
pub(crate) fn ask(machine: &Machine, process: &Arc<Process>) {
    let Ok(Some(event)) = process.act(|scene| free_event(scene)) else { return };
    let Some(queue) = machine.open_queue(process) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        if let Ok(Ok(slot)) = queue.begin_by_hand(&event).await {
            let fault = event.key();
            machine.ledger.ask(&fault, process);
            let report = report(&event);
            let kept = Folder::open_on(&machine.vfs(process), &slot.folder)
                .and_then(|folder| folder.replace(AttemptSlot::RESULT, report.as_bytes()));
            machine.ledger.answered(&fault);
            if kept.is_ok() {
                machine.ledger.accounts().kept_by_hand.insert((queue.id().to_string(), slot.seq));
                let investigation = parse(report.as_bytes()).expect("a report");
                let filing = Filing {
                    ts: Timestamp::UNIX_EPOCH,
                    drain_id: slot.session.clone(),
                    seq: slot.seq,
                    event: Arc::new(event),
                    occurrences: 1,
                    report: investigation.report,
                    usage: investigation.usage,
                    citations: investigation.citations,
                };
                let filed = Record::Reported(Arc::new(filing));
                if process.act(|_| machine.ledger.accounts().take(&filed, false)).is_err() {
                    return;
                }
            }
        }
        queue.close(queue.id()).await.ok();
    });
}

/// An event of the first fault that nobody holds.
fn free_event(scene: &Scene<'_>) -> Option<HaltEvent> {
    let is_free = |path: &str| !path.contains("/in-flight/");
    let mut events = scene.files().into_iter().filter_map(|(path, bytes)| {
        let name = path.rsplit_once('/').map_or("", |(_, name)| name);
        occurrence_in(name, &bytes).filter(|_| is_free(&path))?;
        HaltEvent::parse(&bytes).ok()
    });
    events.find(|event| event.fault_id.as_str() == "fault-0")
}
