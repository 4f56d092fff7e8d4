//! One run of the program, and how it is cut short.

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open, pidfd_send_signal};

use crate::run::command;

/// The longest that any run may take. The usual one takes a hundredth of a second; a machine may be busy.
const LONGEST_RUN: Duration = Duration::from_secs(60);

/// How a program that panicked ends.
const PANICKED: i32 = 101;

/// A command line with what stands around it.
#[derive(Debug, Clone, Default)]
pub(super) struct Call {
    /// The command line, the program first.
    pub(super) words: Vec<OsString>,
    /// Variables beside `PATH`, `HOME` and `HALTLINE_HOME`.
    pub(super) variables: Vec<(&'static str, OsString)>,
}

/// How a run ended and what it said.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) status: ExitStatus,
    pub(super) stderr: String,
    /// Whether it had to be ended, since it did not end by itself.
    pub(super) hung: bool,
}

/// A program that runs.
#[derive(Debug)]
pub(super) struct Running {
    child: Child,
    handle: OwnedFd,
    stderr: PathBuf,
}

impl Running {
    /// Starts a program in a folder, which is its `HOME` and gets its outputs under this name.
    ///
    /// # Errors
    /// It cannot be started.
    pub(super) fn start(call: &Call, folder: &Path, home: &Path, name: &str) -> Result<Self> {
        let [stdout, stderr] = ["out", "err"].map(|end| folder.join(format!("{name}.{end}")));
        let (program, arguments) = call.words.split_first().context("no program to start")?;
        let mut prepared = command(program);
        prepared.args(arguments).env_clear().env("HOME", folder).env("HALTLINE_HOME", home).current_dir(folder);
        prepared.envs(call.variables.iter().map(|(name, value)| (name, value)));
        if let Some(path) = std::env::var_os("PATH") {
            prepared.env("PATH", path);
        }
        let child = prepared
            .stdin(Stdio::null())
            .process_group(0)
            .stdout(File::create(stdout)?)
            .stderr(File::create(&stderr)?)
            .spawn();
        let child = child.with_context(|| format!("cannot start {}", program.to_string_lossy()))?;
        let handle = pidfd_open(Pid::from_child(&child), PidfdFlags::empty())?;
        Ok(Self { child, handle, stderr })
    }

    /// Waits at most this long; whether it has ended.
    ///
    /// # Errors
    /// The wait is refused.
    pub(super) fn wait(&self, longest: Duration) -> Result<bool> {
        let mut handles = [PollFd::new(&self.handle, PollFlags::IN)];
        let timeout = Timespec::try_from(longest)?;
        loop {
            match poll(&mut handles, Some(&timeout)) {
                Ok(ready) => return Ok(ready > 0),
                Err(rustix::io::Errno::INTR) => {}
                Err(errno) => return Err(errno).context("cannot wait for a program"),
            }
        }
    }

    /// Sends a signal; one that has ended does not mind.
    pub(super) fn signal(&self, signal: Signal) {
        pidfd_send_signal(&self.handle, signal).ok();
    }

    /// Kills it with whatever it started: strace does not take the traced along.
    pub(super) fn kill_group(&self) {
        kill_process_group(Pid::from_child(&self.child), Signal::KILL).ok();
    }

    /// Waits for its end and takes what it said.
    ///
    /// # Errors
    /// Its outputs cannot be read.
    pub(super) fn ended(mut self) -> Result<Ended> {
        let hung = !self.wait(LONGEST_RUN)?;
        if hung {
            self.kill_group();
        }
        let status = self.child.wait()?;
        let stderr = fs::read(&self.stderr).unwrap_or_default();
        Ok(Ended { status, stderr: String::from_utf8_lossy(&stderr).into_owned(), hung })
    }
}

impl Ended {
    /// Whether it was killed, by the harness or by its own fault point.
    pub(super) fn was_killed(&self) -> bool {
        self.status.signal() == Some(Signal::KILL.as_raw())
    }

    /// What no program of ours may do, whatever the machine does to it.
    pub(super) fn complaint(&self) -> Option<String> {
        let first = self.stderr.lines().next().unwrap_or_default();
        if self.hung {
            return Some(format!("it did not end in {} s: {first}", LONGEST_RUN.as_secs()));
        }
        if self.status.code() == Some(PANICKED) || self.stderr.contains("panicked at") {
            return Some(format!("it panicked: {}", self.stderr.trim_end()));
        }
        let signal = self.status.signal().filter(|signal| *signal != Signal::KILL.as_raw());
        signal.map(|signal| format!("it died of signal {signal}: {first}"))
    }
}
