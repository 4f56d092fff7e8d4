//! The file `STOP` in the queue root: no investigation is started while it is there, and what is free goes on.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use serde_json::json;
use support::Home;
use support::drains::{FINDS_CAUSE, PENDING, Running, audit, fault};

const NOTHING: [&str; 0] = [];
const SAYS: &str = "dispatching is stopped by ";

/// Two faults and an audit event.
fn home() -> Home {
    let home = Home::new();
    home.put(&fault("r", "f"));
    home.put(&fault("r", "g"));
    home.put(&audit("r", "a"));
    home
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a person takes the file away")]
fn while_it_is_there_nothing_is_dispatched_and_what_is_free_is_settled() {
    let home = home();
    let stop = home.write("STOP", "");
    let ended = home.drain(FINDS_CAUSE, NOTHING).expect(75).says(&format!("{SAYS}{}; remove it", stop.display()));
    let result = ended.json();
    assert_eq!((&result["deferred"], &result["shortCircuited"]), (&json!(2), &json!(2)));
    assert_eq!((&result["dispatched"], &result["aborted"]), (&json!(0), &json!(true)));
    assert_eq!((home.names(PENDING).len(), home.holds().len(), home.trace().len()), (2, 0, 0));

    std::fs::remove_file(&stop).unwrap();
    assert_eq!(home.drain(FINDS_CAUSE, NOTHING).expect(0).json()["processed"], json!(2));
    home.check_settled_once(&["r-f.json".to_owned(), "r-g.json".to_owned()], "investigated");
}

#[test]
fn one_that_appears_lets_what_runs_end_and_starts_nothing_more() {
    let home = home();
    let result = home.drain(&format!(": > \"$Q/STOP\"; {FINDS_CAUSE}"), ["--jobs", "1"]).expect(75).says(SAYS).json();
    assert_eq!((&result["processed"], &result["deferred"], home.trace().len()), (&json!(1), &json!(1), 1));
    home.check_settled_once(&["r-f.json".to_owned()], "investigated");
    assert_eq!(home.json_of(&format!("{PENDING}/r-g.json")).get("delivery"), None, "no attempt is counted");
}

#[test]
fn it_is_never_opened_and_never_followed() {
    let home = home();
    std::os::unix::fs::symlink("nowhere", home.queue("STOP")).unwrap();
    assert_eq!(home.drain(FINDS_CAUSE, NOTHING).expect(75).json()["deferred"], json!(2));
    let home = self::home();
    std::fs::create_dir(home.queue("STOP")).unwrap();
    assert_eq!(home.drain(FINDS_CAUSE, NOTHING).expect(75).json()["deferred"], json!(2));
}

#[test]
fn it_asks_for_no_investigator() {
    let home = home();
    home.write("STOP", "");
    let mut command = home.haltline();
    let ended = Running::start(command.args(["drain-faults", "--queue", "--json"]).env("PATH", "/nowhere")).end();
    assert_eq!(ended.expect(75).json()["deferred"], json!(2));
}

#[test]
fn without_work_it_stops_nothing() {
    let home = Home::new();
    home.put(&audit("r", "a"));
    home.write("STOP", "");
    let ended = home.drain(FINDS_CAUSE, NOTHING).expect(0);
    assert!(!ended.stderr.contains(SAYS), "{ended:#?}");
}

#[test]
fn a_dry_run_tells_of_it() {
    let home = home();
    home.write("STOP", "");
    let result = home.drain(FINDS_CAUSE, ["--dry-run"]).expect(75).says(SAYS).json();
    assert_eq!((&result["processed"], &result["deferred"]), (&json!(0), &json!(2)));
}

#[test]
fn it_stops_an_investigation_by_hand_too() {
    let home = home();
    let stop = home.write("STOP", "");
    let stub = home.stub(FINDS_CAUSE);
    let ended = home.run(["investigate", "f", "--investigator", "command", "--command", &stub]);
    ended.expect(75).says(&format!("{SAYS}{}; remove it", stop.display()));
    assert_eq!((home.trace().len(), home.holds().len()), (0, 0));
}
