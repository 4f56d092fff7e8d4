//! `haltline doctor --fsck`: what is wrong with the files of a queue, told without touching it, and what is mended.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use support::drains::{FINDS_CAUSE, PENDING, Running, await_line, fault, until, with};
use support::{Home, mode, set_mode};

const NOTHING: [&str; 0] = [];

/// Every problem and hint with its remedy.
fn told(checkup: &Value) -> Vec<String> {
    let all = ["problems", "hints"].map(|rank| checkup[rank].as_array().unwrap().clone()).concat();
    all.iter()
        .map(|one| format!("{} => {}", one["problem"].as_str().unwrap(), one["remedy"].as_str().unwrap()))
        .collect()
}

#[track_caller]
fn tells(checkup: &Value, parts: &[&str]) {
    let told = told(checkup);
    assert!(told.iter().any(|one| parts.iter().all(|part| one.contains(part))), "{parts:?} is not in {told:#?}");
}

/// Makes everything in the queue the user's alone, as haltline itself leaves it.
fn tighten(home: &Home) {
    home.run(["doctor", "--fsck", "--repair"]);
}

fn age(home: &Home, below: &str, hours: u64) {
    let file = std::fs::File::options().write(true).open(home.queue(below)).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(hours * 3600)).unwrap();
}

#[test]
fn a_queue_that_drains_leave_has_nothing_to_tell_and_one_that_is_not_there_is_not_made() {
    let home = Home::new();
    assert_eq!(told(&home.run(["doctor", "--fsck", "--json"]).expect(0).json()), Vec::<String>::new());
    assert!(!home.path("").is_dir());
    home.run(["emit", "--kind", "PHASE_FAILED", "--run-id", "r", "--message", "m"]).expect(0);
    home.run(["mark-shipped", "--feature", "3"]).expect(0);
    home.drain("exit 9", NOTHING).expect(1);
    home.run(["resolve", "--run-id", "r", "--fault-id", "x"]).expect(0);
    home.drain(FINDS_CAUSE, NOTHING).expect(0);
    home.end_back_off();
    home.drain(FINDS_CAUSE, NOTHING).expect(0);
    let checkup = home.run(["doctor", "--fsck", "--json"]).expect(0).json();
    let told = told(&checkup);
    // The test itself has rewritten the back-off.
    assert!(told.iter().all(|one| one.contains("can be read by others")), "{told:#?}");
    assert!(home.run(["doctor", "--fsck"]).expect(0).stdout.contains("No problem was found."));
}

#[test]
fn each_thing_out_of_place_is_told_with_what_to_do_and_nothing_is_touched() {
    let home = Home::new();
    home.put(&fault("r", "f"));
    home.drain(FINDS_CAUSE, NOTHING).expect(0);
    home.put_old("broken.json", "{");
    home.put(&with(fault("r", "far"), "delivery", json!({"attempts": 1, "notBefore": "2999-01-01T00:00:00Z"})));
    home.write("processed/odd.json", "{");
    age(&home, "processed/odd.json", 1);
    home.write("dead-letter/.0123456789abcdef.tmp", "half");
    age(&home, "dead-letter/.0123456789abcdef.tmp", 37);
    home.write("dead-letter/.fedcba9876543210.tmp", "young");
    home.write("processed/note.txt", "");
    home.write("quarantine/x.json", "{");
    home.write("quarantine/y.json.reason~20260520T081400123Z.json", "{}");
    home.write("reports/gone/f.md", "");
    home.write("reports/r/f~20260520T081400123Z.md", "");
    home.write("lost+found", "");
    home.write("in-flight/.new-20260520T081400123Z-1/lock", "");
    std::os::unix::fs::symlink("/etc/passwd", home.queue("processed/link.json")).unwrap();
    let rows = home.path("analytics/skill-faults.jsonl");
    std::fs::write(&rows, [std::fs::read(&rows).unwrap(), b"{\"ts\":\"20\n".to_vec()].concat()).unwrap();
    tighten(&home);
    home.write("dead-letter/.0123456789abcdef.tmp", "half");
    age(&home, "dead-letter/.0123456789abcdef.tmp", 37);
    set_mode(&home.queue("dead-letter/.0123456789abcdef.tmp"), 0o600);
    set_mode(&home.queue("processed/odd.json"), 0o666);
    set_mode(&home.queue("inbox"), 0o750);

    let before = home.snapshot();
    let checkup = home.run(["doctor", "--fsck", "--json"]).expect(1).json();
    assert_eq!(home.snapshot(), before);
    for parts in [
        ["pending-investigations: waits and is no readable event: 1 (`broken.json`)", "quarantine"],
        ["pending-investigations: waits for longer", "haltline retry"],
        ["processed: is no readable event: 1 (`odd.json`)", "mend it"],
        ["processed: can be written by others: 1 (`odd.json`)", "chmod 600"],
        ["processed: is nothing that haltline knows: 1 (`note.txt`)", "move it away"],
        ["processed: is a symbolic link, which is never followed: 1", "move it away"],
        ["dead-letter: is a temporary file older than 36 hours: 1 (`.0123456789abcdef.tmp`)", "--repair"],
        ["quarantine: is in quarantine without its reason: 1 (`x.json`)", "purge"],
        ["quarantine: is a reason without its file: 1", "purge"],
        ["reports/gone: is a report of which no event is left: 1 (`f.md`)", "purge"],
        ["reports/r: is a report for people without the one for programs: 1", "next drain"],
        ["skill-faults: is nothing that haltline knows: 1 (`lost+found`)", "move it away"],
        ["skill-faults: can be read by others: 1 (`inbox`)", "--repair"],
        [".new-20260520T081400123Z-1: left by a drain that was killed", "next"],
        ["analytics: has lines that are no rows: 1 (`skill-faults.jsonl`)", "pass over"],
    ] {
        tells(&checkup, &parts);
    }
    assert_eq!(told(&checkup).len(), 15, "{:#?}", told(&checkup));
}

#[test]
fn a_repair_reaps_what_is_stale_tightens_what_is_open_and_touches_nothing_else() {
    let home = Home::new();
    let file = home.put(&fault("r", "f"));
    home.drain("exit 9", NOTHING).expect(1);
    let waiting = home.queue(&format!("{PENDING}/{file}"));
    let text = std::fs::read(&waiting).unwrap();
    set_mode(&waiting, 0o664);
    set_mode(&home.queue("processed"), 0o777);
    for (name, hours) in [("stale.tmp", 37), ("young.tmp", 35), (".rewrite-1-2.tmp", 37)] {
        home.write(&format!("{PENDING}/{name}"), fault("r", "aside").to_string());
        age(&home, &format!("{PENDING}/{name}"), hours);
    }
    set_mode(&home.queue(&format!("{PENDING}/young.tmp")), 0o600);
    let checkup = home.run(["doctor", "--fsck", "--json"]).expect(1).json();
    tells(&checkup, &["was left by a rewrite that was killed", "gives the event back"]);
    assert!(home.run(["doctor", "--fsck", "--repair"]).expect(0).stdout.contains("Mended: "));
    assert_eq!((mode(&waiting), mode(&home.queue("processed"))), (0o600, 0o700));
    assert_eq!(std::fs::read(&waiting).unwrap(), text);
    let names = home.names(PENDING);
    assert!(
        names.iter().any(|name| name.starts_with("restored-")),
        "an event that a rewrite took comes back: {names:?}"
    );
    assert!(names.contains(&"young.tmp".to_owned()) && !names.contains(&"stale.tmp".to_owned()), "{names:?}");
    home.run(["doctor", "--repair"]).expect(2);
}

#[test]
fn what_waits_in_an_outbox_belongs_there_and_nothing_else_does() {
    let home = Home::new();
    for name in ["20260520T081400123Z-000000-1.jsonl", "lock", "notes.txt"] {
        let file = home.write_beside(&format!("home/outbox/webhook/{name}"), "");
        set_mode(&file, 0o600);
    }
    set_mode(&home.path("outbox/webhook"), 0o700);
    set_mode(&home.path("outbox"), 0o700);
    let checkup = home.run(["doctor", "--fsck", "--json"]).json();
    tells(&checkup, &["outbox/webhook", "is nothing that haltline knows", "1 (`notes.txt`)"]);
}

#[test]
fn what_the_next_drain_makes_of_a_dead_one_is_told_and_a_live_one_is_no_trouble() {
    let home = Home::new();
    home.put(&fault("r", "f"));
    home.put(&fault("r", "f"));
    let started = home.beside("started");
    let drain = Running::start(&mut home.drain_with(&format!("echo x > '{}'; sleep 300", started.display())));
    await_line(&started);
    let drain_id = home.holds()[0].clone();
    let alive = told(&home.run(["doctor", "--fsck", "--json"]).json());
    assert!(!alive.iter().any(|one| one.contains(&drain_id) && one.contains("dead")), "{alive:#?}");
    drain.kill();
    until("the end of the drain's lock", || home.run(["list"]).stdout.starts_with("abandoned"));
    home.write(&format!("in-flight/{drain_id}/r-g.json"), fault("r", "g").to_string());
    home.write(&format!("in-flight/{drain_id}/by-hand"), fault("r", "h").to_string());
    let draft = json!({"outcome": "investigated", "file": "x.json"});
    let mark = std::os::unix::fs::MetadataExt::ino(&home.write("processed/x.json", "{}").metadata().unwrap());
    let planned = |seq: u64, mark: u64| {
        json!({"settle": {"seq": seq, "ts": "2026-05-20T08:14:00Z", "name": "x.json", "mark": mark, "from": "held",
            "to": "processed", "stamp": "2026-05-20T08:14:00Z", "draft": draft}})
    };
    let journal = std::fs::read_to_string(home.queue(&format!("in-flight/{drain_id}/journal"))).unwrap();
    let journal = format!("{journal}{}\n{}\n{{\"settle\"", planned(50, mark), planned(51, 1));
    home.write(&format!("in-flight/{drain_id}/journal"), journal);
    let before = home.snapshot();
    let checkup = home.run(["doctor", "--fsck", "--json"]).json();
    assert_eq!(home.snapshot(), before);
    let strange = |one: &String| one.contains("by-hand") && !one.contains("can be read by others");
    assert!(!told(&checkup).iter().any(strange), "{checkup:#}");
    for part in [
        "1 events wait again, as they were",
        "2 events of attempt 1",
        "it counts as interrupted",
        "1 rows of moves that were made are recorded",
        "1 moves that were planned and not made are forgotten",
        "1 torn lines of the journal",
    ] {
        tells(&checkup, &[&drain_id, "left by a dead drain", part]);
    }
}
