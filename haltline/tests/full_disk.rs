//! Disks that are full or broken: what is told as done is done, and nothing half written is left.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use serde_json::json;
use support::drains::{FINDS_CAUSE, PENDING, Running, fault, reports};
use support::{Ended, Home, set_mode};

const NOTHING: [&str; 0] = [];
const EMIT: [&str; 7] = ["emit", "--kind", "PHASE_FAILED", "--run-id", "r", "--message", "phase 0 failed"];

/// A queue that somebody has emitted to before, so that its folders are there.
fn used() -> Home {
    let home = Home::new();
    home.run(EMIT).expect(0);
    home
}

/// Every file of the queue is a whole event; how many there are.
#[track_caller]
fn check_whole(home: &Home) -> usize {
    let names = home.names(PENDING);
    for name in &names {
        assert!(name.ends_with(".json"), "{name} is left of what failed");
        assert!(home.json_of(&format!("{PENDING}/{name}"))["faultId"].is_string(), "{name}");
    }
    names.len()
}

#[track_caller]
fn check_refused(home: &Home, ended: &Ended, errno_text: &str) {
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:#?}");
    assert!(ended.stderr.contains(home.queue(PENDING).to_str().unwrap()), "{ended:#?}");
    assert!(ended.stderr.contains(errno_text), "{ended:#?}");
}

#[test]
fn an_emission_whose_write_flush_or_link_fails_is_refused_and_leaves_nothing() {
    let errors = [
        ("ENOSPC", "No space left on device"),
        ("EDQUOT", "Disk quota exceeded"),
        ("EFBIG", "File too large"),
        ("EIO", "Input/output error"),
    ];
    let steps = ["write:1", "fsync:1", "linkat:1"];
    for (step, (error, text)) in steps.iter().flat_map(|step| errors.map(|error| (step, error))) {
        let home = used();
        let (call, number) = step.split_once(':').unwrap();
        let Some(mut command) = home.with_failing(&format!("{call}:error={error}:when={number}")) else { return };
        let ended = Running::start(command.args(EMIT)).end();
        check_refused(&home, &ended, text);
        assert_eq!(check_whole(&home), 1, "{step} {error}");
        home.run(EMIT).expect(0);
        assert_eq!(check_whole(&home), 2, "{step} {error}");
    }
}

#[test]
fn a_flush_that_fails_is_not_tried_again() {
    for (number, events) in [(1, 1), (2, 2)] {
        let home = used();
        let log = home.beside("strace");
        let rule = format!("inject=fsync:error=EIO:when={number}");
        let Some(mut command) = home.traced(&["-y", "-e", "trace=fsync", "-e", &rule, "-o", log.to_str().unwrap()])
        else {
            return;
        };
        let ended = Running::start(command.args(EMIT)).end();
        check_refused(&home, &ended, "Input/output error");
        let calls = std::fs::read_to_string(log).unwrap();
        assert_eq!(calls.lines().count(), number, "the kernel forgets what it could not write: {calls}");
        // Without the flush of the folder the event may be there; nobody was told so.
        assert_eq!(check_whole(&home), events);
    }
}

#[test]
fn a_close_that_fails_after_the_flush_takes_nothing_back() {
    let home = used();
    let Some(mut command) = home.with_failing("close:error=EIO:when=1+") else { return };
    let ended = Running::start(command.args(EMIT)).end();
    // The loader of programs closes files too, and may refuse to go on.
    assert_eq!(check_whole(&home), 1 + usize::from(ended.code == Some(0)), "{ended:#?}");
}

#[test]
fn a_full_disk_refuses_an_emission_whole_and_takes_the_next_when_there_is_room() {
    let home = Home::new();
    let log = home.write_beside("out.log", "a line of a log\n".repeat(200));
    std::fs::create_dir_all(home.path("")).unwrap();
    let script = r#"
        mount -t tmpfs -o size=64k tmpfs "$H"
        emit() { "$BIN" emit --kind PHASE_FAILED --run-id r --message m --stdout-log "$1"; }
        emit "$LOG"
        while emit "$LOG" 2>"$H/../said"; do :; done
        ls -A "$Q/pending-investigations" | wc -l
        cat "$Q"/pending-investigations/* | grep -c '^}$'
        rm "$(ls "$Q"/pending-investigations/* | head -1)"
        emit "$LOG"
    "#
    .replace("$LOG", log.to_str().unwrap());
    let Some(ended) = home.in_own_mounts(FINDS_CAUSE, &script) else { return };
    let ended = ended.expect(0);
    let counts: Vec<&str> = ended.stdout.lines().filter(|line| !line.starts_with("PHASE_FAILED")).collect();
    assert!(counts.len() == 2 && counts[0] == counts[1], "every file is whole and has a name: {ended:#?}");
    let said = std::fs::read_to_string(home.beside("said")).unwrap();
    assert!(said.contains("No space left on device") && said.contains("free some space"), "{said}");
}

#[test]
fn a_disk_without_inodes_refuses_an_emission_whole() {
    let home = Home::new();
    std::fs::create_dir_all(home.path("")).unwrap();
    let script = r#"
        mount -t tmpfs -o size=1m,nr_inodes=6 tmpfs "$H"
        emit() { "$BIN" emit --kind PHASE_FAILED --run-id r --message m; }
        emit
        while emit 2>"$H/../said"; do :; done
        ls -A "$Q/pending-investigations" | wc -l
        cat "$Q"/pending-investigations/* | grep -c '^}$'
    "#;
    let Some(ended) = home.in_own_mounts(FINDS_CAUSE, script) else { return };
    let counts = ended.expect(0).stdout;
    assert!(counts.ends_with("\n3\n3\n"), "{counts}");
    let said = std::fs::read_to_string(home.beside("said")).unwrap();
    assert!(said.contains("No space left on device"), "{said}");
}

#[test]
fn a_limit_on_the_size_of_files_cuts_no_event() {
    let home = used();
    let log = home.write_beside("out.log", "a line of a log\n".repeat(200));
    let mut command = home.command("sh");
    let script = "trap '' XFSZ; ulimit -f 1; exec \"$0\" \"$@\"";
    command.args(["-c", script, env!("CARGO_BIN_EXE_haltline")]).args(EMIT).arg("--stdout-log").arg(log);
    let ended = Running::start(&mut command).end();
    check_refused(&home, &ended, "File too large");
    assert_eq!(check_whole(&home), 1);
}

#[test]
fn a_sink_without_room_gets_its_row_later_and_nobody_is_paid_again() {
    let home = Home::new();
    let file = home.put(&fault("r", "f"));
    std::fs::create_dir_all(home.path("analytics")).unwrap();
    let script = r#"
        mount -t tmpfs -o size=64k tmpfs "$H/analytics"
        drain() { "$BIN" drain-faults --queue --json --investigator command --command "$STUB"; }
        drain || echo "ended with $?" >&2
        rm "$H/analytics/filler"
        drain
        grep '[^ ]' "$H/analytics/skill-faults.jsonl" > "$H/../rows"
    "#;
    // The last page of the file of rows is filled as well.
    let fill = "A=\"$Q/../analytics\"; dd if=/dev/zero of=\"$A/filler\" bs=1k count=100; \
                printf '%5000s' '' >> \"$A/skill-faults.jsonl\"";
    let body = format!("{FINDS_CAUSE}; {{ {fill}; }} 2>/dev/null");
    let Some(ended) = home.in_own_mounts(&body, script) else { return };
    let ended = ended.expect(0).says("No space left on device").says("ended with 74");
    let last: serde_json::Value = serde_json::from_str(ended.stdout.lines().last().unwrap()).unwrap();
    assert_eq!((&last["dispatched"], home.trace().len()), (&json!(0), 1));
    assert_eq!((reports(&home, "r").len(), home.names("inbox").len(), home.holds().len()), (2, 1, 0));
    let rows = std::fs::read_to_string(home.beside("rows")).unwrap();
    std::fs::write(home.path("analytics/skill-faults.jsonl"), rows).unwrap();
    home.check_settled_once(&[file], "investigated");
}

#[test]
fn a_disk_that_is_full_when_the_report_comes_costs_no_second_investigation() {
    let home = Home::new();
    std::fs::create_dir_all(home.path("")).unwrap();
    let script = r#"
        mount -t tmpfs -o size=512k tmpfs "$H"
        drain() { "$BIN" drain-faults --queue --json --investigator command --command "$STUB"; }
        "$BIN" emit --kind PHASE_FAILED --run-id r --message m
        drain || echo "ended with $?" >&2
        rm "$H/filler"
        drain
        cp -r "$H" "$H/../kept"
    "#;
    let body = format!("{FINDS_CAUSE}; dd if=/dev/zero of=\"$Q/../filler\" bs=1k count=1000 2>/dev/null");
    let Some(ended) = home.in_own_mounts(&body, script) else { return };
    let ended = ended.expect(0).says("No space left on device").says("ended with 74");
    let last: serde_json::Value = serde_json::from_str(ended.stdout.lines().last().unwrap()).unwrap();
    assert_eq!((&last["dispatched"], &last["failed"], home.trace().len()), (&json!(0), &json!(0), 1));
    let kept = |below: &str| support::names(&home.beside("kept/skill-faults").join(below));
    assert_eq!((kept(PENDING).len(), kept("reports/r").len(), kept("inbox").len()), (0, 2, 1));
    assert_eq!(kept("processed").iter().filter(|name| name.starts_with("r-")).count(), 1);
}

#[test]
fn a_sink_that_loses_its_permission_keeps_no_other_from_its_part() {
    let home = Home::new();
    let file = home.put(&fault("r", "f"));
    let rows = home.write_beside("home/analytics/skill-faults.jsonl", "");
    let body = format!("{FINDS_CAUSE}; chmod 400 \"$Q/../analytics/skill-faults.jsonl\"");
    let Some(ended) = home.drain_bound(&body) else { return };
    ended.expect(74).says("skill-faults.jsonl").says("Permission denied");
    set_mode(&rows, 0o600);
    assert_eq!((reports(&home, "r").len(), home.names("inbox").len(), home.told_of(&file).len()), (2, 1, 0));
    home.drain(FINDS_CAUSE, NOTHING).expect(0);
    home.check_settled_once(&[file], "investigated");
    assert_eq!((reports(&home, "r").len(), home.names("inbox").len(), home.trace().len()), (2, 1, 1));
}
