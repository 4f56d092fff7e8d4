//! What is planted in a log is in no row that is emitted.
#![expect(clippy::unwrap_used, reason = "it is a test program")]

use std::path::Path;

use haltline_emitter::{FaultDraft, Place, Snapshot, emit, from_json};
use haltline_protocol::{Layout, Pointers, Redactor, own_secrets};
use haltline_spool::{Inlet, redaction_key};
use jiff::Timestamp;

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
    let inlet = Inlet::open(&layout, true).unwrap();
    let told = draft.build(Timestamp::UNIX_EPOCH).unwrap();
    emit(&inlet, &told).unwrap();

    let json = serde_json::json!({
        "runId": "r2", "stateSlug": "s", "kind": "PHASE_FAILED", "message": format!("with {secret}"),
        "snapshot": {"stdoutTail": log(), "failureReason": reason, "worktreeHead": ""},
        "extra": {"api_key": "9f86d081884c7d659a2f", "list": [secret], "n": 1.0},
    });
    let read = from_json(json.to_string().as_bytes(), Timestamp::UNIX_EPOCH).unwrap();
    emit(&inlet, &read).unwrap();
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
