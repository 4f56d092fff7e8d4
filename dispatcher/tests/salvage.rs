//! What a later drain finds of an attempt whose drain died. No investigator is started in this program: one that ends
//! would end the stand-ins, which are children of ours in sessions of their own, as orphans.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::fs::{self, File, OpenOptions};
use std::process::{Child, Command, Stdio};

use haltline_protocol::Usd;
use rustix::fs::{FlockOperation, flock};
use serde_json::json;
use support::{Bench, lives, report};

/// Leaves what a drain leaves that was killed while its investigator ran.
fn leave(bench: &Bench, stdout: &str) -> File {
    let note = json!({"provider": "command", "name": "mine", "model": "m", "nonce": "w0rd"});
    fs::write(bench.folder().join("attempt.json"), note.to_string()).unwrap();
    for (name, text) in [("prompt.txt", "prompt"), ("stdout", stdout), ("stderr", "")] {
        fs::write(bench.folder().join(name), text).unwrap();
    }
    let output = OpenOptions::new().append(true).open(bench.folder().join("stdout")).unwrap();
    flock(&output, FlockOperation::NonBlockingLockExclusive).unwrap();
    output
}

#[expect(clippy::disallowed_methods, reason = "stands for a process of a drain that is gone")]
fn start(script: &str, bench: &Bench, stdout: Stdio, mark: bool) -> Child {
    let mut command = Command::new("setsid");
    command.args(["sh", "-c", script]).env_clear().stdin(Stdio::null()).stdout(stdout).stderr(Stdio::null());
    if mark {
        command.env("TMPDIR", bench.folder());
    }
    command.spawn().unwrap()
}

#[tokio::test]
async fn a_complete_report_on_stdout_is_taken_and_kept() {
    let bench = Bench::new();
    drop(leave(&bench, &format!("thinking\n{}\n", report())));
    let found = bench.investigator("exit 1").salvage(&bench.assignment()).await.unwrap();
    assert_eq!(found.report.root_cause, "the disk is full");
    assert_eq!((found.usage.provider.as_str(), found.usage.model.as_deref()), ("mine", Some("m")));
    assert_eq!(found.usage.cost.map(|cost| cost.usd), Usd::from_dollars(0.12));
    assert!(bench.read("result.json").contains("the disk is full"));
}

#[tokio::test]
async fn what_is_incomplete_or_foreign_is_not_taken() {
    let half = &report()[..60];
    let foreign = report().replace("p3", "p4");
    let other_word = report().replace("\"costUsd\"", "\"nonce\":\"other\",\"costUsd\"");
    for stdout in ["", half, &foreign, &other_word] {
        let bench = Bench::new();
        drop(leave(&bench, stdout));
        assert!(bench.investigator("exit 1").salvage(&bench.assignment()).await.is_none(), "{stdout}");
    }
    let bench = Bench::new();
    assert!(bench.investigator("exit 1").salvage(&bench.assignment()).await.is_none(), "nothing ever began");
    drop(leave(&bench, ""));
    let kept = json!({"report": serde_json::from_str::<serde_json::Value>(&foreign).unwrap(),
        "usage": {"provider": "x", "model": null, "tokensIn": null, "tokensCached": null, "tokensOut": null,
        "cost": null, "duration": {"secs": 1, "nanos": 0}}});
    fs::write(bench.folder().join("result.json"), kept.to_string()).unwrap();
    assert!(bench.investigator("exit 1").salvage(&bench.assignment()).await.is_none());
}

#[tokio::test]
async fn what_still_runs_is_ended_first() {
    // The first holds the lock of its output, the second only its mark; both are in sessions of their own.
    for (with_output, mark) in [(true, false), (true, true)] {
        let bench = Bench::new();
        let output = leave(&bench, &report());
        let stdout = if with_output { Stdio::from(output) } else { Stdio::null() };
        let mut child = start("trap '' TERM; while :; do sleep 100; done", &bench, stdout, mark);
        let pid = child.id().to_string();
        let found = bench.investigator("exit 1").salvage(&bench.assignment()).await;
        assert!(found.is_some());
        assert!(!lives(&pid));
        child.wait().unwrap();
    }
}

#[tokio::test]
async fn a_process_that_merely_has_the_noted_number_is_left_alone() {
    let bench = Bench::new();
    drop(leave(&bench, &report()));
    let mut innocent = start("exec sleep 300", &bench, Stdio::null(), false);
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let note = json!({"pid": innocent.id(), "startTicks": 1, "bootId": boot.trim()});
    fs::write(bench.folder().join("process.json"), note.to_string()).unwrap();
    // Somebody of the dead tree lives, so the locks are held.
    let output = OpenOptions::new().append(true).open(bench.folder().join("stdout")).unwrap();
    flock(&output, FlockOperation::NonBlockingLockExclusive).unwrap();
    let mut survivor = start("exec sleep 300", &bench, Stdio::from(output), true);
    assert!(bench.investigator("exit 1").salvage(&bench.assignment()).await.is_some());
    assert!(!lives(&survivor.id().to_string()));
    assert!(lives(&innocent.id().to_string()));
    innocent.kill().unwrap();
    innocent.wait().unwrap();
    survivor.wait().unwrap();
}
