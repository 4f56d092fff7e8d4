//! Faults to drain, investigators that are shell scripts, and what a drain left.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant, SystemTime};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::{Ended, Home, ended, names};

pub(crate) const PENDING: &str = "pending-investigations";
/// The longest that anything may take, far above what it does take on a slow machine.
const LONGEST: Duration = Duration::from_secs(60);
/// Prints a report as an investigator has to.
const REPORT: &str = r#"report() {
  printf '{"faultId":"%s","outcome":"%s","rootCause":"the disk is full","evidence":["No space left on device"],' "$HALTLINE_FAULT_ID" "$1"
  printf '"proposedFix":null,"learnedPatternProposal":null,"costUsd":0.25}\n'
}
"#;
/// What a stub does that finds the cause.
pub(crate) const FINDS_CAUSE: &str = "report root-cause-identified";

/// A fault as an orchestrator emits it: CRITICAL.
pub(crate) fn fault(run_id: &str, fault_id: &str) -> Value {
    json!({
        "faultId": fault_id, "runId": run_id, "stateSlug": "checkout-flow", "kind": "PHASE_FAILED",
        "severity": "CRITICAL", "timestamp": "2026-05-20T08:14:00.123Z", "message": "phase 3 failed",
        "investigate": true, "pointers": {}, "snapshot": {"stdoutTail": "x\nNo space left on device\n", "failureReason": "red"},
    })
}

/// An event that is audit only.
pub(crate) fn audit(run_id: &str, fault_id: &str) -> Value {
    let event = with(fault(run_id, fault_id), "kind", "MANUAL_RECOVERY_INVOKED");
    with(with(event, "severity", "HIGH"), "investigate", false)
}

/// The event with one field set.
pub(crate) fn with(mut event: Value, field: &str, value: impl Into<Value>) -> Value {
    event[field] = value.into();
    event
}

/// A program that still runs. It is killed where a test gives it up.
pub(crate) struct Running(Option<Child>);

impl Home {
    /// Puts an event into the queue as another program would, and returns its file name.
    pub(crate) fn put(&self, event: &Value) -> String {
        let stem = format!("{}-{}", event["runId"].as_str().unwrap(), event["faultId"].as_str().unwrap());
        let taken = self.names(PENDING).iter().filter(|name| name.starts_with(&stem)).count();
        let name = if taken == 0 { format!("{stem}.json") } else { format!("{stem}~{taken}.json") };
        self.write(&format!("{PENDING}/{name}"), format!("{event:#}\n"));
        name
    }

    /// Puts a file into the queue that is old enough to be whole.
    pub(crate) fn put_old(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.write(&format!("{PENDING}/{name}"), bytes);
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(120)).unwrap();
        path
    }

    /// Writes a stub that notes the fault it is asked about and then does `body`; the text for `--command`.
    pub(crate) fn stub(&self, body: &str) -> String {
        let trace = self.beside("trace");
        let queue = self.queue("");
        let text = format!(
            "Q='{}'\n{REPORT}printf '%s\\n' \"$HALTLINE_FAULT_ID\" >> '{}'\n{body}\n",
            queue.display(),
            trace.display()
        );
        format!("sh '{}'", self.write_beside("stub.sh", text).display())
    }

    /// The faults that stubs were asked about, in order.
    pub(crate) fn trace(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.beside("trace")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// A drain of the queue with a stub, to be started with more arguments.
    pub(crate) fn drain_with(&self, body: &str) -> Command {
        let mut command = self.haltline();
        command.args(["drain-faults", "--queue", "--json", "--investigator", "command", "--command", &self.stub(body)]);
        command
    }

    /// Drains the queue with a stub.
    pub(crate) fn drain<A: AsRef<OsStr>>(&self, body: &str, args: impl IntoIterator<Item = A>) -> Ended {
        Running::start(self.drain_with(body).args(args)).end()
    }

    /// Drains the queue with a stub where permissions bind the drain and the stub.
    pub(crate) fn drain_bound(&self, body: &str) -> Option<Ended> {
        let stub = self.stub(body);
        self.run_bound(["drain-faults", "--queue", "--json", "--investigator", "command", "--command", &stub])
    }

    /// The program under strace(1), which injects what the rules say, to be started with more arguments. What the
    /// program itself starts is not traced. `None`, with the reason printed, where nothing can be traced.
    #[expect(clippy::print_stdout, reason = "a test that is skipped says why")]
    pub(crate) fn traced(&self, rules: &[&str]) -> Option<Command> {
        let tracer = || {
            let mut command = self.command("strace");
            command.args(["-f", "-b", "execve", "-qq", "-o", "/dev/null"]);
            command
        };
        if !tracer().arg("true").output().is_ok_and(|output| output.status.success()) {
            println!("SKIP: strace cannot trace here");
            return None;
        }
        let mut command = tracer();
        command.args(rules).arg(env!("CARGO_BIN_EXE_haltline"));
        Some(command)
    }

    /// Every row of the analytics, in order.
    pub(crate) fn told(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.path("analytics/skill-faults.jsonl")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The rows of one event file.
    pub(crate) fn told_of(&self, file: &str) -> Vec<Value> {
        self.told().into_iter().filter(|row| row["file"] == file).collect()
    }

    /// A file of the queue as JSON.
    pub(crate) fn json_of(&self, below: &str) -> Value {
        serde_json::from_slice(&std::fs::read(self.queue(below)).unwrap()).unwrap()
    }

    /// The names of what drains hold, locks apart.
    pub(crate) fn holds(&self) -> Vec<String> {
        self.names("in-flight").into_iter().filter(|name| name != "settle.lock").collect()
    }

    /// The event files that drains hold.
    pub(crate) fn held(&self) -> Vec<String> {
        let held = self.holds().into_iter().flat_map(|hold| self.names(&format!("in-flight/{hold}")));
        held.filter(|name| is_event_name(name)).collect()
    }

    /// Makes the back-off of everything that waits end.
    pub(crate) fn end_back_off(&self) {
        for name in self.names(PENDING) {
            let path = format!("{PENDING}/{name}");
            let mut event = self.json_of(&path);
            if event["delivery"].is_object() {
                event["delivery"]["notBefore"] = json!("2026-05-20T08:14:00.123Z");
                self.write(&path, event.to_string());
            }
        }
    }

    /// Checks that each of these files has left the queue once, to `processed`, and that exactly one row settled it.
    /// A pair that is seen twice is one row, as readers take it.
    #[track_caller]
    pub(crate) fn check_settled_once(&self, files: &[String], outcome: &str) {
        let processed = self.names("processed");
        let told = self.told_once();
        for file in files {
            assert!(processed.contains(file), "{file} is not in processed/: {:?}", self.names(""));
            let of_file: Vec<_> = told.iter().filter(|row| row["file"] == **file).collect();
            let settled = of_file.iter().filter(|row| row["outcome"] == outcome && row["move"] == "moved").count();
            let other = of_file.iter().filter(|row| is_settled(row)).count();
            assert_eq!((settled, other), (1, 1), "{file}: {of_file:#?}");
        }
        let elsewhere = [PENDING, "dead-letter", "quarantine"].map(|folder| self.names(folder)).concat();
        assert!(files.iter().all(|file| !elsewhere.contains(file)), "{elsewhere:?}");
        assert_eq!(self.held(), Vec::<String>::new());
    }

    /// Every row, without those whose pair was seen before.
    pub(crate) fn told_once(&self) -> Vec<Value> {
        let mut seen = BTreeSet::new();
        self.told()
            .into_iter()
            .filter(|row| seen.insert((row["drainId"].to_string(), row["seq"].to_string())))
            .collect()
    }
}

fn is_settled(row: &Value) -> bool {
    !["dispatch-failed", "move-failed"].contains(&row["outcome"].as_str().unwrap()) && row["move"] != "already-gone"
}

fn is_event_name(name: &str) -> bool {
    name.ends_with(".json") && !name.starts_with('.')
}

impl Running {
    /// Starts a program and takes what it says.
    pub(crate) fn start(command: &mut Command) -> Self {
        Self(Some(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()))
    }

    /// The same, with standard error in a file, to be looked at while the program runs.
    pub(crate) fn start_logging(command: &mut Command, log: &Path) -> Self {
        let log = std::fs::File::create(log).unwrap();
        Self(Some(command.stdout(Stdio::piped()).stderr(log).spawn().unwrap()))
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(self.0.as_ref().unwrap()), signal).unwrap();
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.0.as_mut().unwrap().try_wait().unwrap().is_some()
    }

    /// Waits for its end, but not for ever.
    #[track_caller]
    pub(crate) fn end(mut self) -> Ended {
        until("the end of the program", || self.has_ended());
        ended(self.0.take().unwrap().wait_with_output().unwrap())
    }

    /// Kills it as a power cut would: nothing of it has a chance to tidy up.
    pub(crate) fn kill(mut self) {
        let mut child = self.0.take().unwrap();
        child.kill().ok();
        child.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

/// Waits until something is so, and fails the test where it does not come.
#[track_caller]
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    let (_open, never) = mpsc::channel::<()>();
    while !is_so() {
        assert!(begun.elapsed() < LONGEST, "waited too long for {what}");
        never.recv_timeout(Duration::from_millis(3)).ok();
    }
}

/// Whether a process runs; one that has ended and waits for its parent does not.
pub(crate) fn is_running(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X']))
}

/// Waits for a file that a stub writes, and returns its first line.
#[track_caller]
pub(crate) fn await_line(path: &Path) -> String {
    let mut text = String::new();
    until("a line of a stub", || {
        text = std::fs::read_to_string(path).unwrap_or_default();
        text.ends_with('\n')
    });
    text.lines().next().unwrap_or_default().to_owned()
}

/// The reports of a run, by name.
pub(crate) fn reports(home: &Home, run_id: &str) -> Vec<String> {
    names(&home.queue("reports").join(run_id))
}

/// The result of a dry run says what that of the drain after it says, all but the drain's own event.
#[track_caller]
pub(crate) fn check_told_alike(dry: &Value, real: &Value) {
    let counts = [
        "processed",
        "shortCircuited",
        "skipped",
        "failed",
        "deferred",
        "collapsed",
        "duplicates",
        "quarantined",
        "deadLettered",
        "recovered",
        "avoided",
    ];
    let of = |result: &Value, own: u64| {
        counts.map(|name| {
            let own = if matches!(name, "shortCircuited" | "avoided") { own } else { 0 };
            (name, result[name].as_u64().unwrap() - own)
        })
    };
    assert_eq!(of(dry, 0), of(real, 1));
}
