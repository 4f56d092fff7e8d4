//! The upgrade to v1.40.5.0 in homes of all sorts.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod util;

use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::time::{Duration, UNIX_EPOCH};

use haltline_migrator::{RunState, status, trouble_lines, upgrade};
use util::{FOLDERS, Home, MESSAGES, flagged, names, recovery, row};

const RECOVERY: &str = "MANUAL_RECOVERY_INVOKED";

#[test]
fn recovery_rows_of_all_three_folders_gain_the_field_and_nothing_else() {
    let home = Home::empty();
    for (number, message) in MESSAGES.iter().enumerate() {
        for folder in FOLDERS {
            home.write(&format!("{folder}/{number}.json"), row("f", RECOVERY, message));
        }
    }
    let report =
        home.check(RunState::Completed, "flagged 9, already flagged 0, untouched 0, malformed 0, failed 0, appeared 0");
    assert!(trouble_lines(&report).is_empty());
    for (number, message) in MESSAGES.iter().enumerate() {
        for folder in FOLDERS {
            assert_eq!(home.text(&format!("{folder}/{number}.json")), flagged(&row("f", RECOVERY, message)));
        }
    }
    for folder in FOLDERS {
        assert_eq!(names(&home.path(folder)).len(), 3, "no temporary is left");
    }
}

#[test]
fn a_row_that_has_the_field_stays_whatever_it_says() {
    let home = Home::empty();
    for (number, value) in ["null", "true", "false", "0", "\"false\"", "{\"a\": [1.0]}"].iter().enumerate() {
        let text = recovery("f").replace("  \"runId\"", &format!("  \"investigate\": {value},\n  \"runId\""));
        home.write(&format!("pending-investigations/{number}.json"), text);
    }
    let before = home.snapshot();
    home.check(RunState::Completed, "flagged 0, already flagged 6, untouched 0, malformed 0, failed 0, appeared 0");
    let after = home.snapshot();
    for (path, found) in before.iter().filter(|(path, _)| path.is_file()) {
        assert_eq!(&after[path], found);
    }
}

#[test]
fn other_kinds_other_messages_and_markers_stay() {
    let home = Home::empty();
    let rows = [
        row("a", "PHASE_FAILED", MESSAGES[0]),
        row("b", "RECOVERY_BOUNDARY", MESSAGES[0]),
        row("c", RECOVERY, "somebody else's recovery"),
        row("d", RECOVERY, " drain-faults subcommand invoked"),
        row("e", RECOVERY, "Drain-faults subcommand invoked"),
        row("g", "manual_recovery_invoked", MESSAGES[1]),
        r#"{"event":"SKILL_FAULT_RESOLVED","timestamp":"2026-05-20T08:14:00Z","runId":"r","faultId":"f"}"#.into(),
    ];
    for (number, text) in rows.iter().enumerate() {
        home.write(&format!("processed/{number}.json"), text);
    }
    home.write("processed/notes.txt", recovery("f"));
    home.write("processed/.half.tmp", recovery("f"));
    home.write("quarantine/q.json", recovery("f"));
    let before = home.snapshot();
    home.check(RunState::Completed, "flagged 0, already flagged 0, untouched 7, malformed 0, failed 0, appeared 0");
    let after = home.snapshot();
    for (path, found) in before.iter().filter(|(path, _)| path.is_file()) {
        assert_eq!(&after[path], found);
    }
}

#[test]
fn escapes_do_not_hide_what_a_row_is() {
    let home = Home::empty();
    let text = recovery("f").replace("MANUAL_", "\\u004dANUAL_").replace("drain-", "\\u0064rain-");
    home.write("processed/x.json", &text);
    home.check(RunState::Completed, "flagged 1, already flagged 0, untouched 0, malformed 0, failed 0, appeared 0");
    assert_eq!(home.text("processed/x.json"), flagged(&text));
}

#[test]
fn digits_unknown_fields_style_mark_mode_and_times_survive() {
    let home = Home::empty();
    let odd = recovery("f").replace(
        "  \"runId\"",
        "  \"big\": 12345678901234567890,\n  \"one\": 1.0,\n  \"\\u0065scaped\": \"\\/ü\\n\",   \n  \"runId\"",
    );
    let compact = recovery("f").replace("\n", "").replace("  ", "").replace(": ", ":");
    let table = [
        ("odd.json", odd.clone(), flagged(&odd)),
        ("compact.json", compact.clone(), format!("{},\"investigate\":false}}", compact.strip_suffix('}').unwrap())),
        ("bom.json", format!("\u{feff}{odd}\n \t\n"), format!("\u{feff}{}\n \t\n", flagged(&odd))),
        ("bare.json", odd.trim_end().to_owned(), flagged(&odd).trim_end().to_owned()),
    ];
    let past = UNIX_EPOCH + Duration::new(1_700_000_000, 123_456_789);
    for (mode, (name, before, _)) in [0o600, 0o640, 0o444, 0o755].into_iter().zip(&table) {
        let path = home.write(&format!("pending-investigations/{name}"), before);
        std::fs::File::options().append(true).open(&path).unwrap().set_modified(past).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
    }
    home.check(RunState::Completed, "flagged 4, already flagged 0, untouched 0, malformed 0, failed 0, appeared 0");
    for (mode, (name, _, after)) in [0o600, 0o640, 0o444, 0o755].into_iter().zip(&table) {
        let below = format!("pending-investigations/{name}");
        assert_eq!(&home.text(&below), after);
        let stat = home.path(&below).metadata().unwrap();
        assert_eq!((stat.permissions().mode() & 0o7777, stat.modified().unwrap()), (mode, past), "{name}");
    }
}

#[test]
fn a_second_run_changes_nothing_even_without_the_marker() {
    let home = Home::empty();
    home.write("processed/x.json", recovery("f"));
    home.check(RunState::Completed, "flagged 1, already flagged 0, untouched 0, malformed 0, failed 0, appeared 0");
    let done = home.snapshot();
    let again = home.upgrade(false);
    assert_eq!((again.state, again.report), (RunState::DoneBefore, None));
    assert_eq!(home.snapshot(), done);

    home.forget_marker();
    home.check(RunState::Completed, "flagged 0, already flagged 1, untouched 0, malformed 0, failed 0, appeared 0");
    let row = home.path("processed/x.json");
    assert_eq!(home.snapshot()[&row], done[&row]);
}

#[test]
fn malformed_rows_are_named_and_stay_and_hold_up_the_marker_but_no_other_row() {
    let home = Home::empty();
    let whole = recovery("f");
    let large = format!("{}{}", whole, " ".repeat(1024 * 1024));
    let malformed = [
        ("empty", ""),
        ("array", "[]"),
        ("string", "\"x\""),
        ("null", "null"),
        ("torn", &whole[..whole.len() / 2]),
        ("twice", &whole.replace("\"snapshot\": {}", "\"snapshot\": {}, \"message\": \"x\"")),
        ("lacking", &whole.replace("  \"stateSlug\": \"s\",\n", "")),
        ("large", &large),
    ];
    for (name, text) in malformed {
        home.write(&format!("processed/{name}.json"), text);
    }
    home.write("processed/z.json", &whole);
    home.write("pending-investigations/a.json", &whole);
    let before = home.snapshot();
    let report = home
        .check(RunState::Incomplete, "flagged 2, already flagged 0, untouched 0, malformed 8, failed 0, appeared 0");
    let lines = trouble_lines(&report);
    let after = home.snapshot();
    for (name, _) in malformed {
        let path = home.path(&format!("processed/{name}.json"));
        assert!(lines.iter().any(|line| line.contains(path.to_str().unwrap())), "{name} in {lines:#?}");
        assert_eq!(after[&path], before[&path]);
        home.move_file(&path, name);
    }
    home.check(RunState::Completed, "flagged 0, already flagged 2, untouched 0, malformed 0, failed 0, appeared 0");
}

#[test]
fn a_row_that_the_field_would_make_too_large_stays_and_is_named() {
    let home = Home::empty();
    let whole = recovery("f");
    let full = whole.replace("\"s\"", &format!("\"{}\"", "s".repeat(1024 * 1024 - whole.len() - 5)));
    home.write("processed/full.json", &full);
    home.check(RunState::Incomplete, "flagged 0, already flagged 0, untouched 0, malformed 0, failed 1, appeared 0");
    assert_eq!(home.text("processed/full.json"), full);
}

#[test]
fn what_is_no_regular_file_is_never_opened() {
    let home = Home::empty();
    let secret = home.write("../secret", recovery("f"));
    symlink(&secret, home.path("pending-investigations/link.json")).unwrap();
    symlink("nowhere", home.path("pending-investigations/dangling.json")).unwrap();
    std::fs::create_dir(home.path("processed/folder.json")).unwrap();
    let _socket = UnixListener::bind(home.path("processed/socket.json")).unwrap();
    let fifo = home.path("processed/fifo.json");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    home.check(RunState::Completed, "flagged 0, already flagged 0, untouched 0, malformed 0, failed 0, appeared 0");
    assert_eq!(std::fs::read_to_string(secret).unwrap(), recovery("f"));
}

#[test]
fn a_home_without_a_queue_gets_the_marker_alone() {
    let home = Home::fresh();
    assert!(!status(&home.layout).unwrap()[0].done);
    assert_eq!(home.upgrade(true).state, RunState::WouldComplete);
    assert_eq!(names(home.dir.path()), Vec::<String>::new(), "a dry run makes nothing");

    home.check(RunState::Completed, "flagged 0, already flagged 0, untouched 0, malformed 0, failed 0, appeared 0");
    assert_eq!(names(home.layout.queue()), [".migrations"]);
    assert!(status(&home.layout).unwrap()[0].done);
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(home.layout.queue()), mode(&home.marker())), (0o700, 0o600));
}

#[test]
fn a_dry_run_tells_all_and_changes_not_a_byte() {
    let home = Home::empty();
    home.write("pending-investigations/a.json", recovery("f"));
    home.write("processed/b.json", "{");
    home.write("in-flight/d/c.json", recovery("f"));
    let before = home.snapshot();
    let run = home.upgrade(true);
    let report = run.report.unwrap();
    assert_eq!(run.state, RunState::Incomplete);
    assert_eq!((report.count("flagged"), report.malformed.len(), report.appeared.len()), (1, 1, 1));
    assert_eq!(home.snapshot(), before);
}

#[test]
fn a_marker_that_is_a_file_ends_it_before_a_row_is_read() {
    let home = Home::empty();
    home.write(&format!(".migrations/v{}.done", util::VERSION), "whatever");
    home.write("processed/a.json", recovery("f"));
    home.write("processed/b.json", "{");
    let before = home.snapshot();
    let run = home.upgrade(false);
    assert_eq!((run.state, run.report), (RunState::DoneBefore, None));
    assert_eq!(home.snapshot(), before);
}

#[test]
fn anything_else_of_the_markers_name_is_an_error_and_nothing_is_changed() {
    for kind in ["directory", "symbolic link", "FIFO"] {
        let home = Home::empty();
        home.write("processed/a.json", recovery("f"));
        let target = home.write(".migrations/other", "");
        match kind {
            "directory" => std::fs::create_dir(home.marker()).unwrap(),
            "symbolic link" => symlink(target, home.marker()).unwrap(),
            _ => rustix::fs::mknodat(rustix::fs::CWD, home.marker(), rustix::fs::FileType::Fifo, 0o600.into(), 0)
                .unwrap(),
        }
        let before = home.snapshot();
        for dry_run in [true, false] {
            let error = upgrade(&home.layout, dry_run, &mut |_| ()).unwrap_err().to_string();
            assert!(error.contains(kind) && error.contains(home.marker().to_str().unwrap()), "{error}");
        }
        assert!(status(&home.layout).is_err());
        assert_eq!(home.snapshot(), before);
    }
}

#[test]
fn a_row_that_a_drain_holds_is_left_to_it_and_holds_up_the_marker() {
    let home = Home::empty();
    home.write("in-flight/d/held.json", recovery("f"));
    home.write("in-flight/d/attempts/1/event.json", recovery("f"));
    home.write("processed/a.json", recovery("f"));
    let report = home
        .check(RunState::Incomplete, "flagged 1, already flagged 0, untouched 0, malformed 0, failed 0, appeared 1");
    assert!(report.appeared[0].file.ends_with("in-flight/d/held.json"));
    assert_eq!(home.text("in-flight/d/held.json"), recovery("f"));

    home.move_file(&home.path("in-flight/d/held.json"), "processed/held.json");
    home.check(RunState::Completed, "flagged 1, already flagged 1, untouched 0, malformed 0, failed 0, appeared 0");
}

#[test]
fn a_killed_rewrites_temporary_is_cleared_by_the_next_run() {
    let home = Home::empty();
    home.write("processed/a.json", recovery("f"));
    home.write("processed/.rewrite-17.tmp", "half");
    home.check(RunState::Completed, "flagged 1, already flagged 0, untouched 0, malformed 0, failed 0, appeared 0");
    assert_eq!(names(&home.path("processed")), ["a.json"]);
}

#[test]
fn a_name_that_is_no_utf_8_is_named_and_holds_up_the_marker() {
    use std::os::unix::ffi::OsStrExt;

    let home = Home::empty();
    let name = std::ffi::OsStr::from_bytes(b"\xff.json");
    std::fs::write(home.path("processed").join(name), recovery("f")).unwrap();
    home.check(RunState::Incomplete, "flagged 0, already flagged 0, untouched 0, malformed 0, failed 1, appeared 0");
}
