//! Files in the queue that are no events, and ids that want to be paths.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::{Value, json};
use support::Home;
use support::drains::{FINDS_CAUSE, PENDING, Running, fault, with};

const NOTHING: [&str; 0] = [];

#[track_caller]
fn check_quarantined(home: &Home, name: &str, bytes: &[u8]) {
    assert!(std::fs::read(home.queue("quarantine").join(name)).unwrap() == bytes, "{name} has other bytes now");
    let reason = home.json_of(&format!("quarantine/{name}.reason.json"));
    assert!(!reason["reason"].as_str().unwrap().is_empty(), "{reason:#}");
    reason["quarantinedAt"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let told = home.told_of(name);
    assert_eq!(told.len(), 1, "{name}: {told:#?}");
    assert_eq!((&told[0]["outcome"], &told[0]["faultId"]), (&json!("quarantined"), &Value::Null));
    assert!(!home.names(PENDING).contains(&name.to_owned()));
}

fn without(field: &str) -> String {
    let mut event = fault("r", "f");
    event.as_object_mut().unwrap().remove(field);
    event.to_string()
}

#[test]
fn each_kind_of_file_that_is_no_event_goes_into_quarantine_with_its_reason() {
    let home = Home::new();
    let whole = fault("r", "f").to_string();
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    let mut add = |name: &str, bytes: &[u8]| files.push((format!("{name}.json"), bytes.to_vec()));
    for field in ["faultId", "runId", "stateSlug", "kind", "severity", "timestamp", "message", "pointers", "snapshot"] {
        add(&format!("no-{field}"), without(field).as_bytes());
        add(&format!("null-{field}"), with(fault("r", "f"), field, Value::Null).to_string().as_bytes());
        add(&format!("number-{field}"), with(fault("r", "f"), field, 7).to_string().as_bytes());
    }
    add("empty", b"");
    add("torn", &whole.as_bytes()[..whole.len() / 2]);
    add("trailing", format!("{whole} x").as_bytes());
    add("two", format!("{whole}\n{whole}").as_bytes());
    add("array", format!("[{whole}]").as_bytes());
    add("null", b"null");
    add("string", b"\"x\"");
    add("twice", whole.replacen('{', "{\"kind\":\"SOFT_HALT_WARN\",", 1).as_bytes());
    add("escaped-twice", whole.replacen('{', "{\"k\\u0069nd\":\"SOFT_HALT_WARN\",", 1).as_bytes());
    add("no-utf-8", b"{\"faultId\":\"\xff\"}");
    add("deep", "[".repeat(200_000).as_bytes());
    add(
        "deep-field",
        whole.replacen('{', &format!("{{\"x\":{}1{},", "[".repeat(9999), "]".repeat(9999)), 1).as_bytes(),
    );
    add("large", with(fault("r", "f"), "message", "x".repeat(1 << 20)).to_string().as_bytes());
    add("other-marker", b"{\"event\":\"SKILL_FAULT_RESOLVED\",\"timestamp\":\"2026-05-20T08:14:00Z\",\"runId\":7}");
    for (name, bytes) in &files {
        home.put_old(name, bytes);
    }
    let good = home.put(&fault("r", "good"));
    let result = home.drain(FINDS_CAUSE, NOTHING).expect(1).json();
    assert_eq!(result["quarantined"], json!(files.len()), "{:?} stay", home.names(PENDING));
    for (name, bytes) in &files {
        check_quarantined(&home, name, bytes);
    }
    home.check_settled_once(&[good], "investigated");
    assert_eq!((home.trace(), home.names(PENDING).len()), (vec!["good".to_owned()], 0));

    let again = home.drain(FINDS_CAUSE, NOTHING).expect(0).json();
    assert_eq!(again["quarantined"], json!(0));
}

#[test]
fn what_a_slow_writer_has_not_finished_is_left_to_it() {
    let home = Home::new();
    let young = ["", "{", "{\"faultId\":\"f\""];
    for (number, text) in young.iter().enumerate() {
        home.write(&format!("{PENDING}/{number}.json"), text);
    }
    let ended = home.drain(FINDS_CAUSE, NOTHING).expect(0);
    assert_eq!(ended.json()["quarantined"], json!(0));
    assert_eq!(
        (home.names(PENDING), home.names("quarantine").len()),
        (["0.json", "1.json", "2.json"].map(str::to_owned).to_vec(), 0)
    );
    home.write(&format!("{PENDING}/1.json"), fault("r", "f").to_string());
    assert_eq!(home.drain(FINDS_CAUSE, NOTHING).expect(0).json()["processed"], json!(1));
}

#[test]
fn a_byte_order_mark_a_wrong_time_and_an_odd_name_make_no_event_unreadable() {
    let home = Home::new();
    let text = fault("r", "mark").to_string();
    home.write(&format!("{PENDING}/mark.json"), [b"\xef\xbb\xbf", text.as_bytes()].concat());
    home.put(&with(fault("r", "time"), "timestamp", ""));
    home.put(&with(fault("r", "kind"), "kind", "NOBODY_KNOWS_IT"));
    let result = home.drain(FINDS_CAUSE, NOTHING).expect(0).json();
    assert_eq!((&result["processed"], &result["quarantined"]), (&json!(3), &json!(0)));
}

#[test]
fn what_is_no_regular_file_is_reported_and_left_and_never_opened() {
    let home = Home::new();
    home.put(&fault("r", "f"));
    let pending = home.queue(PENDING);
    let secret = home.write_beside("secret.json", fault("r", "secret").to_string());
    std::fs::create_dir(pending.join("folder.json")).unwrap();
    symlink(&secret, pending.join("link.json")).unwrap();
    symlink("/nowhere", pending.join("dangling.json")).unwrap();
    symlink("loop.json", pending.join("loop.json")).unwrap();
    mknodat(CWD, pending.join("fifo.json"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let _socket = UnixListener::bind(pending.join("socket.json")).unwrap();
    let ended = home.drain(FINDS_CAUSE, NOTHING).expect(0);
    let left = ["dangling.json", "fifo.json", "folder.json", "link.json", "loop.json", "socket.json"];
    assert_eq!(home.names(PENDING), left);
    for name in left {
        assert!(ended.stderr.contains(name), "{name} is not in {ended:#?}");
    }
    assert_eq!((home.trace(), &ended.json()["processed"]), (vec!["f".to_owned()], &json!(1)));
    assert_eq!((home.names("quarantine").len(), secret.is_file()), (0, true));
}

#[test]
fn a_huge_file_is_quarantined_unread() {
    let home = Home::new();
    let path = home.put_old("huge.json", "");
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.set_len(200 << 20).unwrap();
    let mut command = home.command("sh");
    let drain = "ulimit -v 1000000; exec \"$0\" drain-faults --queue --json --investigator triage";
    let ended = Running::start(command.args(["-c", drain, env!("CARGO_BIN_EXE_haltline")])).end().expect(1);
    assert_eq!(ended.json()["quarantined"], json!(1));
    let kept = home.queue("quarantine/huge.json").metadata().unwrap();
    assert_eq!(kept.len(), 200 << 20);
    let reason = home.json_of("quarantine/huge.json.reason.json")["reason"].to_string();
    assert!(reason.contains("209715200") && reason.contains("1048576"), "{reason}");
}

#[test]
fn a_file_with_two_names_is_quarantined_and_its_other_name_is_untouched() {
    let home = Home::new();
    let other = home.beside("other.json");
    std::fs::hard_link(home.put_old("x.json", fault("r", "f").to_string()), &other).unwrap();
    assert_eq!(home.drain(FINDS_CAUSE, NOTHING).expect(1).json()["quarantined"], json!(1));
    assert_eq!(std::fs::read_to_string(other).unwrap(), fault("r", "f").to_string());
    assert_eq!(home.trace(), NOTHING);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "this side is the writer")]
fn a_file_that_its_writer_is_just_linking_into_the_queue_is_left_to_it() {
    let home = Home::new();
    let first = home.write_beside("x.tmp", fault("r", "f").to_string());
    std::fs::create_dir_all(home.queue(PENDING)).unwrap();
    std::fs::hard_link(&first, home.queue(PENDING).join("r-f.json")).unwrap();
    let result = home.drain(FINDS_CAUSE, NOTHING).expect(0).json();
    assert_eq!((&result["quarantined"], &result["failed"], &result["skipped"]), (&json!(0), &json!(0), &json!(0)));
    assert_eq!((home.names(PENDING), home.names("quarantine").len()), (vec!["r-f.json".to_owned()], 0));
    std::fs::remove_file(first).unwrap();
    home.drain(FINDS_CAUSE, NOTHING).expect(0);
    home.check_settled_once(&["r-f.json".to_owned()], "investigated");
}

#[test]
fn a_name_is_only_a_handle() {
    let home = Home::new();
    let long = format!("{}.json", "x".repeat(250));
    let names = ["-rf.json", "a\nb.json", "$(reboot).json", "%s%n.json", "\u{202e}x.json", "~.json", &long];
    for (number, name) in names.iter().enumerate() {
        home.write(&format!("{PENDING}/{name}"), fault("r", &number.to_string()).to_string());
    }
    let result = home.drain(FINDS_CAUSE, NOTHING).expect(0).json();
    assert_eq!(result["processed"], json!(names.len()));
    assert_eq!(home.names(PENDING), NOTHING);
    let processed = home.names("processed");
    for name in names {
        assert!(processed.contains(&name.to_owned()), "{name:?} is not in {processed:?}");
    }
    // A name that is taken and as long as a name can be still finds another.
    home.write(&format!("{PENDING}/{long}"), fault("r", "again").to_string());
    home.drain(FINDS_CAUSE, NOTHING).expect(0);
    assert_eq!((home.names(PENDING).len(), home.names("processed").len()), (0, names.len() + 3));
}

#[test]
fn hidden_files_temporaries_and_other_names_are_left() {
    let home = Home::new();
    for name in [".hidden.json", "x.tmp", "x.json.tmp", "x.json~", "notes.txt"] {
        home.put_old(name, "{");
    }
    let odd = home.queue(PENDING).join(std::ffi::OsStr::from_bytes(b"\xff.json"));
    std::fs::write(&odd, fault("r", "f").to_string()).unwrap();
    home.drain(FINDS_CAUSE, NOTHING).expect(0);
    assert_eq!((home.names(PENDING).len(), home.names("quarantine").len(), odd.is_file()), (6, 0, true));
}

#[test]
fn an_id_from_outside_never_leaves_its_folder_and_no_two_share_a_file() {
    let home = Home::new();
    let ids = [
        "../../../x",
        "..",
        ".",
        "/etc/x",
        "a/b",
        "a_b",
        "in-flight",
        "reports",
        "-rf",
        "a\u{0}b",
        "a\nb",
        "CON",
        "\u{202e}x",
        &"x".repeat(300),
        "$(touch /tmp/haltline-was-here)",
        "`x`",
    ];
    for (number, id) in ids.iter().enumerate() {
        let hostile = with(with(fault(id, id), "stateSlug", *id), "message", *id);
        home.write(&format!("{PENDING}/{number}.json"), hostile.to_string());
    }
    let drain = ["drain-faults", "--queue", "--json", "--investigator", "triage", "--max", "99"];
    let result = home.run(drain).expect(0).json();
    let told: Vec<_> = home.told().into_iter().filter(|row| row["runId"] != "drain-faults").collect();
    assert_eq!((&result["processed"], told.len()), (&json!(ids.len()), ids.len()));
    assert_eq!(support::names(home.dir.path()), ["home"], "nothing is made beside the home");
    assert_eq!(support::names(&home.path("")), ["analytics", "skill-faults"]);
    let of_the_queue = [
        ".redaction-key",
        "dead-letter",
        "in-flight",
        "inbox",
        "pending-patterns.jsonl",
        PENDING,
        "processed",
        "quarantine",
        "reports",
    ];
    assert!(home.names("").iter().all(|name| of_the_queue.contains(&name.as_str())), "{:?}", home.names(""));
    let runs = home.names("reports");
    assert_eq!(runs.len(), ids.len(), "each run has a folder of its own: {runs:?}");
    assert!(runs.iter().all(|run| support::drains::reports(&home, run).len() == 2));
    assert_eq!(home.names("inbox").len(), ids.len());
    assert!(!std::path::Path::new("/tmp/haltline-was-here").is_file());
}
