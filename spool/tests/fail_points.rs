//! A process that is killed, or told of an error, at each step of putting an event into the queue. The test runs
//! itself: as the child, it puts one event.

use std::path::Path;
use std::process::{Command, ExitStatus};

use haltline_protocol::{FaultKey, Intake, Layout, NewRow, RowKind};
use haltline_spool::SpoolIntake;
use jiff::Timestamp;

const HOME: &str = "HALTLINE_TEST_HOME";
/// How the child says that it was not told of the event.
const REFUSED: i32 = 3;

#[test]
fn a_put_that_is_killed_or_fails_at_any_step_leaves_a_whole_event_or_none() {
    if let Some(home) = std::env::var_os(HOME) {
        std::process::exit(if put(Path::new(&home)).is_ok() { 0 } else { REFUSED });
    }
    let home = tempfile::tempdir().unwrap();
    let count_file = home.path().join("count");
    assert!(run(&home.path().join("clean"), "HALTLINE_FAULT_COUNT", count_file.to_str().unwrap()).success());
    let steps: u64 = std::fs::read_to_string(count_file).unwrap().parse().unwrap();
    assert!(steps > 8, "only {steps} steps");

    for step in 1..=steps {
        for fault in ["kill", "kill-after", "error:ENOSPC", "error:EIO"] {
            let home = home.path().join(format!("{fault}-{step}"));
            let status = run(&home, "HALTLINE_FAULT", &format!("{fault}:{step}"));
            match fault {
                "kill" | "kill-after" => assert_eq!(status.code(), None, "{fault}:{step} ended with {status}"),
                _ => assert!([0, REFUSED].contains(&status.code().unwrap()), "{fault}:{step} ended with {status}"),
            }
            let waiting = waiting(&home);
            assert!(waiting.iter().all(|text| text == "{\"whole\":true}"), "{fault}:{step} left {waiting:?}");
            assert!(!status.success() || waiting.len() == 1, "{fault}:{step} acknowledged and left {waiting:?}");
            put(&home).unwrap();
        }
    }
}

fn put(home: &Path) -> Result<(), haltline_protocol::QueueError> {
    let key = FaultKey { run_id: "r".into(), fault_id: "f".into() };
    let intake = SpoolIntake::open(&Layout::new(home), true)?;
    let (kind, stamp) = (RowKind::Event, Timestamp::UNIX_EPOCH);
    intake.put(&NewRow { kind, key, stamp, row: b"{\"whole\":true}" }).map(drop)
}

#[expect(clippy::disallowed_methods, reason = "the test starts itself")]
fn run(home: &Path, variable: &str, value: &str) -> ExitStatus {
    Command::new(std::env::current_exe().expect("the test is a file"))
        .env(HOME, home)
        .env(variable, value)
        .status()
        .expect("it starts")
}

/// What a drain would look at.
fn waiting(home: &Path) -> Vec<String> {
    let Ok(folder) = std::fs::read_dir(Layout::new(home).pending()) else { return Vec::new() };
    let paths = folder.map(|entry| entry.expect("a name").path());
    paths
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .map(|path| std::fs::read_to_string(path).expect("a file"))
        .collect()
}
