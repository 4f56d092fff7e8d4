//! Where one investigator of the chain cannot work, the next takes over: nobody waits, no attempt is counted, and the row
//! and the summary say who answered and why another did not.
#![allow(clippy::unwrap_used, reason = "a test ends where something is not as it should be")]

mod support;

use serde_json::{Value, json};
use support::Home;
use support::drains::{Running, fault};

#[test]
fn the_next_of_the_chain_answers_and_the_row_says_why_the_first_did_not() {
    let home = Home::new();
    home.put(&fault("build-42", "PHASE_FAILED:p3:302c3b29"));
    let refused = r#"{"type":"turn.failed","error":{"message":"unexpected status 401 Unauthorized: no key"}}"#;
    let codex = home.write_beside("bin/codex", format!("#!/bin/sh\ncat > /dev/null\necho '{refused}'\nexit 1\n"));
    support::set_mode(&codex, 0o755);
    let config = home.write_beside("config.toml", "[drain]\nchain = [\"codex\", \"triage\"]\n");

    let mut command = home.haltline();
    command.args(["drain-faults", "--queue", "--json", "--config"]).arg(config);
    command.env("PATH", format!("{}:/usr/bin:/bin", codex.parent().unwrap().display()));
    let ended = Running::start(&mut command).end().expect(0).says("passed over codex: auth");
    assert_eq!(ended.json()["processed"], 1);
    let rows = home.told();
    let row = rows.iter().find(|row| row["outcome"] == "investigated").unwrap();
    assert_eq!((&row["provider"], &row["costUsd"]), (&json!("triage"), &json!(0.0)));
    assert!(row["passedOver"][0].as_str().unwrap().starts_with("codex: auth"), "{row}");
    let report = home.json_of("reports/build-42/PHASE_FAILED:p3:302c3b29.json");
    assert_eq!(report["passedOver"], row["passedOver"]);
}

/// Puts a program that prints a text and fails into the folder of programs.
fn fails(home: &Home, name: &str, said: &Value) {
    let program =
        home.write_beside(&format!("bin/{name}"), format!("#!/bin/sh\ncat > /dev/null\necho '{said}'\nexit 1\n"));
    support::set_mode(&program, 0o755);
}

#[test]
fn used_up_plans_hold_no_event_back_from_another_investigator() {
    let home = Home::new();
    home.put(&fault("build-42", "PHASE_FAILED:p3:302c3b29"));
    let hour =
        json!({"type": "turn.failed", "error": {"message": "You have hit your usage limit. Try again in 1 hour."}});
    let week = json!({"type": "result", "is_error": true, "result": "Usage limit reached, resets in 7 days"});
    fails(&home, "codex", &hour);
    fails(&home, "claude", &week);
    let config = home.write_beside("config.toml", "[drain]\nchain = [\"codex\", \"claude\"]\n");
    let path = format!("{}:/usr/bin:/bin", config.parent().unwrap().join("bin").display());

    let mut command = home.haltline();
    command.args(["drain-faults", "--queue", "--json", "--config"]).arg(&config).env("PATH", &path);
    let latest = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(2);
    let ended = Running::start(&mut command).end();
    let said = ended.stderr.clone();
    let until = said.split("; until ").nth(1).and_then(|rest| rest.split_whitespace().next()).unwrap();
    let until: jiff::Timestamp = until.trim_end_matches(|letter| letter != 'Z').parse().unwrap();
    assert!(until < latest, "{said}");
    assert!(home.told().iter().any(|row| row["failure"] == "quota"));

    let mut command = home.haltline();
    command.args(["drain-faults", "--queue", "--json", "--investigator", "triage"]);
    let ended = Running::start(&mut command).end().expect(0);
    assert_eq!(ended.json()["processed"], 1, "the event waits for no other's plan");
}
