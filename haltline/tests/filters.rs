//! What a drain takes up, what it leaves, in what order, and what shares an investigation.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use serde_json::{Value, json};
use support::Home;
use support::drains::{FINDS_CAUSE, PENDING, audit, fault, reports, with};

const NOTHING: [&str; 0] = [];
const ONE_JOB: [&str; 2] = ["--jobs", "1"];

fn at(event: Value, time: &str) -> Value {
    with(event, "timestamp", format!("2026-05-20T{time}Z"))
}

fn held_back(event: Value) -> Value {
    with(event, "delivery", json!({"attempts": 1, "notBefore": "2999-01-01T00:00:00Z", "lastError": "x"}))
}

#[test]
fn a_drain_of_one_run_touches_no_other() {
    let home = Home::new();
    home.put(&fault("mine", "f"));
    home.put(&audit("mine", "a"));
    let others = [home.put(&fault("other", "f")), home.put(&audit("other", "a")), home.put(&fault("other", "gone"))];
    home.run(["resolve", "--run-id", "other", "--fault-id", "gone"]).expect(0);
    let result = home.drain(FINDS_CAUSE, ["--run-id", "mine"]).expect(0).json();
    assert_eq!((&result["processed"], &result["shortCircuited"]), (&json!(1), &json!(2)));
    assert_eq!((&result["skipped"], &result["collapsed"]), (&json!(3), &json!(0)));
    assert_eq!(home.trace(), ["f"]);
    let left = home.names(PENDING);
    assert!(left.len() == 4 && others.iter().all(|name| left.contains(name)), "{left:?}");
}

#[test]
fn what_is_less_severe_is_left_and_what_nobody_knows_ranks_high() {
    let home = Home::new();
    for severity in ["LOW", "MEDIUM", "HIGH", "CRITICAL", "BLUE", "low"] {
        home.put(&with(fault("r", severity), "severity", severity));
    }
    let high = home.drain(FINDS_CAUSE, ["--severity-min", "HIGH"]).expect(0).json();
    assert_eq!((&high["processed"], &high["skipped"]), (&json!(4), &json!(2)));
    assert_eq!(home.names(PENDING), ["r-LOW.json", "r-MEDIUM.json"]);
    let usual = home.drain(FINDS_CAUSE, NOTHING).expect(0).json();
    assert_eq!((&usual["processed"], &usual["skipped"]), (&json!(1), &json!(1)));
    assert_eq!(home.drain(FINDS_CAUSE, ["--severity-min", "LOW"]).expect(0).json()["processed"], json!(1));
    assert_eq!(home.trace().len(), 6);
}

#[test]
fn a_fault_that_is_less_severe_is_collapsed_all_the_same() {
    let home = Home::new();
    home.put(&with(fault("r", "f"), "severity", "LOW"));
    home.run(["resolve", "--run-id", "r", "--fault-id", "f"]).expect(0);
    let result = home.drain(FINDS_CAUSE, NOTHING).expect(0).json();
    assert_eq!((&result["collapsed"], &result["skipped"], &result["avoided"]), (&json!(1), &json!(0), &json!(1)));
}

#[test]
fn back_off_holds_every_occurrence_of_its_fault_back_and_no_other() {
    let home = Home::new();
    home.put(&held_back(fault("r", "tried")));
    home.put(&fault("r", "tried"));
    home.put(&fault("other", "tried"));
    home.put(&held_back(audit("r", "audit")));
    let result = home.drain(FINDS_CAUSE, NOTHING).expect(0).json();
    assert_eq!(
        (&result["processed"], &result["skipped"], &result["shortCircuited"]),
        (&json!(1), &json!(3), &json!(1))
    );
    assert_eq!(reports(&home, "other").len(), 2);
    home.end_back_off();
    let result = home.drain(FINDS_CAUSE, NOTHING).expect(0).json();
    assert_eq!((&result["processed"], &result["duplicates"]), (&json!(1), &json!(1)));
}

#[test]
fn the_most_severe_goes_first_then_the_oldest() {
    let home = Home::new();
    home.put(&at(with(fault("r", "medium"), "severity", "MEDIUM"), "01:00:00"));
    home.put(&at(with(fault("r", "unknown"), "severity", "BLUE"), "07:00:00"));
    home.put(&at(with(fault("r", "high"), "severity", "HIGH"), "06:00:00"));
    home.put(&at(fault("r", "young"), "09:00:00"));
    home.put(&at(fault("r", "old"), "08:00:00.5"));
    home.put(&with(fault("r", "now"), "timestamp", "yesterday"));
    home.drain(FINDS_CAUSE, ONE_JOB).expect(0);
    assert_eq!(home.trace(), ["old", "young", "now", "high", "unknown", "medium"]);
}

#[test]
fn only_investigations_count_towards_the_most() {
    let home = Home::new();
    for number in 0..5 {
        home.put(&audit("r", &format!("audit-{number}")));
        home.put(&at(fault("r", &format!("fault-{number}")), &format!("0{number}:00:00")));
        home.put(&at(fault("r", &format!("fault-{number}")), &format!("0{number}:30:00")));
    }
    let result = home.drain(FINDS_CAUSE, ["--max", "2", "--jobs", "1"]).expect(0).json();
    assert_eq!((&result["dispatched"], &result["processed"], &result["duplicates"]), (&json!(2), &json!(2), &json!(2)));
    assert_eq!((&result["shortCircuited"], &result["deferred"]), (&json!(6), &json!(6)));
    assert_eq!((home.trace(), home.names(PENDING).len()), (vec!["fault-0".to_owned(), "fault-1".to_owned()], 6));
    assert_eq!(home.drain(FINDS_CAUSE, ["--max", "0"]).expect(0).json()["deferred"], json!(6));
    assert_eq!(home.trace().len(), 2);
}

#[test]
fn a_failed_investigation_counts_towards_the_most() {
    let home = Home::new();
    for number in 0..4 {
        home.put(&fault("r", &format!("fault-{number}")));
    }
    let result = home.drain("exit 1", ["--max", "2", "--jobs", "1"]).expect(1).json();
    assert_eq!((&result["dispatched"], &result["failed"], &result["deferred"]), (&json!(2), &json!(2), &json!(2)));
    assert_eq!(home.trace().len(), 2);
}

#[test]
fn occurrences_of_a_fault_share_an_investigation_and_the_oldest_leads() {
    let home = Home::new();
    let late = home.put(&at(fault("r", "f"), "09:00:00"));
    let first = home.put(&at(fault("r", "f"), "08:00:00"));
    let last = home.put(&at(fault("r", "f"), "10:00:00"));
    home.put(&fault("other", "f"));
    let result = home.drain(FINDS_CAUSE, NOTHING).expect(0).json();
    assert_eq!((&result["processed"], &result["duplicates"], &result["dispatched"]), (&json!(2), &json!(2), &json!(2)));
    assert_eq!((&result["costUsd"], &result["avoided"]), (&json!(0.5), &json!(3)));
    home.check_settled_once(std::slice::from_ref(&first), "investigated");
    assert_eq!(home.told_of(&first)[0]["occurrences"], json!(3));
    assert_eq!(home.json_of("reports/r/f.json")["occurrences"], json!(3));
    home.check_settled_once(&[late.clone(), last.clone()], "duplicate");
    for file in [late, last] {
        let row = &home.told_of(&file)[0];
        let report = row["duplicateOf"].as_str().unwrap();
        assert!(home.queue(report).is_file() && report == "reports/r/f.md", "{row:#}");
        assert_eq!((&row["costUsd"], &row["occurrences"]), (&Value::Null, &Value::Null));
    }
    assert_eq!(home.names("inbox").len(), 2);
}

#[test]
fn provider_troubles_of_one_kind_in_one_run_share_an_investigation() {
    let home = Home::new();
    let provider = |run: &str, id: &str, kind: &str| with(fault(run, id), "kind", kind);
    let led = home.put(&at(provider("r", "one", "PROVIDER_TIMEOUT"), "08:00:00"));
    let joined = home.put(&at(provider("r", "two", "PROVIDER_TIMEOUT"), "09:00:00"));
    home.put(&provider("r", "three", "PROVIDER_OVERLOADED"));
    home.put(&provider("s", "four", "PROVIDER_TIMEOUT"));
    let result = home.drain(FINDS_CAUSE, ONE_JOB).expect(0).json();
    assert_eq!((&result["processed"], &result["duplicates"]), (&json!(3), &json!(1)));
    home.check_settled_once(std::slice::from_ref(&led), "investigated");
    home.check_settled_once(std::slice::from_ref(&joined), "duplicate");
    assert_eq!(home.told_of(&joined)[0]["duplicateOf"], json!("reports/r/one.md"));
    assert!(!home.trace().contains(&"two".to_owned()), "{:?}", home.trace());
}

#[test]
fn no_more_run_at_a_time_than_jobs_says() {
    let home = Home::new();
    for number in 0..6 {
        home.put(&fault("r", &format!("fault-{number}")));
    }
    let rooms = home.beside("rooms");
    std::fs::create_dir(&rooms).unwrap();
    // A stub takes a room while it works, and complains where both are taken.
    let body = format!(
        "cd '{}'; if mkdir a 2>/dev/null; then room=a; elif mkdir b 2>/dev/null; then room=b; else touch full; fi\n\
         ls / >/dev/null; {FINDS_CAUSE}; rmdir $room",
        rooms.display()
    );
    let result = home.drain(&body, ["--jobs", "2"]).expect(0).json();
    assert_eq!((&result["processed"], support::names(&rooms)), (&json!(6), Vec::new()));
}
