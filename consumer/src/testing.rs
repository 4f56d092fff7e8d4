//! Events for unit tests.

use haltline_protocol::{HaltEvent, Severity, Ticket};
use jiff::Timestamp;

use crate::candidate::Candidate;
use crate::patterns::PatternBook;
use crate::rules::{Context, ResolvedFaults};

/// An event that waits, of a kind and a fault id; `investigate` is the field's JSON text.
pub(crate) fn candidate(kind: &str, fault_id: &str, investigate: Option<&str>) -> Candidate {
    let flag = investigate.map(|value| format!(",\"investigate\":{value}")).unwrap_or_default();
    let row = format!(
        r#"{{"faultId":"{fault_id}","runId":"r","stateSlug":"s","kind":"{kind}","severity":"HIGH",
            "timestamp":"2026-05-20T08:14:00Z","message":"m","pointers":{{}},
            "snapshot":{{"failureReason":"tests red after 4 tries"}}{flag}}}"#
    );
    let event = HaltEvent::parse(row.as_bytes()).unwrap();
    let time = event.timestamp.unwrap();
    let ticket = Ticket { name: fault_id.into(), version: 1, stamp: time, claimed: false };
    Candidate { ticket, event: Box::new(event), time, is_due: true, is_own: false }
}

/// An event of a severity and a second.
pub(crate) fn candidate_at(kind: &str, fault_id: &str, severity: &str, second: i64) -> Candidate {
    let mut candidate = candidate(kind, fault_id, None);
    candidate.event.severity_text = severity.to_owned();
    candidate.time = Timestamp::from_second(second).unwrap();
    candidate
}

/// What the rules of a drain without patterns know.
pub(crate) fn context(resolved: ResolvedFaults) -> Context {
    let now = "2026-06-01T00:00:00Z".parse().unwrap();
    Context { severity_min: Severity::Medium, now, resolved, patterns: PatternBook::default() }
}
