//! `haltline show`: what is known of one fault, and where each of its files is.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use serde_json::{Value, json};
use support::Home;
use support::drains::{FINDS_CAUSE, PENDING, Running, await_line, fault, with};

const NOTHING: [&str; 0] = [];

fn are_files(paths: &Value, count: usize) {
    let paths = paths.as_array().unwrap();
    assert_eq!(paths.len(), count, "{paths:?}");
    assert!(paths.iter().all(|path| std::fs::metadata(path.as_str().unwrap()).is_ok()), "{paths:?}");
}

#[test]
fn a_fault_is_shown_from_its_first_attempt_to_its_second_report_and_nothing_is_touched() {
    let home = Home::new();
    home.put(&fault("r", "f"));
    home.drain("exit 9", NOTHING).expect(1);
    let before = home.snapshot();
    let shown = home.run(["show", "f", "--json"]).expect(0).json();
    let people = home.run(["show", "f"]).expect(0).stdout;
    home.run(["explain", "f"]).expect(0);
    assert_eq!(home.snapshot(), before);
    assert_eq!(
        (&shown["attempts"], &shown["maxAttempts"], &shown["kind"]),
        (&json!(1), &json!(3), &json!("PHASE_FAILED"))
    );
    let event = &shown["events"][0];
    assert_eq!((&event["state"], &event["attempts"]), (&json!("deferred"), &json!(1)));
    assert!(event["notBefore"].is_string() && event["lastError"].as_str().unwrap().contains('9'), "{event}");
    assert_eq!(
        (&shown["rows"][0]["outcome"], &shown["rows"][0]["failure"]),
        (&json!("dispatch-failed"), &json!("crash"))
    );
    assert_eq!((&shown["report"], shown["costUsd"].to_string()), (&Value::Null, "0.0".to_owned()));
    for text in ["f  of run r", "failed attempts 1 of 3", "deferred", "not before 2", "dispatch-failed  crash  command"]
    {
        assert!(people.contains(text), "{text}: {people}");
    }

    home.end_back_off();
    home.drain(FINDS_CAUSE, NOTHING).expect(0);
    home.put(&fault("r", "f"));
    home.drain(FINDS_CAUSE, NOTHING).expect(0);
    home.put(&fault("s", "f"));
    home.drain(FINDS_CAUSE, NOTHING).expect(0);
    let shown = home.run(["show", "f", "--run-id", "r", "--json"]).expect(0).json();
    assert_eq!((shown["events"].as_array().unwrap().len(), shown["rows"].as_array().unwrap().len()), (2, 3));
    assert_eq!(shown["report"]["rootCause"], json!("the disk is full"));
    assert!(std::fs::metadata(shown["report"]["file"].as_str().unwrap()).is_ok());
    are_files(&shown["earlierReports"], 2);
    are_files(&shown["notes"], 2);
    are_files(&json!([shown["events"][0]["file"], shown["events"][1]["file"]]), 2);
}

#[test]
fn what_a_drain_holds_is_shown_with_its_attempt_and_a_file_name_is_an_id() {
    let home = Home::new();
    let file = home.put(&fault("r", "f"));
    let started = home.beside("started");
    let drain = Running::start(&mut home.drain_with(&format!("echo x > '{}'; sleep 300", started.display())));
    await_line(&started);
    let shown = home.run(["show", &file, "--json"]).expect(0).json();
    assert_eq!(shown["events"][0]["state"], json!("in-flight"));
    are_files(&shown["attemptFolders"], 1);
    drain.kill();
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a person takes a file away")]
fn a_fault_whose_files_are_gone_is_known_by_its_rows_and_an_unknown_one_is_wrong_usage() {
    let home = Home::new();
    home.run(["show", "f"]).expect(2).says("has no fault or file `f`");
    home.put(&fault("r", "f"));
    home.drain(FINDS_CAUSE, NOTHING).expect(0);
    std::fs::remove_file(home.queue("processed/r-f.json")).unwrap();
    let torn = "{\"ts\":\"2026\n[]\nnull\n";
    let rows = home.path("analytics/skill-faults.jsonl");
    let text = std::fs::read_to_string(&rows).unwrap();
    std::fs::write(&rows, format!("{torn}{text}{text}{torn}")).unwrap();
    let shown = home.run(["show", "f", "--json"]).expect(0).json();
    assert_eq!((shown["events"].as_array().unwrap().len(), shown["rows"].as_array().unwrap().len()), (0, 1));
    assert!(home.run(["show", "f"]).expect(0).stdout.contains("none is left"));
    home.put(&fault("one", "g"));
    home.put(&fault("two", "g"));
    home.run(["show", "g"]).expect(2).says("g --run-id one\n    g --run-id two");
}

#[test]
fn an_id_is_told_as_it_is_even_where_it_looks_like_a_secret() {
    let home = Home::new();
    let run_id = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b";
    home.put(&fault(run_id, "f"));
    home.drain(FINDS_CAUSE, NOTHING).expect(0);
    let shown = home.run(["show", "f", "--json"]).expect(0).json();
    assert_eq!((&shown["runId"], &shown["rows"][0]["runId"]), (&json!(run_id), &json!(run_id)));
    let told = home.run(["explain", "f"]).expect(0).stdout;
    assert!(
        told.contains(&format!("To do: read {}", home.queue(&format!("reports/{run_id}/f.md")).display())),
        "{told}"
    );
}

#[test]
fn nothing_of_a_file_acts_on_a_terminal_or_tells_a_secret() {
    let home = Home::new();
    let secret = format!("ghp_{}", "aB3".repeat(12));
    let event = with(fault("r\u{1b}]0;x", "f\u{202e}g"), "message", format!("a\u{1b}[31m\nb {secret}"));
    let event = with(event, "delivery", json!({"attempts": 1, "lastError": format!("\u{7}{secret}")}));
    home.write(&format!("{PENDING}/x.json"), event.to_string());
    for args in [
        ["show", "x.json", "--json"],
        ["show", "x.json", "-v"],
        ["explain", "x.json", "--json"],
        ["explain", "x.json", "-v"],
    ] {
        let told = home.run(args).expect(0).stdout;
        assert!(told.contains("[REDACTED:github"), "{told:?}");
        assert!(!told.contains(['\u{1b}', '\u{202e}', '\u{7}']) && !told.contains(&secret), "{told:?}");
    }
}
