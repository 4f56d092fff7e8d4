//! Times that cannot be: files from tomorrow, events from other centuries, and no clock that decides who owns what.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use std::time::{Duration, SystemTime};

use serde_json::json;
use support::Home;
use support::drains::{FINDS_CAUSE, PENDING, Running, fault, until, with};

const NOTHING: [&str; 0] = [];
const HOUR: Duration = Duration::from_secs(3600);

#[track_caller]
fn set_modified(home: &Home, below: &str, time: SystemTime) {
    std::fs::File::options().write(true).open(home.queue(below)).unwrap().set_modified(time).unwrap();
}

#[test]
fn a_torn_file_from_the_future_does_not_wait_for_ever() {
    let home = Home::new();
    let times = [("soon", HOUR / 2), ("tomorrow", 24 * HOUR), ("in-ten-years", 10 * 365 * 24 * HOUR)];
    for (name, ahead) in times {
        home.write(&format!("{PENDING}/{name}.json"), "{");
        set_modified(&home, &format!("{PENDING}/{name}.json"), SystemTime::now() + ahead);
    }
    assert_eq!(home.drain(FINDS_CAUSE, NOTHING).expect(1).json()["quarantined"], json!(2));
    // Clocks of two machines may differ by that much.
    assert_eq!(home.names(PENDING), ["soon.json"]);
}

#[test]
fn an_event_of_any_time_is_worked_off_in_order() {
    let home = Home::new();
    let times = [
        ("-000500-01-02T00:00:00Z", "a"),
        ("1969-12-31T23:59:59.999Z", "b"),
        ("2016-12-31T23:59:60Z", "c"),
        ("2036-05-20T08:14:00+23:00", "d"),
        ("9999-12-30T22:00:00Z", "e"),
    ];
    for (time, id) in times.iter().rev() {
        home.put(&with(fault("r", id), "timestamp", *time));
    }
    // Where a row has no time that can be read, the file's counts.
    let odd = ["+292277026596-12-04T15:30:08Z", "99999-01-01", "now", "1e99", "2026-13-45T99:99:99Z"];
    for (number, time) in odd.iter().enumerate() {
        let file = home.put(&with(fault("r", &format!("odd {number}.")), "timestamp", *time));
        set_modified(&home, &format!("{PENDING}/{file}"), SystemTime::UNIX_EPOCH - HOUR * 24 * 365);
    }
    let before = home.names(PENDING);
    for args in [&["status"][..], &["status", "--json"], &["list"], &["list", "--json"]] {
        home.run(args).expect(0);
    }
    home.drain(FINDS_CAUSE, ["--jobs", "1"]).expect(0);
    home.check_settled_once(&before, "investigated");
    let known: Vec<_> = home.trace().into_iter().filter(|id| !id.starts_with("odd")).collect();
    assert_eq!(known, ["a", "b", "c", "d", "e"]);
    for row in home.told() {
        assert!(row["durationMs"].as_u64().is_some() || row["durationMs"].is_null(), "{row}");
    }
}

#[test]
fn a_wait_that_is_over_by_any_clock_is_over() {
    let home = Home::new();
    for (id, time) in [("old", "1970-01-01T00:00:00Z"), ("odd", "soon"), ("empty", "")] {
        home.put(&with(fault("r", id), "delivery", json!({"attempts": 1, "notBefore": time})));
    }
    home.put(&with(fault("r", "later"), "delivery", json!({"attempts": 1, "notBefore": "9999-12-30T00:00:00Z"})));
    let result = home.drain(FINDS_CAUSE, NOTHING).expect(0).json();
    assert_eq!((&result["processed"], &result["skipped"]), (&json!(3), &json!(1)));
}

#[test]
fn the_age_of_a_hold_takes_nothing_from_a_drain_that_lives() {
    let home = Home::new();
    let file = home.put(&fault("r", "f"));
    let gate = home.beside("gate");
    let body = format!("while [ ! -e '{}' ]; do sleep 0.05; done; {FINDS_CAUSE}", gate.display());
    let drain = Running::start(&mut home.drain_with(&body));
    until("the investigation", || home.trace().len() == 1);
    // All that it holds looks a year old.
    let hold = home.holds().remove(0);
    for name in home.names(&format!("in-flight/{hold}")) {
        let path = format!("in-flight/{hold}/{name}");
        if home.queue(&path).is_file() {
            set_modified(&home, &path, SystemTime::now() - HOUR * 24 * 365);
        }
    }
    let args = ["drain-faults", "--queue", "--json", "--investigator", "triage"];
    let other = home.run(args).expect(0).json();
    assert_eq!((&other["recovered"], &other["dispatched"]), (&json!(0), &json!(0)));
    std::fs::write(gate, "").unwrap();
    drain.end().expect(0);
    home.check_settled_once(&[file], "investigated");
    assert_eq!(home.trace().len(), 1);
}
