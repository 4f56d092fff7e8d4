//! The one place that starts a program, watches it, and ends it with everything it started.
//!
//! Its standard input, output and error are files, so nobody waits for a pipe that a grandchild holds open, nothing
//! deadlocks, and what it printed outlives the drain. The three open files are locked (flock(2)); the locks live in
//! the open file descriptions, which the program and its children inherit. So a later drain that cannot take a lock
//! knows that the tree of a dead one still runs.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use process_wrap::tokio::{ChildWrapper, CommandWrap, ProcessSession};
use rustix::fs::{FlockOperation, flock};
use rustix::io::retry_on_intr;
use rustix::process::{Pid, Resource, Signal, kill_process_group, prlimit};
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use crate::Environment;
use crate::attempt::{Attempt, PROMPT, ProcessNote, STDERR, STDOUT};
use crate::provider::ExitState;
use crate::secret_places::holds_home;
use crate::tree::{Member, Swept, at_most, end_leftover, prepare};

/// The lengths and sizes that an investigation has to keep to.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Wall time.
    pub wall: Duration,
    /// How long a process that was asked to end (TERM) gets before it is made to (KILL).
    pub grace: Duration,
    /// The most bytes of standard output, and of standard error.
    pub output: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { wall: Duration::from_secs(600), grace: Duration::from_secs(5), output: 8 << 20 }
    }
}

/// How often the sizes of the outputs are looked at. A flood writes about 20 MB meanwhile, which are cut off again.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// The largest file that an investigator may write, in bytes. Far above what their own databases need; it bounds
/// what a flood can do between two looks.
const LARGEST_FILE: u64 = 1 << 30;

/// A program to start. Not to be shown: its environment holds credentials.
pub(crate) struct Launch {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    /// The whole environment: nothing is inherited.
    pub(crate) environment: BTreeMap<OsString, OsString>,
    pub(crate) directory: PathBuf,
    pub(crate) limits: Limits,
}

/// Why a program did not start.
#[derive(Debug, Error)]
pub(crate) enum StartError {
    /// A file of the attempt cannot be made or opened.
    #[error("{0}")]
    Files(io::Error),
    /// The system has no room for one more process just now.
    #[error("cannot start {}: {source}; there are too many processes or too little memory", program.display())]
    NoRoom { program: PathBuf, source: io::Error },
    /// The program is gone, no program at all, or one for another machine.
    #[error("cannot start {}: {source}", program.display())]
    Program { program: PathBuf, source: io::Error },
}

/// How a program that had started ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// By itself, with this code.
    Exited(i32),
    /// By a signal that was not ours.
    Signalled(i32),
    /// Its wall clock ran out, and we ended it.
    TimedOut,
    /// It printed more than it may to the file of this name, and we ended it.
    Flooded(&'static str),
    /// The drain is being stopped, and we ended it.
    Cut,
}

/// What a program left.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) ended: Ended,
    pub(crate) exit: ExitState,
    pub(crate) swept: Swept,
    pub(crate) took: Duration,
    pub(crate) output: Output,
}

/// What a program printed, as text, each up to the cap.
#[derive(Debug, Default)]
pub(crate) struct Output {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The two outputs, held open: whatever a program does to their names, these are the files that it got.
struct Sinks {
    stdout: File,
    stderr: File,
}

impl Sinks {
    /// The first output that is larger than it may be.
    fn flooded(&self, most: u64) -> Option<&'static str> {
        let is_over = |file: &File| file.metadata().is_ok_and(|found| found.len() > most);
        [(&self.stdout, STDOUT), (&self.stderr, STDERR)]
            .into_iter()
            .find(|(file, _)| is_over(file))
            .map(|(_, name)| name)
    }

    fn read(&self, most: u64) -> Output {
        Output { stdout: read_capped(&self.stdout, most), stderr: read_capped(&self.stderr, most) }
    }

    /// Gives back the room that a flood took.
    fn cut(&self, most: u64) {
        for file in [&self.stdout, &self.stderr] {
            if file.metadata().is_ok_and(|found| found.len() > most)
                && let Err(error) = file.set_len(most)
            {
                tracing::warn!(%error, "cannot cut an investigator's output to size");
            }
        }
    }
}

/// Starts a program for an attempt whose prompt is written, and answers when nothing of it runs any more.
pub(crate) async fn run(launch: Launch, attempt: &Attempt, cut: &CancellationToken) -> Result<Outcome, StartError> {
    prepare();
    let begun = Instant::now();
    let (mut child, member, sinks) = start(&launch, attempt)?;
    if let Err(error) = attempt.write_process(&member.note()) {
        tracing::warn!(%error, "a later drain will know the investigator's process only by its mark");
    }
    let limits = launch.limits;
    let watched = tokio::select! {
        biased;
        exit = child.wait() => Watched::Exited(exit),
        () = cut.cancelled() => Watched::End(Ended::Cut),
        () = tokio::time::sleep(limits.wall) => Watched::End(Ended::TimedOut),
        name = flood(&sinks, limits.output) => Watched::End(Ended::Flooded(name)),
    };
    let (ended, exit) = match watched {
        Watched::Exited(exit) => (None, exit),
        Watched::End(ended) => {
            // One that floods gets no time to write on.
            let grace = if matches!(ended, Ended::Flooded(_)) { Duration::ZERO } else { limits.grace };
            (Some(ended), end_group(&mut child, member.note().pid, grace).await)
        }
    };
    let swept = member.sweep().await;
    if swept.survivors > 0 {
        tracing::error!(survivors = swept.survivors, "processes of an investigator cannot be ended");
    } else if swept.killed > 0 {
        tracing::debug!(killed = swept.killed, "ended what an investigator left running");
    }
    let flooded = sinks.flooded(limits.output).map(Ended::Flooded);
    sinks.cut(limits.output);
    let exit = exit_state(exit);
    let ended = ended.or(flooded).unwrap_or(match exit {
        ExitState::Code(code) => Ended::Exited(code),
        ExitState::Signal(signal) => Ended::Signalled(signal),
        ExitState::Unknown => Ended::Signalled(0),
    });
    Ok(Outcome { ended, exit, swept, took: begun.elapsed(), output: sinks.read(limits.output) })
}

enum Watched {
    Exited(io::Result<ExitStatus>),
    End(Ended),
}

fn start(launch: &Launch, attempt: &Attempt) -> Result<(Box<dyn ChildWrapper>, Member, Sinks), StartError> {
    let files = || -> io::Result<(File, Sinks)> {
        let prompt = attempt.open(PROMPT)?;
        let sinks = Sinks { stdout: attempt.create_output(STDOUT)?, stderr: attempt.create_output(STDERR)? };
        for file in [&prompt, &sinks.stdout, &sinks.stderr] {
            retry_on_intr(|| flock(file, FlockOperation::NonBlockingLockExclusive))?;
        }
        Ok((prompt, sinks))
    };
    let (prompt, sinks) = files().map_err(StartError::Files)?;
    let stdout = sinks.stdout.try_clone().map_err(StartError::Files)?;
    let stderr = sinks.stderr.try_clone().map_err(StartError::Files)?;
    let mut command = CommandWrap::with_new(&launch.program, |command| {
        command
            .args(&launch.arguments)
            .env_clear()
            .envs(&launch.environment)
            .current_dir(&launch.directory)
            .stdin(prompt)
            .stdout(Stdio::from(stdout))
            .stderr(Stdio::from(stderr))
            .kill_on_drop(true);
    });
    command.wrap(ProcessSession);
    let started = Member::start(attempt.folder(), || {
        give_up_privileges();
        let child = command.spawn()?.into_inner();
        let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).ok_or(io::ErrorKind::Other)?;
        bound_files(pid);
        Ok((child, pid))
    });
    let (child, member) = started.map_err(|source| {
        let program = launch.program.clone();
        match source.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::OutOfMemory => StartError::NoRoom { program, source },
            _ => StartError::Program { program, source },
        }
    })?;
    Ok((child, member, sinks))
}

/// Bounds the files of the process and of all that it starts from now on. What it started before this has the wider
/// bound that it inherited.
fn bound_files(pid: i32) {
    if let Err(errno) = prlimit(Pid::from_raw(pid), Resource::Fsize, at_most(Resource::Fsize, LARGEST_FILE)) {
        tracing::debug!(%errno, "could not bound the files of an investigator");
    }
}

/// Takes from this thread, and so from what it starts, the gain of privileges by set-user-ID programs.
fn give_up_privileges() {
    if let Err(errno) = rustix::thread::set_no_new_privs(true) {
        tracing::warn!(%errno, "an investigator can gain privileges by set-user-ID programs");
    }
}

async fn flood(sinks: &Sinks, most: u64) -> &'static str {
    let mut looks = tokio::time::interval(LOOK_EVERY);
    loop {
        looks.tick().await;
        if let Some(name) = sinks.flooded(most) {
            return name;
        }
    }
}

/// Asks the group to end, then makes it. The child is not waited for yet, so its number is still its own.
async fn end_group(child: &mut Box<dyn ChildWrapper>, pid: i32, grace: Duration) -> io::Result<ExitStatus> {
    if !grace.is_zero() {
        signal_group(pid, Signal::TERM);
        // A stopped process hears TERM only when it goes on.
        signal_group(pid, Signal::CONT);
        if let Ok(exit) = tokio::time::timeout(grace, child.wait()).await {
            return exit;
        }
    }
    signal_group(pid, Signal::KILL);
    child.wait().await
}

fn signal_group(pid: i32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(pid)
        && let Err(errno) = kill_process_group(pid, signal)
    {
        tracing::debug!(%errno, ?signal, "could not signal an investigator's group");
    }
}

fn exit_state(exit: io::Result<ExitStatus>) -> ExitState {
    match exit {
        Ok(status) => match (status.code(), status.signal()) {
            (Some(code), _) => ExitState::Code(code),
            (None, Some(signal)) => ExitState::Signal(signal),
            (None, None) => ExitState::Unknown,
        },
        Err(error) => {
            tracing::warn!(%error, "cannot tell how an investigator ended");
            ExitState::Unknown
        }
    }
}

/// Reads from the beginning, whatever the program did to the file's position.
fn read_capped(file: &File, most: u64) -> String {
    let size = file.metadata().map_or(0, |found| found.len().min(most));
    let mut bytes = vec![0; usize::try_from(size).unwrap_or(0)];
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read_at(&mut bytes[filled..], filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                tracing::warn!(%error, "cannot read an investigator's output");
                break;
            }
        }
    }
    bytes.truncate(filled);
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// What an attempt of a dead drain printed; none where that is more than it may be, or cannot be read.
pub(crate) fn left_output(attempt: &Attempt, most: u64) -> Option<Output> {
    let open = |name| attempt.open(name).inspect_err(|error| tracing::debug!(%error, "an attempt left no output")).ok();
    let sinks = Sinks { stdout: open(STDOUT)?, stderr: open(STDERR)? };
    sinks.flooded(most).is_none().then(|| sinks.read(most))
}

/// Ends what still runs of an attempt whose drain died. Where all its locks are free, nothing does.
pub(crate) async fn end_left_process(attempt: &Attempt, leader: Option<&ProcessNote>, grace: Duration) {
    if ![PROMPT, STDOUT, STDERR].into_iter().any(|name| is_locked(attempt, name)) {
        return;
    }
    let swept = end_leftover(attempt.folder(), leader, grace).await;
    let folder = attempt.folder().display();
    if swept.survivors > 0 {
        tracing::error!(%folder, survivors = swept.survivors, "processes of a dead drain cannot be ended");
    } else {
        tracing::warn!(%folder, ended = swept.killed, "ended what a dead drain left running");
    }
}

fn is_locked(attempt: &Attempt, name: &str) -> bool {
    attempt
        .open(name)
        .is_ok_and(|file| flock(&file, FlockOperation::NonBlockingLockExclusive) == Err(rustix::io::Errno::WOULDBLOCK))
}

/// Where the process works: the event's work tree if it is a folder that we may enter, else the attempt's own. A folder
/// that holds the user's home is no work tree: whoever may read it may read every credential.
pub(crate) fn working_directory(worktree: &str, folder: &Path, environment: &Environment) -> PathBuf {
    let worktree = Path::new(worktree);
    let may_enter = || rustix::fs::access(worktree, rustix::fs::Access::EXEC_OK | rustix::fs::Access::READ_OK).is_ok();
    let usable = worktree.is_absolute() && worktree.is_dir() && may_enter() && !holds_home(worktree, environment);
    if usable { worktree.to_owned() } else { folder.to_owned() }
}

/// Runs a program of the demonstration's to its end with its output in a log, and with our environment.
///
/// # Errors
/// The log cannot be written, or the program cannot be started.
pub fn run_logged(program: &str, arguments: &[&str], log: &Path) -> io::Result<ExitStatus> {
    let stdout = File::create(log)?;
    let stderr = stdout.try_clone()?;
    #[expect(clippy::disallowed_methods, reason = "this is the one place that starts programs")]
    let mut command = std::process::Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(stdout).stderr(stderr).status()
}
