//! A drain with the real command-line tools, against a model server of our own on loopback: from a large event to its
//! report, its row and its cost, and from a refusal to an event that still waits and is paid for once. Without npm or
//! its registry there is nothing to drain with, and the tests say so.
#![allow(clippy::unwrap_used, reason = "a test ends where something is not as it should be")]

#[path = "../../dispatcher/tests/support/clis.rs"]
mod clis;
#[path = "../../dispatcher/tests/support/model.rs"]
mod model;
mod support;

use model::{End, Model, Script};
use serde_json::{Value, json};
use support::drains::{Running, fault, with};
use support::{Ended, Home};

/// The fault that the model server's report is about.
const FAULT: &str = "PHASE_FAILED:p3:302c3b29";
const CLIS: [&str; 3] = ["codex", "claude", "gemini"];

/// A home with one event of 300 KB.
fn home_with_a_large_event() -> Home {
    let home = Home::new();
    let lines: String = (0..16_000).map(|line| format!("line number {line:06}\n")).collect();
    let event = with(fault("build-42", FAULT), "snapshot", json!({"stdoutTail": format!("{lines}E: boom\n")}));
    assert!(event.to_string().len() > 300_000);
    home.put(&event);
    home
}

fn drain(home: &Home, cli: &str, server: &Model) -> Ended {
    let url = server.url();
    let provider = format!(
        "model_providers.stub={{name=\"stub\",base_url=\"{url}/v1\",env_key=\"CODEX_API_KEY\",\
         wire_api=\"responses\",request_max_retries=0,stream_max_retries=0}}"
    );
    let config = home.write_beside(
        "config.toml",
        format!(
            "[investigators.codex]\nmodel = \"gpt-5.5\"\nextra_args = [\"-c\", \"model_provider=stub\", \"-c\", {provider:?}]\n\
             [investigators.claude]\nmodel = \"claude-sonnet-5\"\nenv = {{ CLAUDE_CODE_MAX_RETRIES = \"0\" }}\n\
             [investigators.gemini]\nmodel = \"gemini-2.5-pro\"\n"
        ),
    );
    let programs = clis::programs().unwrap();
    let mut command = home.haltline();
    command
        .args(["drain-faults", "--queue", "--json", "--timeout", "90s", "--investigator", cli, "--config"])
        .arg(config)
        .env("PATH", format!("{}:{}", programs.display(), std::env::var("PATH").unwrap()))
        .env("HOME", home.beside("user"))
        .env("CODEX_API_KEY", "key-codex")
        .env("ANTHROPIC_API_KEY", "key-claude")
        .env("GEMINI_API_KEY", "key-gemini")
        .env("ANTHROPIC_BASE_URL", &url)
        .env("GOOGLE_GEMINI_BASE_URL", &url);
    std::fs::create_dir_all(home.beside("user")).unwrap();
    Running::start(&mut command).end()
}

fn row_of(home: &Home) -> Value {
    let rows = home.told();
    rows.into_iter().rev().find(|row| row["faultId"] == FAULT).unwrap()
}

#[test]
fn a_large_event_is_processed_and_its_report_tokens_and_cost_are_kept() {
    if clis::programs().is_none() {
        return;
    }
    for cli in CLIS {
        let home = home_with_a_large_event();
        let result = drain(&home, cli, &Model::start(Script::default())).expect(0).json();
        assert_eq!((&result["processed"], &result["dispatched"]), (&json!(1), &json!(1)), "{cli}");
        let row = row_of(&home);
        assert_eq!((&row["outcome"], &row["provider"]), (&json!("investigated"), &json!(cli)));
        assert!(row["costUsd"].as_f64().unwrap() > 0.0, "{row}");
        assert_eq!(row["costSource"], if cli == "claude" { "reported" } else { "estimated" });
        assert_eq!(result["costUsd"], row["costUsd"]);
        let report = home.json_of(&format!("reports/build-42/{FAULT}.json"));
        assert_eq!((&report["tokensIn"], &report["tokensOut"]), (&json!(200), &json!(80)), "{cli}");
        assert_eq!(report["citations"][0]["verified"], true, "{cli}");
        assert!(home.names("pending-investigations").is_empty());
    }
}

#[test]
fn a_refusal_keeps_the_event_and_the_next_drain_pays_once() {
    if clis::programs().is_none() {
        return;
    }
    for cli in CLIS {
        let home = home_with_a_large_event();
        let no_key = json!({"error": {"code": 401, "message": "invalid key", "status": "UNAUTHENTICATED",
            "type": "authentication_error"}, "type": "error"});
        let refusing = Model::start(Script { end: End::Refuses(401, no_key), ..Script::default() });
        drain(&home, cli, &refusing).expect(1);
        let row = row_of(&home);
        assert_eq!((&row["outcome"], &row["failure"]), (&json!("dispatch-failed"), &json!("auth")), "{cli}");
        let waiting = home.names("pending-investigations");
        assert_eq!(waiting.len(), 1, "{cli}");
        let event = home.json_of(&format!("pending-investigations/{}", waiting[0]));
        assert_eq!(event["delivery"]["attempts"].as_u64().unwrap_or(0), 0, "a refused key is no attempt: {cli}");

        let answering = Model::start(Script::default());
        let result = drain(&home, cli, &answering).expect(0).json();
        assert_eq!((&result["processed"], &result["dispatched"]), (&json!(1), &json!(1)), "{cli}");
    }
}

#[test]
fn an_answer_that_is_no_report_counts_as_an_attempt_and_is_never_filed() {
    if clis::programs().is_none() {
        return;
    }
    for cli in CLIS {
        let home = home_with_a_large_event();
        let wrong = Model::start(Script { end: End::WrongForm, ..Script::default() });
        drain(&home, cli, &wrong).expect(1);
        let row = row_of(&home);
        assert_eq!((&row["outcome"], &row["failure"]), (&json!("dispatch-failed"), &json!("bad-report")), "{cli}");
        let waiting = home.names("pending-investigations");
        let event = home.json_of(&format!("pending-investigations/{}", waiting[0]));
        assert_eq!(event["delivery"]["attempts"], 1, "{cli}");
        assert!(home.names("reports").is_empty(), "{cli}");
    }
}
