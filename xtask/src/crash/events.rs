//! What waits in a home before a history begins.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// When everything that is planted happened.
const THEN: &str = "2026-05-20T08:14:00.123Z";

/// Rows of an earlier release that wait together. From eight on they are flushed from several threads.
const LEGACY_ROWS: u32 = 12;

/// A file of a home before anything runs.
#[derive(Debug, Clone)]
pub(super) struct Planted {
    /// Its path below the home.
    pub(super) path: String,
    pub(super) bytes: Vec<u8>,
    /// Whether `upgrade` may flag it.
    pub(super) may_be_flagged: bool,
}

/// A set of files, by name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scenario {
    pub(super) name: &'static str,
    pub(super) files: fn() -> Vec<Planted>,
}

/// What is planted in turn: each has a kind of settling of its own, and `mixed` has those before it. `legacy` has
/// enough rows of an earlier release that an upgrade flushes several at a time.
pub(super) const SCENARIOS: [Scenario; 6] = [
    Scenario { name: "audit", files: audit },
    Scenario { name: "faults", files: faults },
    Scenario { name: "markers", files: markers },
    Scenario { name: "patterns", files: patterns },
    Scenario { name: "mixed", files: mixed },
    Scenario { name: "legacy", files: legacy },
];

fn audit() -> Vec<Planted> {
    let flagged = ("investigate", json!(false));
    let old = event("a3", "build-a", "MANUAL_RECOVERY_INVOKED", "--mark-phase-committed invoked for phase 3", None);
    let mut files = vec![
        event("a1", "build-a", "MANUAL_RECOVERY_INVOKED", "--mark-phase-committed invoked for phase 1", Some(&flagged)),
        event("a2", "build-a", "RECOVERY_BOUNDARY", "mark-shipped subcommand invoked for feature 2", Some(&flagged)),
        Planted { may_be_flagged: true, ..old },
        Planted {
            path: "skill-faults/pending-investigations/broken.json".to_owned(),
            bytes: b"{\"faultId\": \"tok-a4-\", \"runId\"".to_vec(),
            may_be_flagged: false,
        },
    ];
    files.extend(settled_before("a5", "build-a", "--mark-phase-committed invoked for phase 1"));
    files
}

fn faults() -> Vec<Planted> {
    let second = event("f2", "build-f", "PHASE_FAILED", "phase 1 failed", None);
    vec![
        event("f1", "build-f", "PHASE_FAILED", "phase 1 failed", None),
        Planted { path: second.path.replace(".json", "~20260520T081400123Z.json"), ..second },
        event("f3", "build-f", "STALL_KILLED", "it stalled", None),
    ]
}

fn markers() -> Vec<Planted> {
    vec![
        event("m1", "build-m", "PROVIDER_TIMEOUT", "no answer in 60 s", None),
        event("m2", "build-m", "PROVIDER_TIMEOUT", "no answer in 90 s", None),
        event("m3", "build-m", "PHASE_FAILED", "phase 7 failed", None),
        marker("build-m", "PHASE_FAILED", "phase 7 failed"),
        marker("build-m", "PHASE_FAILED", "phase 8 failed"),
    ]
}

fn patterns() -> Vec<Planted> {
    let known = json!([{"category": "disk", "matcherKind": "failureReason_contains", "pattern": "disk full",
        "severity": "HIGH", "description": "", "source": "", "learnedAt": THEN, "hitCount": 0}]);
    let full = json!({"stdoutTail": "", "failureReason": "disk full tok-p1-"});
    vec![
        event("p1", "build-p", "PHASE_FAILED", "phase 4 failed", Some(&("snapshot", full))),
        event("p2", "build-p", "HYGIENE_FAIL", "left-over files", None),
        Planted {
            path: "skill-faults/learned-patterns.json".to_owned(),
            bytes: format!("{known:#}\n").into_bytes(),
            may_be_flagged: false,
        },
    ]
}

fn mixed() -> Vec<Planted> {
    [audit(), faults(), markers(), patterns()].concat()
}

fn legacy() -> Vec<Planted> {
    let row = |number: u32| {
        let message = format!("--mark-phase-committed invoked for phase {number}");
        let row = event(&format!("l{number}"), "build-l", "MANUAL_RECOVERY_INVOKED", &message, None);
        Planted { may_be_flagged: true, ..row }
    };
    (1..=LEGACY_ROWS).map(row).collect()
}

/// An event; a field that it has already is replaced, another is put last.
fn event(token: &str, run: &str, kind: &str, message: &str, field: Option<&(&str, Value)>) -> Planted {
    let fault_id = fault_id(kind, message);
    let mut body = json!({
        "faultId": fault_id,
        "runId": run,
        "stateSlug": "crash",
        "kind": kind,
        "severity": "HIGH",
        "timestamp": THEN,
        "message": message,
        "pointers": {},
        "snapshot": {"stdoutTail": "", "failureReason": format!("tok-{token}-")},
        "digits": 1.0,
    });
    if let Some((name, value)) = field {
        body[*name] = value.clone();
    }
    Planted {
        path: format!("skill-faults/pending-investigations/{run}-{fault_id}.json"),
        bytes: format!("{body:#}\n").into_bytes(),
        may_be_flagged: false,
    }
}

/// A settled event whose name a waiting one will want, and its row.
fn settled_before(token: &str, run: &str, message: &str) -> [Planted; 2] {
    let kind = "MANUAL_RECOVERY_INVOKED";
    let waiting = event(token, run, kind, message, Some(&("investigate", json!(false))));
    let row = json!({"ts": THEN, "schema": 1, "drainId": "20260101T000000000Z-0000000000000000", "seq": 1,
        "faultId": fault_id(kind, message), "runId": run, "kind": kind, "severity": "HIGH",
        "outcome": "audit-skipped", "move": "moved", "file": "earlier.json"});
    [
        Planted { path: waiting.path.replace("pending-investigations", "processed"), ..waiting },
        Planted {
            path: "analytics/skill-faults.jsonl".to_owned(),
            bytes: format!("{row}\n").into_bytes(),
            may_be_flagged: false,
        },
    ]
}

fn marker(run: &str, kind: &str, message: &str) -> Planted {
    let fault_id = fault_id(kind, message);
    let body = json!({"event": "SKILL_FAULT_RESOLVED", "timestamp": "2026-05-20T09:00:00.000Z", "runId": run,
        "faultId": fault_id});
    Planted {
        path: format!("skill-faults/pending-investigations/{run}-RESOLVED-{fault_id}.json"),
        bytes: format!("{body:#}\n").into_bytes(),
        may_be_flagged: false,
    }
}

/// The id that the contract gives to a fault without phase and feature.
fn fault_id(kind: &str, message: &str) -> String {
    let digest = Sha256::digest(format!("{kind}:all:{message}"));
    let hash: String = digest[..4].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{kind}:all:{hash}")
}
