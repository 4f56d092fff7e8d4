//! `haltline emit` and `haltline resolve` from outside.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use serde_json::{Value, json};
use support::{Home, mode, set_mode};

const PENDING: &str = "pending-investigations";
const FAILED: [&str; 7] = ["emit", "--kind", "PHASE_FAILED", "--run-id", "build-42", "--message", "phase 0 failed"];

#[test]
fn a_fault_has_the_id_that_its_kind_place_and_message_give() {
    let table: [(&[&str], &str); 4] = [
        (&["--kind", "PHASE_FAILED", "--message", "phase 0 failed"], "PHASE_FAILED:all:302c3b29"),
        (&["--kind", "PHASE_FAILED", "--message", "phase 3 failed", "--phase", "3"], "PHASE_FAILED:p3:c052439a"),
        (&["--kind", "FEATURE_FAILED", "--message", "ship failed", "--feature", "3"], "FEATURE_FAILED:f3:5ee04918"),
        (&["--kind", "FEATURE_FAILED", "--message", "ship failed", "--feature", ""], "FEATURE_FAILED:all:c6695f1b"),
    ];
    for (args, id) in table {
        let home = Home::new();
        let ended = home.run(["emit", "--run-id", "r"].iter().chain(args)).expect(0);
        assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), (format!("{id}\n").as_str(), ""));
        assert_eq!(home.names(PENDING), [format!("r-{id}.json")]);
    }
}

#[test]
fn an_event_is_a_pretty_row_for_the_user_alone() {
    let home = Home::new();
    let log: String = (1..=300).map(|number| format!("line {number}\n")).collect();
    let log = home.write_beside("out.log", log);
    let more = ["--stdout-log", "out.log", "--failure-reason", "red", "--worktree", "."];
    home.run(FAILED.iter().chain(&more)).expect(0);
    let path = home.queue("pending-investigations/build-42-PHASE_FAILED:all:302c3b29.json");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("{\n  \"faultId\": \"PHASE_FAILED:all:302c3b29\",\n  \"runId\": \"build-42\",\n"));
    assert!(text.ends_with("\n}\n"));
    assert_eq!((mode(&path), mode(&home.queue(PENDING)), mode(&home.path(""))), (0o600, 0o700, 0o700));

    let row = &home.rows(PENDING)[0];
    assert_eq!((&row["severity"], &row["stateSlug"]), (&json!("CRITICAL"), &json!("build-42")));
    assert_eq!(row["investigate"], json!(true));
    assert_eq!(row["snapshot"]["failureReason"], json!("red"));
    assert_eq!(row["pointers"]["stdoutLog"], json!(log));
    let tail = row["snapshot"]["stdoutTail"].as_str().unwrap();
    assert!(tail.starts_with("line 101\n") && tail.ends_with("line 300\n"));
}

#[test]
fn every_occurrence_is_kept() {
    let home = Home::new();
    for _ in 0..3 {
        home.run(FAILED).expect(0);
    }
    let names = home.names(PENDING);
    assert_eq!(names.len(), 3);
    assert!(names.iter().all(|name| name.starts_with("build-42-PHASE_FAILED:all:302c3b29")), "{names:?}");
}

#[test]
fn the_audit_kinds_are_refused_from_flags_and_from_json() {
    let home = Home::new();
    for kind in ["MANUAL_RECOVERY_INVOKED", "RECOVERY_BOUNDARY"] {
        let flags = ["emit", "--kind", kind, "--run-id", "r", "--message", "m", "--severity", "HIGH"];
        home.run(flags).expect(2).says(kind).says("mark-shipped");
        for more in ["", r#","investigate":false"#, r#","investigate":true"#] {
            let text = format!(r#"{{"runId":"r","stateSlug":"s","kind":"{kind}","message":"m"{more}}}"#);
            home.run_with_input(["emit", "--json", "-"], &text).expect(2).says(kind);
        }
    }
    assert!(!home.path("").is_dir(), "nothing was made");
}

#[test]
fn wrong_usage_is_told_and_leaves_nothing() {
    let home = Home::new();
    let emit = |args: &[&str]| home.run(["emit", "--run-id", "r", "--message", "m"].iter().chain(args)).expect(2);
    emit(&["--kind", "MY_KIND"]).says("MY_KIND").says("severity");
    emit(&["--kind", "PHASE_FAILED", "--phase", "x"]).says("no number");
    emit(&["--kind", "PHASE_FAILED", "--phase", "1", "--feature", "1"]);
    emit(&["--kind", "PHASE_FAILED", "--severity", "high"]).says("`high` is no severity");
    emit(&["--kind", ""]);
    emit(&[]);
    home.run(["emit", "--kind", "PHASE_FAILED", "--run-id", "", "--message", "m"]).expect(2).says("`runId` is empty");

    let json = |text: &str| home.run_with_input(["emit", "--json", "-"], text).expect(2);
    let event = r#"{"runId":"r","stateSlug":"s","kind":"PHASE_FAILED","message":"phase 0 failed"}"#;
    json("{").says("no JSON object");
    json("").says("no JSON object");
    json(&event.replace("\"r\",", "\"r\",\"runId\":\"q\",")).says("stands twice");
    json(&event.replace("PHASE_FAILED", "MY_KIND")).says("severity must be given");
    json(&event.replace("\"r\"", "\"r\",\"faultId\":\"PHASE_FAILED:all:00000000\""))
        .says("PHASE_FAILED:all:00000000")
        .says("PHASE_FAILED:all:302c3b29");
    assert!(!home.path("").is_dir(), "nothing was made");
}

#[test]
fn a_json_event_is_completed_and_else_kept_to_the_digit() {
    let home = Home::new();
    let event = r#"{"runId":"r","stateSlug":"s","kind":"PHASE_FAILED","message":"phase 0 failed","my":[1.0,12345678901234567890123]}"#;
    let file = home.write_beside("event.json", event);
    for ended in [
        home.run_with_input(["emit", "--json", "-"], event),
        home.run(["emit".as_ref(), "--json".as_ref(), file.as_os_str()]),
    ] {
        assert_eq!(ended.expect(0).stdout, "PHASE_FAILED:all:302c3b29\n");
    }
    assert_eq!(home.names(PENDING).len(), 2);
    for name in home.names(PENDING) {
        let text = std::fs::read_to_string(home.queue(PENDING).join(name)).unwrap();
        assert!(text.contains("\"my\": [\n    1.0,\n    12345678901234567890123\n  ]"), "{text}");
        assert!(text.contains("\"severity\": \"CRITICAL\"") && text.contains("\"timestamp\": \""), "{text}");
    }
    home.run(["emit", "--json", "nowhere.json"]).expect(1).says("nowhere.json").says("No such file");
}

#[test]
fn a_log_that_cannot_be_read_costs_no_event() {
    let home = Home::new();
    let ended = home.run(FAILED.iter().chain(&["--stdout-log", "nowhere.log"])).expect(0);
    assert_eq!(ended.says("nowhere.log").stdout, "PHASE_FAILED:all:302c3b29\n");
    assert_eq!(home.rows(PENDING)[0]["snapshot"]["stdoutTail"], json!(""));
}

#[test]
fn an_id_from_outside_never_leaves_the_queue() {
    let home = Home::new();
    for run_id in ["../../../evil", "a/b", "\u{202e}gpj", ".", "in-flight", &"x".repeat(300)] {
        home.run(["emit", "--kind", "PHASE_FAILED", "--run-id", run_id, "--message", "m"]).expect(0);
        home.run(["resolve", "--run-id", run_id, "--fault-id", "../../x"]).expect(0);
    }
    assert_eq!(home.names(PENDING).len(), 12);
    assert_eq!(support::names(home.dir.path()), ["home"]);
    assert_eq!(support::names(&home.path("")), ["skill-faults"]);
    assert_eq!(home.names(""), [PENDING]);
}

#[test]
fn emitting_reads_no_configuration() {
    let home = Home::new();
    let output = home.haltline().args(FAILED).arg("--no-sync").env("HALTLINE_CONFIG", "/nowhere").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(home.names(PENDING).len(), 1);
}

#[test]
fn h2_a_queue_that_cannot_be_written_fails_the_emit_and_leaves_nothing() {
    let home = Home::new();
    std::fs::create_dir_all(home.queue(PENDING)).unwrap();
    let folder = home.queue(PENDING);
    let resolve = ["resolve", "--run-id", "r", "--fault-id", "f"];
    for command in [&FAILED[..], &resolve, &["mark-shipped", "--feature", "3"]] {
        set_mode(&folder, 0o500);
        let ended = home.run_bound(command);
        set_mode(&folder, 0o700);
        let Some(ended) = ended else { return };
        let ended = ended.expect(1).says(folder.to_str().unwrap()).says("Permission denied").says("permissions");
        assert_eq!(ended.stdout, "");
        assert!(home.names(PENDING).is_empty(), "{:?}", home.names(PENDING));
    }
    home.run(FAILED).expect(0);
}

#[test]
fn a_home_that_is_a_file_is_told() {
    let home = Home::new();
    home.write_beside("home", "");
    home.run(FAILED).expect(1).says("home").says("Not a directory");
}

#[test]
fn a_marker_says_that_a_fault_went_away() {
    let home = Home::new();
    let ended = home.run(["resolve", "--run-id", "r", "--fault-id", "PHASE_FAILED:all:302c3b29"]).expect(0);
    let file = "r-RESOLVED-PHASE_FAILED:all:302c3b29.json";
    let told = "`PHASE_FAILED:all:302c3b29` of run `r` is marked as resolved; nothing of it waits now. Marker: ";
    let expected = format!("{told}{}\n", home.queue(PENDING).join(file).display());
    assert_eq!((ended.stdout, ended.stderr.as_str()), (expected, ""));
    assert_eq!(home.names(PENDING), [file]);
    let marker = &home.rows(PENDING)[0];
    assert_eq!(marker["event"], json!("SKILL_FAULT_RESOLVED"));
    assert_eq!((&marker["runId"], &marker["faultId"]), (&json!("r"), &json!("PHASE_FAILED:all:302c3b29")));

    home.run(FAILED).expect(0);
    home.run(FAILED).expect(0);
    let resolve = |run_id: &str| {
        home.run(["resolve", "--run-id", run_id, "--fault-id", "PHASE_FAILED:all:302c3b29"]).expect(0).stdout
    };
    let told = resolve("build-42");
    assert!(told.contains("; the next drain settles free what waits of it (events: 2). Marker: "), "{told}");
    let told = resolve("other");
    assert!(told.contains("; nothing of it waits now. Marker: "), "{told}");
    home.run(["resolve", "--run-id", "", "--fault-id", "f"]).expect(2).says("`runId` is empty");
}

#[test]
fn a_marker_is_no_event_to_emit() {
    let home = Home::new();
    let marker = json!({"event": "SKILL_FAULT_RESOLVED", "kind": "PHASE_FAILED", "runId": "r", "stateSlug": "s",
        "message": "phase 0 failed"});
    let ended = home.run_with_input(["emit", "--json", "-"], &marker.to_string()).expect(2);
    ended.says("no halt event: it is a RESOLVED marker\n");
    assert!(!home.queue(PENDING).is_dir());
}

#[test]
fn a_message_without_its_secret_keeps_the_id_of_the_message_as_it_was_given() {
    let home = Home::new();
    let message = "token ghp_abcdefghijklmnopqrstuvwxyz0123456789 was refused";
    let emit = |message: &str| home.run(["emit", "--kind", "PHASE_FAILED", "--run-id", "r", "--message", message]);
    let given = emit(message).expect(0).stdout;
    let row = home.rows(PENDING).remove(0);
    assert_eq!(
        (&row["faultId"], row["message"].as_str()),
        (&json!(given.trim()), Some("token [REDACTED:github] was refused"))
    );
    assert_ne!(emit("token [REDACTED:github] was refused").expect(0).stdout, given);

    let again = |row: &Value| home.run_with_input(["emit", "--json", "-"], &row.to_string());
    again(&row).expect(2).says("leave it out");
    let mut without = row.clone();
    without.as_object_mut().unwrap().remove("faultId");
    again(&without).expect(0);
}
