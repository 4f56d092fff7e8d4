//! Streams that are closed, full or without a reader, a terminal that goes away, and descriptors that nobody inherits.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use std::process::Stdio;

use rustix::process::Signal;
use serde_json::json;
use support::Home;
use support::drains::{FINDS_CAUSE, PENDING, Running, audit, await_line, fault, is_running};

const NOTHING: [&str; 0] = [];

#[test]
fn with_all_streams_closed_or_full_nothing_is_written_into_a_file_of_the_queue() {
    for streams in ["<&- >&- 2>&-", "</dev/null >/dev/full 2>/dev/full"] {
        let home = Home::new();
        home.put_old("bad.json", "{");
        let file = home.put(&audit("r", "a"));
        let stub = home.stub(FINDS_CAUSE);
        let script = format!(
            "emit() {{ \"$0\" -v emit --kind PHASE_FAILED --run-id s --message m {streams}; }}\n\
             drain() {{ \"$0\" -v drain-faults --queue --json --investigator command --command \"$STUB\" {streams}; }}\n\
             emit; echo $?; drain; echo $?; \"$0\" upgrade {streams}; echo $?; \"$0\" list {streams}; echo $?"
        );
        let mut command = home.command("sh");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_haltline")]).env("STUB", stub);
        // The drain has a file to quarantine, and says so by its exit code.
        assert_eq!(Running::start(&mut command).end().expect(0).stdout, "0\n1\n0\n0\n", "{streams}");
        let emitted = home.names("processed").into_iter().find(|name| name.starts_with("s-")).unwrap();
        home.check_settled_once(&[emitted], "investigated");
        home.check_settled_once(&[file], "audit-skipped");
        assert_eq!(home.rows("processed").len(), 3, "every file is JSON");
        assert_eq!((home.names("quarantine").len(), home.holds().len()), (2, 0), "{streams}");
    }
}

#[test]
fn a_reader_that_went_away_is_no_failure() {
    for args in [
        &["status"][..],
        &["list"],
        &["--help"],
        &["doctor"],
        &["drain-faults", "--queue", "--json", "--investigator", "triage"],
        &["emit", "--kind", "PHASE_FAILED", "--run-id", "r", "--message", "m"],
    ] {
        let home = Home::new();
        home.put(&fault("r", "f"));
        // The reader's end is closed before the program starts: a shell's last command in a pipe that has ended.
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = home.haltline();
        command.args(args).stdout(writer.try_clone().unwrap()).stderr(writer).stdin(Stdio::null());
        let code = command.status().unwrap().code();
        // `doctor` has something to say here: there is no investigator.
        assert!(code == Some(0) || (args == ["doctor"] && code == Some(1)), "{args:?}: {code:?}");
    }
}

#[test]
fn a_terminal_that_goes_away_costs_no_event_and_the_next_drain_ends_what_runs() {
    let home = Home::new();
    let file = home.put(&fault("r", "f"));
    let body = format!("sleep 300 & echo \"$! $$\" > '{}'; wait", home.beside("pids").display());
    let drain = Running::start(&mut home.drain_with(&body));
    let pids = await_line(&home.beside("pids"));
    drain.signal(Signal::HUP);
    assert_eq!(drain.end().code, None, "as a kill");
    assert_eq!(home.held(), [file.as_str()]);
    let result = home.drain(FINDS_CAUSE, NOTHING).expect(0).json();
    assert_eq!((&result["recovered"], &result["dispatched"]), (&json!(1), &json!(0)));
    assert!(pids.split(' ').all(|pid| !is_running(pid)), "{pids}");
    home.end_back_off();
    home.drain(FINDS_CAUSE, NOTHING).expect(0);
    home.check_settled_once(&[file], "investigated");
}

#[test]
fn an_investigator_inherits_its_own_three_files_and_nothing_of_the_queue() {
    let home = Home::new();
    home.put(&fault("r", "f"));
    let list = home.beside("descriptors");
    let body = format!(
        "for each in /proc/$$/fd/*; do readlink \"$each\"; done | sort -u > '{}'; {FINDS_CAUSE}",
        list.display()
    );
    home.drain(&body, NOTHING).expect(0);
    let text = std::fs::read_to_string(list).unwrap();
    // The shell has its script open, and the pipe to `sort`; what the drain's own parent passed on is not ours.
    let own = ["/prompt.txt", "/stdout", "/stderr", "/stub.sh"];
    let (own, other): (Vec<_>, Vec<_>) = text.lines().partition(|path| own.iter().any(|end| path.ends_with(end)));
    assert!(own.len() >= 3, "{text}");
    let home_path = home.dir.path().to_str().unwrap();
    assert!(other.iter().all(|path| !path.starts_with(home_path)), "{text}");
    assert_eq!(home.names(PENDING), NOTHING);
}
