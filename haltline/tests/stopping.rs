//! Stopping a drain by a signal or a deadline: nothing is lost, nothing is paid twice, nothing runs on.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};
use support::drains::{FINDS_CAUSE, PENDING, Running, audit, await_line, fault, is_running, until};
use support::{Ended, Home};

const NOTHING: [&str; 0] = [];

/// A stub that tells its own number and its child's, and then takes its time.
fn slow(home: &Home) -> String {
    format!("sleep 300 & echo \"$! $$\" > '{}'; wait", home.beside("pids").display())
}

fn start(home: &Home, command: &mut Command) -> Running {
    Running::start_logging(command, &home.beside("log"))
}

/// Waits until the drain says that it has heard a signal: two that come before are one.
#[track_caller]
fn await_stop(home: &Home) {
    until("the signal", || std::fs::read_to_string(home.beside("log")).unwrap().contains("stopping"));
}

/// Starts a drain whose investigation is slow, and waits until that runs; the drain, and the processes' numbers.
fn start_slow(home: &Home) -> (Running, Vec<String>) {
    home.put(&fault("r", "f"));
    home.put(&fault("r", "g"));
    home.put(&audit("r", "a"));
    let drain = start(home, home.drain_with(&slow(home)).args(["--jobs", "1"]));
    let pids = await_line(&home.beside("pids")).split(' ').map(str::to_owned).collect();
    (drain, pids)
}

#[track_caller]
fn check_stopped(home: &Home, ended: Ended, pids: &[String]) {
    assert!(pids.iter().all(|pid| !is_running(pid)), "the investigator and its child are gone");
    let result = ended.expect(75).json();
    assert_eq!((&result["aborted"], &result["deferred"], &result["failed"]), (&json!(true), &json!(2), &json!(0)));
    assert_eq!((&result["dispatched"], &result["shortCircuited"]), (&json!(1), &json!(2)));
    assert_eq!((home.names(PENDING), home.holds().len()), (vec!["r-f.json".to_owned(), "r-g.json".to_owned()], 0));
    let told = home.told_of("r-f.json");
    assert_eq!(told.len(), 1, "{told:#?}");
    assert_eq!((&told[0]["outcome"], &told[0]["failure"]), (&json!("dispatch-failed"), &json!("interrupted")));
    assert_eq!(home.told_of("r-g.json"), Vec::<Value>::new());
    for file in ["r-f.json", "r-g.json"] {
        assert_eq!(home.json_of(&format!("{PENDING}/{file}")).get("delivery"), None, "no attempt is counted");
    }
    let result = home.drain(FINDS_CAUSE, NOTHING).expect(0).json();
    assert_eq!((&result["processed"], &result["recovered"]), (&json!(2), &json!(0)));
    home.check_settled_once(&["r-f.json".to_owned(), "r-g.json".to_owned()], "investigated");
}

#[test]
fn a_signal_gives_what_runs_some_time_and_then_ends_it() {
    let home = Home::new();
    let (drain, pids) = start_slow(&home);
    let begun = Instant::now();
    drain.signal(Signal::TERM);
    let ended = drain.end();
    assert!(begun.elapsed() >= Duration::from_secs(9), "ten seconds of grace: {:?}", begun.elapsed());
    check_stopped(&home, ended, &pids);
}

#[test]
fn a_second_signal_ends_what_runs_at_once() {
    for (first, second) in [(Signal::INT, Signal::INT), (Signal::TERM, Signal::INT)] {
        let home = Home::new();
        let (drain, pids) = start_slow(&home);
        let begun = Instant::now();
        drain.signal(first);
        await_stop(&home);
        drain.signal(second);
        let ended = drain.end();
        assert!(begun.elapsed() < Duration::from_secs(9), "no ten seconds: {:?}", begun.elapsed());
        check_stopped(&home, ended, &pids);
    }
}

#[test]
fn what_ends_within_the_grace_is_settled() {
    let home = Home::new();
    home.put(&fault("r", "f"));
    home.put(&fault("r", "g"));
    let gate = home.beside("gate");
    let body = format!("while [ ! -e '{}' ]; do sleep 0.02; done; {FINDS_CAUSE}", gate.display());
    let drain = start(&home, home.drain_with(&body).args(["--jobs", "1"]));
    until("the investigation", || home.trace().len() == 1);
    drain.signal(Signal::TERM);
    await_stop(&home);
    std::fs::write(gate, "").unwrap();
    let result = drain.end().expect(75).json();
    assert_eq!((&result["processed"], &result["deferred"], home.trace().len()), (&json!(1), &json!(1), 1));
    home.check_settled_once(&["r-f.json".to_owned()], "investigated");
    assert_eq!(home.names(PENDING), ["r-g.json"]);
}

#[test]
fn an_investigator_that_ignores_the_request_to_end_is_made_to() {
    let home = Home::new();
    home.put(&fault("r", "f"));
    let body = format!(
        "trap '' TERM INT; setsid sleep 300 & echo \"$! $$\" > '{}'; while :; do sleep 1; done",
        home.beside("pids").display()
    );
    let drain = start(&home, &mut home.drain_with(&body));
    let pids: Vec<String> = await_line(&home.beside("pids")).split(' ').map(str::to_owned).collect();
    drain.signal(Signal::TERM);
    await_stop(&home);
    drain.signal(Signal::INT);
    let result = drain.end().expect(75).json();
    assert_eq!((&result["deferred"], home.names(PENDING)), (&json!(1), vec!["r-f.json".to_owned()]));
    assert!(pids.iter().all(|pid| !is_running(pid)), "not even a child in a session of its own runs on");
}

#[test]
fn at_a_deadline_the_rest_is_left_without_grace() {
    let home = Home::new();
    home.put(&fault("r", "f"));
    home.put(&fault("r", "g"));
    let stub = home.stub(&slow(&home));
    let begun = Instant::now();
    let mut command = home.haltline();
    command.args(["auto-drain", "--run-id", "r", "--deadline", "3s", "--jobs", "1", "--json", "--strict"]);
    let ended = Running::start(command.args(["--investigator", "command", "--command", &stub])).end().expect(75);
    assert!(begun.elapsed() < Duration::from_secs(9), "no ten seconds: {:?}", begun.elapsed());
    let result = ended.json();
    assert_eq!((&result["aborted"], &result["deferred"]), (&json!(true), &json!(2)));
    assert_eq!((home.names(PENDING).len(), home.holds().len()), (2, 0));
    assert!(await_line(&home.beside("pids")).split(' ').all(|pid| !is_running(pid)));
    let telemetry = std::fs::read_to_string(home.path("analytics/halt-events-drain.jsonl")).unwrap();
    let row: Value = serde_json::from_str(&telemetry).unwrap();
    assert_eq!((&row["aborted"], &row["deferred"]), (&json!(true), &json!(2)));
}
