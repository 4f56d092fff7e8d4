//! A drain from outside: what it settles, what it has investigated, and what it says of that.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use support::drains::{FINDS_CAUSE, PENDING, Running, audit, fault, reports, with};
use support::{Ended, Home, mode};

const NOTHING: [&str; 0] = [];
const COUNTS: [&str; 8] =
    ["processed", "shortCircuited", "skipped", "failed", "deferred", "collapsed", "duplicates", "quarantined"];

/// Checks the counts that are not zero, `dispatched` among them.
#[track_caller]
fn check_counts(ended: &Ended, expected: Value) {
    let result = ended.json();
    let found: Value = COUNTS
        .iter()
        .chain(&["dispatched"])
        .filter(|name| result[**name] != 0)
        .map(|name| ((*name).to_owned(), result[*name].clone()))
        .collect::<serde_json::Map<_, _>>()
        .into();
    assert_eq!(found, expected, "{ended:#?}");
}

#[test]
fn t01_an_audit_event_is_skipped_moved_and_recorded_and_nobody_is_started() {
    let home = Home::new();
    let event = audit("mark-shipped", "MANUAL_RECOVERY_INVOKED:all:6d6e6a14");
    let file = home.put(&event);
    let ended = home.drain(FINDS_CAUSE, NOTHING).expect(0);
    check_counts(&ended, json!({"shortCircuited": 2}));
    assert_eq!(home.trace(), NOTHING);
    assert_eq!((home.names(PENDING).len(), home.holds().len()), (0, 0));
    assert_eq!(home.rows("processed")[1], event);
    home.check_settled_once(std::slice::from_ref(&file), "audit-skipped");

    let row = &home.told_of(&file)[0];
    let expected = [
        ("schema", json!(1)),
        ("drainId", ended.json()["drainId"].clone()),
        ("faultId", event["faultId"].clone()),
        ("runId", json!("mark-shipped")),
        ("kind", json!("MANUAL_RECOVERY_INVOKED")),
        ("severity", json!("HIGH")),
        ("outcome", json!("audit-skipped")),
        ("move", json!("moved")),
        ("file", json!(file)),
    ];
    for (field, value) in expected {
        assert_eq!(row[field], value, "{row:#}");
    }
    for field in ["errno", "durationMs", "costUsd", "costSource", "provider", "model", "failure", "duplicateOf"] {
        assert_eq!(row.get(field), Some(&Value::Null), "{field} of {row:#}");
    }
    assert!(row["seq"].is_u64() && row["ts"].as_str().unwrap().ends_with('Z'), "{row:#}");
    assert_eq!(mode(&home.path("analytics/skill-faults.jsonl")), 0o600);
}

#[test]
fn t01_the_later_name_of_the_audit_kind_is_skipped_too() {
    let home = Home::new();
    let file = home.put(&with(audit("r", "x"), "kind", "RECOVERY_BOUNDARY"));
    check_counts(&home.drain(FINDS_CAUSE, NOTHING).expect(0), json!({"shortCircuited": 2}));
    home.check_settled_once(&[file], "audit-skipped");
    assert_eq!(home.trace(), NOTHING);
}

#[test]
fn t02_a_fault_is_investigated_filed_and_recorded() {
    let home = Home::new();
    let file = home.put(&fault("build-42", "PHASE_FAILED:p3:c052439a"));
    let ended = home.drain(FINDS_CAUSE, NOTHING).expect(0);
    check_counts(&ended, json!({"processed": 1, "shortCircuited": 1, "dispatched": 1}));
    assert_eq!(home.trace(), ["PHASE_FAILED:p3:c052439a"]);
    home.check_settled_once(std::slice::from_ref(&file), "investigated");
    let row = &home.told_of(&file)[0];
    assert_eq!((&row["costUsd"], &row["costSource"]), (&json!(0.25), &json!("reported")));
    assert_eq!((&row["provider"], &row["occurrences"]), (&json!("command"), &json!(1)));
    assert_eq!(row["investigation"]["rootCause"], json!("the disk is full"));
    assert!(row["durationMs"].is_u64());

    assert_eq!(reports(&home, "build-42"), ["PHASE_FAILED:p3:c052439a.json", "PHASE_FAILED:p3:c052439a.md"]);
    let report = home.json_of("reports/build-42/PHASE_FAILED:p3:c052439a.json");
    assert_eq!((&report["outcome"], &report["runId"]), (&json!("root-cause-identified"), &json!("build-42")));
    let text = std::fs::read_to_string(home.queue("reports/build-42/PHASE_FAILED:p3:c052439a.md")).unwrap();
    assert!(text.contains("the disk is full") && text.contains("No space left on device"), "{text}");
    let notes = home.names("inbox");
    assert!(notes.len() == 1 && notes[0].ends_with("-halt-PHASE_FAILED:p3:c052439a.md"), "{notes:?}");
    assert_eq!((&ended.json()["inboxFiled"], &ended.json()["costUsd"]), (&json!(1), &json!(0.25)));
    assert_eq!(home.holds(), NOTHING, "nothing is held after a drain");
}

#[test]
fn t02_a_note_is_filed_where_somebody_has_to_act_and_only_there() {
    let table = [
        ("CRITICAL", "root-cause-identified", 1),
        ("HIGH", "needs-human", 1),
        ("HIGH", "self-healed", 0),
        ("HIGH", "no-context", 0),
        ("MEDIUM", "needs-human", 0),
    ];
    for (severity, outcome, notes) in table {
        let home = Home::new();
        home.put(&with(fault("r", "f"), "severity", severity));
        let ended = home.drain(&format!("report {outcome}"), ["--inbox", "notes"]).expect(0);
        assert_eq!(ended.json()["inboxFiled"], json!(notes), "{severity} {outcome}");
        assert_eq!(support::names(&home.beside("notes")).len(), notes, "{severity} {outcome}");
        assert_eq!(home.names("inbox"), NOTHING);
    }
}

#[test]
fn a_pattern_that_a_report_proposes_waits_for_a_person() {
    let home = Home::new();
    home.put(&fault("r", "good"));
    home.put(&fault("r", "bad"));
    let body = r#"case $HALTLINE_FAULT_ID in good) pattern='No space';; *) pattern='(';; esac
        report self-healed | sed "s/\"learnedPatternProposal\":null/\"learnedPatternProposal\":{\"category\":\"disk\",\"matcherKind\":\"stdout_regex\",\"pattern\":\"$pattern\",\"severity\":\"HIGH\",\"description\":\"d\"}/""#;
    let result = home.drain(body, NOTHING).expect(0).json();
    assert_eq!((&result["processed"], &result["proposalsAppended"]), (&json!(2), &json!(1)));
    let rows = |name: &str| std::fs::read_to_string(home.queue(name)).unwrap();
    let pending: Value = serde_json::from_str(&rows("pending-patterns.jsonl")).unwrap();
    assert_eq!((&pending["faultId"], &pending["proposal"]["pattern"]), (&json!("good"), &json!("No space")));
    let rejected: Value = serde_json::from_str(&rows("rejected-patterns.jsonl")).unwrap();
    assert!(rejected["faultId"] == "bad" && rejected["reason"].is_string(), "{rejected}");
    assert!(!home.queue("learned-patterns.json").is_file(), "nothing comes into force by itself");
}

#[test]
fn t03_a_mixed_queue_is_counted_file_by_file() {
    let home = Home::new();
    for number in 0..4 {
        home.put(&audit("r", &format!("audit-{number}")));
    }
    for number in 0..3 {
        home.put(&fault("r", &format!("fault-{number}")));
    }
    home.put(&fault("r", "fault-0"));
    home.put(&with(fault("r", "minor"), "severity", "LOW"));
    home.put_old("broken.json", "{");
    let ended = home.drain(FINDS_CAUSE, NOTHING).expect(1);
    let expected = json!({
        "processed": 3, "shortCircuited": 5, "skipped": 1, "duplicates": 1, "quarantined": 1, "dispatched": 3,
    });
    check_counts(&ended, expected);
    let result = ended.json();
    assert_eq!((&result["avoided"], &result["costUsd"]), (&json!(6), &json!(0.75)));
    let asked: BTreeSet<_> = home.trace().into_iter().collect();
    assert_eq!((home.trace().len(), asked.len()), (3, 3));
    assert_eq!(home.names(PENDING), ["r-minor.json"]);
    assert_eq!(home.names("processed").len(), 9);
}

#[test]
fn t04_a_row_without_the_flag_is_investigated() {
    let home = Home::new();
    let values = [None, Some(json!(true)), Some(Value::Null), Some(json!("false")), Some(json!(0))];
    let mut files = Vec::new();
    for (number, value) in values.iter().enumerate() {
        let mut event = audit("r", &format!("legacy-{number}"));
        match value {
            Some(value) => event["investigate"] = value.clone(),
            None => drop(event.as_object_mut().unwrap().remove("investigate")),
        }
        files.push(home.put(&event));
    }
    let ended = home.drain(FINDS_CAUSE, NOTHING).expect(0);
    check_counts(&ended, json!({"processed": 5, "shortCircuited": 1, "dispatched": 5}));
    home.check_settled_once(&files, "investigated");
    assert_eq!(home.trace().len(), 5);
}

#[test]
fn m1_the_flag_on_another_kind_does_not_keep_a_fault_from_its_investigation() {
    let home = Home::new();
    let kinds = ["PHASE_FAILED", "SOFT_HALT_ERROR", "manual_recovery_invoked", "MY_KIND"];
    let files: Vec<_> =
        kinds.iter().map(|kind| with(audit("r", kind), "kind", *kind)).map(|event| home.put(&event)).collect();
    let ended = home.drain(FINDS_CAUSE, NOTHING).expect(0);
    check_counts(&ended, json!({"processed": 4, "shortCircuited": 1, "dispatched": 4}));
    home.check_settled_once(&files, "investigated");
}

#[test]
fn t05_t08_after_each_recovery_site_a_drain_leaves_an_empty_queue_and_asks_nobody() {
    let sites: [&[&str]; 3] = [
        &["drain-faults", "--queue", "--investigator", "triage"],
        &["mark-shipped", "--feature", "3", "--pr", "42"],
        &["mark-phase-committed", "2.1", "--run-id", "build-42"],
    ];
    for (site, settled) in sites.into_iter().zip([1, 2, 2]) {
        let home = Home::new();
        home.run(site).expect(0);
        let ended = home.drain(FINDS_CAUSE, NOTHING).expect(0);
        check_counts(&ended, json!({"shortCircuited": settled}));
        assert_eq!((home.names(PENDING).len(), home.holds().len(), home.trace().len()), (0, 0, 0), "{site:?}");
        assert_eq!(home.names("processed").len(), 2, "{site:?}");
    }
}

#[test]
fn h1_a_drains_own_event_never_feeds_a_drain() {
    let home = Home::new();
    for round in 1..=5 {
        let ended =
            home.drain(FINDS_CAUSE, ["--severity-min", "CRITICAL", "--run-id", "other", "--max", "0"]).expect(0);
        check_counts(&ended, json!({"shortCircuited": 1}));
        assert_eq!((home.names(PENDING).len(), home.names("processed").len()), (0, round));
    }
    assert_eq!(home.trace(), NOTHING);
    assert!(home.told().iter().all(|row| row["outcome"] == "audit-skipped" && row["runId"] == "drain-faults"));
    assert_eq!(home.told().len(), 5);
}

#[test]
fn the_result_is_one_object_with_exactly_these_keys_and_nothing_else_is_on_standard_output() {
    let home = Home::new();
    home.put(&fault("r", "f"));
    let output = home.drain_with(FINDS_CAUSE).arg("-vvv").output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(stdout.lines().count(), 1, "{stdout}");
    assert!(!output.stderr.is_empty(), "the log is on standard error");
    let result: serde_json::Map<String, Value> = serde_json::from_str(&stdout).unwrap();
    let found: BTreeSet<_> = result.keys().map(String::as_str).collect();
    let beside = [
        "inboxFiled",
        "proposalsAppended",
        "aborted",
        "dryRun",
        "drainId",
        "dispatched",
        "deadLettered",
        "recovered",
        "costUsd",
        "avoided",
    ];
    assert_eq!(found, COUNTS.into_iter().chain(beside).collect());
    assert_eq!((&result["aborted"], &result["dryRun"]), (&json!(false), &json!(false)));
}

#[test]
fn people_are_told_what_it_cost_and_what_it_saved() {
    let home = Home::new();
    home.put(&fault("r", "f"));
    home.put(&audit("r", "a"));
    let stub = home.stub(FINDS_CAUSE);
    let ended = home.run(["drain-faults", "--queue", "--investigator", "command", "--command", &stub]).expect(0);
    assert!(ended.stdout.contains("Cost $0.25") && ended.stdout.contains("saved about $0.30"), "{ended:#?}");
    assert!(ended.stdout.contains("1 investigated") && ended.stdout.contains("1 settled free"), "{ended:#?}");
    assert_eq!(ended.stderr, "");
}

#[test]
fn the_own_event_of_a_drain_is_nothing_that_people_are_told_of() {
    let home = Home::new();
    let ended = home.run(["drain-faults", "--queue"]).expect(0);
    assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("Nothing waits.\n", ""));
    let result = home.run(["drain-faults", "--queue", "--json"]).expect(0).json();
    assert_eq!((&result["shortCircuited"], &result["avoided"]), (&json!(1), &json!(1)), "programs are");
}

#[test]
fn people_are_told_where_it_is_not_known_what_it_cost() {
    let home = Home::new();
    home.put(&fault("r", "f"));
    let drain = |body: &str| {
        let stub = home.stub(body);
        home.run(["drain-faults", "--queue", "--investigator", "command", "--command", &stub]).expect(0).stdout
    };
    let no_cost = format!("{FINDS_CAUSE} | sed 's/,\"costUsd\":0.25//'");
    let told = drain(&no_cost);
    assert!(told.ends_with("\nCost unknown for 1.\n"), "{told}");
    home.put(&fault("r", "f"));
    home.put(&fault("r", "g"));
    let told = drain(&format!("if [ \"$HALTLINE_FAULT_ID\" = f ]; then {no_cost}; else {FINDS_CAUSE}; fi"));
    assert!(told.ends_with("\nCost $0.25, unknown for 1.\n"), "{told}");
    home.put(&fault("r", "f"));
    let ended = home.run(["drain-faults", "--queue", "--investigator", "triage"]).expect(0);
    assert!(ended.stdout.ends_with("\nCost $0.00.\n"), "the rules are free: {ended:#?}");
}

#[test]
fn a_row_that_is_rewritten_keeps_every_other_byte_of_its_fields() {
    let home = Home::new();
    let text = fault("r", "f").to_string().replacen('{', "{\"first\":12345678901234567890123,\"float\":1.0,", 1);
    home.write(&format!("{PENDING}/odd name.json"), &text);
    home.drain("exit 1", NOTHING).expect(1);
    let back = std::fs::read_to_string(home.queue(PENDING).join("odd name.json")).unwrap();
    assert!(back.starts_with("{\n  \"first\": 12345678901234567890123,\n  \"float\": 1.0,\n"), "{back}");
    assert!(back.contains("\n  \"delivery\": {"), "{back}");
}

#[test]
fn the_first_investigator_of_the_chain_that_is_on_path_is_asked() {
    let home = Home::new();
    home.put(&fault("r", "f"));
    let codex = home.write_beside("bin/codex", "#!/bin/sh\necho asked >> \"$0.trace\"\nexit 1\n");
    support::set_mode(&codex, 0o755);
    let path = format!("{}:/usr/bin:/bin", home.beside("bin").display());
    let output = home.haltline().args(["drain-faults", "--queue", "--json"]).env("PATH", path).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(std::fs::read_to_string(home.beside("bin/codex.trace")).unwrap(), "asked\n");
    assert_eq!(home.told_of("r-f.json")[0]["provider"], json!("codex"));
}

#[test]
fn a_home_by_a_relative_path_gives_investigators_paths_that_hold_where_they_run() {
    let home = Home::new();
    let file = home.put(&fault("r", "f"));
    let reads =
        format!("test -f \"$HALTLINE_EVENT\" && mktemp >&2 && test -d \"$HALTLINE_ATTEMPT_DIR\" && {FINDS_CAUSE}");
    let mut command = home.drain_with(&reads);
    let folder = home.path("");
    command.current_dir(folder.parent().unwrap()).arg("--home").arg(folder.file_name().unwrap());
    Running::start(&mut command).end().expect(0);
    home.check_settled_once(&[file], "investigated");
}
