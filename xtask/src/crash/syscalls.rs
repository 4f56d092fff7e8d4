//! L3: a kill or an error at every system call on files, put there by strace.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use super::case::{Case, Cut};
use super::checker::Strictness;
use super::events::{SCENARIOS, Scenario};
use super::program::{Call, Ended};
use super::setting::Setting;
use super::tally::{Outcome, Tally, run_side_by_side};
use crate::run::succeeds;

/// What happens at a system call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Injection {
    /// The system call.
    pub(super) call: &'static str,
    /// Which one in its thread, from 1.
    pub(super) number: u64,
    /// As strace writes it.
    pub(super) what: &'static str,
}

/// The system calls on files, and what may go wrong with each. A kill may come at any.
const CALLS: [(&str, &[&str]); 21] = [
    ("openat", &["EIO", "ENOSPC", "EACCES", "EINTR", "EMFILE"]),
    ("write", &["EIO", "ENOSPC", "EINTR"]),
    ("pwrite64", &["EIO", "ENOSPC", "EINTR"]),
    ("fsync", &["EIO", "ENOSPC", "EINTR"]),
    ("fdatasync", &["EIO", "ENOSPC", "EINTR"]),
    ("renameat2", &["EIO", "ENOSPC", "EACCES"]),
    ("linkat", &["EIO", "ENOSPC", "EACCES"]),
    ("unlinkat", &["EIO", "EACCES"]),
    ("mkdirat", &["EIO", "ENOSPC", "EACCES"]),
    ("ftruncate", &["EIO", "ENOSPC", "EINTR"]),
    ("fchmod", &["EIO", "EACCES"]),
    ("flock", &["EIO", "EINTR"]),
    ("getdents64", &["EIO"]),
    ("statx", &["EIO", "EACCES"]),
    ("newfstatat", &["EIO", "EACCES"]),
    ("fstat", &["EIO"]),
    ("faccessat2", &["EACCES"]),
    ("read", &["EIO", "EINTR"]),
    ("pread64", &["EIO", "EINTR"]),
    ("renameat", &["EIO", "ENOSPC", "EACCES"]),
    ("utimensat", &["EIO", "EACCES"]),
];

/// As strace writes a kill, and each of the errors.
const INJECTIONS: [(&str, &str); 6] = [
    ("KILL", "signal=KILL"),
    ("EIO", "error=EIO"),
    ("ENOSPC", "error=ENOSPC"),
    ("EACCES", "error=EACCES"),
    ("EINTR", "error=EINTR"),
    ("EMFILE", "error=EMFILE"),
];

/// How often it is looked whether a run waits for a wake-up that it lost, and for how long.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const MOST_LOOKS: u32 = 30;

/// What stands in the event that is emitted.
const TOKEN: &str = "tok-e1-";

/// The commands that it happens to, and what waits when they start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Victim {
    Emit,
    Drain,
    /// A drain whose investigator is built in: no other program runs.
    Triage,
    Upgrade,
}

const VICTIMS: [(Victim, &Scenario); 5] = [
    (Victim::Emit, &SCENARIOS[0]),
    (Victim::Drain, &SCENARIOS[4]),
    (Victim::Triage, &SCENARIOS[4]),
    (Victim::Upgrade, &SCENARIOS[0]),
    (Victim::Upgrade, &SCENARIOS[5]),
];

#[derive(Debug, Clone, Copy)]
struct Point {
    victim: Victim,
    scenario: &'static Scenario,
    injection: Injection,
}

/// Runs every point, or as many as a slice has, evenly among all. A point may not be met: which thread makes which
/// call is another each time. So what brings a violation back is the injection that is told, not its number.
///
/// # Errors
/// The harness itself failed.
pub(super) fn run(setting: &Setting, goal: u64) -> Result<Outcome> {
    if !succeeds("strace", &["-qq", "-o", "/dev/null", "true"]) {
        return Ok(Outcome::Skipped("strace is not on PATH, or may not trace".to_owned()));
    }
    let points = points(setting)?;
    let all = points.len() as u64;
    // A slice of a walk by a step that shares no factor with the whole meets every kind of point.
    let step = if setting.is_slice { (all / goal.max(1)).max(1) | 1 } else { 1 };
    let is_enough = |tally: &Tally| match setting.count {
        Some(count) => tally.histories >= count,
        None => tally.histories >= all || (setting.is_slice && tally.faults >= goal),
    };
    let tally = run_side_by_side(setting.workers, setting.seed, is_enough, |number| {
        let at = usize::try_from((number * step) % all)?;
        history(setting, number, points.get(at).context("no point to inject at")?)
    })?;
    println!("l3: {all} points in all");
    Ok(Outcome::Ran(tally))
}

fn points(setting: &Setting) -> Result<Vec<Point>> {
    let mut points = Vec::new();
    for (victim, scenario) in VICTIMS {
        let numbers = calls_of(setting, victim, scenario)?;
        for (call, errors) in CALLS {
            for number in numbers.get(call).into_iter().flatten().copied() {
                let injections = INJECTIONS.iter().filter(|(name, _)| *name == "KILL" || errors.contains(name));
                points.extend(injections.map(|(_, what)| Point {
                    victim,
                    scenario,
                    injection: Injection { call, number, what },
                }));
            }
        }
    }
    Ok(points)
}

/// The calls of each kind on files of the case, by their numbers in a thread: strace counts by thread.
fn calls_of(setting: &Setting, victim: Victim, scenario: &Scenario) -> Result<BTreeMap<String, BTreeSet<u64>>> {
    let mut case = Case::new(&setting.tools, setting.fast())?;
    case.plant(&(scenario.files)())?;
    let names: Vec<_> = CALLS.iter().map(|(name, _)| *name).collect();
    let log = case.folder.join("strace");
    let call = traced(command(&case, victim), &log, &[format!("trace={}", names.join(","))]);
    case.run(call, Cut::Never)?;
    let text = fs::read_to_string(&log).context("strace wrote nothing")?;
    let ours = case.home.to_str().context("the home's path is no UTF-8")?;
    let mut by_thread: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    let mut numbers: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let (Some(thread), Some(rest)) = (words.next(), words.next()) else { continue };
        let Some((name, _)) = rest.split_once('(') else { continue };
        let number = by_thread.entry((thread, name)).or_default();
        *number += 1;
        if line.contains(ours) {
            numbers.entry(name.to_owned()).or_default().insert(*number);
        }
    }
    Ok(numbers)
}

fn command(case: &Case, victim: Victim) -> Call {
    match victim {
        Victim::Emit => case.emission(TOKEN),
        Victim::Drain => case.drain(),
        Victim::Triage => {
            case.call(&["drain-faults", "--queue", "--json", "--severity-min", "LOW", "--investigator", "triage"])
        }
        Victim::Upgrade => case.call(&["upgrade"]),
    }
}

/// The same command line beneath strace.
fn traced(mut call: Call, log: &Path, expressions: &[String]) -> Call {
    let mut words = ["strace", "-f", "-y", "-qq", "--seccomp-bpf", "-o"].map(Into::into).to_vec();
    words.push(log.as_os_str().to_owned());
    words.extend(expressions.iter().flat_map(|expression| ["-e".into(), expression.into()]));
    words.append(&mut call.words);
    Call { words, ..call }
}

fn history(setting: &Setting, number: u64, point: &Point) -> Result<Tally> {
    let Point { victim, scenario, injection } = *point;
    let Injection { call, number: which, what } = injection;
    let mut case = Case::new(&setting.tools, setting.fast())?;
    case.plant(&(scenario.files)())?;
    case.history.step(format!("{victim:?} with {call}:{what}:when={which}"));
    let log = case.folder.join("strace");
    let expressions = [format!("trace={call}"), format!("inject={call}:{what}:when={which}")];
    let traced = traced(command(&case, victim), &log, &expressions);
    let ended =
        if victim == Victim::Emit { case.emit(TOKEN, traced, Cut::Never)? } else { watched(&mut case, &traced, &log)? };
    let is_kill = what == "signal=KILL";
    let hits = hits(&fs::read_to_string(&log).unwrap_or_default());
    let happened = ended.was_killed() || !hits.is_empty();
    if hits.iter().any(|hit| is_no_file(hit)) {
        // The runtime's own wake-ups look alike. No disk makes them fail, and nothing is promised where they do.
        case.violations.clear();
    } else if let Some(complaint) = complaint(&ended, &hits).filter(|_| !is_kill) {
        case.violations.push(complaint);
    }
    case.observe()?;
    case.rest_and_check(Strictness { reports_survive: is_kill, moves_survive: true, results_are_kept: is_kill })?;
    Ok(Tally::of(case, u64::from(happened), &format!("--seed {number} --count 1"), setting.keep))
}

/// Runs a command line beneath strace. One whose runtime lost a wake-up waits for ever, and is not waited for.
fn watched(case: &mut Case, traced: &Call, log: &Path) -> Result<Ended> {
    let running = case.start(traced, "last")?;
    for _ in 0..MOST_LOOKS {
        if running.wait(LOOK_EVERY)? {
            break;
        }
        if hits(&fs::read_to_string(log).unwrap_or_default()).iter().any(|hit| is_no_file(hit)) {
            running.kill_group();
        }
    }
    case.finish(traced, Cut::Never, running)
}

/// The calls that failed as told, each as one line: strace splits a call that another thread comes between.
fn hits(log: &str) -> Vec<String> {
    let mut begun: BTreeMap<&str, &str> = BTreeMap::new();
    let mut hits = Vec::new();
    for line in log.lines() {
        let thread = line.split_whitespace().next().unwrap_or_default();
        if line.contains("<unfinished ...>") {
            begun.insert(thread, line);
        } else if line.contains("(INJECTED)") {
            let start = if line.contains(" resumed>") { begun.get(thread).copied().unwrap_or_default() } else { "" };
            hits.push(format!("{start}{line}"));
        }
    }
    hits
}

/// Whether a line of strace tells of something that is no file: an event counter, a pipe, a socket.
fn is_no_file(line: &str) -> bool {
    ["<anon_inode:", "<pipe:", "<socket:"].iter().any(|kind| line.contains(kind))
}

/// An error that ends a command is told, unless standard error is what failed.
fn complaint(ended: &Ended, hits: &[String]) -> Option<String> {
    let was_silenced = hits.iter().any(|hit| hit.contains(" write(2<"));
    let is_told = ended.status.success() || !ended.stderr.trim().is_empty() || ended.was_killed();
    (!is_told && !was_silenced).then(|| format!("it ended with {} and said nothing", ended.status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_strace_splits_is_told_whole() {
        let log = "7 write(4<anon_inode:[eventfd]>, \"\" <unfinished ...>\n8 write(5</a/b>, \"\") = -1 EIO (INJECTED)\n\
                   7 <... write resumed>) = -1 EIO (INJECTED)\n8 write(5</a/b>, \"\") = 1\n";
        let hits = hits(log);
        assert_eq!(hits.iter().map(|hit| is_no_file(hit)).collect::<Vec<_>>(), [false, true]);
    }

    #[test]
    fn an_error_without_a_word_is_complained_of() {
        use std::os::unix::process::ExitStatusExt;
        let ended = |code: i32, stderr: &str| Ended {
            status: std::process::ExitStatus::from_raw(code << 8),
            stderr: stderr.to_owned(),
            hung: false,
        };
        let hits = |line: &str| [format!("7 {line} = -1 EIO (INJECTED)")];
        let file = hits("write(5</a/journal>, \"\", 3)");
        assert!(complaint(&ended(1, "\n"), &file).is_some());
        assert_eq!(complaint(&ended(1, "haltline: cannot"), &file), None);
        assert_eq!(complaint(&ended(0, ""), &file), None);
        assert_eq!(complaint(&ended(1, ""), &hits("write(2</a/stderr>, \"haltline: \", 10)")), None);
    }
}
