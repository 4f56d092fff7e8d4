//! The upgrade where the file system refuses: as a user whom permissions bind, root without its powers included.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod util;

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use haltline_migrator::{RunState, count_line};
use util::{Home, flagged, names, recovery};

/// Set in the process that runs without root's powers.
const INNER: &str = "HALTLINE_TEST_WITHOUT_POWERS";

/// Whether permissions bind this process: tried, since root may have lost its powers.
fn is_bound() -> bool {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o500)).unwrap();
    std::fs::write(folder.path().join("x"), "").is_err()
}

/// Runs a test's body where permissions bind: here, or in this very test started again without root's powers.
#[expect(clippy::print_stdout, reason = "a test that is skipped says why")]
fn without_powers(test: &str, body: impl FnOnce()) {
    if is_bound() {
        return body();
    }
    assert!(std::env::var_os(INNER).is_none(), "setpriv took no powers away");
    #[expect(clippy::disallowed_methods, reason = "a process cannot give up its capabilities without unsafe code")]
    let ended = Command::new("setpriv")
        .args(["--bounding-set", "-dac_override,-dac_read_search,-fowner", "--inh-caps", "-all", "--"])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(INNER, "1")
        .output();
    match ended {
        Ok(ended) => {
            let said = String::from_utf8_lossy(&ended.stdout).into_owned() + &String::from_utf8_lossy(&ended.stderr);
            assert!(ended.status.success() && said.contains("1 passed"), "{said}");
        }
        Err(error) => println!("SKIP: root is not bound by permissions, and setpriv does not start: {error}"),
    }
}

fn set_mode(home: &Home, below: &str, mode: u32) {
    std::fs::set_permissions(home.path(below), PermissionsExt::from_mode(mode)).unwrap();
}

#[test]
fn a_folder_that_cannot_be_written_fails_its_rows_and_a_later_run_goes_on() {
    without_powers("a_folder_that_cannot_be_written_fails_its_rows_and_a_later_run_goes_on", || {
        let home = Home::empty();
        home.write("pending-investigations/a.json", recovery("f"));
        home.write("processed/b.json", recovery("f"));
        home.write("processed/c.json", recovery("f"));
        set_mode(&home, "processed", 0o500);
        let report = home.check(
            RunState::Incomplete,
            "flagged 1, already flagged 0, untouched 0, malformed 0, failed 2, appeared 0",
        );
        assert!(report.failed[0].reason.contains("ermission"), "{report:#?}");
        assert_eq!(home.text("processed/b.json"), recovery("f"));
        assert_eq!(home.text("pending-investigations/a.json"), flagged(&recovery("f")));
        assert_eq!(names(&home.path("processed")), ["b.json", "c.json"]);

        set_mode(&home, "processed", 0o700);
        home.check(RunState::Completed, "flagged 2, already flagged 1, untouched 0, malformed 0, failed 0, appeared 0");
    });
}

#[test]
fn a_row_or_a_folder_that_cannot_be_read_is_named_and_holds_up_the_marker() {
    without_powers("a_row_or_a_folder_that_cannot_be_read_is_named_and_holds_up_the_marker", || {
        let home = Home::empty();
        home.write("pending-investigations/a.json", recovery("f"));
        home.write("dead-letter/b.json", recovery("f"));
        set_mode(&home, "pending-investigations/a.json", 0o000);
        set_mode(&home, "processed", 0o000);
        let report = home.check(
            RunState::Incomplete,
            "flagged 1, already flagged 0, untouched 0, malformed 0, failed 2, appeared 0",
        );
        assert!(report.failed[0].file.ends_with("a.json") && report.failed[0].reason.contains("EACCES"), "{report:#?}");
        assert!(report.failed[1].file.ends_with("processed"), "{report:#?}");
        set_mode(&home, "processed", 0o700);
    });
}

#[test]
fn a_marker_that_cannot_be_written_keeps_the_rewrites() {
    without_powers("a_marker_that_cannot_be_written_keeps_the_rewrites", || {
        let home = Home::empty();
        home.write("processed/a.json", recovery("f"));
        std::fs::create_dir(home.path(".migrations")).unwrap();
        set_mode(&home, ".migrations", 0o500);
        let run = home.upgrade(false);
        assert_eq!(run.state, RunState::Incomplete);
        assert!(run.error.unwrap().contains(".migrations"));
        assert_eq!(home.text("processed/a.json"), flagged(&recovery("f")));

        set_mode(&home, ".migrations", 0o700);
        let again = home.upgrade(false);
        let counts = "flagged 0, already flagged 1, untouched 0, malformed 0, failed 0, appeared 0";
        assert_eq!((again.state, count_line(&again.report.unwrap()).as_str()), (RunState::Completed, counts));
    });
}
