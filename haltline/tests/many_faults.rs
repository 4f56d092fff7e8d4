//! More faults than a drain keeps in memory: what is dispatched, and what is counted, is as if it kept all.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use support::Home;
use support::drains::{FINDS_CAUSE, PENDING, fault, with};

/// Faults, and how often each happened.
const FAULTS: u32 = 1000;
const EVENTS: u32 = 3000;
const MAX: usize = 3;

/// What is expected of an event that waits: the most severe first, then the oldest, then by name.
type Rank = (u32, String, String);

/// Numbers in no order, the same in every run.
fn scatter(number: u32) -> u32 {
    number.wrapping_mul(2_654_435_761) >> 12
}

fn event(number: u32) -> (String, String, Value, u32) {
    let (fault_id, chance) = (format!("fault-{}", scatter(number) % FAULTS), scatter(number + EVENTS));
    let (severity, rank) = [("CRITICAL", 0), ("HIGH", 1), ("MEDIUM", 2)][chance as usize % 3];
    let time = format!("2026-05-20T{:02}:{:02}:{:02}.123Z", chance / 3 % 24, chance / 72 % 60, chance / 4320 % 60);
    let event = with(with(fault("r", &fault_id), "severity", severity), "timestamp", time);
    (format!("r-{fault_id}~{number}.json"), fault_id, event, rank)
}

#[test]
fn the_best_of_thousands_are_dispatched_with_all_their_occurrences_and_everything_is_counted() {
    let home = Home::new();
    let mut groups: BTreeMap<String, Vec<Rank>> = BTreeMap::new();
    let (mut has_to_wait, mut resolved) = (BTreeSet::new(), BTreeSet::new());
    for number in 0..EVENTS {
        let (name, fault_id, mut event, rank) = event(number);
        match number % 16 {
            0 => {
                event["delivery"] = json!({"attempts": 1, "notBefore": "2999-01-01T00:00:00Z"});
                has_to_wait.insert(fault_id.clone());
            }
            1 => drop(resolved.insert(fault_id.clone())),
            _ => {}
        }
        let time = event["timestamp"].as_str().unwrap().to_owned();
        home.write(&format!("{PENDING}/{name}"), event.to_string());
        groups.entry(fault_id).or_default().push((rank, time, name));
    }
    for fault_id in &resolved {
        let marker = json!({"event": "SKILL_FAULT_RESOLVED", "timestamp": "2026-05-21T00:00:00Z", "runId": "r",
            "faultId": fault_id});
        home.write(&format!("{PENDING}/r-RESOLVED-{fault_id}.json"), marker.to_string());
    }
    let size = |of: &dyn Fn(&String) -> bool| -> usize {
        groups.iter().filter(|(fault_id, _)| of(fault_id)).map(|(_, events)| events.len()).sum()
    };
    let collapsed = size(&|fault_id| resolved.contains(fault_id));
    let skipped = size(&|fault_id| has_to_wait.contains(fault_id) && !resolved.contains(fault_id));
    let is_due = |fault_id: &String| !resolved.contains(fault_id) && !has_to_wait.contains(fault_id);
    let mut due: Vec<_> = groups.iter().filter(|(fault_id, _)| is_due(fault_id)).collect();
    due.sort_by_key(|(_, events)| events.iter().min());
    assert!(due.len() > 300, "more groups than are kept");
    let taken: usize = due[..MAX].iter().map(|(_, events)| events.len()).sum();

    let arguments = ["--max", "3", "--jobs", "1"];
    let preview = home.drain(FINDS_CAUSE, ["--max", "3", "--dry-run"]).expect(0).json();
    let result = home.drain(FINDS_CAUSE, arguments).expect(0).json();
    for (result, dispatched) in [(&preview, 0), (&result, MAX)] {
        let counts = ["processed", "dispatched", "duplicates", "collapsed", "skipped", "deferred", "failed"];
        let counts = counts.map(|count| usize::try_from(result[count].as_u64().unwrap()).unwrap());
        let deferred = EVENTS as usize - collapsed - skipped - taken;
        assert_eq!(counts, [MAX, dispatched, taken - MAX, collapsed, skipped, deferred, 0], "{result}");
    }
    let expected: Vec<&String> = due[..MAX].iter().map(|(fault_id, _)| *fault_id).collect();
    assert_eq!(home.trace().iter().collect::<Vec<_>>(), expected);
    assert_eq!(home.names(PENDING).len(), EVENTS as usize - collapsed - taken, "each marker has gone with its events");
}
