//! Files that somebody planted: torn at every byte, almost JSON, links in history, devices, odd permissions.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use std::os::unix::fs::{chown, symlink};

use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
use serde_json::json;
use support::drains::{FINDS_CAUSE, PENDING, audit, fault, with};
use support::{Home, mode, set_mode};

const NOTHING: [&str; 0] = [];

#[test]
fn an_event_that_is_cut_at_any_byte_is_quarantined_with_its_bytes() {
    let home = Home::new();
    let whole = fault("r", "f").to_string();
    for length in 0..whole.len() {
        home.put_old(&format!("{length}.json"), &whole.as_bytes()[..length]);
    }
    let result = home.drain(FINDS_CAUSE, NOTHING).expect(1).json();
    assert_eq!((&result["quarantined"], home.trace().len()), (&json!(whole.len()), 0));
    for length in 0..whole.len() {
        let kept = std::fs::read(home.queue(&format!("quarantine/{length}.json"))).unwrap();
        assert!(kept == whole.as_bytes()[..length], "{length}");
    }
}

#[test]
fn what_is_almost_json_is_quarantined_and_what_is_odd_json_is_kept_to_the_digit() {
    let text = fault("r", "f").to_string();
    let with_field = |field: &str| text.replacen('{', &format!("{{{field},"), 1).into_bytes();
    let with_message = |bytes: &[u8]| {
        let (before, after) = text.split_once("phase 3 failed").unwrap();
        [before.as_bytes(), bytes, after.as_bytes()].concat()
    };
    let bad = [
        with_message(b"\xff"),
        with_message(b"\xed\xa0\x80"),
        with_message(b"\xc0\xaf"),
        with_message(br"\ud800"),
        with_message(br"\udc00\ud800"),
        with_message(b"a\nb"),
        with_message(b"\0"),
        with_field("\"x\":01"),
        with_field("\"x\":1e400"),
        with_field("\"x\":NaN"),
        with_field("\"x\":-"),
        with_field("\"x\":'y'"),
        with_field("\"x\":1,"),
        with_field("\"x\":1,\"x\":2"),
        with_field("\"x\":{\"y\":1,\"y\":2}"),
        with_field("\"faultId\":\"other\""),
        text.replace("\"f\"", "\"\"").into_bytes(),
        text.replace("\"r\"", "\"\"").into_bytes(),
        text.replace("\"pointers\":{}", "\"pointers\":[]").into_bytes(),
        format!("// note\n{text}").into_bytes(),
        b"\xff\xfe{\0}\0".to_vec(),
    ];
    let home = Home::new();
    for (number, bytes) in bad.iter().enumerate() {
        home.put_old(&format!("bad-{number:02}.json"), bytes);
    }
    let odd = ["\"x\":-0.0", "\"x\":1E+2", "\"x\":123456789012345678901234567890", "\"\":null"];
    for (number, field) in odd.iter().enumerate() {
        let text = String::from_utf8(with_field(field)).unwrap().replace("\"f\"", &format!("\"f{number}\""));
        home.write(&format!("{PENDING}/odd-{number}.json"), text);
    }
    let result = home.drain("exit 1", NOTHING).expect(1).json();
    let quarantined: Vec<_> =
        home.names("quarantine").into_iter().filter(|name| !name.ends_with(".reason.json")).collect();
    let expected: Vec<_> = (0..bad.len()).map(|number| format!("bad-{number:02}.json")).collect();
    assert_eq!((quarantined, &result["quarantined"]), (expected, &json!(bad.len())));
    for (number, field) in odd.iter().enumerate() {
        let rewritten = std::fs::read_to_string(home.queue(&format!("{PENDING}/odd-{number}.json"))).unwrap();
        let (name, value) = field.split_once(':').unwrap();
        assert!(rewritten.contains(&format!("{name}: {value},")), "{field} is not in {rewritten}");
        assert!(rewritten.contains("\"attempts\": 1"), "{rewritten}");
    }
}

#[test]
fn nothing_is_written_through_a_link_in_history() {
    let home = Home::new();
    let target = home.beside("target");
    home.drain(FINDS_CAUSE, NOTHING).expect(0);
    let link = |below: &str| {
        std::fs::create_dir_all(home.queue(below).parent().unwrap()).unwrap();
        symlink(&target, home.queue(below)).unwrap();
    };
    for below in ["processed/r-a.json", "processed/r-f.json", "dead-letter/r-last.json", "quarantine/bad.json"] {
        link(below);
    }
    link("quarantine/bad~1.json.reason.json");
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).strftime("%F").to_string();
    link(&format!("inbox/{today}-halt-f.md"));
    link("reports/r/f.md");
    link("reports/r/f.json");
    home.put(&audit("r", "a"));
    home.put(&fault("r", "f"));
    home.put(&with(fault("r", "last"), "delivery", json!({"attempts": 2})));
    home.put_old("bad.json", "{");
    home.drain(&format!("[ \"$HALTLINE_FAULT_ID\" != last ] && {FINDS_CAUSE}"), NOTHING).expect(1);
    assert!(target.symlink_metadata().is_err(), "what the links lead to is not made");
    assert!(home.queue("processed/r-a.json").is_symlink() && home.queue("dead-letter/r-last.json").is_symlink());
    let beside = |folder: &str, stem: &str| home.names(folder).iter().filter(|name| name.starts_with(stem)).count() - 1;
    assert_eq!((beside("processed", "r-a"), beside("processed", "r-f")), (1, 1), "{:?}", home.names("processed"));
    assert_eq!(beside("dead-letter", "r-last"), 1);
    assert_eq!(beside("inbox", &format!("{today}-halt-f")), 1);
    assert_eq!(home.names(PENDING), NOTHING);
}

#[test]
fn files_of_the_queue_itself_that_are_links_are_not_followed() {
    for below in ["learned-patterns.json", "pending-patterns.jsonl"] {
        let home = Home::new();
        let target = home.write_beside("target", "mine\n");
        std::fs::create_dir_all(home.queue(PENDING)).unwrap();
        symlink(&target, home.queue(below)).unwrap();
        home.put(&fault("r", "f"));
        let ended = home.drain(FINDS_CAUSE, NOTHING);
        assert!(ended.stderr.contains(below), "{below}: {ended:#?}");
        assert_eq!(std::fs::read_to_string(target).unwrap(), "mine\n", "{below}");
        assert!(home.names("processed").contains(&"r-f.json".to_owned()) || home.trace().is_empty(), "{ended:#?}");
    }
}

#[test]
fn a_device_is_left_and_never_opened() {
    let home = Home::new();
    home.put(&fault("r", "f"));
    let device = home.queue(PENDING).join("device.json");
    // The zero device: reading it has no end.
    if let Err(error) = mknodat(CWD, &device, FileType::CharacterDevice, Mode::RWXU, makedev(1, 5)) {
        return println!("SKIP: no device can be made here: {error}");
    }
    let ended = home.drain(FINDS_CAUSE, NOTHING).expect(0).says("device.json");
    assert_eq!((&ended.json()["processed"], home.names(PENDING)), (&json!(1), vec!["device.json".to_owned()]));
}

#[test]
fn an_event_that_may_not_be_read_is_named_and_left_and_keeps_no_other_back() {
    let home = Home::new();
    let file = home.put(&fault("r", "f"));
    home.put(&fault("r", "good"));
    set_mode(&home.queue(&format!("{PENDING}/{file}")), 0o000);
    let Some(ended) = home.drain_bound(FINDS_CAUSE) else { return };
    let result = ended.expect(1).says(&file).says("EACCES").json();
    assert_eq!((&result["failed"], &result["processed"]), (&json!(1), &json!(1)));
    assert_eq!(home.names(PENDING), [file.as_str()]);
    set_mode(&home.queue(&format!("{PENDING}/{file}")), 0o600);
    home.drain(FINDS_CAUSE, NOTHING).expect(0);
    home.check_settled_once(&[file], "investigated");
}

#[test]
fn an_event_of_another_user_is_an_event_where_it_can_be_read() {
    let home = Home::new();
    let files = [home.put(&fault("r", "f")), home.put(&audit("r", "a"))];
    for file in &files {
        if let Err(error) = chown(home.queue(&format!("{PENDING}/{file}")), Some(65534), Some(65534)) {
            return println!("SKIP: a file cannot be given away: {error}");
        }
    }
    home.drain(FINDS_CAUSE, NOTHING).expect(0);
    home.check_settled_once(&files[..1], "investigated");
    home.check_settled_once(&files[1..], "audit-skipped");
}

#[test]
fn what_is_made_is_the_users_alone_whatever_the_umask_says() {
    let home = Home::new();
    home.write(&format!("{PENDING}/open.json"), fault("r", "open").to_string());
    set_mode(&home.queue(&format!("{PENDING}/open.json")), 0o666);
    set_mode(&home.path(""), 0o700);
    set_mode(&home.path("skill-faults"), 0o700);
    set_mode(&home.path("skill-faults/pending-investigations"), 0o700);
    let stub = home.stub(FINDS_CAUSE);
    let script = "umask 0; \"$0\" emit --kind PHASE_FAILED --run-id r --message m && \
                  \"$0\" drain-faults --queue --investigator command --command \"$1\" && \
                  \"$0\" mark-shipped --feature 3";
    let mut command = home.command("sh");
    command.args(["-c", script, env!("CARGO_BIN_EXE_haltline"), &stub]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let made = home.snapshot().into_keys().filter(|path| path.starts_with(home.path("")));
    let others: Vec<_> = made.filter(|path| mode(path) & 0o077 != 0).collect();
    // The writer of that file wanted it so, and the folders around it keep others out.
    assert_eq!(others, [home.queue("processed/open.json")]);
}
