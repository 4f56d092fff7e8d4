//! What a known mistake would leave behind, one at a time: each check that holds without the mistake finds it.

#![expect(clippy::disallowed_methods, reason = "a test takes a file away as a mistake would")]
#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use serde_json::json;
use support::Home;
use support::drains::{FINDS_CAUSE, PENDING, audit, fault, reports};

/// No lie has this name.
const NO_LIE: &str = "none";
/// Every third step is enough: what is looked for takes many.
const STRIDE: usize = 3;
/// More steps than any run here has.
const ENOUGH_STEPS: usize = 2000;

#[test]
fn a_lock_that_an_investigator_inherits_is_found() {
    assert_eq!(inherited(NO_LIE), [""; 0]);
    assert!(inherited("inherited-files").iter().any(|path| path.ends_with("/lock")));
}

/// The files of the queue that are open in an investigator, but for those of its own attempt.
fn inherited(lie: &str) -> Vec<String> {
    let home = Home::new();
    home.put(&fault("r", "f"));
    let list = format!("for fd in /proc/$$/fd/*; do readlink \"$fd\"; done > '{}'", home.beside("open").display());
    let mut drain = home.drain_with(&format!("{list}; {FINDS_CAUSE}"));
    assert!(drain.env("HALTLINE_LIE", lie).output().unwrap().status.success());
    let open = std::fs::read_to_string(home.beside("open")).unwrap();
    let queue = home.queue("").display().to_string();
    open.lines().filter(|path| path.starts_with(&queue) && !path.contains("/attempts/")).map(str::to_owned).collect()
}

#[test]
fn a_report_that_the_sinks_see_before_it_is_kept_is_found() {
    assert_eq!(filed_and_still_waiting(|_| {}), None);
    assert!(filed_and_still_waiting(forget_kept_reports).is_some());
}

/// The first step at which a kill of a drain leaves an event that will be investigated again although its report is filed.
fn filed_and_still_waiting(after_the_kill: fn(&Home)) -> Option<usize> {
    let drain = ["drain-faults", "--queue", "--investigator", "triage"];
    killed_at_each_step(&drain, |home| {
        home.put(&fault("r", "f"));
    })
    .find(|(_, home)| {
        after_the_kill(home);
        home.run(drain);
        !reports(home, "r").is_empty() && home.names(PENDING).len() == 1
    })
    .map(|(step, _)| step)
}

/// Takes away what the dispatcher keeps before it answers, as if it had not been kept.
fn forget_kept_reports(home: &Home) {
    for drain in home.names("in-flight") {
        let attempts = format!("in-flight/{drain}/attempts");
        for attempt in home.names(&attempts) {
            std::fs::remove_file(home.queue(&format!("{attempts}/{attempt}/result.json"))).ok();
        }
    }
}

#[test]
fn a_marker_that_is_written_before_the_rows_is_found() {
    assert_eq!(marked_and_unflagged(|_| {}), None);
    assert!(marked_and_unflagged(mark_as_migrated).is_some());
}

/// The first step at which a kill of an upgrade leaves rows that no later one flags.
fn marked_and_unflagged(after_the_kill: fn(&Home)) -> Option<usize> {
    killed_at_each_step(&["upgrade"], plant_unflagged)
        .find(|(_, home)| {
            after_the_kill(home);
            home.run(["upgrade"]).expect(0);
            let rows = home.names(PENDING).into_iter().filter(|name| name.ends_with(".json"));
            rows.map(|name| home.json_of(&format!("{PENDING}/{name}"))).any(|row| row["investigate"] != json!(false))
        })
        .map(|(step, _)| step)
}

fn plant_unflagged(home: &Home) {
    for fault_id in ["a", "b"] {
        let mut event = audit("r", fault_id);
        event["message"] = json!("mark-shipped subcommand invoked for feature 3");
        event.as_object_mut().unwrap().remove("investigate");
        home.put(&event);
    }
}

/// Puts the markers of a completed upgrade into a home, as if they had been written before the rows.
fn mark_as_migrated(home: &Home) {
    let completed = Home::new();
    plant_unflagged(&completed);
    completed.run(["upgrade"]).expect(0);
    std::fs::create_dir_all(home.queue(".migrations")).unwrap();
    for marker in completed.names(".migrations") {
        let place = format!(".migrations/{marker}");
        std::fs::copy(completed.queue(&place), home.queue(&place)).unwrap();
    }
}

/// Homes in which a command was killed, each before another of its steps on files.
fn killed_at_each_step<'a>(
    command: &'a [&str],
    plant: impl Fn(&Home) + 'a,
) -> impl Iterator<Item = (usize, Home)> + 'a {
    let homes = (1..ENOUGH_STEPS).step_by(STRIDE).map(move |step| {
        let home = Home::new();
        plant(&home);
        let mut program = home.haltline();
        program.args(command).env("HALTLINE_FAULT", format!("kill:{step}"));
        (step, program.output().unwrap().status.code(), home)
    });
    homes.take_while(|(_, code, _)| code.is_none()).map(|(step, _, home)| (step, home))
}
