//! Real children, in a process that is not said to be ours: how they end, what they leave, and what they may do.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use haltline_process::{Child, Ended, Exit, Launch, Limits, MARK, Outcome, StartError, Streams, end_leftover};
use tokio_util::sync::CancellationToken;

/// A folder for one child.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("stdin"), "what it reads\n").unwrap();
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn streams(&self) -> io::Result<Streams> {
        let output = |name: &str| OpenOptions::new().read(true).append(true).create(true).open(self.path(name));
        Ok(Streams { stdin: File::open(self.path("stdin"))?, stdout: output("stdout")?, stderr: output("stderr")? })
    }

    fn launch(&self, program: &str, script: &str) -> Launch {
        Launch {
            program: program.into(),
            arguments: vec!["-c".into(), script.into()],
            environment: [("PATH".into(), "/usr/bin:/bin".into()), (MARK.into(), self.0.path().into())].into(),
            directory: self.0.path().to_owned(),
            folder: self.0.path().to_owned(),
            streams: self.streams().unwrap(),
            limits: Limits { wall: Duration::from_secs(30), grace: Duration::from_millis(200), output: 64 << 10 },
        }
    }

    async fn run(&self, script: &str) -> Outcome {
        Child::start(self.launch("/bin/sh", script)).unwrap().wait(&CancellationToken::new()).await
    }

    /// Whether the process whose number is in this file lives.
    fn lives(&self, name: &str) -> bool {
        let pid = fs::read_to_string(self.path(name)).unwrap();
        let stat = fs::read_to_string(Path::new("/proc").join(pid.trim()).join("stat")).unwrap_or_default();
        stat.rsplit(')').next().and_then(|rest| rest.trim_start().chars().next()).is_some_and(|state| state != 'Z')
    }
}

#[tokio::test]
async fn a_child_reads_prints_and_ends_as_it_likes() {
    let place = Place::new();
    let outcome = place.run("cat; pwd; env >&2; exit 3").await;
    assert_eq!((outcome.ended, outcome.exit), (Ended::Exited(3), Exit::Code(3)));
    assert!(outcome.output.stdout.starts_with("what it reads\n"), "{:?}", outcome.output);
    assert!(outcome.output.stderr.lines().all(|line| {
        ["PATH", "PWD", MARK, "_", "SHLVL", "OLDPWD"].contains(&line.split('=').next().unwrap_or_default())
    }));
    let outcome = Place::new().run("kill -SEGV $$").await;
    assert_eq!((outcome.ended, outcome.exit), (Ended::Signalled(11), Exit::Signal(11)));
}

#[tokio::test]
async fn each_limit_ends_it_with_all_that_it_started() {
    let hang = "trap '' TERM; setsid sh -c 'echo $$ > far; exec sleep 300' & sleep 300 & echo $! > near; \
                until [ -s far ]; do :; done";
    let place = Place::new();
    let mut launch = place.launch("/bin/sh", &format!("{hang}; while :; do sleep 100; done"));
    launch.limits.wall = Duration::from_millis(500);
    let outcome = Child::start(launch).unwrap().wait(&CancellationToken::new()).await;
    assert_eq!((outcome.ended, outcome.exit, outcome.swept.survivors), (Ended::TimedOut, Exit::Signal(9), 0));
    assert!(!place.lives("far") && !place.lives("near"));

    let place = Place::new();
    let outcome = place.run(&format!("{hang}; yes")).await;
    assert_eq!((outcome.ended, outcome.output.stdout.len()), (Ended::Flooded("stdout"), 64 << 10));
    assert!(!place.lives("far") && !place.lives("near"));

    let place = Place::new();
    let cut = CancellationToken::new();
    cut.cancel();
    let outcome = Child::start(place.launch("/bin/sh", "sleep 300")).unwrap().wait(&cut).await;
    assert_eq!(outcome.ended, Ended::Cut);
}

#[tokio::test]
async fn what_cannot_start_says_which_program() {
    let place = Place::new();
    let error = Child::start(place.launch("/nowhere/program", "")).unwrap_err();
    assert!(matches!(error, StartError::Program { .. }) && error.to_string().contains("/nowhere/program"), "{error}");
}

#[tokio::test]
async fn while_a_tree_runs_its_streams_are_locked_and_a_leftover_is_ended_by_them() {
    let place = Place::new();
    let (folder, grace) = (place.0.path(), Duration::from_millis(200));
    let files = || [place.path("stdin"), place.path("stdout")].into_iter().map(|path| File::open(path).unwrap());
    let child = Child::start(place.launch("/bin/sh", "echo $$ > pid; exec sleep 300")).unwrap();
    let id = child.id();
    while fs::read_to_string(place.path("pid")).unwrap_or_default().is_empty() {
        tokio::task::yield_now().await;
    }
    let error = Child::start(place.launch("/bin/sh", "true")).unwrap_err();
    assert!(matches!(error, StartError::Files(_)), "{error}");
    let swept = end_leftover(folder, files().collect(), Some(&id), grace).await.unwrap();
    assert_eq!((swept.killed, swept.survivors), (1, 0));
    assert_eq!(child.wait(&CancellationToken::new()).await.ended, Ended::Signalled(15));
    assert_eq!(end_leftover(folder, files().collect(), Some(&id), grace).await, None);
}
