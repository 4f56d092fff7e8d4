//! Runs a history, and says what does not hold once the machine has recovered.

use std::collections::BTreeMap;

use haltline_lab::Lie;

use crate::actors::MAX_ATTEMPTS;
use crate::history::History;
use crate::ledger::Occurrence;
use crate::machine::{Machine, occurrence_in};
use crate::phase;

const QUEUE: &str = "/home/skill-faults/";

/// Runs a history, lets the machine recover without faults, and says what does not hold.
pub(crate) fn run(history: &History, lie: Option<Lie>) -> Result<Vec<u64>, Vec<String>> {
    let machine = Machine::new(history, lie);
    let mut steps = Vec::with_capacity(history.phases.len());
    for phase in &history.phases {
        steps.push(phase::run(&machine, phase));
    }
    recovered(&machine);
    let violations = std::mem::take(&mut machine.ledger.accounts().violations);
    if violations.is_empty() { Ok(steps) } else { Err(violations) }
}

/// Recovers without faults and looks whether everything holds.
fn recovered(machine: &Machine) {
    phase::drain_well(machine);
    conserved(machine);
    machine.pass_time();
    phase::drain_well(machine);
    conserved(machine);
    settled(machine);
    bounded(machine);
    let before = machine.world.files();
    phase::drain_well(machine);
    if machine.world.files() != before {
        machine.ledger.accounts().violated("I13: one more recovery changes something");
    }
}

/// I1, I2, I12: every event is in one place, and what lies there was emitted.
fn conserved(machine: &Machine) {
    let mut places: BTreeMap<Occurrence, Vec<String>> = BTreeMap::new();
    let mut accounts = machine.ledger.accounts();
    for (path, bytes) in machine.world.files() {
        let Some((folder, name)) = path.strip_prefix(QUEUE).and_then(|path| path.rsplit_once('/')) else { continue };
        if folder == "quarantine" {
            accounts.violated(format!("I2: {path} was emitted whole and is in quarantine"));
        }
        let is_event = !path.contains("/attempts/") && name.ends_with(".json") && !path.contains("-RESOLVED-");
        match occurrence_in(name, &bytes) {
            Some(event) if is_event => places.entry(event).or_default().push(path),
            None if is_event => accounts.violated(format!("I2: {path} is no whole event")),
            _ => {}
        }
    }
    let lost: Vec<_> = accounts.acknowledged.iter().filter(|event| !places.contains_key(event)).copied().collect();
    for event in lost {
        accounts.violated(format!("I1: event {event} was acknowledged and is lost"));
    }
    for (event, places) in places {
        if places.len() > 1 {
            accounts.violated(format!("I1: event {event} is at {places:?}"));
        }
        if !accounts.begun.contains(&event) {
            accounts.violated(format!("I2: nobody emitted event {event}"));
        }
    }
    for name in machine.world.overwritten() {
        accounts.violated(format!("I12: {name} was overwritten"));
    }
}

/// I7, I8, I9, I15: nothing waits or is held, and each event that left has one row.
fn settled(machine: &Machine) {
    let mut left: BTreeMap<String, usize> = BTreeMap::new();
    let mut accounts = machine.ledger.accounts();
    for (path, bytes) in machine.world.files() {
        let Some((folder, name)) = path.strip_prefix(QUEUE).and_then(|path| path.split_once('/')) else { continue };
        match folder {
            "pending-investigations" if name.ends_with(".json") => {
                accounts.violated(format!("I9: {path} still waits"));
            }
            "in-flight" if name != "settle.lock" => accounts.violated(format!("I9: {path} is still held")),
            "processed" | "dead-letter" if occurrence_in(name, &bytes).is_some() => {
                let text = String::from_utf8_lossy(&bytes);
                let fault = text.split_once("\"faultId\": \"").and_then(|(_, rest)| rest.split_once('"'));
                *left.entry(fault.map_or_else(String::new, |(fault, _)| fault.to_owned())).or_default() += 1;
            }
            _ => {}
        }
    }
    let rows = accounts.settled();
    if rows != left {
        accounts.violated(format!("I7: events left the queue: {left:?}; rows say: {rows:?}"));
    }
    for fault in accounts.unfiled() {
        accounts.violated(format!("I8: {fault} has a row of a report that nobody filed"));
    }
    for pair in accounts.unfiled_by_hand() {
        accounts.violated(format!("I15: report {pair:?} was asked for by hand, and nobody filed it"));
    }
}

/// I5: no event was paid for more often than it may be.
fn bounded(machine: &Machine) {
    let mut accounts = machine.ledger.accounts();
    let dear: Vec<_> = accounts.attempts.clone().into_iter().filter(|(_, attempts)| *attempts > MAX_ATTEMPTS).collect();
    for (event, attempts) in dear {
        accounts.violated(format!("I5: event {event} had {attempts} attempts"));
    }
}
