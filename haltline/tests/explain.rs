//! `haltline explain`: the history of a fault in plain words, with what to do next.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use serde_json::json;
use support::Home;
use support::drains::{FINDS_CAUSE, Running, audit, await_line, fault, until, with};

const NOTHING: [&str; 0] = [];

#[track_caller]
fn explains(home: &Home, id: &str, texts: &[&str]) {
    let told = home.run(["explain", id]).expect(0).stdout;
    let mut rest = told.as_str();
    for text in texts {
        let Some(at) = rest.find(text) else { panic!("{text:?} is not next in\n{told}") };
        rest = &rest[at..];
    }
}

#[test]
fn a_fault_is_told_from_its_halt_over_back_off_and_dead_letter_to_its_report() {
    let home = Home::new();
    home.put(&fault("r", "f"));
    explains(
        &home,
        "f",
        &["f  of run r", "It halted: phase 3 failed", "Now: It is due", "To do: `haltline drain-faults"],
    );
    home.drain("exit 9", NOTHING).expect(1);
    explains(
        &home,
        "f",
        &[
            "It halted",
            "command brought no report in",
            ": crash. It went back, to wait.",
            "Now: It waits until 2",
            "after 1 of 3 attempts, at last because of: ",
            "`haltline retry`",
        ],
    );
    for _ in 0..2 {
        home.end_back_off();
        home.drain("exit 9", NOTHING).expect(1);
    }
    home.put(&fault("r", "f"));
    explains(
        &home,
        "f",
        &["It was the last attempt", "given up on after 3 attempts", "A later occurrence waits; it will join"],
    );
    home.drain("exit 9", NOTHING).expect(1);
    explains(&home, "f", &["this occurrence joined it, at no cost", "mend the cause, then `haltline retry`"]);
    home.run(["retry", "f"]).expect(0);
    home.drain(FINDS_CAUSE, NOTHING).expect(0);
    explains(
        &home,
        "f",
        &[
            "command found an answer in",
            "for $0.2500 (reported), for 2 events at once",
            "shared the investigation of reports/r/f.md",
            "Now: It is settled.",
            "To do: read ",
        ],
    );
}

#[test]
fn what_decides_while_it_waits_is_told_in_the_order_in_which_a_drain_decides() {
    let home = Home::new();
    home.put(&with(fault("r", "mild"), "severity", "LOW"));
    explains(&home, "mild", &["milder than MEDIUM", "--severity-min LOW"]);
    home.put(&audit("r", "audit"));
    explains(&home, "audit", &["waits for the audit filter"]);
    home.put(&with(fault("r", "wide"), "kind", "PROVIDER_TIMEOUT"));
    explains(&home, "wide", &["It will share one investigation"]);
    home.put(&fault("r", "f"));
    home.write("STOP", "");
    explains(&home, "f", &["stopped by the file STOP"]);
    home.run(["hold", "f"]).expect(0);
    explains(&home, "f", &["a person holds it", "`haltline release`"]);
    home.run(["resolve", "--run-id", "r", "--fault-id", "f"]).expect(0);
    explains(&home, "f", &["a RESOLVED marker says that it went away", "settles it free"]);
    home.drain(FINDS_CAUSE, NOTHING).expect(75);
    explains(&home, "f", &["had gone away; settled at no cost"]);
    explains(&home, "audit", &["The audit filter settled it at no cost", "It is settled"]);
}

#[test]
fn a_fault_in_flight_names_its_drain_dead_or_alive_and_json_has_the_same() {
    let home = Home::new();
    home.put(&fault("r", "f"));
    let started = home.beside("started");
    let drain = Running::start(&mut home.drain_with(&format!("echo x > '{}'; sleep 300", started.display())));
    await_line(&started);
    let drain_id = home.holds()[0].clone();
    explains(&home, "f", &[&format!("The drain {drain_id}, which runs, holds it")]);
    drain.kill();
    until("the end of the drain's lock", || home.run(["list"]).stdout.starts_with("abandoned"));
    let story = home.run(["explain", "f", "--json"]).expect(0).json();
    assert_eq!(story["now"], json!([format!("The drain {drain_id} held it and died.")]));
    assert!(story["history"][0]["what"].as_str().is_some_and(|what| what.starts_with("It halted")), "{story}");
    home.run(["explain", "g"]).expect(2);
    home.drain("exit 9", NOTHING).expect(0);
    explains(&home, "f", &["interrupted"]);
}

#[test]
fn what_the_next_drain_decides_is_what_its_rules_say() {
    let home = Home::new();
    home.put(&with(fault("r", "known"), "snapshot", json!({"failureReason": "No space left on device"})));
    home.put(&with(fault("r", "mild"), "severity", "LOW"));
    let pattern = json!([{
        "category": "disk", "matcherKind": "failureReason_contains", "pattern": "No space left", "severity": "HIGH",
        "description": "d", "source": "s", "learnedAt": "2026-05-20T08:14:00Z", "hitCount": 0,
    }]);
    home.write("learned-patterns.json", pattern.to_string());
    explains(&home, "known", &["a known pattern explains it: the next drain settles it free"]);
    explains(&home, "mild", &["drains leave faults alone that are milder than MEDIUM"]);
    let result = home.drain(FINDS_CAUSE, NOTHING).expect(0).json();
    // The drain's own audit event is the other one.
    assert_eq!((&result["shortCircuited"], &result["skipped"]), (&json!(2), &json!(1)));
}
