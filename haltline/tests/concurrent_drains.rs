//! Several drains at once: each event is dispatched once and settled once.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use std::collections::BTreeSet;

use serde_json::Value;
use support::Home;
use support::drains::{FINDS_CAUSE, PENDING, Running, audit, fault, until};

/// Starts so many drains at once, and adds their results up.
#[track_caller]
fn drain_at_once(home: &Home, drains: usize, code: &[i32]) -> Vec<Value> {
    let mut command = home.drain_with(FINDS_CAUSE);
    command.args(["--max", "1000"]);
    let running: Vec<_> = (0..drains).map(|_| Running::start(&mut command)).collect();
    running
        .into_iter()
        .map(|drain| {
            let ended = drain.end();
            assert!(code.contains(&ended.code.unwrap()), "{ended:#?}");
            ended.json()
        })
        .collect()
}

fn sum(results: &[Value], count: &str) -> u64 {
    results.iter().map(|result| result[count].as_u64().unwrap()).sum()
}

#[track_caller]
fn check_pairs(home: &Home) {
    let told = home.told();
    let pairs: BTreeSet<_> = told.iter().map(|row| (row["drainId"].to_string(), row["seq"].as_u64())).collect();
    assert_eq!(pairs.len(), told.len(), "a pair stands twice");
}

fn check(drains: usize, faults: usize, audits: usize) {
    let home = Home::new();
    let faults: Vec<_> = (0..faults).map(|number| home.put(&fault("r", &format!("fault {number:03}.")))).collect();
    let audits: Vec<_> = (0..audits).map(|number| home.put(&audit("r", &format!("audit {number:03}.")))).collect();
    let results = drain_at_once(&home, drains, &[0]);
    // Free events that came to a drain without the settle lock are left to the holder, or to the next drain.
    let last = home.drain(FINDS_CAUSE, ["--max", "1000"]).expect(0).json();
    let trace: BTreeSet<_> = home.trace().into_iter().collect();
    assert_eq!((home.trace().len(), trace.len()), (faults.len(), faults.len()), "each is dispatched once");
    let results = [results, vec![last]].concat();
    assert_eq!(sum(&results, "processed") as usize, faults.len());
    assert_eq!(sum(&results, "dispatched") as usize, faults.len());
    assert_eq!(sum(&results, "shortCircuited") as usize, audits.len() + drains + 1);
    assert_eq!((sum(&results, "failed"), sum(&results, "recovered")), (0, 0), "no drain takes from a live one");
    home.check_settled_once(&faults, "investigated");
    home.check_settled_once(&audits, "audit-skipped");
    check_pairs(&home);
    assert_eq!(home.told().len(), faults.len() + audits.len() + drains + 1);
    assert_eq!((home.names(PENDING).len(), home.holds().len()), (0, 0));
}

#[test]
fn two_drains_dispatch_and_settle_each_event_once() {
    check(2, 24, 200);
}

#[test]
fn eight_drains_dispatch_and_settle_each_event_once() {
    check(8, 32, 200);
}

#[test]
fn occurrences_of_one_fault_are_investigated_once_among_drains() {
    let home = Home::new();
    let files: Vec<_> = (0..20).map(|_| home.put(&fault("r", "f"))).collect();
    let results = drain_at_once(&home, 4, &[0]);
    assert_eq!(home.trace().len(), 1, "{:#?}", home.told());
    assert_eq!((sum(&results, "processed"), sum(&results, "duplicates")), (1, 19));
    assert_eq!(home.names(PENDING).len(), 0);
    let told = home.told();
    let outcomes = |outcome: &str| told.iter().filter(|row| row["outcome"] == outcome).count();
    assert_eq!((outcomes("investigated"), outcomes("duplicate"), files.len()), (1, 19, 20));
    check_pairs(&home);
}

#[test]
fn a_live_drain_that_stands_still_keeps_what_it_holds() {
    let home = Home::new();
    home.put(&fault("r", "slow"));
    let gate = home.beside("gate");
    let body = format!("while [ ! -e '{}' ]; do sleep 0.05; done; {FINDS_CAUSE}", gate.display());
    let first = Running::start(&mut home.drain_with(&body));
    until("the first investigation", || home.trace().len() == 1);
    first.signal(rustix::process::Signal::STOP);
    let other = home.put(&fault("r", "other"));
    // The same stub file is in use; it lets the second drain's fault pass at once.
    let stub = home.write_beside(
        "other.sh",
        std::fs::read_to_string(home.beside("stub.sh")).unwrap().replace("[ ! -e", "[ -e /dev/null ] && [ ! -e /"),
    );
    let command = format!("sh '{}'", stub.display());
    let args = ["drain-faults", "--queue", "--json", "--investigator", "command", "--command", &command];
    let result = Running::start(home.haltline().args(args)).end().expect(0).json();
    assert_eq!((&result["recovered"], &result["processed"]), (&0.into(), &1.into()));
    assert!(home.names("processed").contains(&other));
    std::fs::write(&gate, "").unwrap();
    first.signal(rustix::process::Signal::CONT);
    assert_eq!(first.end().expect(0).json()["processed"], 1);
    assert_eq!((home.trace().len(), home.holds().len()), (2, 0));
    check_pairs(&home);
}

#[test]
fn emissions_during_drains_are_all_investigated_or_still_wait() {
    let home = Home::new();
    home.put(&fault("r", "first"));
    let mut command = home.drain_with(FINDS_CAUSE);
    let drains: Vec<_> = (0..2).map(|_| Running::start(&mut command)).collect();
    for number in 0..20 {
        let message = format!("m {number}");
        home.run(["emit", "--kind", "PHASE_FAILED", "--run-id", "r", "--message", &message]).expect(0);
    }
    for drain in drains {
        drain.end().expect(0);
    }
    assert_eq!(home.names(PENDING).len() + home.trace().len(), 21);
    home.drain(FINDS_CAUSE, ["--max", "99"]).expect(0);
    let trace: BTreeSet<_> = home.trace().into_iter().collect();
    assert_eq!((home.trace().len(), trace.len(), home.names(PENDING).len()), (21, 21, 0));
}

#[test]
fn a_drain_that_is_about_to_begin_is_not_cleared_away_by_another() {
    let home = Home::new();
    home.run(["drain-faults", "--queue"]).expect(0);
    // The new drain's folder is made, and not locked yet.
    let slow_lock = ["-e", "trace=flock", "-e", "inject=flock:delay_enter=4s:when=1"];
    let Some(mut command) = home.traced(&slow_lock) else { return };
    let late = Running::start(command.args(["drain-faults", "--queue", "--json"]));
    until("the folder of the new drain", || home.holds().len() == 1);
    home.run(["drain-faults", "--queue"]).expect(0);
    assert_eq!(late.end().expect(0).json()["shortCircuited"], 1);
    assert_eq!((home.names("processed").len(), home.holds().len()), (3, 0));
}

#[test]
fn free_events_are_left_to_the_drain_that_holds_the_settle_lock() {
    let home = Home::new();
    let files = [home.put(&audit("r", "a")), home.put(&audit("r", "b"))];
    home.put(&fault("r", "f"));
    let path = home.write("in-flight/settle.lock", "");
    let lock = std::fs::File::options().write(true).open(path).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let result = home.drain(FINDS_CAUSE, ["--jobs", "1"]).expect(0).json();
    assert_eq!(
        (&result["deferred"], &result["shortCircuited"], &result["processed"]),
        (&2.into(), &1.into(), &1.into())
    );
    assert_eq!(home.names(PENDING), files);
    drop(lock);
    assert_eq!(home.drain(FINDS_CAUSE, ["--jobs", "1"]).expect(0).json()["shortCircuited"], 3);
    home.check_settled_once(&files, "audit-skipped");
}
