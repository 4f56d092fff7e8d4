//! Where one investigator of the chain cannot work, the next takes over: nobody waits, no attempt is counted, and the row
//! and the summary say who answered and why another did not.
#![allow(clippy::unwrap_used, reason = "a test ends where something is not as it should be")]

mod support;

use serde_json::json;
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
