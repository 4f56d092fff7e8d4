//! Faults of the machine for real: file systems of one's own, and system calls that fail.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::process::Command;

use super::drains::Running;
use super::{Ended, Home};

impl Home {
    /// A shell script in a mount namespace of its own, where it may mount what it likes and nobody else sees it. It has
    /// the home as `$H`, the queue as `$Q`, the program as `$BIN`, and in `$STUB` a stub for `--command` that does
    /// `body`. `None`, with the reason printed, where that cannot be had.
    #[expect(clippy::print_stdout, reason = "a test that is skipped says why")]
    pub(crate) fn in_own_mounts(&self, body: &str, script: &str) -> Option<Ended> {
        let namespace = || {
            let mut command = self.command("unshare");
            command.args(["-m", "--propagation", "private", "sh", "-ec"]);
            command
        };
        let folder = self.beside("try");
        std::fs::create_dir_all(&folder).unwrap();
        let can_mount = format!("mount -t tmpfs tmpfs '{}'", folder.display());
        if !namespace().arg(can_mount).output().is_ok_and(|output| output.status.success()) {
            println!("SKIP: nothing can be mounted here; it takes root, or a user namespace");
            return None;
        }
        let mut command = namespace();
        command.arg(script).env("H", self.path("")).env("Q", self.queue("")).env("STUB", self.stub(body));
        command.env("BIN", env!("CARGO_BIN_EXE_haltline"));
        Some(Running::start(&mut command).end())
    }

    /// The program under strace(1), where one system call fails: `rule` is what strace takes behind `inject=`, as
    /// `write:error=EIO:when=1`. `None` where nothing can be traced.
    pub(crate) fn with_failing(&self, rule: &str) -> Option<Command> {
        let calls = rule.split(':').next().unwrap();
        self.traced(&["-e", &format!("trace={calls}"), "-e", &format!("inject={rule}")])
    }
}
