//! Queues that cannot be used: refused before anything is claimed or paid, and never worked around.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use std::os::unix::fs::symlink;

use serde_json::{Value, json};
use support::drains::{FINDS_CAUSE, PENDING, Running, fault};
use support::{Home, set_mode};

const NOTHING: [&str; 0] = [];
const EMIT: [&str; 7] = ["emit", "--kind", "PHASE_FAILED", "--run-id", "r", "--message", "phase 0 failed"];
/// The folders between which events move.
const FOLDERS: [&str; 5] = [PENDING, "in-flight", "processed", "dead-letter", "quarantine"];
/// What a script of a mount namespace begins with.
const DRAIN: &str = r#"drain() { "$BIN" drain-faults --queue --json --investigator command --command "$STUB"; }"#;

/// Drains once in a mount namespace after `mounts`; the fault has to be where it was and nobody asked.
fn check_refused(mounts: &str, says: &str) -> Option<()> {
    let home = Home::new();
    home.drain(FINDS_CAUSE, NOTHING).expect(0);
    home.put(&fault("r", "f"));
    let ended = home.in_own_mounts(FINDS_CAUSE, &format!("{mounts}\n{DRAIN}\ndrain"))?.expect(74).says(says);
    assert_eq!((ended.stdout.as_str(), home.trace().len()), ("", 0), "{mounts}");
    assert_eq!((home.names(PENDING), home.held().len()), (vec!["r-f.json".to_owned()], 0), "{mounts}");
    home.drain(FINDS_CAUSE, NOTHING).expect(0);
    home.check_settled_once(&["r-f.json".to_owned()], "investigated");
    Some(())
}

#[test]
fn folders_on_several_file_systems_or_mounts_are_refused_before_anything_is_claimed() {
    for folder in FOLDERS.into_iter().skip(1) {
        let says = format!("skill-faults/{folder}");
        if check_refused(&format!("mount -t tmpfs tmpfs \"$Q/{folder}\""), &says).is_none() {
            return;
        }
        // Of one file system, and still no rename leads there.
        check_refused(&format!("mount --bind \"$Q/{folder}\" \"$Q/{folder}\""), &says).unwrap();
    }
}

#[test]
fn a_queue_that_is_read_only_is_refused_before_anything_is_claimed() {
    let read_only = |below: &str| format!("mount --bind \"{below}\" \"{below}\"; mount -o remount,ro,bind \"{below}\"");
    if check_refused(&read_only("$H"), "read-only").is_none() {
        return;
    }
    check_refused(&read_only("$H/analytics"), "read-only").unwrap();
    check_refused(&read_only("$Q/reports"), "read-only").unwrap();

    let home = Home::new();
    home.run(EMIT).expect(0);
    let script = format!("{}; \"$BIN\" {} 'phase 0 failed'", read_only("$H"), EMIT[..6].join(" "));
    let ended = home.in_own_mounts(FINDS_CAUSE, &script).unwrap().expect(1).says("mounted read-only");
    assert_eq!((ended.stdout.as_str(), home.names(PENDING).len()), ("", 1));
}

/// From some step on, everything that changes a folder fails, as after a remount that an error led to.
#[test]
fn a_queue_that_becomes_read_only_keeps_the_event_and_pays_once() {
    let mut stages = (0, 0);
    for number in 1..=12 {
        let home = Home::new();
        home.drain(FINDS_CAUSE, NOTHING).expect(0);
        let file = home.put(&fault("r", "f"));
        let rule = format!("renameat2,mkdirat,linkat,unlinkat,ftruncate:error=EROFS:when={number}+");
        let Some(mut command) = home.with_failing(&rule) else { return };
        let stub = home.stub(FINDS_CAUSE);
        command.args(["drain-faults", "--queue", "--json", "--investigator", "command", "--command", &stub]);
        let ended = Running::start(&mut command).end();
        let paid = home.trace().len();
        assert!(ended.code == Some(0) || !ended.stderr.is_empty(), "{number}: {ended:#?}");
        for _ in 0..2 {
            home.end_back_off();
            home.drain(FINDS_CAUSE, NOTHING);
        }
        home.check_settled_once(std::slice::from_ref(&file), "investigated");
        assert_eq!(home.trace().len(), 1, "{number}: what was paid for is not paid for again");
        stages = (stages.0 + usize::from(paid == 0), stages.1 + paid);
    }
    assert!(stages.0 > 0 && stages.1 > 0, "before and after the investigation: {stages:?}");
}

#[test]
fn a_folder_of_the_queue_that_is_a_symbolic_link_is_refused() {
    for folder in FOLDERS.into_iter().chain(["reports", "inbox"]) {
        let home = Home::new();
        let (elsewhere, at) = (home.beside("elsewhere"), home.queue(folder));
        std::fs::create_dir(&elsewhere).unwrap();
        std::fs::create_dir_all(home.queue("")).unwrap();
        symlink(&elsewhere, &at).unwrap();
        let ended = home.drain(FINDS_CAUSE, NOTHING).expect(74).says(at.to_str().unwrap());
        assert_eq!(ended.says("move it away").stdout, "");
        if folder == PENDING {
            home.run(EMIT).expect(1).says(at.to_str().unwrap());
        }
        assert_eq!(support::names(&elsewhere), NOTHING, "{folder}");
    }
}

#[test]
fn a_queue_root_that_is_a_file_or_a_link_is_refused_and_one_that_is_missing_is_made() {
    for is_link in [false, true] {
        let home = Home::new();
        std::fs::create_dir_all(home.path("")).unwrap();
        std::fs::create_dir(home.beside("elsewhere")).unwrap();
        match is_link {
            true => symlink(home.beside("elsewhere"), home.path("skill-faults")).unwrap(),
            false => std::fs::write(home.path("skill-faults"), "mine").unwrap(),
        }
        home.drain(FINDS_CAUSE, NOTHING).expect(74).says("skill-faults");
        home.run(EMIT).expect(1).says("skill-faults");
        assert_eq!(support::names(&home.beside("elsewhere")), NOTHING);
    }
    let home = Home::new();
    let result: Value = home.drain(FINDS_CAUSE, NOTHING).expect(0).json();
    assert_eq!(result["shortCircuited"], json!(1));
    assert_eq!(support::mode(&home.queue("")), 0o700);
}

#[test]
fn a_home_that_cannot_be_made_is_told_once_with_its_cause_and_what_to_do() {
    let home = Home::new();
    home.run([&EMIT[..], &["--home", "/proc/x"]].concat()).expect(1).says("/proc/x").says("choose another place");

    let locked = home.beside("locked");
    std::fs::create_dir(&locked).unwrap();
    set_mode(&locked, 0o500);
    let ended = home.run_bound([&EMIT[..], &["--home", "locked/home"]].concat());
    set_mode(&locked, 0o700);
    let Some(ended) = ended else { return };
    let ended = ended.expect(1).says("check who owns it");
    assert_eq!(ended.stderr.matches("ermission denied").count(), 1, "{ended:#?}");
}
