//! A dry run: it changes no byte, and tells what a drain would do.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use rustix::fs::{CWD, Mode};
use serde_json::json;
use support::drains::{FINDS_CAUSE, Running, audit, check_told_alike, fault, with};
use support::{Home, set_mode};

const DRY: [&str; 4] = ["drain-faults", "--queue", "--dry-run", "--json"];

/// A home with something for every stage of a drain.
fn full_home() -> Home {
    let home = Home::new();
    for number in 0..3 {
        home.put(&audit("r", &format!("audit-{number}")));
        home.put(&fault("r", &format!("fault-{number}")));
    }
    home.put(&fault("r", "fault-1"));
    home.put(&with(fault("r", "minor"), "severity", "LOW"));
    home.put(&with(fault("r", "tried"), "delivery", json!({"attempts": 1, "notBefore": "2999-01-01T00:00:00Z"})));
    home.put(&fault("r", "gone"));
    home.run(["resolve", "--run-id", "r", "--fault-id", "gone"]).expect(0);
    home.put(&with(fault("r", "known"), "snapshot", json!({"stdoutTail": "port 80 in use"})));
    let pattern = json!([{"category": "port", "matcherKind": "stdout_contains", "pattern": "in use", "severity": "HIGH",
        "description": "d", "source": "s", "learnedAt": "2026-05-20T08:14:00.123Z", "hitCount": 0}]);
    home.write("learned-patterns.json", pattern.to_string());
    home.put_old("broken.json", "{");
    home
}

#[test]
fn l1_a_dry_run_changes_no_byte_and_says_what_a_drain_does() {
    let home = full_home();
    let before = home.snapshot();
    let dry = home.run(DRY).expect(1).json();
    assert_eq!(home.snapshot(), before);
    assert_eq!((&dry["dryRun"], &dry["dispatched"], &dry["costUsd"]), (&json!(true), &json!(0), &json!(0.0)));
    assert_eq!((&dry["processed"], &dry["duplicates"], &dry["collapsed"]), (&json!(3), &json!(1), &json!(1)));

    let real = home.drain(FINDS_CAUSE, ["--json"; 0]).expect(1).json();
    check_told_alike(&dry, &real);
}

#[test]
fn l1_an_occurrence_of_a_fault_that_was_given_up_on_is_not_announced_as_an_investigation() {
    let home = Home::new();
    home.put(&fault("r", "dead"));
    home.write("dead-letter/r-dead.json", fault("r", "dead").to_string());
    let dry = home.run(DRY).json();
    assert_eq!((&dry["processed"], &dry["failed"], &dry["deadLettered"]), (&json!(0), &json!(1), &json!(1)));
}

#[test]
fn l1_it_makes_nothing_where_there_is_nothing() {
    let home = Home::new();
    let dry = home.run(DRY).expect(0).json();
    assert_eq!((&dry["processed"], &dry["shortCircuited"]), (&json!(0), &json!(0)));
    assert!(!home.path("").is_dir());
    std::fs::create_dir(home.path("")).unwrap();
    let before = home.snapshot();
    home.run(DRY).expect(0);
    assert_eq!(home.snapshot(), before);
}

#[test]
fn l1_it_needs_no_investigator_and_no_permission_to_write() {
    let home = Home::new();
    home.put(&fault("r", "f"));
    for folder in ["", "pending-investigations"] {
        set_mode(&home.queue(folder), 0o500);
    }
    let before = home.snapshot();
    let ended = home.run_bound(DRY);
    assert_eq!(home.snapshot(), before);
    for folder in ["", "pending-investigations"] {
        set_mode(&home.queue(folder), 0o700);
    }
    assert_eq!(home.haltline().args(DRY).env("PATH", "/nowhere").output().unwrap().status.code(), Some(0));
    let Some(ended) = ended else { return };
    assert_eq!(ended.expect(0).json()["processed"], json!(1));
}

#[test]
fn l1_it_opens_nothing_that_could_hang_and_stays_within_the_cap() {
    let home = Home::new();
    for number in 0..5 {
        home.put(&fault("r", &format!("fault-{number}")));
    }
    let fifo = home.queue("pending-investigations/fifo.json");
    let mode = Mode::RUSR | Mode::WUSR;
    rustix::fs::mknodat(CWD, &fifo, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let ended = Running::start(home.haltline().args(DRY).args(["--max", "2"])).end().expect(0);
    let dry = ended.json();
    assert_eq!((&dry["processed"], &dry["deferred"]), (&json!(2), &json!(3)));
}

#[test]
fn people_are_told_what_would_be() {
    let home = full_home();
    home.put(&fault("r", "dead"));
    home.write("dead-letter/r-dead.json", fault("r", "dead").to_string());
    let ended = home.run(&DRY[..3]).expect(1);
    let told: Vec<_> = ended.stdout.lines().map(str::trim).collect();
    let expected = [
        "3 would be investigated",
        "1 would be settled by another's investigation",
        "4 would be settled free (audit or known pattern)",
        "1 would be settled free (went away by themselves)",
        "1 would be quarantined: no readable events",
        "1 would fail",
        "2 not due (severity, run or back-off)",
        "Would save about $1.80 (6 not investigated, at $0.30 each).",
    ];
    assert_eq!(told, expected);
}
