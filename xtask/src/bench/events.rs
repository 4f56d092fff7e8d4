//! Events to measure with: what a long build leaves in its queue.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::json;
use sha2::{Digest, Sha256};

/// What the events are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sample {
    /// Audit events, which a drain settles.
    Audit,
    /// Faults, each of which is investigated.
    Fault,
    /// Audit events as earlier releases wrote them, which `upgrade` flags.
    Unflagged,
}

impl Sample {
    fn kind(self) -> &'static str {
        if self == Self::Fault { "PHASE_FAILED" } else { "MANUAL_RECOVERY_INVOKED" }
    }
}

/// Events of one run. A build that is recovered by hand more often is rare.
const EVENTS_PER_RUN: u32 = 16;

/// The folder of waiting events.
pub fn pending_folder(home: &Path) -> PathBuf {
    home.join("skill-faults/pending-investigations")
}

/// Fills the queue of a home with events of about 640 bytes, none like another.
///
/// # Errors
/// A folder or a file cannot be written, or is there already.
pub fn fill(home: &Path, count: u32, sample: Sample) -> Result<()> {
    let folder = pending_folder(home);
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for number in 0..count {
        let (name, text) = event(number, sample);
        let path = folder.join(name);
        let written =
            OpenOptions::new().write(true).create_new(true).open(&path).and_then(|mut file| file.write_all(&text));
        written.with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// One event: the name of its file, and its text.
pub(crate) fn event(number: u32, sample: Sample) -> (String, Vec<u8>) {
    let (run, place) = (format!("build-{}", number / EVENTS_PER_RUN), number % EVENTS_PER_RUN);
    let message = format!("--mark-phase-committed invoked for phase {}.{place}", number / EVENTS_PER_RUN);
    let fault_id = fault_id(sample.kind(), &message);
    let worktree = format!("/home/dev/checkout/.worktrees/{run}");
    let mut event = json!({
        "faultId": fault_id,
        "runId": run,
        "stateSlug": "checkout-flow",
        "kind": sample.kind(),
        "severity": "HIGH",
        "timestamp": format!("2026-05-20T{:02}:{:02}:{place:02}.{:03}Z", number / 3600 % 24, number / 60 % 60, number % 1000),
        "message": message,
        "pointers": {
            "stateFile": format!("/home/dev/.gstack/build-state/{run}.json"),
            "stdoutLog": format!("/home/dev/.gstack/logs/{run}.log"),
            "livingPlan": "/home/dev/checkout/plans/checkout-flow.md",
            "worktreePath": worktree,
        },
        "snapshot": {"stdoutTail": "", "worktreeHead": "3f1c0d9a7be2456c8f90e1d2a3b4c5d6e7f80912"},
    });
    if sample != Sample::Unflagged {
        event["investigate"] = json!(sample == Sample::Fault);
    }
    (format!("{run}-{fault_id}.json"), format!("{event:#}\n").into_bytes())
}

fn fault_id(kind: &str, message: &str) -> String {
    let digest = Sha256::digest(format!("{kind}:all:{message}"));
    let hash: String = digest[..4].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{kind}:all:{hash}")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn ids_are_those_that_the_contract_gives() {
        assert_eq!(
            fault_id("MANUAL_RECOVERY_INVOKED", "--mark-phase-committed invoked for phase 2.1"),
            "MANUAL_RECOVERY_INVOKED:all:e0792c37"
        );
        assert_eq!(
            fault_id("MANUAL_RECOVERY_INVOKED", "drain-faults subcommand invoked (queue)"),
            "MANUAL_RECOVERY_INVOKED:all:276ba8b1"
        );
    }

    #[test]
    fn ten_thousand_events_are_ten_thousand_files_of_a_usual_size() {
        let names: HashSet<_> = (0..10_000).map(|number| event(number, Sample::Audit).0).collect();
        assert_eq!(names.len(), 10_000);
        for number in [0, 9_999] {
            let length = event(number, Sample::Audit).1.len();
            assert!((600..=700).contains(&length), "{length} bytes");
        }
    }

    #[test]
    fn an_event_has_every_required_field_and_is_audit_only() {
        let event: serde_json::Value = serde_json::from_slice(&event(7, Sample::Audit).1).unwrap();
        for field in ["faultId", "runId", "stateSlug", "kind", "severity", "timestamp", "message"] {
            assert!(event[field].is_string(), "{field}");
        }
        assert!(event["pointers"].is_object() && event["snapshot"].is_object());
        assert_eq!(event["investigate"], json!(false));
    }
}
