//! One child process from its start to the end of everything that it started.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use process_wrap::tokio::{ChildWrapper, CommandWrap, ProcessSession};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::launch::{Launch, StartError, Streams};
use crate::limits::{Limits, bound_child};
use crate::output::{Output, OutputFiles};
use crate::platform::forgo_privileges;
use crate::table::ProcessId;
use crate::tree::{Swept, Tree};

/// How often the sizes of the outputs are looked at. A flood writes about 20 MB meanwhile, which are cut off again.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A child process that was started. Dropping it kills the child, but not what the child started.
#[derive(Debug)]
pub struct Child {
    leader: Box<dyn ChildWrapper>,
    tree: Tree,
    outputs: OutputFiles,
    limits: Limits,
    begun: Instant,
}

/// Why a child is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// By itself, with this code.
    Exited(i32),
    /// By a signal that was not ours.
    Signalled(i32),
    /// Its wall clock ran out, and we ended it.
    TimedOut,
    /// It printed more than it may to the stream of this name, and we ended it.
    Flooded(&'static str),
    /// The caller asked for its end.
    Cut,
}

/// How the child itself ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// By itself, with this code.
    Code(i32),
    /// By a signal, ours or another's.
    Signal(i32),
    /// Nobody knows.
    Unknown,
}

/// What a child left.
#[derive(Debug)]
pub struct Outcome {
    /// Why it is over.
    pub ended: Ended,
    /// How it ended itself.
    pub exit: Exit,
    /// What became of its descendants.
    pub swept: Swept,
    /// From its start until nothing of it was left.
    pub took: Duration,
    /// What it printed.
    pub output: Output,
}

/// What ended the watch.
enum Watched {
    Exited(io::Result<ExitStatus>),
    End(Ended),
}

impl Child {
    /// Starts a program in a session of its own.
    ///
    /// # Errors
    /// Its streams cannot be locked, or it cannot be started.
    ///
    /// # Panics
    /// It is called outside of a tokio runtime.
    pub fn start(launch: Launch) -> Result<Self, StartError> {
        let begun = Instant::now();
        launch.streams.lock().map_err(StartError::Files)?;
        let Streams { stdin, stdout, stderr } = launch.streams;
        let outputs = OutputFiles { stdout, stderr };
        let stdout = outputs.stdout.try_clone().map_err(StartError::Files)?;
        let stderr = outputs.stderr.try_clone().map_err(StartError::Files)?;
        let mut command = CommandWrap::with_new(&launch.program, |command| {
            command
                .args(&launch.arguments)
                .env_clear()
                .envs(&launch.environment)
                .current_dir(&launch.directory)
                .stdin(stdin)
                .stdout(Stdio::from(stdout))
                .stderr(Stdio::from(stderr))
                .kill_on_drop(true);
        });
        command.wrap(ProcessSession);
        let started = Tree::start(&launch.folder, || {
            let leader = without_privileges(|| command.spawn())?.into_inner();
            let pid = leader.id().and_then(|pid| i32::try_from(pid).ok()).ok_or(io::ErrorKind::Other)?;
            bound_child(pid);
            Ok((leader, pid))
        });
        let (leader, tree) = started.map_err(|source| StartError::of(launch.program, source))?;
        Ok(Self { leader, tree, outputs, limits: launch.limits, begun })
    }

    /// Returns which process it is, for a later process that has to end what is left of it.
    pub fn id(&self) -> ProcessId {
        self.tree.id()
    }

    /// Waits until nothing of it runs any more. Its limits and `cut` end it: TERM to its group, KILL after the grace
    /// time, and KILL to every descendant that is left.
    pub async fn wait(mut self, cut: &CancellationToken) -> Outcome {
        let limits = self.limits;
        let watched = tokio::select! {
            biased;
            exit = self.leader.wait() => Watched::Exited(exit),
            () = cut.cancelled() => Watched::End(Ended::Cut),
            () = tokio::time::sleep(limits.wall) => Watched::End(Ended::TimedOut),
            name = flood(&self.outputs, limits.output) => Watched::End(Ended::Flooded(name)),
        };
        let (ended, exit) = match watched {
            Watched::Exited(exit) => (None, exit),
            Watched::End(ended) => {
                // One that floods gets no time to write on.
                let grace = if matches!(ended, Ended::Flooded(_)) { Duration::ZERO } else { limits.grace };
                (Some(ended), end_group(&mut self.leader, self.tree.pid(), grace).await)
            }
        };
        let swept = self.tree.sweep().await;
        if swept.survivors > 0 {
            tracing::error!(survivors = swept.survivors, "processes that a child left cannot be ended");
        } else if swept.killed > 0 {
            tracing::debug!(killed = swept.killed, "ended what a child left running");
        }
        let flooded = self.outputs.over(limits.output).map(Ended::Flooded);
        self.outputs.cut(limits.output);
        let exit = exit_of(exit);
        let ended = ended.or(flooded).unwrap_or(match exit {
            Exit::Code(code) => Ended::Exited(code),
            Exit::Signal(signal) => Ended::Signalled(signal),
            Exit::Unknown => Ended::Signalled(0),
        });
        Outcome { ended, exit, swept, took: self.begun.elapsed(), output: self.outputs.read(limits.output) }
    }
}

/// Starts something on a thread that can gain no privileges by set-user-ID programs. A child inherits that from the
/// thread that starts it, and a thread cannot take it back, so it is a thread for this alone.
fn without_privileges<T: Send>(start: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
    let runtime = Handle::current();
    let start = || {
        let _entered = runtime.enter();
        if let Err(errno) = forgo_privileges() {
            tracing::warn!(%errno, "a child can gain privileges by set-user-ID programs");
        }
        start()
    };
    thread::scope(|scope| {
        let starter = thread::Builder::new().spawn_scoped(scope, start)?;
        starter.join().unwrap_or_else(|_| Err(io::Error::other("the thread that starts it panicked")))
    })
}

/// Resolves to the name of the first output that is larger than it may be.
async fn flood(outputs: &OutputFiles, most: u64) -> &'static str {
    let mut looks = tokio::time::interval(LOOK_EVERY);
    loop {
        looks.tick().await;
        if let Some(name) = outputs.over(most) {
            return name;
        }
    }
}

/// Asks the group to end, then kills it. The leader is not waited for yet, so its number is still its own.
async fn end_group(leader: &mut Box<dyn ChildWrapper>, pid: i32, grace: Duration) -> io::Result<ExitStatus> {
    if !grace.is_zero() {
        signal_group(pid, Signal::TERM);
        // A stopped process hears TERM only when it goes on.
        signal_group(pid, Signal::CONT);
        if let Ok(exit) = tokio::time::timeout(grace, leader.wait()).await {
            return exit;
        }
    }
    signal_group(pid, Signal::KILL);
    leader.wait().await
}

fn signal_group(pid: i32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(pid)
        && let Err(errno) = kill_process_group(pid, signal)
    {
        tracing::debug!(%errno, ?signal, "could not signal a child's group");
    }
}

fn exit_of(exit: io::Result<ExitStatus>) -> Exit {
    match exit {
        Ok(status) => match (status.code(), status.signal()) {
            (Some(code), _) => Exit::Code(code),
            (None, Some(signal)) => Exit::Signal(signal),
            (None, None) => Exit::Unknown,
        },
        Err(error) => {
            tracing::warn!(%error, "cannot tell how a child ended");
            Exit::Unknown
        }
    }
}
