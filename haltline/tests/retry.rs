//! `haltline retry`: a fault that was given up on, or that has to wait, is due again, and nothing else changes.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use serde_json::{Value, json};
use support::Home;
use support::drains::{FINDS_CAUSE, PENDING, Running, await_line, fault, until, with};

const NOTHING: [&str; 0] = [];

/// Has a fault fail until it is given up on.
fn give_up(home: &Home, fault_id: &str) -> String {
    let file = home.put(&fault("r", fault_id));
    for round in 1..=3 {
        home.drain("exit 9", NOTHING).expect(1);
        assert_eq!(home.names("dead-letter").len(), usize::from(round == 3));
        home.end_back_off();
    }
    file
}

#[test]
fn a_fault_that_was_given_up_on_is_tried_again_as_if_for_the_first_time() {
    let home = Home::new();
    let file = give_up(&home, "f");
    let later = home.put(&with(fault("r", "f"), "timestamp", "2026-05-21T08:14:00Z"));
    home.drain("exit 9", NOTHING).expect(1);
    assert_eq!(home.names("dead-letter").len(), 2, "the later one joined it");

    let changed = home.run(["retry", "f", "--json"]).expect(0).json();
    assert_eq!((&changed["faultId"], &changed["runId"]), (&json!("f"), &json!("r")));
    assert_eq!(changed["changed"].as_array().unwrap().len(), 2);
    assert_eq!((home.names("dead-letter").len(), home.holds().len()), (0, 0));
    let event = home.json_of(&format!("{PENDING}/{file}"));
    assert_eq!((&event["delivery"]["attempts"], &event["delivery"]["notBefore"]), (&json!(0), &Value::Null));
    assert!(event["delivery"]["lastError"].is_string());

    let result = home.drain(FINDS_CAUSE, NOTHING).expect(0).json();
    assert_eq!((&result["processed"], &result["duplicates"]), (&json!(1), &json!(1)));
    assert!(home.names("processed").contains(&file) && home.names("processed").contains(&later));
}

#[test]
fn a_fault_that_waits_is_due_and_every_other_field_is_kept_to_the_digit() {
    let home = Home::new();
    let text = r#"{"z":12345678901234567890123,"faultId":"f","runId":"r","stateSlug":"s","kind":"K","severity":"HIGH",
        "timestamp":"2026-05-20T08:14:00.123Z","message":"m","pointers":{},"snapshot":{"x":1.0},
        "delivery":{"attempts":2,"notBefore":"2999-01-01T00:00:00Z"},"more":[1e2, null]}"#;
    let path = home.put_old("odd.json", text);
    let before = path.metadata().unwrap().modified().unwrap();
    home.drain(FINDS_CAUSE, NOTHING).expect(0);
    home.run(["retry", "odd.json"]).expect(0);
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        "{\n  \"z\": 12345678901234567890123,\n  \"faultId\": \"f\",\n  \"runId\": \"r\",\n  \"stateSlug\": \"s\",\n  \
         \"kind\": \"K\",\n  \"severity\": \"HIGH\",\n  \"timestamp\": \"2026-05-20T08:14:00.123Z\",\n  \
         \"message\": \"m\",\n  \"pointers\": {},\n  \"snapshot\": {\"x\":1.0},\n  \"more\": [1e2, null]\n}\n"
    );
    assert_eq!(path.metadata().unwrap().modified().unwrap(), before);
    let before = home.snapshot();
    assert!(home.run(["retry", "f"]).expect(0).stdout.contains("nothing was changed"));
    assert_eq!(home.snapshot()[&path], before[&path], "a second time there is nothing to do");
}

#[test]
fn what_is_not_one_fault_of_the_queue_is_refused_and_nothing_is_touched() {
    let home = Home::new();
    home.run(["retry", "f"]).expect(2).says("has no fault or file `f`");
    assert!(!home.path("").is_dir());
    home.put(&fault("one", "f:1"));
    home.put(&fault("two", "f:1"));
    home.write("processed/three-f.json", fault("three", "g").to_string());
    let before = home.snapshot();
    home.run(["retry", "f:1"]).expect(2).says("f:1 --run-id one\n    f:1 --run-id two");
    home.run(["retry", "f:"]).expect(2).says("Near it:\n    f:1 --run-id one");
    home.run(["retry", "f:1", "--run-id", "no\u{1b}"]).expect(2).says("in run `no`");
    home.run(["retry", "g"]).expect(1).says("it is settled");
    assert_eq!(home.snapshot(), before);
    home.run(["retry", "f:1", "--run-id", "one"]).expect(0);
}

#[test]
fn what_a_drain_holds_is_refused_by_the_name_of_the_drain_dead_or_alive() {
    let home = Home::new();
    let file = home.put(&fault("r", "f"));
    let started = home.beside("started");
    let drain = Running::start(&mut home.drain_with(&format!("echo x > '{}'; sleep 300", started.display())));
    await_line(&started);
    let drain_id = home.holds()[0].clone();
    for command in ["retry", "hold", "release"] {
        let ended = home.run([command, "f"]).expect(1).says(&drain_id);
        ended.says("Wait until it ends");
    }
    drain.kill();
    until("the end of the drain's lock", || home.run(["list"]).stdout.starts_with("abandoned"));
    home.run(["retry", "f"]).expect(1).says("is dead and holds the fault").says(&drain_id);
    assert_eq!(home.held(), [file]);
    home.drain("exit 9", NOTHING).expect(0);
}

#[test]
fn what_no_drain_has_recorded_yet_is_left_alone() {
    let home = Home::new();
    let path = home.write("dead-letter/r-f.json", fault("r", "f").to_string());
    let mark = std::os::unix::fs::MetadataExt::ino(&path.metadata().unwrap());
    let draft = json!({"faultId": "f", "runId": "r", "kind": "K", "severity": "HIGH", "outcome": "dead-lettered",
        "file": "r-f.json"});
    let planned = json!({"settle": {"seq": 1, "ts": "2026-05-20T08:14:00Z", "name": "r-f.json", "mark": mark,
        "from": "held", "to": "dead-letter", "stamp": "2026-05-20T08:14:00Z", "draft": draft}});
    home.write("in-flight/20260520T081400123Z-0/journal", format!("{planned}\n"));
    home.write("in-flight/20260520T081400123Z-0/lock", "");
    home.run(["retry", "f"]).expect(1).says("20260520T081400123Z-0 has not recorded yet");
    home.drain("exit 9", NOTHING).expect(0);
    assert_eq!(home.told_of("r-f.json")[0]["outcome"], json!("dead-lettered"));
    home.run(["retry", "f"]).expect(0);
}

#[test]
fn while_somebody_else_has_the_settle_lock_nothing_is_changed() {
    let home = Home::new();
    give_up(&home, "f");
    let lock = std::fs::File::open(home.queue("in-flight/settle.lock")).unwrap();
    lock.lock().unwrap();
    let before = home.snapshot();
    home.run(["retry", "f"]).expect(1).says("another command works on the queue");
    assert_eq!(home.snapshot(), before);
    drop(lock);
    home.run(["retry", "f"]).expect(0);
}

#[test]
fn killed_at_any_point_it_loses_nothing_and_can_be_run_again() {
    for call in ["renameat2", "fsync", "linkat", "unlinkat", "mkdirat"] {
        for when in 1.. {
            let home = Home::new();
            let delivery = json!({"attempts": 3, "lastError": "x"});
            home.write("dead-letter/r-f.json", with(fault("r", "f"), "delivery", delivery).to_string());
            home.write(&format!("{PENDING}/r-f.json"), fault("r", "f").to_string());
            let rules = ["-e".to_owned(), format!("inject={call}:signal=KILL:when={when}")];
            let Some(mut traced) = home.traced(&[&rules[0], &rules[1]]) else { return };
            let code = traced.args(["retry", "f"]).output().unwrap().status.code();
            let count = |folder: &str| home.names(folder).iter().filter(|name| name.starts_with("r-f")).count();
            assert_eq!(home.held().len() + count(PENDING) + count("dead-letter"), 2, "{call} {when}");
            // A drain gives back what is held; the retry is told once more where it did not come to its end.
            home.drain(FINDS_CAUSE, ["--max", "0"]);
            home.run(["retry", "f"]).expect(0);
            assert_eq!((count("dead-letter"), count(PENDING)), (0, 2), "{call} {when}");
            home.drain(FINDS_CAUSE, NOTHING).expect(0);
            assert_eq!((home.trace().len(), count("processed"), home.holds().len()), (1, 2, 0), "{call} {when}");
            if code == Some(0) {
                break;
            }
        }
    }
}
