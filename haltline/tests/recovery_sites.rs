//! Manual recovery from outside: each site pins its audit event, and records itself in a build state.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::{Value, json};
use support::{Ended, Home, mode, set_mode};

const PENDING: &str = "pending-investigations";
const STATE: &str = r#"{
  "slug": "checkout-flow",
  "big": 12345678901234567890123,
  "features": [
    {"number": 1, "name": "cart"},
    {"number": "2", "status": "failed", "error": "red", "cost": 1.0}
  ],
  "phases": [
    {"index": 0, "number": "2.1", "feature": 2, "status": "failed"},
    {"index": 1, "number": 2.2, "feature": "2"},
    {"index": 7, "feature": 1, "status": "running"}
  ]
}
"#;

#[track_caller]
fn check_audit(row: &Value, run_id: &str, slug: &str, message: &str, hash: &str) {
    assert_eq!(row["kind"], json!("MANUAL_RECOVERY_INVOKED"));
    assert_eq!((&row["investigate"], &row["severity"]), (&json!(false), &json!("HIGH")));
    assert_eq!((&row["runId"], &row["stateSlug"]), (&json!(run_id), &json!(slug)));
    assert_eq!(row["message"], json!(message));
    assert_eq!(row["faultId"], json!(format!("MANUAL_RECOVERY_INVOKED:all:{hash}")));
    assert!(row["snapshot"].get("phase").is_none() && row["snapshot"].get("feature").is_none());
}

impl Home {
    /// Writes the state and runs a command with it.
    fn with_state(&self, args: &[&str]) -> Ended {
        self.run(args.iter().copied().chain(["--state", "state.json"]))
    }

    fn state(&self) -> String {
        std::fs::read_to_string(self.beside("state.json")).unwrap()
    }
}

fn home_with_state() -> Home {
    let home = Home::new();
    home.write_beside("state.json", STATE);
    home
}

#[test]
fn t05_a_drain_pins_its_own_event_and_settles_it() {
    let home = Home::new();
    home.run(["drain-faults", "--queue", "--investigator", "triage"]).expect(0);
    assert_eq!(home.names(PENDING), Vec::<String>::new());
    let message = "drain-faults subcommand invoked (queue)";
    check_audit(&home.rows("processed")[0], "drain-faults", "drain-faults-no-plan", message, "276ba8b1");
    assert_eq!(home.names("processed").len(), 1);
}

#[test]
fn t07_mark_shipped_pins_its_event() {
    let home = Home::new();
    let ended = home.run(["mark-shipped", "--feature", "3", "--pr", "42"]).expect(0);
    let message = "mark-shipped subcommand invoked for feature 3 (PR #42)";
    check_audit(&home.rows(PENDING)[0], "mark-shipped", "mark-shipped-no-plan", message, "6d6e6a14");
    assert_eq!(home.names(PENDING), ["mark-shipped-MANUAL_RECOVERY_INVOKED:all:6d6e6a14.json"]);
    assert_eq!(ended.stdout.lines().count(), 1);
    assert!(ended.stdout.contains("feature 3") && ended.stdout.contains("6d6e6a14.json"), "{ended:#?}");

    let home = Home::new();
    home.run(["mark-shipped", "--feature", "3", "--plan", "plans/checkout.v2.md", "--run-id", "r"]).expect(0);
    let row = &home.rows(PENDING)[0];
    assert_eq!((&row["runId"], &row["stateSlug"]), (&json!("r"), &json!("checkout.v2")));
    assert_eq!(row["message"], json!("mark-shipped subcommand invoked for feature 3"));
    assert!(row["pointers"]["livingPlan"].as_str().unwrap().ends_with("/plans/checkout.v2.md"));
}

#[test]
fn t08_mark_phase_committed_pins_its_event() {
    let home = home_with_state();
    let message = "--mark-phase-committed invoked for phase 2.1";
    home.run(["mark-phase-committed", "2.1", "--run-id", "r"]).expect(0);
    check_audit(&home.rows(PENDING)[0], "r", "mark-phase-committed-no-plan", message, "e0792c37");
    home.with_state(&["mark-phase-committed", "2.1", "--run-id", "s"]).expect(0);
    check_audit(&home.rows(PENDING)[1], "s", "checkout-flow", message, "e0792c37");
}

#[test]
fn a_shipped_feature_is_recorded_with_its_phases_and_no_other_byte_changes() {
    let home = home_with_state();
    set_mode(&home.beside("state.json"), 0o640);
    home.with_state(&["mark-shipped", "--feature", "2", "--pr", "42"]).expect(0);
    let written = home.state();
    let state: Value = serde_json::from_str(&written).unwrap();
    let time = state["features"][1]["shippedAt"].as_str().unwrap().to_owned();
    assert_eq!((time.len(), time.ends_with('Z')), ("2026-05-20T08:14:00.123Z".len(), true));
    let expected = STATE
        .replace(
            r#""status": "failed", "error": "red", "cost": 1.0"#,
            &format!(
                r#""status": "committed", "cost": 1.0, "shippedAt": "{time}", "completedAt": "{time}", "prNumber": 42"#
            ),
        )
        .replace(r#""feature": 2, "status": "failed""#, r#""feature": 2, "status": "committed""#)
        .replace(r#""number": 2.2, "feature": "2""#, r#""number": 2.2, "feature": "2", "status": "committed""#);
    assert_eq!(written, expected);
    assert_eq!(mode(&home.beside("state.json")), 0o640);
    assert_eq!(support::names(home.dir.path()), ["home", "state.json"]);
    assert_eq!(home.rows(PENDING)[0]["pointers"]["stateFile"], json!(home.beside("state.json")));
}

#[test]
fn a_committed_phase_is_recorded_by_its_number_and_else_by_its_index() {
    let home = home_with_state();
    home.with_state(&["mark-phase-committed", "2.2", "--run-id", "r"]).expect(0);
    home.with_state(&["mark-phase-committed", "7", "--run-id", "r"]).expect(0);
    let expected = STATE
        .replace(r#""number": 2.2, "feature": "2""#, r#""number": 2.2, "feature": "2", "status": "committed""#)
        .replace("running", "committed");
    assert_eq!(home.state(), expected);
}

#[test]
fn what_is_recorded_already_is_told_and_makes_no_event() {
    let home = home_with_state();
    for command in [&["mark-shipped", "--feature", "2"][..], &["mark-phase-committed", "7", "--run-id", "r"]] {
        home.with_state(command).expect(0);
        let before = home.snapshot();
        let ended = home.with_state(command).expect(0);
        assert!(ended.stdout.contains("already"), "{ended:#?}");
        assert_eq!(home.snapshot(), before);
    }
    assert_eq!(home.names(PENDING).len(), 2);
}

#[test]
fn a_feature_that_is_committed_but_does_not_say_shipped_is_recorded() {
    for feature in [
        r#"{"number":4,"status":"committed","error":"boom"}"#,
        r#"{"number":4,"status":"committed"}"#,
        r#"{"number":4,"status":"committed","shippedAt":null,"completedAt":"x"}"#,
        r#"{"number":4,"status":"committed","shippedAt":"x","completedAt":"x","error":{}}"#,
    ] {
        let home = Home::new();
        home.write_beside("state.json", format!(r#"{{"features":[{feature}]}}"#));
        home.with_state(&["mark-shipped", "--feature", "4"]).expect(0);
        let state: Value = serde_json::from_str(&home.state()).unwrap();
        let shipped = &state["features"][0];
        assert!(shipped["shippedAt"].as_str().unwrap().ends_with('Z'), "{shipped}");
        assert_eq!((&shipped["completedAt"], shipped.get("error")), (&shipped["shippedAt"], None), "{shipped}");
        assert_eq!(home.names(PENDING).len(), 1);
    }
}

#[test]
fn a_pull_request_that_is_told_later_leaves_the_time_of_shipping_as_it_was() {
    let shipped = r#"{"number":4,"status":"committed","shippedAt":"2026-05-20T08:14:00Z","completedAt":"then"}"#;
    let home = Home::new();
    home.write_beside("state.json", format!(r#"{{"features":[{shipped}]}}"#));
    home.with_state(&["mark-shipped", "--feature", "4", "--pr", "42"]).expect(0);
    let expected = shipped.replace(r#""then""#, r#""then","prNumber":42"#);
    assert_eq!(home.state(), format!(r#"{{"features":[{expected}]}}"#));
}

#[test]
fn what_the_state_does_not_know_is_refused_and_nothing_is_written() {
    let home = home_with_state();
    let before = home.snapshot();
    home.with_state(&["mark-shipped", "--feature", "3"]).expect(2).says("no feature 3").says("1, 2");
    home.with_state(&["mark-phase-committed", "0", "--run-id", "r"]).expect(2).says("no phase 0").says("2.1, 2.2, 7");
    home.with_state(&["mark-phase-committed", "2.1"]).expect(2).says("--run-id");
    home.run(["mark-shipped", "--feature", ""]).expect(2).says("`feature` is empty");
    home.run(["mark-shipped", "--feature", "3", "--pr", ""]).expect(2).says("`pr` is empty");
    home.with_state(&["mark-shipped", "--feature", "2", "--pr", ""]).expect(2).says("`pr` is empty");
    assert_eq!(home.snapshot(), before);

    home.write_beside("state.json", "{\"features\": ");
    home.with_state(&["mark-shipped", "--feature", "3"]).expect(2).says("state.json").says("no build state");
    home.run(["mark-shipped", "--feature", "3", "--state", "nowhere.json"]).expect(1).says("nowhere.json");
    assert!(!home.path("").is_dir(), "nothing was made");
}

#[test]
fn a_linked_state_is_written_where_it_lies() {
    let home = Home::new();
    home.write_beside("real/build.json", STATE);
    symlink(Path::new("real/build.json"), home.beside("state.json")).unwrap();
    home.with_state(&["mark-phase-committed", "7", "--run-id", "r"]).expect(0);
    assert!(home.beside("state.json").is_symlink());
    assert_eq!(home.state(), STATE.replace("running", "committed"));
    assert_eq!(support::names(&home.beside("real")), ["build.json"]);
}

#[test]
fn a_state_that_cannot_be_written_fails_after_its_event() {
    let home = Home::new();
    home.write_beside("locked/state.json", STATE);
    set_mode(&home.beside("locked"), 0o500);
    let ended = home.run_bound(["mark-shipped", "--feature", "2", "--state", "locked/state.json"]);
    set_mode(&home.beside("locked"), 0o700);
    let Some(ended) = ended else { return };
    ended.expect(1).says("locked").says("ermission").says("audit event is in the queue already");
    assert_eq!(home.names(PENDING).len(), 1);
    assert_eq!(std::fs::read_to_string(home.beside("locked/state.json")).unwrap(), STATE);
    assert_eq!(support::names(&home.beside("locked")), ["state.json"]);
}
