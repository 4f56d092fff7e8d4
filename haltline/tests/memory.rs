//! Everything hostile at once in one home: no command takes much memory, hangs, or touches what it should not.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use std::fs::File;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::json;
use support::drains::{FINDS_CAUSE, PENDING, audit, fault, with};
use support::{Ended, Home};

/// The most memory that a command may have used at any time, in KiB.
const MOST_MEMORY: u64 = 64 << 10;
/// The large file, in bytes. It is sparse: whoever reads it pays all the same.
const HUGE: u64 = 200 << 20;
const DEEP: usize = 200_000;
/// A command that was gone before anybody could look had no time to take much memory.
const NO_TIME: Duration = Duration::from_millis(100);
/// Far longer than any of this takes on a slow machine.
const LONGEST: Duration = Duration::from_secs(60);

/// Runs a command to its end and holds it to the memory that it may use.
///
/// The high-water mark only rises, and is looked at until the process is gone (proc_pid_status(5), `VmHWM`).
#[track_caller]
fn run_bounded(home: &Home, command: &mut Command) -> Ended {
    let said = ["said-out", "said-err"].map(|name| home.beside(name));
    let [stdout, stderr] = said.each_ref().map(|path| File::create(path).unwrap());
    let mut child = command.stdout(stdout).stderr(stderr).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let begun = Instant::now();
    let mut most = 0;
    // Without a pause: some commands take a few milliseconds.
    while child.try_wait().unwrap().is_none() {
        assert!(begun.elapsed() < LONGEST, "{command:?} hangs");
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let mark = text.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
        most = most.max(mark.map_or(0, |mark| mark.parse::<u64>().unwrap()));
    }
    let code = child.wait().unwrap().code();
    let [stdout, stderr] = said.map(|path| std::fs::read_to_string(path).unwrap());
    tell(command, most);
    assert!(most < MOST_MEMORY, "{command:?} took {most} KiB");
    assert!(most > 0 || begun.elapsed() < NO_TIME, "the memory of {command:?} was never seen");
    Ended { code, stdout, stderr }
}

#[expect(clippy::print_stdout, reason = "the figures are for whoever asks for them (--nocapture)")]
fn tell(command: &Command, most: u64) {
    let words: Vec<_> = command.get_args().take(3).map(|word| word.to_string_lossy()).collect();
    println!("{:.1} MiB: {}", most as f64 / 1024.0, words.join(" "));
}

/// Plants one of everything, old enough to be whole.
fn plant(home: &Home, folder: &str) -> UnixListener {
    let at = home.queue(folder);
    std::fs::create_dir_all(&at).unwrap();
    File::create(at.join("huge.json")).unwrap().set_len(HUGE).unwrap();
    let text = fault("r", "x").to_string();
    std::fs::write(at.join("deep.json"), "[".repeat(DEEP)).unwrap();
    let deep = format!("{{\"x\":{}{},", "[".repeat(DEEP), "]".repeat(DEEP));
    std::fs::write(at.join("deep-field.json"), text.replacen('{', &deep, 1)).unwrap();
    std::fs::write(at.join("objects.json"), "{\"a\":".repeat(DEEP)).unwrap();
    std::fs::write(at.join("no-utf-8.json"), b"{\"faultId\":\"\xff\xfe\"}").unwrap();
    std::fs::write(at.join("twice.json"), text.replacen('{', "{\"kind\":\"SOFT_HALT_WARN\",", 1)).unwrap();
    let twins = format!("{{{}\"z\":1}}", "\"k\":0,".repeat(100_000));
    std::fs::write(at.join("twins.json"), twins).unwrap();
    let secret = home.write_beside("secret.json", text);
    std::fs::hard_link(&secret, at.join("linked.json")).unwrap();
    for name in support::names(&at) {
        let file = File::options().write(true).open(at.join(name)).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(120)).unwrap();
    }
    symlink(&secret, at.join("link.json")).unwrap();
    symlink("/dev/zero", at.join("zero.json")).unwrap();
    std::fs::create_dir(at.join("folder.json")).unwrap();
    mknodat(CWD, at.join("fifo.json"), FileType::Fifo, Mode::RWXU, 0).unwrap();
    UnixListener::bind(at.join("socket.json")).unwrap()
}

#[test]
fn all_hostile_files_at_once_take_little_memory_and_hold_nobody_up() {
    let home = Home::new();
    let files = [home.put(&fault("r", "good")), home.put(&audit("r", "a"))];
    let _socket = plant(&home, PENDING);
    // What a pattern or a row of somebody else's looks like where it is huge.
    File::create(home.queue("learned-patterns.json")).unwrap().set_len(HUGE).unwrap();
    std::fs::create_dir_all(home.path("analytics")).unwrap();
    File::create(home.path("analytics/skill-faults.jsonl")).unwrap().set_len(HUGE).unwrap();
    let before = home.names(PENDING).len();
    for args in [
        &["status", "--json"][..],
        &["list", "--json"],
        &["doctor"],
        &["drain-faults", "--queue", "--dry-run", "--investigator", "triage"],
        &["upgrade", "--dry-run"],
    ] {
        run_bounded(&home, home.haltline().args(args));
        assert_eq!(home.names(PENDING).len(), before, "{args:?}");
    }

    // The investigator prints a report of seven megabytes for one, and of ten for the other.
    let other = home.put(&with(fault("r", "ten"), "severity", "HIGH"));
    let long = "head -c \"$1\" /dev/zero | tr '\\0' x";
    let body = format!(
        "long() {{ {long}; }}; size=7000000; [ \"$HALTLINE_FAULT_ID\" = ten ] && size=10000000\n\
         printf '{{\"faultId\":\"%s\",\"outcome\":\"needs-human\",\"evidence\":[],\"rootCause\":\"' \"$HALTLINE_FAULT_ID\"\n\
         long $size; echo '\"}}'"
    );
    let ended = run_bounded(&home, &mut home.drain_with(&body)).expect(1);
    let result = ended.json();
    assert_eq!((&result["processed"], &result["failed"]), (&json!(1), &json!(1)), "{ended:#?}");
    let quarantined = [
        "deep-field.json",
        "deep.json",
        "huge.json",
        "linked.json",
        "no-utf-8.json",
        "objects.json",
        "twice.json",
        "twins.json",
    ];
    let kept: Vec<_> = home.names("quarantine").into_iter().filter(|name| !name.ends_with(".reason.json")).collect();
    assert_eq!((kept, &result["quarantined"]), (quarantined.map(str::to_owned).to_vec(), &json!(quarantined.len())));
    let left = ["fifo.json", "folder.json", "link.json", other.as_str(), "socket.json", "zero.json"];
    assert_eq!(home.names(PENDING), left);
    assert_eq!(home.queue("quarantine/huge.json").metadata().unwrap().len(), HUGE);
    let processed = home.names("processed");
    assert!(files.iter().all(|file| processed.contains(file)), "{processed:?}");
    assert!(home.queue("reports/r/good.json").metadata().unwrap().len() < 1 << 20);
}

#[test]
fn an_upgrade_among_hostile_files_takes_little_memory_and_names_them() {
    let home = Home::new();
    let _sockets = [PENDING, "processed"].map(|folder| plant(&home, folder));
    let ended = run_bounded(&home, home.haltline().arg("upgrade")).expect(1);
    for name in ["huge.json", "deep.json", "twice.json", "no-utf-8.json"] {
        assert!(ended.stderr.contains(&format!("processed/{name}")), "{name}: {ended:#?}");
    }
    assert_eq!(home.queue("processed/huge.json").metadata().unwrap().len(), HUGE);
}

#[test]
fn what_is_emitted_takes_little_memory_however_large_it_is() {
    let home = Home::new();
    let huge = home.beside("huge");
    File::create(&huge).unwrap().set_len(HUGE).unwrap();
    let deep = home.write_beside("deep", "[".repeat(DEEP));
    let objects = home.write_beside("objects", "{\"a\":".repeat(DEEP));
    for input in [&huge, &deep, &objects] {
        let mut command = home.haltline();
        command.args(["emit", "--json", "-"]).stdin(Stdio::from(File::open(input).unwrap()));
        run_bounded(&home, &mut command).expect(2);
        run_bounded(&home, home.haltline().args(["emit", "--json"]).arg(input)).expect(2);
    }
    let emit = ["emit", "--kind", "PHASE_FAILED", "--run-id", "r", "--message", "m", "--stdout-log"];
    run_bounded(&home, home.haltline().args(emit).arg(&huge)).expect(0);
    let state = ["mark-shipped", "--feature", "3", "--state"];
    for input in [&huge, &deep, &objects] {
        let ended = run_bounded(&home, home.haltline().args(state).arg(input));
        assert!([Some(1), Some(2)].contains(&ended.code), "{ended:#?}");
    }
    assert_eq!(home.names(PENDING).len(), 1);
}

#[test]
fn a_long_queue_is_worked_off_in_little_memory() {
    const EVENTS: usize = 4000;
    let home = Home::new();
    let tail = "a line of a log that says nothing\n".repeat(30);
    for number in 0..EVENTS {
        let event = with(fault("r", &format!("f{number}")), "snapshot", json!({"stdoutTail": tail}));
        home.write(&format!("{PENDING}/{number}.json"), event.to_string());
    }
    let mut command = home.drain_with(FINDS_CAUSE);
    let ended = run_bounded(&home, command.args(["--max", "1"])).expect(0);
    assert_eq!(ended.json()["deferred"], json!(EVENTS - 1));
}
