//! A dry run beside what dead and live drains hold: it leaves all of it, and tells what a drain would make of it.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use serde_json::{Value, json};
use support::Home;
use support::drains::{FINDS_CAUSE, Running, await_line, check_told_alike, fault, until, with};

const DRY: [&str; 4] = ["drain-faults", "--queue", "--dry-run", "--json"];

/// Starts a drain with an investigator, and kills it once that has printed a line into a file.
fn kill_while(home: &Home, body: &str) {
    let said = home.beside("said");
    let drain = Running::start(&mut home.drain_with(&format!("{body}; echo on > '{}'; sleep 300", said.display())));
    await_line(&said);
    drain.kill();
}

/// A dry run says what the drain after it does, and touches nothing.
#[track_caller]
fn foresees(home: &Home, investigator: &str, code: i32) -> Value {
    let before = home.snapshot();
    let dry = home.run(DRY).expect(code).json();
    assert_eq!(home.snapshot(), before);
    let real = home.drain(investigator, ["--json"; 0]).expect(code).json();
    check_told_alike(&dry, &real);
    dry
}

#[test]
fn l1_an_attempt_that_was_cut_off_waits_for_its_next_turn() {
    let home = Home::new();
    home.put(&fault("r", "f"));
    kill_while(&home, "true");
    home.put(&fault("r", "f"));
    home.put(&fault("r", "other"));
    let dry = foresees(&home, FINDS_CAUSE, 0);
    assert_eq!((&dry["recovered"], &dry["skipped"], &dry["processed"]), (&json!(1), &json!(2), &json!(1)));
}

#[test]
fn l1_a_last_attempt_that_was_cut_off_takes_its_siblings_along() {
    let home = Home::new();
    let delivery = json!({"attempts": 2, "notBefore": "2026-05-20T08:14:00.123Z"});
    home.put(&with(fault("r", "f"), "delivery", delivery));
    kill_while(&home, "true");
    home.put(&fault("r", "f"));
    let dry = foresees(&home, FINDS_CAUSE, 1);
    assert_eq!((&dry["recovered"], &dry["deadLettered"], &dry["failed"]), (&json!(1), &json!(2), &json!(2)));
}

#[test]
fn l1_a_report_that_was_printed_is_told_as_taken() {
    let home = Home::new();
    home.put(&fault("r", "f"));
    home.put(&fault("r", "f"));
    kill_while(&home, FINDS_CAUSE);
    let dry = foresees(&home, "exit 1", 0);
    assert_eq!((&dry["recovered"], &dry["processed"], &dry["duplicates"]), (&json!(2), &json!(1), &json!(1)));
}

#[test]
fn l1_what_was_claimed_and_never_started_is_told_as_if_it_waited() {
    let home = Home::new();
    home.put(&fault("r", "cut-off"));
    kill_while(&home, "true");
    let hold = format!("in-flight/{}", home.holds()[0]);
    for number in 0..300 {
        let name = format!("claimed-{number}");
        home.write(&format!("{hold}/r-{name}.json"), fault("r", &name).to_string());
    }
    let damaged = home.put_old(&format!("../{hold}/damaged.json"), "");
    assert!(damaged.is_file());
    let dry = foresees(&home, FINDS_CAUSE, 1);
    assert_eq!((&dry["recovered"], &dry["processed"], &dry["deferred"]), (&json!(302), &json!(20), &json!(280)));
    assert_eq!((&dry["quarantined"], &dry["skipped"]), (&json!(1), &json!(1)));
}

#[test]
fn l1_what_a_live_drain_has_is_left_to_it() {
    let home = Home::new();
    home.put(&fault("r", "f"));
    let drain = Running::start(&mut home.drain_with("sleep 300"));
    until("the investigation", || home.trace().len() == 1);
    home.put(&fault("r", "f"));
    home.put(&fault("r", "other"));
    let dry = home.run(DRY).expect(0).json();
    assert_eq!((&dry["recovered"], &dry["deferred"], &dry["processed"]), (&json!(0), &json!(1), &json!(1)));
    drain.kill();
    home.drain(FINDS_CAUSE, ["--json"; 0]).expect(0);
}
