//! The one place of xtask that starts programs.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

/// A program that ended well: what it printed, and how long it took from start to end.
#[derive(Debug)]
pub struct Finished {
    /// The whole process on the wall clock, its start included.
    pub took: Duration,
    /// Its standard output.
    pub stdout: Vec<u8>,
}

/// The cargo that started xtask, else the one on `PATH`.
pub fn cargo() -> String {
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())
}

/// Prints a command line (on stderr: stdout may be read by a program) and runs it on this terminal.
///
/// # Errors
/// The program cannot be started or does not end with 0.
pub fn shown<A: AsRef<OsStr>>(directory: &Path, program: &str, arguments: &[A]) -> Result<()> {
    let line = command_line(program, arguments);
    eprintln!("+ {line}");
    let status = command(program)
        .args(arguments)
        .current_dir(directory)
        .stdin(Stdio::null())
        .status()
        .with_context(|| format!("cannot start `{line}`"))?;
    if !status.success() {
        bail!("`{line}` ended with {status}");
    }
    Ok(())
}

/// Whether a program can be started and ends with 0; what it prints is dropped.
pub fn succeeds(program: &str, arguments: &[&str]) -> bool {
    let status =
        command(program).args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// Runs a program with an environment of `PATH` and `HOME` alone, and takes its time.
///
/// # Errors
/// The program cannot be started or does not end with 0; its standard error is in the message.
pub fn timed(program: &Path, arguments: &[&OsStr], home: &Path) -> Result<Finished> {
    let mut prepared = command(program);
    prepared.args(arguments).env_clear().env("HOME", home).stdin(Stdio::null());
    if let Some(path) = std::env::var_os("PATH") {
        prepared.env("PATH", path);
    }
    let start = Instant::now();
    let output = prepared.output().with_context(|| format!("cannot start {}", program.display()))?;
    let took = start.elapsed();
    let Output { status, stdout, stderr } = output;
    if !status.success() {
        let line = command_line(&program.display().to_string(), arguments);
        bail!("`{line}` ended with {status}: {}", String::from_utf8_lossy(&stderr).trim_end());
    }
    Ok(Finished { took, stdout })
}

/// Runs a program as [`timed`] does, with its standard error in a file of the home; the seconds of processor that it took itself, without the programs that it
/// started, and those on the wall clock.
///
/// # Errors
/// It cannot be started, does not end with 0, or the kernel does not tell.
pub fn own_seconds(program: &Path, arguments: &[&OsStr], home: &Path) -> Result<(f64, f64)> {
    let said = home.join("stderr");
    let stderr = std::fs::File::create(&said).with_context(|| format!("cannot make {}", said.display()))?;
    let mut prepared = command(program);
    prepared.args(arguments).env_clear().env("HOME", home).stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr);
    if let Some(path) = std::env::var_os("PATH") {
        prepared.env("PATH", path);
    }
    let start = Instant::now();
    let mut child = prepared.spawn().with_context(|| format!("cannot start {}", program.display()))?;
    // The kernel keeps the times of a process that has ended until somebody takes its exit code.
    waitid(WaitId::Pid(Pid::from_child(&child)), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)?;
    let took = start.elapsed();
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id()))?;
    let status = child.wait()?;
    if !status.success() {
        let line = command_line(&program.display().to_string(), arguments);
        bail!("`{line}` ended with {status}: {}", std::fs::read_to_string(&said)?.trim_end());
    }
    // proc_pid_stat(5): fields 14 and 15, in ticks of a hundredth of a second; the name before may hold spaces.
    let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields);
    let ticks: Option<u32> =
        fields.split(' ').skip(11).take(2).map(|field| field.parse::<u32>().ok()).sum::<Option<u32>>();
    let ticks = ticks.with_context(|| format!("cannot read the times of a process from {stat:?}"))?;
    Ok((f64::from(ticks) / 100.0, took.as_secs_f64()))
}

/// Runs a program to its end; what it printed.
///
/// # Errors
/// The program cannot be started or does not end with 0; its standard error is in the message.
pub fn output(program: &str, arguments: &[&OsStr]) -> Result<Vec<u8>> {
    let line = command_line(program, arguments);
    let ran = command(program).args(arguments).stdin(Stdio::null()).output();
    let Output { status, stdout, stderr } = ran.with_context(|| format!("cannot start `{line}`"))?;
    if !status.success() {
        bail!("`{line}` ended with {status}: {}", String::from_utf8_lossy(&stderr).trim_end());
    }
    Ok(stdout)
}

fn command_line<A: AsRef<OsStr>>(program: &str, arguments: &[A]) -> String {
    let name = Path::new(program).file_name().unwrap_or(OsStr::new(program)).to_string_lossy();
    let words = arguments.iter().map(|argument| argument.as_ref().to_string_lossy());
    std::iter::once(name).chain(words).collect::<Vec<_>>().join(" ")
}

#[expect(clippy::disallowed_methods, reason = "xtask starts cargo, rustfmt and the programs that it measures")]
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    Command::new(program)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_the_command_line_and_what_it_said() {
        let arguments = ["-c", "echo broken >&2; exit 3"].map(OsStr::new);
        let error = timed(Path::new("/bin/sh"), &arguments, Path::new("/")).unwrap_err().to_string();
        assert!(error.contains("sh -c echo broken") && error.contains("3: broken"), "{error}");
    }

    #[test]
    fn a_program_that_is_not_there_does_not_succeed() {
        assert!(succeeds("sh", &["-c", "exit 0"]));
        assert!(!succeeds("sh", &["-c", "exit 1"]));
        assert!(!succeeds("no-such-program-of-haltline", &[]));
    }
}
