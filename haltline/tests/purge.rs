//! `haltline purge`: what is settled and old goes when a person says so, and nothing that is still needed.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use std::os::unix::fs::MetadataExt;

use serde_json::{Value, json};
use support::Home;
use support::drains::{FINDS_CAUSE, PENDING, Running, await_line, fault, reports};

const NOTHING: [&str; 0] = [];
/// Everything that is there when the program starts is older than this.
const ALL: [&str; 3] = ["purge", "--older-than", "1ns"];
const KINDS: [&str; 4] = ["processed", "reports", "deadLetter", "quarantine"];

fn counts(purged: &Value) -> Vec<u64> {
    KINDS.iter().map(|kind| purged[*kind]["count"].as_u64().unwrap()).collect()
}

/// A queue in which one fault is settled with a report, one was given up on, and a file is in quarantine.
fn settled_home() -> Home {
    let home = Home::new();
    home.put(&fault("r", "settled"));
    home.put_old("broken.json", "{");
    home.drain(FINDS_CAUSE, NOTHING).expect(1);
    home.write("dead-letter/r-dead.json", fault("r", "dead").to_string());
    home.run(["resolve", "--run-id", "r", "--fault-id", "gone"]).expect(0);
    home.drain(FINDS_CAUSE, NOTHING).expect(0);
    home
}

#[test]
fn it_tells_first_changes_no_byte_and_then_takes_what_it_told() {
    let home = settled_home();
    let before = home.snapshot();
    let young = home.run(["purge", "--older-than", "30d", "--json"]).expect(0).json();
    assert_eq!((counts(&young), &young["processed"]["oldest"]), (vec![0; 4], &Value::Null));
    home.run(["purge", "--older-than", "30d", "--yes"]).expect(0);
    let told = home.run(ALL.iter().chain(&["--json"])).expect(0).json();
    let people = home.run(ALL).expect(0).stdout;
    assert_eq!(home.snapshot(), before);
    // Each of the two drains has an audit event of its own; the marker counts too.
    assert_eq!((counts(&told), &told["dryRun"]), (vec![4, 2, 1, 2], &json!(true)));
    assert!(told["reports"]["bytes"].as_u64() > Some(100) && told["reports"]["oldest"].is_string(), "{told}");
    assert!(
        people.contains("      4 would go: settled events and markers, ") && people.contains("`--yes`"),
        "{people}"
    );

    let rows = home.told();
    let gone = home.run(ALL.iter().chain(&["--yes", "--json"])).expect(0).json();
    assert_eq!((counts(&gone), &gone["dryRun"]), (vec![4, 2, 1, 2], &json!(false)));
    for folder in ["processed", "dead-letter", "quarantine", "reports"] {
        assert_eq!(home.names(folder), Vec::<String>::new(), "{folder}");
    }
    assert_eq!((home.told(), home.names("inbox").len()), (rows, 1), "rows and notes are kept");
    assert_eq!(counts(&home.run(ALL.iter().chain(&["--yes", "--json"])).expect(0).json()), [0; 4]);
    home.put(&fault("r", "settled"));
    home.drain(FINDS_CAUSE, NOTHING).expect(0);
    assert_eq!(reports(&home, "r").len(), 2);
}

#[test]
fn what_belongs_to_a_fault_that_waits_or_is_in_flight_stays() {
    let home = settled_home();
    home.put(&fault("r", "held"));
    home.drain(FINDS_CAUSE, NOTHING).expect(0);
    home.put(&fault("r", "dead"));
    home.run(["hold", "dead"]).expect(0);
    home.put(&fault("r", "held"));
    let started = home.beside("started");
    let drain = Running::start(&mut home.drain_with(&format!("echo x > '{}'; sleep 300", started.display())));
    await_line(&started);
    for turn in 0..2 {
        let gone = home.run(ALL.iter().chain(&["--yes", "--json"])).expect(0).json();
        assert_eq!(gone["stillNeeded"], json!(2), "{gone}");
        assert_eq!(
            (home.names("processed"), home.names("dead-letter")),
            (vec!["r-held.json".to_owned()], vec!["r-dead.json".to_owned()])
        );
        assert_eq!(reports(&home, "r"), ["held.json", "held.md"], "turn {turn}");
        assert_eq!((home.names(PENDING).len(), home.held().len()), (1, 1));
    }
    drain.kill();
    home.drain("exit 9", NOTHING).expect(0);
    home.run(ALL.iter().chain(&["--yes"])).expect(0);
    assert_eq!(reports(&home, "r"), ["held.json", "held.md"], "it waits for its next attempt");
}

#[test]
fn what_is_not_recorded_yet_stays_until_it_is() {
    let home = Home::new();
    let mut moves = String::new();
    for (folder, to, outcome) in
        [("processed", "processed", "investigated"), ("quarantine", "quarantine", "quarantined")]
    {
        let path = home.write(&format!("{folder}/r-f.json"), fault("r", "f").to_string());
        let draft = json!({"outcome": outcome, "file": "r-f.json"});
        let planned = json!({"settle": {"seq": moves.lines().count() + 1, "ts": "2026-05-20T08:14:00Z",
            "name": "r-f.json", "mark": path.metadata().unwrap().ino(), "from": "held", "to": to,
            "stamp": "2026-05-20T08:14:00Z", "draft": draft}});
        moves.push_str(&format!("{planned}\n"));
    }
    home.write("in-flight/20260520T081400123Z-0/journal", moves);
    home.write("in-flight/20260520T081400123Z-0/lock", "");
    let gone = home.run(ALL.iter().chain(&["--yes", "--json"])).expect(0).json();
    assert_eq!((counts(&gone), &gone["unrecorded"]), (vec![0; 4], &json!(2)));
    assert_eq!((home.names("processed").len(), home.names("quarantine").len()), (1, 1));
    home.drain(FINDS_CAUSE, NOTHING).expect(0);
    assert_eq!(home.told_of("r-f.json").len(), 2, "the next drain records both");
    let gone = home.run(ALL.iter().chain(&["--yes", "--json"])).expect(0).json();
    assert_eq!(gone["unrecorded"], json!(0));
    assert_eq!((home.names("processed").len(), home.names("quarantine").len()), (0, 0));
}

#[test]
fn while_a_drain_has_the_settle_lock_nothing_goes_and_a_queue_that_is_not_there_is_not_made() {
    let home = settled_home();
    let lock = std::fs::File::open(home.queue("in-flight/settle.lock")).unwrap();
    lock.lock().unwrap();
    let before = home.snapshot();
    home.run(ALL.iter().chain(&["--yes"])).expect(1).says("try again in a moment");
    assert_eq!(home.snapshot(), before);

    let home = Home::new();
    assert_eq!(counts(&home.run(ALL.iter().chain(&["--yes", "--json"])).expect(0).json()), [0; 4]);
    assert!(!home.path("").is_dir());
    home.run(["purge", "--yes"]).expect(2);
    for age in ["0s", "-1d", "soon", "1 month"] {
        home.run(["purge", &format!("--older-than={age}")]).expect(2);
    }
}

#[test]
fn a_link_a_stray_file_and_a_row_that_cannot_be_read_are_left_alone() {
    let home = settled_home();
    let secret = home.write_beside("secret.json", fault("r", "x").to_string());
    std::os::unix::fs::symlink(&secret, home.queue("processed/link.json")).unwrap();
    std::os::unix::fs::symlink(home.beside("elsewhere"), home.queue("reports/link")).unwrap();
    home.write_beside("elsewhere/f.md", "x");
    home.write("processed/odd.json", "{");
    home.write("processed/note.txt", "x");
    home.write("reports/r/settled.txt", "x");
    home.run(ALL.iter().chain(&["--yes"])).expect(0);
    assert_eq!(home.names("processed"), ["link.json", "note.txt", "odd.json"]);
    assert_eq!((reports(&home, "r"), home.beside("elsewhere/f.md").is_file()), (vec!["settled.txt".to_owned()], true));
    assert!(secret.is_file());
}

#[test]
fn killed_at_any_point_it_takes_nothing_else_and_goes_on_the_next_time() {
    for when in 1.. {
        let home = settled_home();
        home.put(&fault("r", "waits"));
        let rules = ["-e".to_owned(), format!("inject=unlinkat:signal=KILL:when={when}")];
        let Some(mut traced) = home.traced(&[&rules[0], &rules[1]]) else { return };
        let code = traced.args(ALL).arg("--yes").output().unwrap().status.code();
        assert_eq!(home.names(PENDING).len(), 1);
        home.run(ALL.iter().chain(&["--yes"])).expect(0);
        assert_eq!((home.names("processed").len(), home.names("reports").len()), (0, 0), "{when}");
        if code == Some(0) {
            assert!(when > 8, "each file is one step");
            break;
        }
    }
}
