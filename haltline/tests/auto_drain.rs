//! `haltline auto-drain`: the hook at the end of a build.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use support::drains::{FINDS_CAUSE, PENDING, Running, audit, fault, with};
use support::{Ended, Home};

const TELEMETRY: &str = "analytics/halt-events-drain.jsonl";

impl Home {
    fn auto_drain(&self, body: &str, args: &[&str]) -> Ended {
        let stub = self.stub(body);
        let mut command = self.haltline();
        command.args(["auto-drain", "--run-id", "mine", "--json", "--investigator", "command", "--command", &stub]);
        Running::start(command.args(args)).end()
    }

    fn telemetry(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.path(TELEMETRY)).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

#[test]
fn it_is_silent_and_makes_nothing_where_nothing_waits() {
    let home = Home::new();
    for _ in 0..2 {
        let ended = home.run(["auto-drain", "--run-id", "mine"]).expect(0);
        assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("", ""));
        assert!(!home.path("").is_dir());
    }
    std::fs::create_dir_all(home.queue(PENDING)).unwrap();
    let before = home.snapshot();
    let ended = home.run(["auto-drain", "--run-id", "mine"]).expect(0);
    assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("", ""));
    assert_eq!(home.snapshot(), before);
}

#[test]
fn it_is_silent_where_only_other_runs_wait() {
    let home = Home::new();
    home.put(&fault("other", "f"));
    home.put(&audit("other", "a"));
    let ended = home.auto_drain(FINDS_CAUSE, &[]).expect(0);
    assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("", ""));
    assert_eq!((home.names(PENDING).len(), home.telemetry().len(), home.told().len()), (2, 0, 0));
    assert_eq!((home.names("processed").len(), home.holds().len()), (0, 0));
}

#[test]
fn it_works_its_own_run_off_without_an_event_of_its_own_and_tells_of_it_once() {
    let home = Home::new();
    let files = [home.put(&fault("mine", "f")), home.put(&fault("other", "f"))];
    home.put(&audit("mine", "a"));
    let ended = home.auto_drain(FINDS_CAUSE, &[]).expect(0);
    let result = ended.json();
    assert_eq!(
        (&result["processed"], &result["shortCircuited"], &result["skipped"]),
        (&json!(1), &json!(1), &json!(1))
    );
    home.check_settled_once(&files[..1], "investigated");
    assert_eq!(home.names(PENDING), files[1..]);
    assert!(home.told().iter().all(|row| row["runId"] == "mine"), "{:#?}", home.told());
    assert_eq!(home.names("processed").len(), 2);

    let telemetry = home.telemetry();
    let row = telemetry[0].as_object().unwrap();
    let keys: BTreeSet<_> = row.keys().map(String::as_str).collect();
    let expected = [
        "ts",
        "runId",
        "stateSlug",
        "durationMs",
        "processed",
        "shortCircuited",
        "skipped",
        "failed",
        "inboxFiled",
        "proposalsAppended",
        "aborted",
        "deferred",
    ];
    assert_eq!((keys, telemetry.len()), (BTreeSet::from(expected), 1));
    assert_eq!((&row["runId"], &row["stateSlug"]), (&json!("mine"), &json!("checkout-flow")));
    assert_eq!((&row["processed"], &row["shortCircuited"], &row["inboxFiled"]), (&json!(1), &json!(1), &json!(1)));
    assert!(row["durationMs"].is_u64() && row["ts"].as_str().unwrap().ends_with('Z'));
}

#[test]
fn a_failure_is_told_and_fails_the_build_only_where_it_is_asked_to() {
    for (strict, code) in [(&[][..], [0, 0, 0, 0, 0]), (&["--strict"], [1, 1, 74, 78, 2])] {
        let home = Home::new();
        home.put(&fault("mine", "f"));
        let ended = home.auto_drain("exit 1", strict).expect(code[0]);
        assert_eq!((&ended.json()["failed"], home.telemetry()[0]["failed"].as_u64()), (&json!(1), Some(1)));

        let home = Home::new();
        home.put_old("broken.json", "{");
        assert_eq!(home.auto_drain(FINDS_CAUSE, strict).expect(code[1]).json()["quarantined"], json!(1));

        let home = Home::new();
        home.put(&fault("mine", "f"));
        home.write_beside("home/analytics", "");
        home.auto_drain(FINDS_CAUSE, strict).expect(code[2]).says("analytics");
        assert_eq!(home.trace().len(), 0);

        let home = Home::new();
        home.put(&fault("mine", "f"));
        let mut command = home.haltline();
        let ended =
            Running::start(command.args(["auto-drain", "--run-id", "mine"]).args(strict).env("PATH", "/nowhere"));
        ended.end().expect(code[3]).says("/nowhere");

        let ended = home.run(["auto-drain", "--run-id", "mine", "--investigator", "sherlock"].iter().chain(strict));
        ended.expect(code[4]).says("sherlock");
    }
}

#[test]
fn two_variables_turn_it_off() {
    for (variable, value, is_off) in [
        ("HALTLINE_AUTO_DRAIN", "off", true),
        ("GSTACK_HALT_EVENTS_OFF", "1", true),
        ("HALTLINE_AUTO_DRAIN", "on", false),
        ("GSTACK_HALT_EVENTS_OFF", "0", false),
    ] {
        let home = Home::new();
        home.put(&audit("mine", "a"));
        let before = home.snapshot();
        let mut command = home.haltline();
        let ended =
            Running::start(command.args(["auto-drain", "--run-id", "mine"]).env(variable, value)).end().expect(0);
        assert_eq!(home.snapshot() == before, is_off, "{variable}={value}");
        assert_eq!(ended.stdout.is_empty(), is_off, "{variable}={value}");
    }
}

#[test]
fn what_is_held_back_is_nothing_to_tell() {
    let home = Home::new();
    home.put(&with(fault("mine", "f"), "severity", "LOW"));
    let ended = home.auto_drain(FINDS_CAUSE, &[]).expect(0);
    assert_eq!((ended.stdout.as_str(), ended.stderr.as_str(), home.telemetry().len()), ("", "", 0));
}

#[test]
fn where_there_is_no_place_for_a_home_the_build_goes_on() {
    let home = Home::new();
    let ended = |strict: &[&str], variables: &[(&str, &str)]| {
        let mut command = home.haltline();
        command.env_remove("HOME").env_remove("HALTLINE_HOME").envs(variables.iter().copied());
        Running::start(command.args(["auto-drain", "--run-id", "mine"]).args(strict)).end()
    };
    ended(&[], &[]).expect(0).says("no home for the queue");
    ended(&["--strict"], &[]).expect(2).says("no home for the queue");
    for off in [("HALTLINE_AUTO_DRAIN", "off"), ("GSTACK_HALT_EVENTS_OFF", "1")] {
        for strict in [&[][..], &["--strict"]] {
            let ended = ended(strict, &[off]).expect(0);
            assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("", ""));
        }
    }
    home.run(["auto-drain", "--run-id", "mine", "--no-such-flag"]).expect(2);
}
