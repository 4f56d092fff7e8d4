//! A drain is killed, and the next one finishes what it left: nothing is lost, nothing is told or paid twice.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use serde_json::{Value, json};
use support::Home;
use support::drains::{FINDS_CAUSE, PENDING, Running, audit, await_line, fault, is_running, reports, until};

const NOTHING: [&str; 0] = [];
/// The system calls between which a drain changes what is on disk.
const POINTS: [&str; 6] = ["renameat2", "fdatasync", "fsync", "write", "unlinkat", "mkdirat"];

fn drain_id(home: &Home) -> String {
    let holds = home.holds();
    assert_eq!(holds.len(), 1, "{holds:?}");
    holds[0].clone()
}

#[test]
fn an_investigation_of_a_killed_drain_is_ended_counted_and_never_run_beside_another() {
    let home = Home::new();
    let file = home.put(&fault("r", "f"));
    let body = format!("sleep 300 & echo \"$! $$\" > '{}'; wait", home.beside("pids").display());
    let drain = Running::start(&mut home.drain_with(&body));
    let pids: Vec<String> = await_line(&home.beside("pids")).split(' ').map(str::to_owned).collect();
    let dead = drain_id(&home);
    drain.kill();
    assert_eq!((home.held(), home.names(PENDING).len()), (vec![file.clone()], 0));

    // A stub that would see a leftover of the first.
    let runs = |pid: &str| format!("[ -e /proc/{pid}/exe ]");
    let leftover = format!("{} || {}", runs(&pids[0]), runs(&pids[1]));
    let body = format!("if {leftover}; then touch '{}'; fi; {FINDS_CAUSE}", home.beside("two").display());
    let result = home.drain(&body, NOTHING).expect(0).json();
    assert!(pids.iter().all(|pid| !is_running(pid)), "the leftover is ended");
    assert_eq!((&result["recovered"], &result["dispatched"], &result["skipped"]), (&json!(1), &json!(0), &json!(1)));
    assert_eq!((home.names(PENDING), home.holds().len()), (vec![file.clone()], 0));
    let told = home.told_of(&file);
    assert_eq!(told.len(), 1, "{told:#?}");
    assert_eq!((&told[0]["outcome"], &told[0]["failure"]), (&json!("dispatch-failed"), &json!("interrupted")));
    assert_eq!(told[0]["drainId"], json!(dead));
    let delivery = &home.json_of(&format!("{PENDING}/{file}"))["delivery"];
    assert_eq!(delivery["attempts"], json!(1));
    assert!(delivery["notBefore"].is_string() && delivery["lastError"].is_string(), "{delivery}");

    home.end_back_off();
    assert_eq!(home.drain(&body, NOTHING).expect(0).json()["processed"], json!(1));
    home.check_settled_once(&[file], "investigated");
    assert!(!home.beside("two").is_file());
}

#[test]
fn killed_three_times_a_fault_is_given_up_on() {
    let home = Home::new();
    let file = home.put(&fault("r", "f"));
    for round in 1..=3 {
        let drain = Running::start(&mut home.drain_with("sleep 300"));
        until("the investigation", || home.trace().len() == round);
        drain.kill();
        let code = i32::from(round == 3);
        assert_eq!(home.drain("exit 9", NOTHING).expect(code).json()["deadLettered"], json!(code));
        home.end_back_off();
    }
    assert_eq!((home.names("dead-letter"), home.names(PENDING).len()), (vec![file], 0));
    assert_eq!(home.trace().len(), 3);
}

#[test]
fn a_report_that_was_printed_before_the_kill_is_taken_and_not_paid_again() {
    let home = Home::new();
    let files = [home.put(&fault("r", "f")), home.put(&fault("r", "f"))];
    let body = format!("{FINDS_CAUSE}; echo done > '{}'; sleep 300", home.beside("done").display());
    let drain = Running::start(&mut home.drain_with(&body));
    await_line(&home.beside("done"));
    let dead = drain_id(&home);
    drain.kill();

    let result = home.drain("exit 1", NOTHING).expect(0).json();
    assert_eq!((&result["dispatched"], &result["recovered"]), (&json!(0), &json!(2)));
    assert_eq!((&result["processed"], &result["duplicates"]), (&json!(1), &json!(1)));
    assert_eq!((home.trace().len(), home.holds().len()), (1, 0));
    home.check_settled_once(&files[..1], "investigated");
    home.check_settled_once(&files[1..], "duplicate");
    let row = &home.told_of(&files[0])[0];
    assert_eq!((&row["drainId"], &row["occurrences"], &row["costUsd"]), (&json!(dead), &json!(2), &json!(0.25)));
    assert_eq!((reports(&home, "r").len(), home.names("inbox").len()), (2, 1));
    assert_eq!(home.json_of("reports/r/f.json")["drainId"], json!(dead));
}

#[test]
fn half_a_report_is_none() {
    let home = Home::new();
    let file = home.put(&fault("r", "f"));
    let body = format!("{FINDS_CAUSE} | head -c 60; echo done > '{}'; sleep 300", home.beside("done").display());
    let drain = Running::start(&mut home.drain_with(&body));
    await_line(&home.beside("done"));
    drain.kill();
    home.drain("exit 1", NOTHING).expect(0);
    let told = home.told_of(&file);
    assert_eq!((told.len(), &told[0]["failure"]), (1, &json!("interrupted")));
    assert_eq!((home.names(PENDING).len(), reports(&home, "r").len()), (1, 0));
}

/// Everything that one drain and its kill may leave, after one more drain: each event in one place, each settled once.
#[track_caller]
fn check_after(home: &Home, audits: &[String], what: &str) {
    let owns = home.names("processed").iter().filter(|name| name.starts_with("drain-faults-")).count();
    let result = home.drain(FINDS_CAUSE, NOTHING).expect(0).json();
    assert_eq!(result["failed"], json!(0), "{what}");
    home.check_settled_once(audits, "audit-skipped");
    assert_eq!((home.names(PENDING).len(), home.holds().len()), (0, 0), "{what}");
    let told = home.told_once();
    let own: Vec<&Value> = told.iter().filter(|row| row["runId"] == "drain-faults").collect();
    let owns_now = home.names("processed").iter().filter(|name| name.starts_with("drain-faults-")).count();
    assert_eq!(own.len(), owns_now, "{what}: {own:#?}");
    assert!(owns_now > owns, "{what}");
    assert_eq!(home.names("processed").len(), audits.len() + owns_now, "{what}");
}

#[test]
fn killed_in_the_middle_of_settling_each_event_is_in_one_place_and_settled_once() {
    const EVENTS: usize = 120;
    for round in 0..20 {
        let home = Home::new();
        let audits: Vec<_> = (0..EVENTS).map(|number| home.put(&audit("r", &format!("a {number}.")))).collect();
        let mut drain = Running::start(&mut home.drain_with(FINDS_CAUSE));
        let few = round * EVENTS / 20;
        // No pause: the moves of all events take some milliseconds.
        while home.names("processed").len() < few && !drain.has_ended() {
            std::thread::yield_now();
        }
        drain.kill();
        check_after(&home, &audits, &format!("round {round}"));
    }
}

/// Runs a drain that is killed before the `times`-th of these system calls of one of its threads; whether it was.
/// `None` where that cannot be had.
fn kill_before(home: &Home, call: &str, times: u32) -> Option<bool> {
    let (trace, inject) = (format!("trace={call}"), format!("inject={call}:signal=KILL:when={times}"));
    let mut command = home.traced(&["-e", &trace, "-e", &inject])?;
    command.args([
        "drain-faults",
        "--queue",
        "--json",
        "--investigator",
        "command",
        "--command",
        &home.stub(FINDS_CAUSE),
    ]);
    Some(Running::start(&mut command).end().stdout.is_empty())
}

#[test]
fn killed_before_a_system_call_of_settling_each_event_is_in_one_place_and_settled_once() {
    let mut killed = 0;
    for (call, times) in POINTS.iter().flat_map(|call| [1, 2, 3, 5].map(|times| (call, times))) {
        let home = Home::new();
        let audits: Vec<_> = (0..6).map(|number| home.put(&audit("r", &format!("a {number}.")))).collect();
        let Some(was_killed) = kill_before(&home, call, times) else { return };
        killed += u32::from(was_killed);
        check_after(&home, &audits, &format!("{call} {times}"));
    }
    assert!(killed >= 10, "only {killed} drains were killed");
}

#[test]
fn killed_before_a_system_call_of_an_investigation_a_fault_is_paid_once_and_settled_once() {
    let mut killed = 0;
    for (call, times) in POINTS.iter().flat_map(|call| [2, 3, 4, 6, 9].map(|times| (call, times))) {
        let what = format!("{call} {times}");
        let home = Home::new();
        let file = home.put(&fault("r", "f"));
        let Some(was_killed) = kill_before(&home, call, times) else { return };
        killed += u32::from(was_killed);
        for _ in 0..2 {
            home.end_back_off();
            let ended = home.drain(FINDS_CAUSE, NOTHING);
            assert_eq!(ended.code, Some(0), "{what}: {ended:#?}");
        }
        home.check_settled_once(std::slice::from_ref(&file), "investigated");
        let told = home.told_once();
        let counted = told.iter().filter(|row| row["file"] == *file).count();
        assert!(home.trace().len() <= counted, "{what}: {:?} and {told:#?}", home.trace());
        assert_eq!((reports(&home, "r").len(), home.names("inbox").len()), (2, 1), "{what}");
    }
    assert!(killed >= 10, "only {killed} drains were killed");
}

#[test]
fn a_number_at_the_end_of_its_range_in_a_journal_keeps_no_event() {
    let home = Home::new();
    let event = fault("r", "f");
    home.write("in-flight/20260520T081400123Z-0/journal", format!("{{\"acknowledged\":{}}}\n", u64::MAX));
    home.write("in-flight/20260520T081400123Z-0/r-f.json", event.to_string());
    let result = home.drain(FINDS_CAUSE, NOTHING).expect(0).json();
    assert_eq!((&result["recovered"], &result["processed"]), (&json!(1), &json!(1)));
    home.check_settled_once(&["r-f.json".to_owned()], "investigated");
    assert_eq!(home.holds(), NOTHING);
}
