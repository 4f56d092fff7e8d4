//! Emitting by the library into a queue of files.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::path::Path;

use haltline_emitter::{Emission, FaultDraft, Place, Snapshot, drain_queue, emit, emit_all, from_json, resolve};
use haltline_evidence::{Redactor, own_secrets};
use haltline_protocol::{FaultKey, Layout, Pointers, QueueRow};
use haltline_spool::{SpoolIntake, redaction_key};
use jiff::Timestamp;

#[test]
fn every_occurrence_is_a_file_of_its_own_with_the_row_to_the_byte() {
    let home = tempfile::tempdir().unwrap();
    let intake = SpoolIntake::open(&Layout::new(home.path()), true).unwrap();
    let emission = drain_queue("2026-05-20T08:14:00.123Z".parse().unwrap()).unwrap();
    let first = emit(&intake, &emission).unwrap();
    let second = emit(&intake, &emission).unwrap();
    assert!(first.ends_with("/drain-faults-MANUAL_RECOVERY_INVOKED:all:276ba8b1.json"));
    assert!(second.ends_with("/drain-faults-MANUAL_RECOVERY_INVOKED:all:276ba8b1~20260520T081400123Z.json"));
    for path in [first, second] {
        assert_eq!(std::fs::read(path).unwrap(), emission.row());
    }
}

#[test]
fn a_batch_brings_its_paths_in_its_order_and_every_row_to_the_byte() {
    let home = tempfile::tempdir().unwrap();
    let intake = SpoolIntake::open(&Layout::new(home.path()), true).unwrap();
    // More than one flush takes, and each of them one fault: only the order tells them apart.
    let stamp = |number: i64| Timestamp::from_millisecond(1_700_000_000_000 + number).unwrap();
    let emissions: Vec<_> = (0..70).map(|number| drain_queue(stamp(number)).unwrap()).collect();
    let paths = emit_all(&intake, &emissions).unwrap();
    let read: Vec<_> = paths.iter().map(|path| std::fs::read(path).unwrap()).collect();
    let rows: Vec<_> = emissions.iter().map(Emission::row).collect();
    assert_eq!(read, rows);
    assert!(paths[0].ends_with("/drain-faults-MANUAL_RECOVERY_INVOKED:all:276ba8b1.json"), "{paths:?}");
    assert_eq!(std::fs::read_dir(Path::new(&paths[0]).parent().unwrap()).unwrap().count(), 70);
    assert_eq!(emit_all(&intake, &[]).unwrap(), Vec::<String>::new());
}

#[test]
fn a_queue_that_cannot_be_written_is_no_wrong_usage() {
    let home = tempfile::tempdir().unwrap();
    let intake = SpoolIntake::open(&Layout::new(home.path()), true).unwrap();
    rustix::fs::unlink(home.path().join("skill-faults/pending-investigations")).unwrap_err();
    rustix::fs::rmdir(home.path().join("skill-faults/pending-investigations")).unwrap();
    let error = emit(&intake, &drain_queue(Timestamp::UNIX_EPOCH).unwrap()).unwrap_err();
    assert!(!error.is_usage());
    assert!(error.to_string().contains("pending-investigations"), "{error}");
}

#[test]
fn a_marker_is_read_back_as_one_and_stands_beside_an_earlier_one() {
    let home = tempfile::tempdir().unwrap();
    let intake = SpoolIntake::open(&Layout::new(home.path()), true).unwrap();
    let key = FaultKey { run_id: "r".into(), fault_id: "K:all:00000000".into() };
    let now = "2026-05-20T08:14:00.123Z".parse().unwrap();
    let path = resolve(&intake, &key, now).unwrap();
    assert!(path.ends_with("/r-RESOLVED-K:all:00000000.json"));
    let row = std::fs::read(&path).unwrap();
    assert!(row.ends_with(b"\n}\n"));
    let QueueRow::Resolved(marker) = QueueRow::parse(&row).unwrap() else { panic!("no marker") };
    assert_eq!((marker.key, marker.timestamp), (key.clone(), Some(now)));
    assert_ne!(resolve(&intake, &key, now).unwrap(), path);
}

const ENVIRONMENT: &str = "our-0wn-deploy-word";

/// Secrets of several kinds; the middle of each must be gone.
fn planted() -> Vec<String> {
    let noise = |length: usize| "aB3xY9kQ7mZ2".chars().cycle().take(length).collect::<String>();
    ["sk-ant-api03-", "ghp_", "github_pat_", "AIza", "xoxb-", "npm_", "hf_", "glpat-", "sk_live_", "sk-proj-"]
        .into_iter()
        .zip([95, 36, 82, 35, 40, 36, 34, 20, 24, 120])
        .map(|(prefix, length)| format!("{prefix}{}", noise(length)))
        .chain([ENVIRONMENT.to_owned()])
        .collect()
}

fn log() -> String {
    let secrets = planted();
    let mut log: String = secrets.iter().map(|secret| format!("using {secret} now\n")).collect();
    let torn = secrets.iter().map(|secret| format!("using {}\n{} now\n", &secret[..10], &secret[10..]));
    log.extend(torn);
    log + "password=hunter2-hunter3\n"
}

fn check(row: &[u8]) {
    let row = str::from_utf8(row).unwrap();
    for secret in planted() {
        let middle = &secret[secret.len() - 9..];
        assert!(!row.contains(middle), "{middle} of {secret} is in\n{row}");
    }
    assert!(!row.contains("hunter3"), "{row}");
    assert!(row.contains("[REDACTED:github:") && row.contains("[REDACTED:environment:"), "{row}");
}

fn files(folder: &Path) -> Vec<Vec<u8>> {
    folder.read_dir().unwrap().map(|entry| std::fs::read(entry.unwrap().path()).unwrap()).collect()
}

#[test]
fn no_planted_secret_is_in_an_emitted_row() {
    let home = tempfile::tempdir().unwrap();
    let layout = Layout::new(home.path());
    let own = own_secrets([("DEPLOY_TOKEN", ENVIRONMENT.into())]);
    assert!(Redactor::new(own).with_key(redaction_key(&layout).unwrap()).put_in_force());

    let path = home.path().join("build.log");
    std::fs::write(&path, log()).unwrap();
    let secret = &planted()[1];
    let reason = format!("refused: {ENVIRONMENT}, {secret}");
    let (snapshot, unread) = Snapshot::capture(Some(&path), None, &reason, Place::Run);
    assert!(unread.is_none());
    let draft = FaultDraft {
        kind: "PHASE_FAILED".parse().unwrap(),
        severity: None,
        run_id: "r",
        state_slug: "s",
        message: &format!("phase failed with {secret}"),
        pointers: Pointers::default(),
        snapshot,
    };
    let intake = SpoolIntake::open(&layout, true).unwrap();
    let told = draft.build(Timestamp::UNIX_EPOCH).unwrap();
    emit(&intake, &told).unwrap();

    let json = serde_json::json!({
        "runId": "r2", "stateSlug": "s", "kind": "PHASE_FAILED", "message": format!("with {secret}"),
        "snapshot": {"stdoutTail": log(), "failureReason": reason, "worktreeHead": ""},
        "extra": {"api_key": "9f86d081884c7d659a2f", "list": [secret], "n": 1.0},
    });
    let read = from_json(json.to_string().as_bytes(), Timestamp::UNIX_EPOCH).unwrap();
    emit(&intake, &read).unwrap();
    assert!(!String::from_utf8_lossy(read.row()).contains("9f86d081884c7d65"));

    let rows = files(&layout.pending());
    assert_eq!(rows.len(), 2);
    rows.iter().for_each(|row| check(row));
    // Ids are of what was told, so that whoever tells it again finds it.
    assert_eq!(
        told.fault_id().as_str(),
        haltline_emitter::fault_id(
            &haltline_protocol::Kind::new("PHASE_FAILED"),
            &Place::Run,
            &format!("phase failed with {secret}")
        )
        .as_str()
    );
}
