//! Too few descriptors, no room for one more process, and calls that a signal interrupts.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use serde_json::json;
use support::Home;
use support::drains::{FINDS_CAUSE, PENDING, Running, audit, fault};

const NOTHING: [&str; 0] = [];
const EMIT: [&str; 7] = ["emit", "--kind", "PHASE_FAILED", "--run-id", "r", "--message", "phase 0 failed"];

/// A drain with a stub, on its command line behind what a test puts before it.
fn drain_args(home: &Home) -> [String; 7] {
    let stub = home.stub(FINDS_CAUSE);
    ["drain-faults", "--queue", "--json", "--investigator", "command", "--command", &stub].map(str::to_owned)
}

#[test]
fn a_drain_with_too_few_descriptors_loses_nothing_and_pays_once() {
    let mut refused = 0;
    for most in [4, 8, 12, 14, 16, 18, 20, 24, 32] {
        let home = Home::new();
        let files = [home.put(&fault("r", "f")), home.put(&audit("r", "a"))];
        let mut command = home.command("sh");
        let script = format!("ulimit -n {most}; exec \"$0\" \"$@\"");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_haltline")]).args(drain_args(&home));
        let ended = Running::start(&mut command).end();
        assert!(!ended.stderr.contains("panicked"), "{most}: {ended:#?}");
        assert!(ended.code == Some(0) || !ended.stderr.is_empty(), "{most}: {ended:#?}");
        refused += usize::from(ended.code != Some(0));
        let paid = home.trace().len();
        for _ in 0..2 {
            home.end_back_off();
            home.drain(FINDS_CAUSE, NOTHING).expect(0);
        }
        home.check_settled_once(&files[..1], "investigated");
        home.check_settled_once(&files[1..], "audit-skipped");
        assert!(home.trace().len() == 1 || paid == 1, "{most}: {:#?}", home.told());
        assert!(home.trace().len() <= 2 && home.holds().is_empty(), "{most}: {:#?}", home.told());
    }
    assert!(refused > 2, "only {refused} drains felt the limit");
}

#[test]
fn without_room_for_a_process_the_event_waits_and_no_attempt_is_counted() {
    let home = Home::new();
    let file = home.put(&fault("r", "f"));
    let Some(mut command) = home.with_failing("clone,fork,vfork:error=EAGAIN:when=1+") else { return };
    let ended = Running::start(command.args(drain_args(&home))).end().says("too many processes");
    let result = ended.json();
    assert_eq!((&result["processed"], home.trace().len(), home.holds().len()), (&json!(0), 0, 0), "{ended:#?}");
    assert_eq!(home.names(PENDING), [file.as_str()]);
    let delivery = &home.json_of(&format!("{PENDING}/{file}"))["delivery"];
    assert!(delivery["attempts"].as_u64().unwrap_or(0) == 0, "{delivery}");
    home.end_back_off();
    assert_eq!(home.drain(FINDS_CAUSE, NOTHING).expect(0).json()["processed"], json!(1));
}

#[test]
fn a_call_that_a_signal_interrupts_is_made_again() {
    let mut emitted = 0;
    for (call, number) in ["openat", "read", "write", "fsync"].iter().flat_map(|call| (1..=6).map(move |n| (call, n))) {
        let home = Home::new();
        let rule = format!("{call}:error=EINTR:when={number}");
        let Some(mut emission) = home.with_failing(&rule) else { return };
        let ended = Running::start(emission.args(EMIT)).end();
        // The loader of programs opens and reads files too, and gives up.
        if ended.code == Some(127) {
            continue;
        }
        assert_eq!((ended.code, home.names(PENDING).len()), (Some(0), 1), "{rule}: {ended:#?}");
        emitted += 1;
    }
    assert!(emitted >= 12, "only {emitted} emissions got as far as the queue");

    for call in ["fsync", "fdatasync", "flock"] {
        let home = Home::new();
        let files = [home.put(&fault("r", "f")), home.put(&audit("r", "a"))];
        // Every other call of each thread.
        let Some(mut command) = home.with_failing(&format!("{call}:error=EINTR:when=1+2")) else { return };
        Running::start(command.args(drain_args(&home))).end().expect(0);
        home.check_settled_once(&files[..1], "investigated");
        home.check_settled_once(&files[1..], "audit-skipped");
    }
}
