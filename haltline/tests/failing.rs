//! Investigations that bring no report, investigators that are not there, and sinks that cannot be opened.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use std::os::unix::fs::symlink;

use serde_json::{Value, json};
use support::drains::{FINDS_CAUSE, PENDING, Running, audit, fault, reports, with};
use support::{Ended, Home};

const NOTHING: [&str; 0] = [];

#[track_caller]
fn check_failed_attempt(home: &Home, ended: Ended, failure: &str) {
    let result = ended.expect(1).json();
    assert_eq!((&result["failed"], &result["dispatched"], &result["processed"]), (&json!(1), &json!(1), &json!(0)));
    assert_eq!((home.names(PENDING), home.held().len()), (vec!["r-f.json".to_owned()], 0));
    let told = home.told_of("r-f.json");
    assert_eq!(told.len(), 1, "{told:#?}");
    assert_eq!((&told[0]["outcome"], &told[0]["failure"]), (&json!("dispatch-failed"), &json!(failure)));
    assert_eq!((&told[0]["move"], &told[0]["provider"]), (&json!("moved"), &json!("command")));
    let delivery = &home.json_of(&format!("{PENDING}/r-f.json"))["delivery"];
    assert_eq!(delivery["attempts"], json!(1));
    let not_before: jiff::Timestamp = delivery["notBefore"].as_str().unwrap().parse().unwrap();
    let wait = not_before.duration_since(jiff::Timestamp::now()).as_secs();
    assert!((20..=90).contains(&wait), "a minute with jitter: {delivery}");
    assert!(!delivery["lastError"].as_str().unwrap().is_empty());
    assert_eq!((reports(home, "r").len(), home.names("inbox").len()), (0, 0));
}

#[test]
fn an_attempt_that_fails_puts_the_event_back_with_its_reason() {
    let table = [
        ("exit 1", "crash"),
        ("kill -9 $$", "crash"),
        ("echo all is well", "bad-report"),
        ("true", "bad-report"),
        ("HALTLINE_FAULT_ID=another; report needs-human", "bad-report"),
        ("report because-i-say-so", "bad-report"),
        ("head -c 9000000 /dev/zero", "bad-report"),
    ];
    for (body, failure) in table {
        let home = Home::new();
        home.put(&fault("r", "f"));
        check_failed_attempt(&home, home.drain(body, NOTHING), failure);
    }
}

#[test]
fn a_whole_report_counts_whatever_the_exit_code_and_the_prose_around_it() {
    let home = Home::new();
    let file = home.put(&fault("r", "f"));
    let body = format!("echo 'Here it is:'; echo '```json'; {FINDS_CAUSE}; echo '```'; echo done; exit 3");
    assert_eq!(home.drain(&body, NOTHING).expect(0).json()["processed"], json!(1));
    home.check_settled_once(&[file], "investigated");
}

#[test]
fn an_investigation_that_takes_too_long_is_ended_with_all_its_children() {
    let home = Home::new();
    home.put(&fault("r", "f"));
    let body = format!("sleep 300 & echo $! > '{}'; wait", home.beside("child").display());
    check_failed_attempt(&home, home.drain(&body, ["--timeout", "2s"]), "timeout");
    let child = support::drains::await_line(&home.beside("child"));
    assert!(!support::drains::is_running(&child));
}

#[test]
fn after_the_third_attempt_the_event_is_given_up_on_and_what_follows_joins_it_unpaid() {
    let home = Home::new();
    let file = home.put(&fault("r", "f"));
    for attempts in 1..=2 {
        home.drain("exit 1", NOTHING).expect(1);
        assert_eq!(home.json_of(&format!("{PENDING}/{file}"))["delivery"]["attempts"], json!(attempts));
        let idle = home.drain("exit 1", NOTHING).expect(0).json();
        assert_eq!((&idle["skipped"], &idle["dispatched"]), (&json!(1), &json!(0)), "it backs off");
        home.end_back_off();
    }
    let last = home.drain("exit 1", NOTHING).expect(1).json();
    assert_eq!((&last["failed"], &last["deadLettered"], &last["dispatched"]), (&json!(1), &json!(1), &json!(1)));
    assert_eq!((home.names("dead-letter"), home.names(PENDING).len()), (vec![file.clone()], 0));
    assert_eq!(home.json_of(&format!("dead-letter/{file}"))["delivery"]["attempts"], json!(3));
    let outcomes: Vec<Value> = home.told_of(&file).iter().map(|row| row["outcome"].clone()).collect();
    assert_eq!(outcomes, ["dispatch-failed", "dispatch-failed", "dead-lettered"]);

    home.put(&with(fault("r", "f"), "timestamp", "2026-06-20T08:14:00.123Z"));
    home.put(&fault("other", "f"));
    let joined = home.drain(FINDS_CAUSE, NOTHING).expect(1).json();
    assert_eq!(
        (&joined["deadLettered"], &joined["processed"], &joined["dispatched"]),
        (&json!(1), &json!(1), &json!(1))
    );
    assert_eq!((home.names("dead-letter").len(), home.names(PENDING).len(), home.trace().len()), (2, 0, 4));
}

#[test]
fn attempts_belong_to_the_fault_and_not_to_one_of_its_events() {
    let home = Home::new();
    let delivery = json!({"attempts": 2, "notBefore": "2026-05-20T08:14:00.123Z"});
    home.put(&with(fault("r", "f"), "delivery", delivery));
    home.put(&fault("r", "f"));
    let result = home.drain("exit 1", NOTHING).expect(1).json();
    assert_eq!((&result["failed"], &result["deadLettered"], &result["dispatched"]), (&json!(2), &json!(2), &json!(1)));
    assert_eq!(home.names("dead-letter").len(), 2);
}

#[test]
fn attempts_at_an_occurrence_that_is_too_mild_for_this_drain_count_for_the_others() {
    let home = Home::new();
    let delivery = json!({"attempts": 2, "notBefore": "2026-05-20T08:14:00.123Z"});
    let mild = home.put(&with(with(fault("r", "f"), "delivery", delivery), "severity", "LOW"));
    home.put(&fault("r", "f"));
    let result = home.drain("exit 1", NOTHING).expect(1).json();
    assert_eq!((&result["skipped"], &result["deadLettered"], &result["dispatched"]), (&json!(1), &json!(1), &json!(1)));
    assert_eq!((home.names(PENDING), home.names("dead-letter").len()), (vec![mild], 1));

    let home = Home::new();
    home.put(&with(with(fault("r", "f"), "delivery", json!({"attempts": 2})), "severity", "LOW"));
    home.run(["resolve", "--run-id", "r", "--fault-id", "f"]).expect(0);
    home.put(&with(fault("r", "f"), "timestamp", "2999-01-01T00:00:00.000Z"));
    let result = home.drain("exit 1", NOTHING).expect(1).json();
    assert_eq!((&result["collapsed"], &result["failed"], &result["deadLettered"]), (&json!(1), &json!(1), &json!(0)));
}

#[test]
fn without_an_investigator_the_free_events_are_settled_and_the_rest_is_left() {
    let home = Home::new();
    let free = home.put(&audit("r", "a"));
    let faults = [home.put(&fault("r", "f")), home.put(&fault("r", "g"))];
    let mut command = home.haltline();
    command.args(["drain-faults", "--queue", "--json"]).env("PATH", "/nowhere");
    let ended = Running::start(&mut command).end().expect(78).says("/nowhere").says("--investigator triage");
    let result = ended.json();
    assert_eq!(
        (&result["shortCircuited"], &result["deferred"], &result["dispatched"]),
        (&json!(2), &json!(2), &json!(0))
    );
    home.check_settled_once(&[free], "audit-skipped");
    assert_eq!(home.names(PENDING), faults);
    assert!(home.json_of(&format!("{PENDING}/r-f.json")).get("delivery").is_none());

    let home = Home::new();
    home.put(&audit("r", "a"));
    let output = home.haltline().args(["drain-faults", "--queue"]).env("PATH", "/nowhere").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "who has nothing to dispatch needs nobody: {output:?}");
}

#[test]
fn an_investigator_that_nobody_knows_is_wrong_usage_and_nothing_is_touched() {
    let home = Home::new();
    home.put(&fault("r", "f"));
    home.write_beside("config.toml", "[investigators.mine]\ncommand = [\"true\"]\n");
    let before = home.snapshot();
    home.run(["drain-faults", "--queue", "--investigator", "sherlock"]).expect(2).says("sherlock");
    home.run(["drain-faults", "--queue", "--investigator", "command"]).expect(2).says("--command");
    for other in ["codex", "triage", "mine"] {
        let both = ["--config", "config.toml", "--investigator", other, "--command", "true"];
        home.run(["drain-faults", "--queue"].iter().chain(&both)).expect(2).says(other).says("--command");
        home.run(["investigate", "f"].iter().chain(&both)).expect(2).says("--command");
    }
    home.run(["drain-faults"]).expect(2);
    home.run(["drain-faults", "--queue", "--max", "-1"]).expect(2);
    home.run(["drain-faults", "--queue", "--severity-min", "high"]).expect(2);
    home.run(["drain-faults", "--queue", "--timeout", "0s"]).expect(2);
    assert_eq!(home.snapshot(), before);
}

#[test]
fn a_program_that_is_not_there_is_no_attempt() {
    let home = Home::new();
    home.put(&fault("r", "f"));
    let args = ["drain-faults", "--queue", "--json", "--investigator", "command", "--command", "/nowhere/program"];
    let result = home.run(args).says("/nowhere/program").json();
    assert_eq!(result["processed"], json!(0));
    assert_eq!(home.names(PENDING), ["r-f.json"]);
    assert!(home.json_of(&format!("{PENDING}/r-f.json")).get("delivery").is_none());
}

/// A drain that cannot open what must not lose ends before it touches an event.
#[track_caller]
fn check_refused(home: &Home, names: &str) {
    home.put(&fault("r", "f"));
    home.put(&audit("r", "a"));
    let read = || (home.names(PENDING), std::fs::read(home.queue(PENDING).join("r-f.json")).unwrap());
    let before = read();
    let ended = home.drain(FINDS_CAUSE, NOTHING).expect(74).says(names);
    assert_eq!(ended.stdout, "");
    assert_eq!(read(), before);
    assert_eq!((home.trace().len(), home.names("processed").len(), home.held().len()), (0, 0, 0));
}

#[test]
fn a_sink_that_cannot_be_opened_ends_the_drain_before_anything_is_claimed() {
    let home = Home::new();
    home.write_beside("home/analytics", "");
    check_refused(&home, "analytics");

    let home = Home::new();
    home.write_beside("target", "");
    std::fs::create_dir_all(home.path("analytics")).unwrap();
    symlink(home.beside("target"), home.path("analytics/skill-faults.jsonl")).unwrap();
    check_refused(&home, "skill-faults.jsonl");
    assert_eq!(std::fs::read_to_string(home.beside("target")).unwrap(), "");

    let home = Home::new();
    std::fs::create_dir_all(home.path("analytics/skill-faults.jsonl")).unwrap();
    check_refused(&home, "skill-faults.jsonl");

    let home = Home::new();
    home.write("reports", "");
    check_refused(&home, "reports");
}

#[test]
fn a_queue_that_cannot_be_opened_ends_the_drain() {
    for folder in ["processed", "in-flight", "quarantine", "dead-letter"] {
        let home = Home::new();
        home.write(folder, "");
        check_refused(&home, folder);
    }
    let home = Home::new();
    home.write_beside("home", "");
    home.drain(FINDS_CAUSE, NOTHING).expect(74).says("home");
}

#[test]
fn a_torn_last_row_of_the_analytics_swallows_no_row() {
    let home = Home::new();
    home.write_beside("home/analytics/skill-faults.jsonl", "{\"ts\":\"2026-05-20T08:14:00.123Z\",\"outc");
    let file = home.put(&audit("r", "a"));
    home.drain(FINDS_CAUSE, NOTHING).expect(0);
    let text = std::fs::read_to_string(home.path("analytics/skill-faults.jsonl")).unwrap();
    let whole: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert_eq!(
        whole.iter().filter(|row| row["file"] == *file && row["outcome"] == "audit-skipped").count(),
        1,
        "{text}"
    );
    assert_eq!(whole.len(), 2);
}

#[test]
fn a_count_of_attempts_at_the_end_of_its_range_gives_the_event_up() {
    let home = Home::new();
    let file = home.put(&with(fault("r", "f"), "delivery", json!({"attempts": u32::MAX})));
    let result = home.drain("exit 1", NOTHING).expect(1).json();
    assert_eq!((&result["failed"], &result["deadLettered"]), (&json!(1), &json!(1)));
    assert_eq!(home.names("dead-letter"), [file]);
}

#[test]
fn a_program_that_is_given_by_its_path_is_not_said_to_be_missing_on_path() {
    let home = Home::new();
    home.put(&fault("r", "f"));
    home.write_beside("config.toml", "[investigators.mine]\ncommand = [\"/nowhere/mine\"]\n");
    let asked = ["--investigator", "mine", "--config", "config.toml"];
    let ended = home.run(["drain-faults", "--queue"].iter().chain(&asked)).expect(78);
    let ended = ended.says("no executable at `/nowhere/mine`");
    assert!(!ended.stderr.contains("PATH"), "{ended:#?}");
    assert_eq!(home.names(PENDING), ["r-f.json"]);
}

#[test]
fn provider_troubles_share_an_investigation_and_not_their_dead_letters() {
    let home = Home::new();
    let trouble = |fault_id: &str| with(fault("r", fault_id), "kind", json!("PROVIDER_TIMEOUT"));
    for given_up in ["PA", "PB"] {
        home.write(&format!("dead-letter/{given_up}.json"), trouble(given_up).to_string());
        let fresh = trouble("PC").to_string();
        let files =
            [home.put(&trouble("PA")), home.put(&trouble("PB")), home.put(&serde_json::from_str(&fresh).unwrap())];
        let dry = home.run(["drain-faults", "--queue", "--json", "--dry-run", "--max", "0"]).json();
        let result = home.drain(FINDS_CAUSE, ["--max", "0"]).expect(1).json();
        for count in ["failed", "deadLettered", "deferred"] {
            assert_eq!(dry[count], result[count], "{count}");
        }
        let joined = if given_up == "PA" { 1 } else { 2 };
        assert_eq!((&result["deadLettered"], &result["dispatched"]), (&json!(joined), &json!(0)));
        assert!(home.names("dead-letter").contains(&files[usize::from(given_up == "PB")]));
        let result = home.drain(FINDS_CAUSE, NOTHING).expect(0).json();
        assert_eq!(result["processed"], json!(1));
        assert_eq!(home.names(PENDING), NOTHING);
    }
}

#[test]
fn provider_troubles_that_share_an_attempt_each_count_their_own() {
    let home = Home::new();
    let trouble = |fault_id: &str| with(fault("r", fault_id), "kind", json!("PROVIDER_TIMEOUT"));
    let tried = home.put(&with(trouble("PA"), "delivery", json!({"attempts": 2})));
    let fresh = home.put(&trouble("PB"));
    let result = home.drain("exit 1", NOTHING).expect(1).json();
    assert_eq!((&result["dispatched"], &result["failed"], &result["deadLettered"]), (&json!(1), &json!(2), &json!(1)));
    assert_eq!(home.names("dead-letter"), [tried]);
    assert_eq!(home.json_of(&format!("{PENDING}/{fresh}"))["delivery"]["attempts"], json!(1));
}
