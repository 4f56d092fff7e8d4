//! Holds `triage` against what real tools printed when they really failed, and when they did not.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use haltline_dispatcher::{Brief, Environment, PROVIDERS, Plan, Setting};
use haltline_protocol::{Assignment, AttemptSlot, HaltEvent, Report, ReportOutcome};
use serde_json::json;

/// The folder of samples of which no rule may fit one.
const CLEAN: &str = "clean";
/// The events' message.
const MESSAGE: &str = "phase 3 failed";

fn ask(tail: &str, reason: &str) -> Report {
    let row = json!({
        "faultId": "K:all:1", "runId": "r", "stateSlug": "s", "kind": "PHASE_FAILED", "severity": "HIGH",
        "timestamp": "2026-05-20T08:14:00.123Z", "message": MESSAGE, "pointers": {},
        "snapshot": {"stdoutTail": tail, "failureReason": reason},
    });
    let assignment = Assignment {
        event: Arc::new(HaltEvent::parse(row.to_string().as_bytes()).unwrap()),
        occurrences: 1,
        slot: AttemptSlot {
            session: "drain".into(),
            seq: 1,
            number: 1,
            folder: PathBuf::from("unused"),
            begun: jiff::Timestamp::UNIX_EPOCH,
        },
        pattern_categories: Arc::new([]),
    };
    let triage = PROVIDERS.iter().find(|provider| provider.name() == "triage").unwrap();
    let setting = Setting::default();
    let environment = Environment::default();
    let nowhere = Path::new("unused");
    let brief = Brief {
        assignment: &assignment,
        setting: &setting,
        program: None,
        folder: nowhere,
        directory: nowhere,
        environment: &environment,
        reserve_usd: haltline_protocol::Usd::ZERO,
        secret_places: &[],
        schema: "",
    };
    match triage.plan(&brief) {
        Plan::Answer(report) => *report,
        Plan::Spawn(command) => panic!("triage starts nothing, and would start {command:?}"),
    }
}

fn rule_of(report: &Report) -> Option<&str> {
    let (_, rest) = report.root_cause.split_once("(rule ")?;
    rest.split_once(')').map(|(name, _)| name)
}

struct Sample {
    rule: String,
    name: String,
    text: String,
}

fn samples() -> Vec<Sample> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/triage");
    let mut samples = Vec::new();
    for folder in fs::read_dir(root).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_dir()) {
        for file in fs::read_dir(folder.path()).unwrap().map(Result::unwrap) {
            samples.push(Sample {
                rule: folder.file_name().into_string().unwrap(),
                name: file.file_name().into_string().unwrap(),
                text: fs::read_to_string(file.path()).unwrap(),
            });
        }
    }
    assert!(samples.len() > 200, "only {} samples were found", samples.len());
    samples
}

#[test]
fn what_a_real_tool_printed_is_answered_by_its_own_rule() {
    let mut wrong = Vec::new();
    for Sample { rule, name, text } in samples().iter().filter(|sample| sample.rule != CLEAN) {
        let report = ask(text, "");
        if rule_of(&report) != Some(rule) || report.outcome != ReportOutcome::RootCauseIdentified {
            wrong.push(format!("{rule}/{name}: {}: {:#?}", report.root_cause, report.evidence));
        }
    }
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_log_of_success_fits_no_rule() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for Sample { name, text, .. } in samples().iter().filter(|sample| sample.rule == CLEAN) {
        count += 1;
        let report = ask(text, "");
        if report.outcome != ReportOutcome::NeedsHuman {
            wrong.push(format!("{name}: {}: {:#?}", report.root_cause, report.evidence));
        }
    }
    assert!(wrong.is_empty() && count > 10, "{count} samples, {} wrong\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn evidence_stands_in_the_log_to_the_letter_and_is_bounded() {
    for Sample { rule, name, text } in samples().iter().filter(|sample| !sample.text.contains('\u{1b}')) {
        let report = ask(text, "");
        assert!(!report.evidence.is_empty() && report.evidence.len() <= 8, "{rule}/{name}");
        for line in &report.evidence {
            assert!(line.len() <= 500 && !line.trim().is_empty(), "{rule}/{name}: {line}");
            // What was taken for a secret is not quoted to the letter.
            let altered = line == MESSAGE || line.contains("[REDACTED:");
            assert!(altered || text.contains(line.as_str()), "{rule}/{name}: {line}");
        }
    }
}

#[test]
fn a_sample_is_answered_alike_at_the_end_of_a_long_log_and_as_a_failure_reason() {
    let quiet = "  request 4711 took 12 ms\n".repeat(60);
    for Sample { rule, name, text } in samples().iter().filter(|sample| sample.rule != CLEAN) {
        for report in [ask(&format!("{quiet}{text}\ndone\n"), ""), ask(&quiet, text)] {
            assert_eq!(rule_of(&report), Some(rule.as_str()), "{name}");
        }
    }
}

#[test]
fn what_fills_the_disk_is_the_cause_whatever_fails_after_it() {
    let full = samples().into_iter().find(|sample| sample.rule == "disk-full").unwrap().text;
    for Sample { rule, name, text } in samples().iter().filter(|sample| sample.rule != CLEAN) {
        let report = ask(&format!("{text}\n{full}\n{text}"), "");
        assert_eq!(rule_of(&report), Some("disk-full"), "{rule}/{name}");
    }
}

#[test]
fn no_sample_tells_of_the_machine_that_it_was_made_on() {
    let mut places = BTreeSet::new();
    for Sample { rule, name, text } in samples() {
        for word in ["/root", "/tmp/", "/work", ".pyenv"] {
            if text.contains(word) {
                places.insert(format!("{rule}/{name}: {word}"));
            }
        }
    }
    assert!(places.is_empty(), "{places:#?}");
}
