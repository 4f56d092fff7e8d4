//! A program that embeds the dispatcher keeps its process as it was, and its own children. Nothing else is tested in this
//! program, because what belongs to the whole process is compared before and after.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};

use rustix::fs::Mode;
use rustix::process::{DumpableBehavior, Pid, Resource, Rlimit, child_subreaper, dumpable_behavior, getrlimit, umask};
use support::{Bench, lives};

/// What a host's process is: its umask, its limits, whether it adopts orphans and may be looked into, and whether this
/// thread may gain privileges.
#[derive(Debug, PartialEq)]
struct Host {
    umask: Mode,
    limits: Vec<Rlimit>,
    subreaper: Option<Pid>,
    dumpable: DumpableBehavior,
    privileges: Option<String>,
}

impl Host {
    fn look() -> Self {
        let found = umask(Mode::WGRP | Mode::WOTH);
        umask(found);
        let status = fs::read_to_string("/proc/thread-self/status").unwrap();
        Self {
            umask: found,
            limits: [Resource::Core, Resource::Nofile, Resource::Fsize].into_iter().map(getrlimit).collect(),
            subreaper: child_subreaper().unwrap(),
            dumpable: dumpable_behavior().unwrap(),
            privileges: status.lines().find(|line| line.starts_with("NoNewPrivs")).map(str::to_owned),
        }
    }
}

/// A child of the host's in a session of its own, without any mark.
#[expect(clippy::disallowed_methods, reason = "stands for a child of the host's own")]
fn own_child(script: &str) -> Child {
    let mut command = Command::new("setsid");
    command.args(["sh", "-c", script]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

#[tokio::test]
async fn the_host_keeps_its_process_and_its_children_and_the_investigator_still_leaves_nothing() {
    umask(Mode::WGRP | Mode::WOTH);
    let before = Host::look();
    let mut earlier = own_child("exec sleep 300");
    let bench = Bench::embedded();
    let begun = bench.home().join("begun");
    let script = format!(
        "setsid sh -c 'echo $$ > marked; exec sleep 300' & sleep 300 & echo $! > member; touch {}; \
         until [ -s marked ] && [ -e go ]; do :; done; (ulimit -c; ulimit -n) > limits; echo 'REPORT'",
        begun.display()
    );
    let (mut meanwhile, mut ended) = (None, None);
    let host = async {
        while !begun.try_exists().unwrap() {
            tokio::task::yield_now().await;
        }
        meanwhile = Some(own_child("exec sleep 300"));
        ended = Some(own_child("exit 7"));
        fs::write(bench.home().join("go"), "").unwrap();
    };
    let (found, ()) = tokio::join!(bench.ask(&script), host);
    assert_eq!(found.unwrap().report.root_cause, "the disk is full");
    for name in ["marked", "member"] {
        let pid = fs::read_to_string(bench.home().join(name)).unwrap();
        assert!(!pid.trim().is_empty() && !lives(&pid), "{name}");
    }
    let limits = fs::read_to_string(bench.home().join("limits")).unwrap();
    let limits: Vec<&str> = limits.lines().collect();
    assert!(limits[0] == "0" && limits[1].parse::<u64>().unwrap() <= 16_384, "{limits:?}");

    assert_eq!(Host::look(), before);
    for child in [&mut earlier, meanwhile.as_mut().unwrap()] {
        assert!(lives(&child.id().to_string()));
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(9));
    }
    // Its exit status is the host's to take.
    assert_eq!(ended.unwrap().wait().unwrap().code(), Some(7));
}
