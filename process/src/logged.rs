//! Runs a program to its end with its output in a log.

use std::fs::File;
use std::io;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

/// Runs a program to its end, with the environment of this process and both outputs in the file `log`.
///
/// # Errors
/// The log cannot be written, or the program cannot be started.
pub fn run_logged(program: &str, arguments: &[&str], log: &Path) -> io::Result<ExitStatus> {
    let stdout = File::create(log)?;
    let stderr = stdout.try_clone()?;
    #[expect(clippy::disallowed_methods, reason = "this crate is the one that starts programs")]
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(stdout).stderr(stderr).status()
}
