//! Stub investigators in shell, run as real processes.
#![allow(dead_code, clippy::unwrap_used, reason = "each test program uses a part of it; it is for tests alone")]

pub(crate) mod clis;
pub(crate) mod model;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use haltline_dispatcher::{DispatcherConfig, Environment, Limits, Providers};
use haltline_process::own_this_process;
use haltline_protocol::{Assignment, AttemptSlot, DispatchFailure, HaltEvent, Investigation, Investigator};
use serde_json::json;
use tokio_util::sync::CancellationToken;

pub(crate) const FAULT: &str = "PHASE_FAILED:p3:302c3b29";

/// What a stub prints to be accepted.
pub(crate) fn report() -> String {
    json!({
        "faultId": FAULT, "outcome": "root-cause-identified", "rootCause": "the disk is full", "evidence": ["E: boom"],
        "proposedFix": null, "learnedPatternProposal": null, "costUsd": 0.12,
    })
    .to_string()
}

/// One attempt at one fault, in a folder of its own.
pub(crate) struct Bench {
    home: tempfile::TempDir,
    pub(crate) limits: Limits,
    pub(crate) log: String,
}

impl Bench {
    /// A bench in a process that is ours, as that of the binary is.
    pub(crate) fn new() -> Self {
        own_this_process();
        Self::embedded()
    }

    /// A bench in a process whose own children are to be left alone.
    pub(crate) fn embedded() -> Self {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("attempt")).unwrap();
        let limits = Limits { wall: Duration::from_secs(30), grace: Duration::from_millis(300), output: 1 << 20 };
        Self { home, limits, log: "E: boom\n".to_owned() }
    }

    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.home.path().join("attempt")
    }

    pub(crate) fn assignment(&self) -> Assignment {
        let row = json!({
            "faultId": FAULT, "runId": "build-42", "stateSlug": "s", "kind": "PHASE_FAILED", "severity": "HIGH",
            "timestamp": "2026-05-20T08:14:00.123Z", "message": "phase 3 failed",
            "pointers": {"worktreePath": self.home.path()}, "snapshot": {"stdoutTail": self.log},
        });
        Assignment {
            event: Arc::new(HaltEvent::parse(row.to_string().as_bytes()).unwrap()),
            occurrences: 1,
            slot: AttemptSlot {
                session: "drain".into(),
                seq: 7,
                number: 1,
                folder: self.folder(),
                begun: jiff::Timestamp::now(),
            },
            pattern_categories: Arc::new([]),
        }
    }

    /// An investigator that runs a shell script; `REPORT` in it is the report's JSON.
    pub(crate) fn investigator(&self, script: &str) -> Arc<dyn Investigator> {
        let command = script.replace("REPORT", &report());
        let config = DispatcherConfig {
            choice: "command".to_owned(),
            shell_command: Some(command),
            limits: self.limits,
            environment: Environment::of_this_process().with("GITHUB_TOKEN", "s3cret").with("HALT_DEPTH", "0"),
            ..DispatcherConfig::default()
        };
        Providers::build(&config).unwrap().pick().unwrap()
    }

    pub(crate) async fn ask(&self, script: &str) -> Result<Investigation, DispatchFailure> {
        self.investigator(script).investigate(&self.assignment(), CancellationToken::new()).await
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder().join(name)).unwrap_or_default()
    }
}

/// Whether a process of this number lives. A dead one that nobody waited for does not.
pub(crate) fn lives(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    stat.rsplit(')').next().and_then(|rest| rest.trim_start().chars().next()).is_some_and(|state| state != 'Z')
}
