//! The upgrade, killed and refused at any step, and beside drains.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use std::os::unix::fs::{MetadataExt, chown};

use serde_json::Value;
use support::drains::{FINDS_CAUSE, PENDING, Running, audit, with};
use support::{Ended, Home};

const NOTHING: [&str; 0] = [];
const MARKER: &str = ".migrations/v1.40.5.0.done";
/// The system calls by which an upgrade changes what is on disk.
const CALLS: [&str; 6] = ["renameat2", "linkat", "fsync", "write", "unlinkat", "mkdirat"];

/// A row as earlier releases wrote it, and what becomes of it.
fn row(id: &str) -> (String, String) {
    let mut event = with(audit("r", id), "message", "drain-faults subcommand invoked (queue)");
    event.as_object_mut().unwrap().remove("investigate");
    let old = format!("{event:#}\n");
    let new = format!("{},\n  \"investigate\": false\n}}\n", old.strip_suffix("\n}\n").unwrap());
    (old, new)
}

/// Two rows in each folder; their paths in the queue.
fn plant(home: &Home) -> Vec<String> {
    let folders = [PENDING, "processed", "dead-letter"];
    let paths = folders.iter().flat_map(|folder| ["a", "b"].map(|id| format!("{folder}/{id}.json")));
    paths.inspect(|path| drop(home.write(path, row(path).0))).collect()
}

/// Every row is the old or the new one, whole; whether all are new.
#[track_caller]
fn check_whole(home: &Home, paths: &[String], what: &str) -> bool {
    let mut all_new = true;
    for path in paths {
        let text = std::fs::read_to_string(home.queue(path)).unwrap();
        let (old, new) = row(path);
        assert!(text == old || text == new, "{what}: {path} is {text}");
        all_new &= text == new;
    }
    all_new
}

/// Upgrades once more: all is done, nothing is left over, and nothing changes after that.
#[track_caller]
fn check_completes(home: &Home, paths: &[String], what: &str) {
    let is_marked = home.queue(MARKER).is_file();
    assert!(check_whole(home, paths, what) || !is_marked, "{what}: marked before all rows were done");
    home.run(["upgrade"]).expect(0);
    assert!(check_whole(home, paths, what) && home.queue(MARKER).is_file(), "{what}");
    for folder in [PENDING, "processed", "dead-letter"] {
        assert_eq!(home.names(folder), ["a.json", "b.json"], "{what}: {folder}");
    }
    let before = home.snapshot();
    home.run(["upgrade"]).expect(0);
    assert_eq!(home.snapshot(), before, "{what}");
}

fn upgrade_with(home: &Home, rule: &str) -> Option<Ended> {
    let mut command = home.with_failing(rule)?;
    Some(Running::start(command.arg("upgrade")).end())
}

#[test]
fn killed_before_any_step_it_is_completed_by_the_next() {
    let mut killed = 0;
    for (call, number) in CALLS.iter().flat_map(|call| [1, 2, 3, 5, 8].map(|number| (call, number))) {
        let home = Home::new();
        let paths = plant(&home);
        let what = format!("{call}:signal=KILL:when={number}");
        let Some(ended) = upgrade_with(&home, &what) else { return };
        killed += usize::from(!ended.stderr.contains("flagged"));
        check_completes(&home, &paths, &what);
    }
    assert!(killed >= 12, "only {killed} upgrades were killed");
}

#[test]
fn a_step_that_fails_is_told_and_leaves_no_marker_and_nothing_half_written() {
    let mut refused = 0;
    let errors = ["ENOSPC", "EIO"];
    // A temporary that cannot be taken away stays; readers pass over it.
    let calls = CALLS.iter().filter(|call| **call != "unlinkat");
    let points = calls.flat_map(|call| [1, 2, 4].map(|number| (call, number)));
    for ((call, number), error) in points.flat_map(|point| errors.map(|error| (point, error))) {
        let home = Home::new();
        let paths = plant(&home);
        let what = format!("{call}:error={error}:when={number}");
        let Some(ended) = upgrade_with(&home, &what) else { return };
        assert!([Some(0), Some(1)].contains(&ended.code), "{what}: {ended:#?}");
        if ended.code == Some(1) {
            refused += 1;
            // strace counts for each thread: with the first write of the file work it refuses the first line on standard
            // error too, which names the file. The lines after it say that one failed.
            let told = if (*call, number) == ("write", 1) { "failed 1" } else { "skill-faults" };
            assert!(ended.stderr.contains(told), "{what}: {ended:#?}");
            // What failed last may be the flush of the marker itself.
            let marked = home.queue(MARKER).is_file();
            assert!(!marked || check_whole(&home, &paths, &what), "{what}: {ended:#?}");
        }
        check_completes(&home, &paths, &what);
    }
    assert!(refused >= 10, "only {refused} upgrades were refused");
}

#[test]
fn the_marker_comes_after_the_last_flush_of_every_folder() {
    let home = Home::new();
    plant(&home);
    let log = home.beside("strace");
    let trace = ["-y", "-e", "trace=renameat2,linkat,fsync", "-o", log.to_str().unwrap()];
    let Some(mut command) = home.traced(&trace) else { return };
    Running::start(command.arg("upgrade")).end().expect(0);
    let text = std::fs::read_to_string(log).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let last = |what: &dyn Fn(&str) -> bool| lines.iter().rposition(|line| what(line)).unwrap();
    let marked = last(&|line| line.contains(".done"));
    for folder in [PENDING, "processed", "dead-letter"] {
        let of_folder =
            |line: &str, call: &str| line.contains(call) && line.contains(&format!("skill-faults/{folder}>"));
        let renamed = last(&|line| of_folder(line, "renameat2"));
        let flushed = last(&|line| of_folder(line, "fsync("));
        assert!(renamed < flushed && flushed < marked, "{folder}: {text}");
    }
    let flushed = last(&|line| line.contains("fsync(") && line.contains(".migrations>"));
    assert!(marked < flushed, "{text}");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a test makes a file immutable")]
fn an_immutable_row_is_named_and_left_and_holds_up_the_marker() {
    let home = Home::new();
    let paths = plant(&home);
    let target = home.queue(&paths[0]);
    let change = |how: &str| std::process::Command::new("chattr").arg(how).arg(&target).output();
    if !change("+i").is_ok_and(|output| output.status.success()) {
        return println!("SKIP: no file can be made immutable here");
    }
    let ended = home.run(["upgrade"]);
    let text = std::fs::read_to_string(&target).unwrap();
    assert!(change("-i").unwrap().status.success());
    let ended = ended.expect(1).says("a.json").says("flagged 5, already flagged 0, untouched 0, malformed 0, failed 1");
    assert_eq!((text, home.queue(MARKER).is_file()), (row(&paths[0]).0, false), "{ended:#?}");
    assert_eq!(home.names(PENDING), ["a.json", "b.json"], "no temporary is left");
    check_completes(&home, &paths, "immutable");
}

#[test]
fn a_row_stays_its_owners() {
    let home = Home::new();
    let paths = plant(&home);
    for path in &paths {
        if let Err(error) = chown(home.queue(path), Some(65534), Some(65533)) {
            return println!("SKIP: a file cannot be given away: {error}");
        }
    }
    home.run(["upgrade"]).expect(0);
    assert!(check_whole(&home, &paths, "owner"));
    for path in &paths {
        let found = home.queue(path).metadata().unwrap();
        assert_eq!((found.uid(), found.gid()), (65534, 65533), "{path}");
    }
}

#[test]
fn beside_drains_and_emitters_every_row_is_settled_once_and_none_comes_back() {
    const ROWS: usize = 60;
    let home = Home::new();
    let ids: Vec<_> = (0..ROWS).map(|number| format!("f{number:03}.")).collect();
    for id in &ids {
        home.write(&format!("{PENDING}/{id}json"), row(id).0);
    }
    let mut drain = home.drain_with(FINDS_CAUSE);
    drain.args(["--max", "5"]);
    let mut upgrade = home.haltline();
    upgrade.arg("upgrade");
    let running: Vec<_> =
        (0..6).map(|turn| Running::start(if turn % 2 == 0 { &mut upgrade } else { &mut drain })).collect();
    for number in 0..5 {
        home.run(["mark-shipped", "--feature", &number.to_string()]).expect(0);
    }
    for one in running {
        let ended = one.end();
        assert!([Some(0), Some(1)].contains(&ended.code), "{ended:#?}");
    }
    home.run(["upgrade"]).expect(0);
    home.drain(FINDS_CAUSE, ["--max", "99"]).expect(0);
    assert_eq!(home.names(PENDING), NOTHING);
    let processed = home.names("processed");
    for id in &ids {
        assert_eq!(processed.iter().filter(|name| name.starts_with(id.trim_end_matches('.'))).count(), 1, "{id}");
        let settled = home.told_once().iter().filter(|row| row["faultId"] == **id && row["move"] == "moved").count();
        assert_eq!(settled, 1, "{id}");
    }
    let mut trace = home.trace();
    trace.sort();
    trace.dedup();
    assert_eq!(home.trace().len(), trace.len(), "nobody was asked twice");
    let rows: Vec<Value> = home.rows("processed");
    assert!(rows.iter().filter(|row| row["runId"] == "r").count() == ROWS);
}
