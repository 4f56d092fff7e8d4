//! `haltline status` and `haltline list`: what is in the queue, told without touching it.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use serde_json::{Value, json};
use support::Home;
use support::drains::{PENDING, Running, await_line, fault, with};

const STATES: [&str; 8] =
    ["pending", "deferred", "inFlight", "abandoned", "processed", "deadLetter", "quarantine", "inbox"];

/// A queue with something in every state but that of a drain which runs.
fn full_home() -> Home {
    let home = Home::new();
    home.put(&with(fault("r", "new"), "timestamp", "2026-05-21T08:14:00Z"));
    home.put(&fault("r", "old"));
    home.put(&with(with(fault("s", "minor"), "severity", "LOW"), "timestamp", "2020-01-01T00:00:00Z"));
    home.put(&with(fault("r", "tried"), "delivery", json!({"attempts": 1, "notBefore": "2999-01-01T00:00:00Z"})));
    home.put(&with(fault("r", "due"), "delivery", json!({"attempts": 1, "notBefore": "2001-01-01T00:00:00Z"})));
    home.run(["resolve", "--run-id", "r", "--fault-id", "gone"]).expect(0);
    home.put_old("broken.json", "{");
    home.write("in-flight/20260520T081400123Z-0/r-held.json", fault("r", "held").to_string());
    home.write("in-flight/20260520T081400123Z-0/lock", "");
    home.write("in-flight/settle.lock", "");
    home.write("processed/r-done.json", fault("r", "done").to_string());
    home.write("processed/r-RESOLVED-done.json", "{}");
    home.write("dead-letter/r-dead.json", fault("r", "dead").to_string());
    home.write("quarantine/x.json", "{");
    home.write("quarantine/x.json.reason.json", "{}");
    home.write("inbox/2026-05-20-halt-f.md", "");
    home
}

fn counts(status: &Value) -> Vec<u64> {
    STATES.iter().map(|state| status[*state]["count"].as_u64().unwrap()).collect()
}

#[test]
fn each_state_is_counted_with_its_oldest_and_nothing_is_touched() {
    let home = full_home();
    let before = home.snapshot();
    let status = home.run(["status", "--json"]).expect(0).json();
    let people = home.run(["status"]).expect(0);
    home.run(["list"]).expect(0);
    assert_eq!(home.snapshot(), before);
    assert_eq!(counts(&status), [4, 1, 0, 1, 1, 1, 1, 1]);
    assert_eq!(
        (&status["unreadable"], &status["stopped"], &status["liveDrains"]),
        (&json!(1), &json!(false), &json!(0))
    );
    assert_eq!(status["pending"]["oldest"], json!("2020-01-01T00:00:00.000Z"));
    assert_eq!(status["inFlight"]["oldest"], Value::Null);
    assert!(people.stdout.contains("      4 wait, the oldest "), "{people:#?}");
    assert!(people.stdout.contains("No drain runs."), "{people:#?}");
}

#[test]
fn a_queue_that_is_not_there_is_empty_and_is_not_made() {
    let home = Home::new();
    let status = home.run(["status", "--json"]).expect(0).json();
    assert_eq!(counts(&status), [0; 8]);
    assert_eq!(home.run(["list"]).expect(0).stdout, "");
    assert!(!home.path("").is_dir());
}

#[test]
fn a_drain_that_runs_and_a_stop_are_told() {
    let home = Home::new();
    home.put(&fault("r", "f"));
    let (started, gate) = (home.beside("started"), home.beside("gate"));
    let body = format!(
        "echo x > '{}'; while [ ! -e '{}' ]; do sleep 0.02; done; report self-healed",
        started.display(),
        gate.display()
    );
    let drain = Running::start(&mut home.drain_with(&body));
    await_line(&started);
    home.write("STOP", "");
    let status = home.run(["status", "--json"]).expect(0).json();
    assert_eq!(counts(&status)[..4], [0, 0, 1, 0]);
    assert_eq!((&status["stopped"], &status["liveDrains"]), (&json!(true), &json!(1)));
    assert!(home.run(["status"]).stdout.contains("STOP; remove it"));
    assert!(home.run(["list"]).stdout.starts_with("in-flight"));
    std::fs::write(gate, "").unwrap();
    assert_eq!(drain.end().expect(0).json()["processed"], json!(1));
}

#[test]
fn events_are_listed_the_most_severe_and_oldest_first() {
    let home = full_home();
    let ids = |args: &[&str]| -> Vec<String> {
        let ended = home.run(["list", "--json"].iter().chain(args)).expect(0);
        let id = |line: &str| serde_json::from_str::<Value>(line).unwrap()["faultId"].as_str().unwrap().to_owned();
        ended.stdout.lines().map(id).collect()
    };
    assert_eq!(ids(&[]), ["dead", "due", "held", "old", "tried", "new", "minor"]);
    assert_eq!(ids(&["--state", "pending"]), ["due", "old", "new", "minor"]);
    assert_eq!(ids(&["--state", "deferred"]), ["tried"]);
    assert_eq!(ids(&["--state", "abandoned"]), ["held"]);
    assert_eq!(ids(&["--state", "processed"]), ["done"]);
    assert_eq!(ids(&["--state", "dead-letter"]), ["dead"]);
    assert_eq!(ids(&["--run-id", "s"]), ["minor"]);
    home.run(["list", "--state", "lost"]).expect(2).says("is no state");
}

#[test]
fn a_message_acts_on_no_terminal_fills_one_line_and_tells_no_secret() {
    let home = Home::new();
    let secret = format!("ghp_{}", "aB3".repeat(12));
    let message = format!("a\u{1b}[31m\nb\u{202e} {secret} {}", "long ".repeat(100));
    home.write(&format!("{PENDING}/x.json"), with(fault("r\u{1b}]0;x", "f\ng"), "message", message).to_string());
    let listed = home.run(["list"]).expect(0).stdout;
    assert_eq!(listed.lines().count(), 1, "{listed:?}");
    assert!(listed.contains("  f g  r]0;x  a[31m b [REDACTED:github"), "{listed:?}");
    assert!(listed.trim_end().ends_with('…') && listed.chars().count() < 160, "{listed:?}");
    assert!(!listed.contains(['\u{1b}', '\u{202e}']) && !listed.contains(&secret), "{listed:?}");
}
