//! `haltline hold` and `haltline release`: a person keeps a fault from being dispatched.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use serde_json::{Value, json};
use support::Home;
use support::drains::{FINDS_CAUSE, PENDING, Running, fault, with};

const NOTHING: [&str; 0] = [];

#[test]
fn a_held_fault_is_not_dispatched_until_it_is_released_and_its_attempts_are_kept() {
    let home = Home::new();
    let tried = json!({"attempts": 2, "notBefore": "2001-01-01T00:00:00Z", "lastError": "x"});
    let files = [home.put(&with(fault("r", "f"), "delivery", tried)), home.put(&fault("r", "f"))];
    let other = home.put(&fault("r", "g"));
    assert!(home.run(["hold", "f"]).expect(0).stdout.contains("is held"));
    for file in &files {
        let delivery = &home.json_of(&format!("{PENDING}/{file}"))["delivery"];
        assert_eq!(delivery["notBefore"], json!("9999-01-01T00:00:00.000Z"));
    }
    let status = home.run(["status", "--json"]).expect(0).json();
    assert_eq!((&status["held"]["count"], &status["deferred"]["count"]), (&json!(2), &json!(0)));
    assert!(home.run(["status"]).stdout.contains("      2 wait until they are released"));
    assert_eq!(home.run(["list", "--state", "held"]).expect(0).stdout.lines().count(), 2);

    // An occurrence that comes later is held back too.
    let late = home.put(&fault("r", "f"));
    let result = home.drain(FINDS_CAUSE, NOTHING).expect(0).json();
    assert_eq!((&result["processed"], &result["skipped"]), (&json!(1), &json!(3)));
    assert_eq!(home.names("processed").iter().filter(|name| **name == other).count(), 1);
    assert!(home.run(["hold", "f", "--json"]).expect(0).json()["changed"].as_array().unwrap().len() == 1);
    home.run(["retry", "f"]).expect(1).says("`haltline release` it first");

    home.run(["release", "f"]).expect(0);
    assert!(home.run(["release", "f"]).expect(0).stdout.contains("is not held; nothing was changed"));
    let delivery = &home.json_of(&format!("{PENDING}/{}", files[0]))["delivery"];
    assert_eq!(*delivery, json!({"attempts": 2, "lastError": "x"}));
    assert_eq!(home.json_of(&format!("{PENDING}/{late}"))["delivery"], Value::Null);
    let result = home.drain(FINDS_CAUSE, NOTHING).expect(0).json();
    assert_eq!((&result["processed"], &result["duplicates"]), (&json!(1), &json!(2)));
}

#[test]
fn a_marker_settles_what_is_held_and_what_does_not_wait_cannot_be_held() {
    let home = Home::new();
    home.put(&fault("r", "f"));
    home.run(["hold", "f"]).expect(0);
    home.run(["resolve", "--run-id", "r", "--fault-id", "f"]).expect(0);
    assert_eq!(home.drain(FINDS_CAUSE, NOTHING).expect(0).json()["collapsed"], json!(1));
    let before = home.snapshot();
    home.run(["hold", "f"]).expect(1).says("nothing of it waits");
    home.run(["release", "f"]).expect(1).says("nothing of it waits");
    assert_eq!(home.snapshot(), before);
}

#[test]
fn beside_drains_that_run_nothing_is_lost_and_nothing_settled_twice() {
    let home = Home::new();
    let files: Vec<_> = (0..24).map(|number| home.put(&fault("r", &format!("f{number}.")))).collect();
    let mut drains: Vec<_> = (0..3).map(|_| Running::start(&mut home.drain_with(FINDS_CAUSE))).collect();
    let mut turn = 0;
    while drains.iter_mut().any(|drain| !drain.has_ended()) {
        for command in ["hold", "retry", "release"] {
            let code = home.run([command, &format!("f{}.", turn % 24)]).code;
            // A file on its way from one folder to the next may be seen in neither.
            assert!(matches!(code, Some(0..=2)), "{command}: {code:?}");
            turn += 5;
        }
    }
    drains.into_iter().for_each(|drain| drop(drain.end().expect(0)));
    for number in 0..24 {
        home.run(["release", &format!("f{number}.")]);
    }
    home.drain(FINDS_CAUSE, NOTHING).expect(0);
    home.check_settled_once(&files, "investigated");
    assert_eq!((home.trace().len(), home.holds().len()), (24, 0));
}
