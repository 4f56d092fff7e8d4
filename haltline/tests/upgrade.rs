//! `haltline upgrade` from outside.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use serde_json::json;
use support::{Ended, Home, set_mode};

const MESSAGES: [&str; 3] = [
    "drain-faults subcommand invoked (queue)",
    "mark-shipped subcommand invoked for feature 3 (PR #42)",
    "--mark-phase-committed invoked for phase 2.1",
];
const MARKER: &str = ".migrations/v1.40.5.0.done";

/// A row as earlier releases wrote it.
fn row(kind: &str, message: &str) -> String {
    format!(
        "{{\n  \"faultId\": \"{kind}:all:276ba8b1\",\n  \"runId\": \"drain-faults\",\n  \"stateSlug\": \"s\",\n  \
         \"kind\": \"{kind}\",\n  \"severity\": \"HIGH\",\n  \"timestamp\": \"2026-05-19T00:00:00.000Z\",\n  \
         \"message\": \"{message}\",\n  \"big\": 12345678901234567890123,\n  \"pointers\": {{}},\n  \
         \"snapshot\": {{\n    \"stdoutTail\": \"\"\n  }}\n}}\n"
    )
}

fn recovery() -> String {
    row("MANUAL_RECOVERY_INVOKED", MESSAGES[0])
}

fn flagged(row: &str) -> String {
    format!("{},\n  \"investigate\": false\n}}\n", row.strip_suffix("\n}\n").unwrap())
}

impl Home {
    fn text(&self, below: &str) -> String {
        std::fs::read_to_string(self.queue(below)).unwrap()
    }

    fn is_marked(&self) -> bool {
        self.queue(MARKER).is_file()
    }

    #[track_caller]
    fn upgrade(&self, code: i32, counts: &str) -> Ended {
        let ended = self.run(["upgrade"]).expect(code);
        assert!(ended.stderr.lines().any(|line| line == counts), "{counts:?} is no line of {ended:#?}");
        assert_eq!((ended.stdout.as_str(), self.is_marked()), ("", code == 0));
        ended
    }
}

#[test]
fn t09_pending_rows_are_flagged() {
    let home = Home::new();
    home.write("pending-investigations/drain-faults-x.json", recovery());
    home.upgrade(0, "flagged 1, already flagged 0, untouched 0, malformed 0, failed 0, appeared 0");
    assert_eq!(home.text("pending-investigations/drain-faults-x.json"), flagged(&recovery()));
    assert_eq!(home.names("pending-investigations").len(), 1);
}

#[test]
fn t10_processed_and_dead_rows_are_flagged() {
    let home = Home::new();
    for folder in ["processed", "dead-letter"] {
        home.write(&format!("{folder}/x.json"), recovery());
    }
    home.upgrade(0, "flagged 2, already flagged 0, untouched 0, malformed 0, failed 0, appeared 0");
    for folder in ["processed", "dead-letter"] {
        assert_eq!(home.text(&format!("{folder}/x.json")), flagged(&recovery()));
    }
}

#[test]
fn t11_a_row_that_has_the_field_is_untouched() {
    let home = Home::new();
    let values = ["true", "false", "null", "0", "\"false\""];
    let with =
        |value: &str| recovery().replace("  \"pointers\"", &format!("  \"investigate\": {value},\n  \"pointers\""));
    for (number, value) in values.iter().enumerate() {
        home.write(&format!("processed/{number}.json"), with(value));
    }
    home.upgrade(0, "flagged 0, already flagged 5, untouched 0, malformed 0, failed 0, appeared 0");
    for (number, value) in values.iter().enumerate() {
        assert_eq!(home.text(&format!("processed/{number}.json")), with(value));
    }
}

#[test]
fn t12_a_second_run_reads_no_row() {
    let home = Home::new();
    home.write("processed/x.json", recovery());
    home.upgrade(0, "flagged 1, already flagged 0, untouched 0, malformed 0, failed 0, appeared 0");
    home.write("processed/later.json", recovery());
    home.write("processed/broken.json", "{");
    let before = home.snapshot();
    let ended = home.run(["upgrade"]).expect(0);
    assert!(!ended.stderr.contains("flagged"), "{ended:#?}");
    assert_eq!(home.snapshot(), before);
}

#[test]
fn t13_malformed_rows_are_named_and_the_others_are_flagged_without_marker() {
    let home = Home::new();
    for (name, text) in [("empty", ""), ("array", "[]"), ("string", "\"x\""), ("null", "null"), ("torn", "{ not")] {
        home.write(&format!("pending-investigations/{name}.json"), text);
    }
    home.write("processed/good.json", recovery());
    let ended = home.upgrade(1, "flagged 1, already flagged 0, untouched 0, malformed 5, failed 0, appeared 0");
    let mut ended = ended;
    for name in ["empty", "array", "string", "null", "torn"] {
        let path = home.queue(&format!("pending-investigations/{name}.json"));
        ended = ended.says(&format!("malformed {}: ", path.display()));
        rustix::fs::unlink(path).unwrap();
    }
    assert_eq!(home.text("processed/good.json"), flagged(&recovery()));
    home.upgrade(0, "flagged 0, already flagged 1, untouched 0, malformed 0, failed 0, appeared 0");
}

#[test]
fn t14_a_fresh_home_gets_the_marker_alone() {
    let home = Home::new();
    home.upgrade(0, "flagged 0, already flagged 0, untouched 0, malformed 0, failed 0, appeared 0");
    assert_eq!(support::names(&home.path("")), ["skill-faults"]);
    assert_eq!(home.names(""), [".migrations"]);
}

#[test]
fn t15_a_run_that_was_cut_short_is_completed_by_the_next() {
    let home = Home::new();
    home.write("pending-investigations/done.json", flagged(&recovery()));
    home.write("pending-investigations/open.json", recovery());
    home.upgrade(0, "flagged 1, already flagged 1, untouched 0, malformed 0, failed 0, appeared 0");
    for name in ["done", "open"] {
        assert_eq!(home.text(&format!("pending-investigations/{name}.json")), flagged(&recovery()));
    }
}

#[test]
fn t16_m1_rows_of_other_kinds_are_untouched() {
    let home = Home::new();
    for (number, kind) in ["PHASE_FAILED", "RECOVERY_BOUNDARY", "manual_recovery_invoked"].iter().enumerate() {
        home.write(&format!("pending-investigations/{number}.json"), row(kind, MESSAGES[0]));
    }
    home.upgrade(0, "flagged 0, already flagged 0, untouched 3, malformed 0, failed 0, appeared 0");
    assert!(home.rows("pending-investigations").iter().all(|row| row.get("investigate").is_none()));
}

#[test]
fn m2_an_unflagged_row_that_a_drain_holds_keeps_the_marker_back() {
    let home = Home::new();
    let held = home.write("in-flight/20260519T000000000Z-0123456789abcdef/x.json", recovery());
    home.upgrade(1, "flagged 0, already flagged 0, untouched 0, malformed 0, failed 0, appeared 1")
        .says(&format!("appeared {}: ", held.display()))
        .says("haltline upgrade");
    assert_eq!(std::fs::read_to_string(held).unwrap(), recovery());
}

#[test]
fn m3_only_the_messages_of_the_three_recovery_sites_are_flagged() {
    let home = Home::new();
    for (number, message) in MESSAGES.iter().enumerate() {
        home.write(&format!("processed/{number}.json"), row("MANUAL_RECOVERY_INVOKED", message));
    }
    let foreign = row("MANUAL_RECOVERY_INVOKED", "custom external recovery, please investigate");
    home.write("processed/foreign.json", &foreign);
    home.upgrade(0, "flagged 3, already flagged 0, untouched 1, malformed 0, failed 0, appeared 0");
    assert_eq!(home.text("processed/foreign.json"), foreign);
}

#[test]
fn l1_a_dry_run_tells_all_and_changes_no_byte() {
    let home = Home::new();
    home.write("pending-investigations/x.json", recovery());
    let before = home.snapshot();
    let ended = home.run(["upgrade", "--dry-run"]).expect(0);
    let ended = ended.says("flagged 1, already flagged 0").says("nothing was changed").says("would be completed");
    assert_eq!(ended.stdout, "");
    assert_eq!(home.snapshot(), before);
    home.write("processed/broken.json", "{");
    home.run(["upgrade", "--dry-run"]).expect(1).says("malformed").says("broken.json");

    let fresh = Home::new();
    fresh.run(["upgrade", "--dry-run"]).expect(0);
    assert!(!fresh.path("").is_dir(), "a dry run makes nothing");
}

#[test]
fn h2_a_write_failure_is_named_and_keeps_the_marker_back() {
    let home = Home::new();
    let path = home.write("pending-investigations/x.json", recovery());
    home.write("processed/y.json", recovery());
    set_mode(&home.queue("pending-investigations"), 0o500);
    let ended = home.run_bound(["upgrade"]);
    set_mode(&home.queue("pending-investigations"), 0o700);
    let Some(ended) = ended else { return };
    ended
        .expect(1)
        .says(&format!("failed {}: ", path.display()))
        .says("ermission")
        .says("flagged 1, already flagged 0, untouched 0, malformed 0, failed 1, appeared 0");
    assert!(!home.is_marked());
    assert_eq!(
        (home.text("pending-investigations/x.json"), home.names("pending-investigations").len()),
        (recovery(), 1)
    );
    home.upgrade(0, "flagged 1, already flagged 1, untouched 0, malformed 0, failed 0, appeared 0");
}

#[test]
fn a_marker_that_is_no_file_is_an_error() {
    let home = Home::new();
    home.write("processed/x.json", recovery());
    std::fs::create_dir_all(home.queue(MARKER)).unwrap();
    for command in [&["upgrade"][..], &["upgrade", "--dry-run"], &["upgrade", "--status"]] {
        home.run(command).expect(1).says("v1.40.5.0.done").says("directory");
    }
    assert_eq!(home.text("processed/x.json"), recovery());
}

#[test]
fn json_is_one_object_and_the_counts_stay_on_standard_error() {
    let home = Home::new();
    home.write("processed/x.json", recovery());
    let status = home.run(["upgrade", "--status", "--json"]).expect(0).json();
    assert_eq!(status["migrations"][0]["version"], json!("1.40.5.0"));
    assert_eq!(status["migrations"][0]["done"], json!(false));
    assert!(home.run(["upgrade", "--status"]).expect(0).stdout.starts_with("due   v1.40.5.0  "));

    let ended = home.run(["upgrade", "--json"]).expect(0).says("flagged 1, already flagged 0");
    let result = ended.json();
    assert_eq!(result["dryRun"], json!(false));
    let migration = &result["migrations"][0];
    assert_eq!((&migration["state"], &migration["report"]["flagged"]), (&json!("completed"), &json!(1)));
    assert!(home.run(["upgrade", "--status"]).expect(0).stdout.starts_with("done  v1.40.5.0  "));
}

#[test]
fn each_run_of_a_migration_is_one_row_in_the_analytics() {
    let home = Home::new();
    home.write("processed/x.json", recovery());
    let broken = home.write("processed/broken.json", "{");
    home.upgrade(1, "flagged 1, already flagged 0, untouched 0, malformed 1, failed 0, appeared 0");
    rustix::fs::unlink(broken).unwrap();
    home.run(["upgrade", "--dry-run"]).expect(0);
    home.upgrade(0, "flagged 0, already flagged 1, untouched 0, malformed 0, failed 0, appeared 0");
    home.run(["upgrade"]).expect(0);
    let text = std::fs::read_to_string(home.path("analytics/upgrades.jsonl")).unwrap();
    let rows: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told: Vec<_> = rows.iter().map(|row| (&row["version"], &row["complete"], &row["rewritten"])).collect();
    let version = json!("1.40.5.0");
    assert_eq!(told, [(&version, &json!(false), &json!(1)), (&version, &json!(true), &json!(0))]);
    assert_ne!(rows[0]["upgradeId"], rows[1]["upgradeId"]);
}

#[test]
fn an_upgrade_that_cannot_be_recorded_is_done_all_the_same() {
    let home = Home::new();
    home.write("processed/x.json", recovery());
    std::fs::write(home.path("analytics"), "in the way").unwrap();
    home.upgrade(0, "flagged 1, already flagged 0, untouched 0, malformed 0, failed 0, appeared 0").says("analytics");
    assert_eq!(home.text("processed/x.json"), flagged(&recovery()));
}

#[test]
fn nothing_else_ever_migrates() {
    let home = Home::new();
    home.write("pending-investigations/x.json", recovery());
    home.run(["emit", "--kind", "PHASE_FAILED", "--run-id", "r", "--message", "m"]).expect(0);
    home.run(["mark-shipped", "--feature", "3"]).expect(0);
    assert!(!home.is_marked());
    assert_eq!(home.text("pending-investigations/x.json"), recovery());
}

#[test]
fn a_hidden_file_is_passed_over_as_drains_do() {
    let home = Home::new();
    for folder in ["pending-investigations", "processed", "dead-letter", "in-flight/20260520T081400123Z-0"] {
        home.write(&format!("{folder}/.x.json"), recovery());
        home.write(&format!("{folder}/.torn.json"), "{");
    }
    home.upgrade(0, "flagged 0, already flagged 0, untouched 0, malformed 0, failed 0, appeared 0");
    assert_eq!(home.text("pending-investigations/.x.json"), recovery());
    assert_eq!(home.text("processed/.x.json"), recovery());
}
