//! Each way in which an investigator can misbehave, through the real program: the event ends where it should, the next
//! event gets its turn, nothing runs on, and neither memory nor disk runs away.
//!
//! `HALTLINE_CHILD_ROUNDS=20` repeats every mode so often and prints the figures.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::drains::{PENDING, fault, is_running, until, with};
use support::{Ended, Home, set_mode};

/// The stub: all modes in one script.
const STUBS: &str = include_str!("children/stubs.sh");
/// How many drains run at a time. They wait most of the time.
const AT_A_TIME: usize = 4;
/// The most memory that a drain may have used at any time, in MiB.
const MOST_MEMORY: u64 = 64;
/// The most that an attempt may keep on disk: two outputs of 8 MiB and 1 MiB for the rest.
const MOST_DISK: u64 = 17 << 20;
/// The longest that anything of an investigator may outlive its drain.
const LONGEST_SURVIVAL: Duration = Duration::from_secs(15);
/// The longest that a drain may take besides what its investigator was granted: TERM, 5 s, KILL, sweep, and a slow
/// machine.
const LONGEST_DRAIN: Duration = Duration::from_secs(55);

/// One way to misbehave, and how the event that meets it ends.
struct Mode {
    name: &'static str,
    ends: Ends,
    /// The wall clock: short only for those that are meant to run into it.
    timeout: &'static str,
    more: Option<More>,
}

/// How the first event of a drain ends.
#[derive(Clone, Copy, PartialEq)]
enum Ends {
    /// With a report that is filed.
    Report,
    /// As a failed attempt of this class: back into the queue with a wait.
    Failed(&'static str),
    /// Before anything is claimed.
    NothingStarted,
    /// With a report, and then the program is gone when the second event wants it.
    ReportThenGone,
}

type More = fn(&Home, &Ended);

const fn mode(name: &'static str, ends: Ends) -> Mode {
    Mode { name, ends, timeout: "60s", more: None }
}

/// A mode that is meant to run into its wall clock.
const fn slow(name: &'static str, ends: Ends) -> Mode {
    Mode { timeout: "1s", ..mode(name, ends) }
}

/// A mode of which more has to hold than of every other.
const fn more(name: &'static str, ends: Ends, more: More) -> Mode {
    Mode { more: Some(more), ..mode(name, ends) }
}

const BAD: Ends = Ends::Failed("bad-report");
const CRASH: Ends = Ends::Failed("crash");
const TIMEOUT: Ends = Ends::Failed("timeout");

const MODES: [Mode; 43] = [
    mode("empty", BAD),
    mode("garbage", BAD),
    mode("exit-1", CRASH),
    mode("exit-137", CRASH),
    mode("signal", CRASH),
    mode("killed-as-if-out-of-memory", CRASH),
    slow("hangs-and-ignores-term", TIMEOUT),
    mode("floods-stdout", BAD),
    mode("floods-stderr", BAD),
    mode("floods-both", BAD),
    mode("grandchild-holds-stdout", Ends::Report),
    mode("double-fork", Ends::Report),
    slow("forks-while-it-is-ended", TIMEOUT),
    slow("closes-its-outputs", TIMEOUT),
    slow("reports-and-stays", Ends::Report),
    mode("reads-and-waits", Ends::Report),
    mode("not-there", Ends::NothingStarted),
    mode("not-executable", Ends::NothingStarted),
    mode("a-folder", Ends::NothingStarted),
    mode("of-another-machine", Ends::NothingStarted),
    mode("vanishes", Ends::ReportThenGone),
    mode("other-fault", BAD),
    mode("prose-around", Ends::Report),
    mode("several-objects", Ends::Report),
    mode("fenced", Ends::Report),
    mode("seven-megabytes", Ends::Report),
    mode("ten-megabytes", BAD),
    more("paths-and-events-in-fields", Ends::Report, fields_are_data),
    more("writes-into-the-queue", Ends::Report, what_was_planted_stays_apart),
    more("plants-a-link-for-its-report", Ends::Report, the_link_is_kept_beside_the_report),
    more("emits-and-drains", Ends::Report, the_nested_halt_waits),
    mode("needs-a-tty", CRASH),
    mode("has-no-home", Ends::Report),
    more("cost-missing", Ends::Report, |home, _| check_cost(home, &Value::Null)),
    more("cost-null", Ends::Report, |home, _| check_cost(home, &Value::Null)),
    more("cost-negative", Ends::Report, |home, _| check_cost(home, &json!(1.0))),
    mode("cost-not-a-number", BAD),
    more("cost-huge", Ends::Report, |home, _| check_cost(home, &json!(1.0))),
    more("cost-in-words", Ends::Report, |home, _| check_cost(home, &json!(1.0))),
    more("cost-in-another-currency", Ends::Report, |home, _| check_cost(home, &json!(1.0))),
    mode("prints-after-its-report", Ends::Report),
    mode("never-reads-its-prompt", Ends::Report),
    mode("no-such-mode", CRASH),
];

/// What was measured of one drain.
#[derive(Debug, Default, Clone, Copy)]
struct Figures {
    took: Duration,
    /// From the drain's end until nothing of its investigators runs.
    survived: Duration,
    memory_kib: u64,
    disk: u64,
    /// The most that stood on disk at any moment, before it was cut to size.
    disk_peak: u64,
}

impl Figures {
    fn worst(self, other: Self) -> Self {
        Self {
            took: self.took.max(other.took),
            survived: self.survived.max(other.survived),
            memory_kib: self.memory_kib.max(other.memory_kib),
            disk: self.disk.max(other.disk),
            disk_peak: self.disk_peak.max(other.disk_peak),
        }
    }
}

#[test]
fn every_way_to_misbehave_ends_as_the_table_says() {
    let rounds: usize = std::env::var("HALTLINE_CHILD_ROUNDS").map_or(1, |text| text.parse().unwrap());
    let next = AtomicUsize::new(0);
    let worst: Mutex<BTreeMap<&str, Figures>> = Mutex::default();
    let failed: Mutex<Vec<&str>> = Mutex::default();
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                loop {
                    let turn = next.fetch_add(1, Ordering::Relaxed);
                    let Some(mode) = MODES.get(turn % MODES.len()).filter(|_| turn < rounds * MODES.len()) else {
                        return;
                    };
                    match std::panic::catch_unwind(|| check(mode)) {
                        Ok(figures) => {
                            let mut worst = worst.lock().unwrap();
                            let so_far = worst.entry(mode.name).or_default();
                            *so_far = so_far.worst(figures);
                        }
                        Err(_) => failed.lock().unwrap().push(mode.name),
                    }
                }
            });
        }
    });
    tell(rounds, &worst.into_inner().unwrap());
    assert_eq!(failed.into_inner().unwrap(), Vec::<&str>::new(), "see above");
}

#[expect(clippy::print_stdout, reason = "the figures are what the long run is for")]
fn tell(rounds: usize, worst: &BTreeMap<&str, Figures>) {
    println!("{} modes, {rounds} rounds; the worst of each:", MODES.len());
    println!("| mode | took | survived | memory | on disk | at its peak |\n|---|---|---|---|---|---|");
    let all = worst.values().copied().fold(Figures::default(), Figures::worst);
    for (name, figures) in worst.iter().chain([(&"all", &all)]) {
        println!(
            "| {name} | {:.1} s | {} ms | {:.1} MiB | {:.2} MiB | {:.1} MiB |",
            figures.took.as_secs_f64(),
            figures.survived.as_millis(),
            mib(figures.memory_kib << 10),
            mib(figures.disk),
            mib(figures.disk_peak),
        );
    }
}

#[expect(clippy::cast_precision_loss, reason = "a size to be shown")]
fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// Drains a fault that meets the mode and, after it, one that meets an honest investigator.
fn check(mode: &Mode) -> Figures {
    let home = Home::new();
    let mark = new_mark();
    let first = home.put(&long_fault("first"));
    let second = home.put(&with(with(fault("r", "second"), "severity", "HIGH"), "message", "another phase failed"));
    let mut command = home.haltline();
    command.args(["drain-faults", "--queue", "--json", "--jobs", "1", "--timeout", mode.timeout]);
    command.args(["--investigator", "mine", "--config"]).arg(install(&home, mode, &mark));
    if mode.name == "has-no-home" {
        command.env_remove("HOME").env("LANG", "xx_YY.nonsense").env("LARGE", "x".repeat(100_000)).env("TERM", "vt52");
    }
    let (ended, mut figures) = watch(&home, &mut command, mode);
    figures.survived = await_no_survivor(&mark, mode.name);

    let name = mode.name;
    let told = home.told_of(&first);
    let left = |file: &str| home.json_of(&format!("{PENDING}/{file}"));
    match mode.ends {
        Ends::Report | Ends::ReportThenGone => {
            assert_eq!(told.len(), 1, "{name}: {told:#?} {ended:#?}");
            assert_eq!(told[0]["outcome"], "investigated", "{name}: {ended:#?}");
            assert!(!home.names(PENDING).contains(&first), "{name}");
            let report = home.queue("reports/r/first.json");
            let size = report.metadata().map_or_else(|_| panic!("{name}: {ended:#?}"), |found| found.len());
            assert!(size < 1 << 20, "{name}: a report of {size} bytes");
        }
        Ends::Failed(class) => {
            assert_eq!(told.len(), 1, "{name}: {told:#?} {ended:#?}");
            assert_eq!(
                (&told[0]["outcome"], &told[0]["failure"]),
                (&json!("dispatch-failed"), &json!(class)),
                "{name}: {ended:#?}"
            );
            let delivery = &left(&first)["delivery"];
            assert_eq!(delivery["attempts"], 1, "{name}");
            assert!(delivery["notBefore"].is_string() && delivery["lastError"].is_string(), "{name}: {delivery}");
            assert!(!home.queue("reports/r/first.json").try_exists().unwrap(), "{name}");
        }
        Ends::NothingStarted => {
            assert_eq!((told.len(), left(&first).get("delivery")), (0, None), "{name}: {told:#?}");
            let result = ended.json();
            assert_eq!((&result["dispatched"], &result["deferred"]), (&json!(0), &json!(2)), "{name}: {ended:#?}");
        }
    }
    let expected_code = match mode.ends {
        Ends::Report => 0,
        Ends::Failed(_) | Ends::ReportThenGone => 1,
        Ends::NothingStarted => 78,
    };
    assert_eq!(ended.code, Some(expected_code), "{name}: {ended:#?}");
    match mode.ends {
        Ends::Report | Ends::Failed(_) => {
            home.check_settled_once(&[second], "investigated");
            figures.disk = largest_attempt(&home);
            assert!((1..MOST_DISK).contains(&figures.disk), "{name}: {} bytes on disk", figures.disk);
        }
        Ends::ReportThenGone | Ends::NothingStarted => {
            let delivery = left(&second)["delivery"].clone();
            assert!(delivery["attempts"].as_u64().unwrap_or(0) == 0, "{name}: no attempt is counted: {delivery}");
            let told = home.told_of(&second);
            let is_gone = mode.ends == Ends::ReportThenGone;
            assert_eq!(told.len(), usize::from(is_gone), "{name}: {told:#?}");
            assert!(!is_gone || told[0]["failure"] == "missing-program", "{name}: {told:#?}");
        }
    }
    assert_eq!(home.holds(), Vec::<String>::new(), "{name}: nothing is held");
    assert!(!home.beside("planted").try_exists().unwrap(), "{name}");
    if let Some(more) = mode.more {
        more(&home, &ended);
    }
    figures
}

/// A fault whose prompt is larger than a pipe holds.
fn long_fault(fault_id: &str) -> Value {
    let tail = format!("{}No space left on device\n", "a line of a log that nobody needs\n".repeat(7000));
    with(fault("r", fault_id), "snapshot", json!({"stdoutTail": tail, "failureReason": "red"}))
}

/// A number that no other process has in its command line.
fn new_mark() -> String {
    static LAST: AtomicU32 = AtomicU32::new(0);
    format!("{}{:06}", std::process::id(), LAST.fetch_add(1, Ordering::Relaxed))
}

/// Puts the mode's program where the configuration names it; the configuration's path.
fn install(home: &Home, mode: &Mode, mark: &str) -> PathBuf {
    let program = home.beside("investigator");
    match mode.name {
        "not-there" => {}
        "a-folder" => std::fs::create_dir(&program).unwrap(),
        "of-another-machine" => {
            // The header of a program for an IBM mainframe; a shell that ran it as a script would do what follows.
            let mut bytes = b"\x7fELF\x02\x02\x01\0\0\0\0\0\0\0\0\0\0\x02\0\x16\0\0\0\x01".to_vec();
            bytes.extend(format!("\ntouch '{}'\n", home.beside("planted").display()).as_bytes());
            std::fs::write(&program, bytes).unwrap();
        }
        _ => std::fs::write(&program, STUBS).unwrap(),
    }
    if mode.name != "not-there" {
        set_mode(&program, if mode.name == "not-executable" { 0o600 } else { 0o700 });
    }
    let words: [&Path; 6] = [
        &program,
        Path::new(mode.name),
        Path::new(mark),
        &home.queue(""),
        home.dir.path(),
        Path::new(env!("CARGO_BIN_EXE_haltline")),
    ];
    home.write_beside("config.toml", format!("[investigators.mine]\ncommand = {}\n", json!(words)))
}

/// Runs a drain and watches its memory and its disk.
///
/// The high-water mark only rises and is looked at until the process is gone, so what is missed is what it takes in its
/// last milliseconds, when all reports are filed.
fn watch(home: &Home, command: &mut Command, mode: &Mode) -> (Ended, Figures) {
    let mut figures = Figures::default();
    let begun = Instant::now();
    let said = ["stdout", "stderr"].map(|file| home.beside(&format!("drain-{file}")));
    let [stdout, stderr] = said.each_ref().map(|path| File::create(path).unwrap());
    let mut drain = Reaped(command.stdout(stdout).stderr(stderr).spawn().unwrap());
    let mut code = None;
    until("the end of the drain", || {
        figures.memory_kib = figures.memory_kib.max(high_water(drain.0.id()).unwrap_or(0));
        figures.disk_peak = figures.disk_peak.max(size_of(&home.queue("in-flight")));
        let ended = drain.0.try_wait().unwrap();
        code = ended.and_then(|status| status.code());
        ended.is_some()
    });
    figures.took = begun.elapsed();
    let [stdout, stderr] = said.map(|path| std::fs::read_to_string(path).unwrap());
    let name = mode.name;
    assert!(figures.memory_kib > 0, "{name}: its memory was never seen");
    assert!(figures.memory_kib < MOST_MEMORY << 10, "{name}: {} KiB of memory", figures.memory_kib);
    assert!(figures.took < LONGEST_DRAIN, "{name}: {:?}", figures.took);
    (Ended { code, stdout, stderr }, figures)
}

/// A process that is killed where a test gives it up.
struct Reaped(Child);

impl Drop for Reaped {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// The most memory that a process had at any time, in KiB (proc_pid_status(5), `VmHWM`).
fn high_water(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}

/// The size of all files below a folder, as far as they are there.
fn size_of(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let size = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(found) if found.is_dir() => size_of(&entry.path()),
        Ok(found) => found.len(),
        Err(_) => 0,
    };
    entries.flatten().map(size).sum()
}

/// What the largest attempt took on disk when the second one had begun.
fn largest_attempt(home: &Home) -> u64 {
    let text = std::fs::read_to_string(home.beside("sizes")).unwrap();
    text.lines().map(|line| line.split('\t').next().unwrap().parse().unwrap()).max().unwrap()
}

/// Waits until nothing that carries the mark runs, and tells how long that took.
fn await_no_survivor(mark: &str, name: &str) -> Duration {
    let begun = Instant::now();
    loop {
        let survivors = marked(mark);
        if survivors.is_empty() {
            return begun.elapsed();
        }
        assert!(begun.elapsed() < LONGEST_SURVIVAL, "{name}: {survivors:?} survived");
        thread::yield_now();
    }
}

/// The living processes that have the mark in their command line or their environment.
fn marked(mark: &str) -> Vec<String> {
    let has = |pid: &str, file: &str| {
        let bytes = std::fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
        bytes.windows(mark.len()).any(|part| part == mark.as_bytes())
    };
    let pids =
        support::names(Path::new("/proc")).into_iter().filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
    pids.filter(|pid| (has(pid, "cmdline") || has(pid, "environ")) && is_running(pid)).collect()
}

#[test]
fn a_survivor_would_be_seen() {
    let home = Home::new();
    for place in ["argument", "variable"] {
        let mark = new_mark();
        let mut command = home.command("sleep");
        match place {
            "argument" => command.arg(format!("300.{mark}")),
            _ => command.arg("300").env("CHILD_MARK", &mark),
        };
        let sleeper = Reaped(command.spawn().unwrap());
        until("the sleeper", || marked(&mark) == [sleeper.0.id().to_string()]);
        drop(sleeper);
        assert_eq!(marked(&mark), Vec::<String>::new(), "{place}");
    }
}

fn check_cost(home: &Home, expected: &Value) {
    assert_eq!(home.told_of("r-first.json")[0]["costUsd"], *expected);
}

fn fields_are_data(home: &Home, ended: &Ended) {
    let result = ended.json();
    let row = &home.told_of("r-first.json")[0];
    assert_eq!((&row["severity"], &row["kind"]), (&json!("CRITICAL"), &json!("PHASE_FAILED")));
    assert_eq!(result["dispatched"], 2);
    assert_eq!(home.names(PENDING), Vec::<String>::new(), "a report emits nothing");
    let planted: Vec<_> =
        home.snapshot().into_keys().filter(|path| path.to_string_lossy().contains("planted")).collect();
    assert_eq!(planted, Vec::<PathBuf>::new());
    assert!(home.names("processed").contains(&"r-first.json".to_owned()));
}

fn what_was_planted_stays_apart(home: &Home, ended: &Ended) {
    let result = ended.json();
    let read = |below: &str| std::fs::read_to_string(home.queue(below)).unwrap();
    assert_eq!(read("processed/r-first.json"), "mine\n", "history is never overwritten");
    assert_eq!(std::fs::read_to_string(home.beside("target")).unwrap(), "mine\n", "no link is followed");
    let settled = home.names("processed").into_iter().filter(|name| name.starts_with("r-first~")).count();
    assert_eq!(settled, 1, "{:?}", home.names("processed"));
    assert_eq!(result["processed"], 2);
    assert_eq!(read(&format!("{PENDING}/planted.json")), "half a\n");
}

fn the_nested_halt_waits(home: &Home, ended: &Ended) {
    let result = ended.json();
    let read = |name: &str| std::fs::read_to_string(home.beside(name)).unwrap();
    assert_eq!(read("nested").trim(), "78", "an investigator's drain starts nobody");
    assert_eq!(result["dispatched"], 2, "{result}");
    let waiting = home.names(PENDING);
    assert_eq!(waiting.len(), 1, "{waiting:?}");
    assert!(waiting[0].starts_with("nested-PHASE_FAILED"), "{waiting:?}");
    assert_eq!(home.told_of(&waiting[0]), Vec::<Value>::new());
}

fn the_link_is_kept_beside_the_report(home: &Home, _: &Ended) {
    assert_eq!(std::fs::read_to_string(home.beside("target")).unwrap(), "mine\n", "no link is followed");
    let is_link = |name: &String| home.queue(&format!("reports/r/{name}")).is_symlink();
    let links: Vec<_> = home.names("reports/r").into_iter().filter(is_link).collect();
    assert!(links.len() == 1 && links[0].starts_with("first~"), "{links:?}");
}
