//! `triage`: built in, offline and free. Rules over the log's end; they are in `rules/`.

use std::ffi::OsString;

use haltline_evidence::clean;
use haltline_protocol::{Assignment, FaultId, PatternProposal, ProposedFix, Report, ReportOutcome};

use crate::provider::{Brief, Captured, Plan, Provider, Reading};
use crate::rules::{Finding, Origin, Rule, Texts, built_in, last_lines};
use crate::setting::Setting;

/// Holds the log against rules that somebody wrote down once.
#[derive(Debug)]
pub(super) struct Triage;

impl Provider for Triage {
    fn name(&self) -> &'static str {
        "triage"
    }

    fn summary(&self) -> &'static str {
        "built-in rules over the log's end; offline and free"
    }

    fn install_hint(&self) -> &'static str {
        "built in; nothing to install"
    }

    fn program(&self, _setting: &Setting) -> Option<OsString> {
        None
    }

    fn plan(&self, brief: &Brief<'_>) -> Plan {
        Plan::Answer(Box::new(triage(brief.assignment)))
    }

    fn read(&self, _captured: &Captured<'_>) -> Reading {
        Reading::default()
    }
}

fn triage(assignment: &Assignment) -> Report {
    let event = &assignment.event;
    let (tail, reason) = (event.stdout_tail(), event.failure_reason());
    let [tail, reason, message] = [&tail, &reason, &*event.message].map(taken_in);
    let texts = Texts { tail: &tail, reason: &reason, message: &message };
    if let Some(finding) = built_in().ok().and_then(|rule_set| rule_set.evaluate(&texts)) {
        return Report {
            outcome: ReportOutcome::RootCauseIdentified,
            root_cause: told(&finding),
            proposed_fix: Some(ProposedFix { options: finding.rule.fix.iter().map(|fix| fix.to_option()).collect() }),
            learned_pattern_proposal: proposal(finding.rule, finding.origin, &texts, &assignment.pattern_categories),
            evidence: finding.evidence,
            ..empty_report(event.fault_id.clone())
        };
    }
    if tail.trim().is_empty() && reason.trim().is_empty() {
        return Report {
            outcome: ReportOutcome::NoContext,
            root_cause: "The event carries neither a log nor a failure reason.".to_owned(),
            ..empty_report(event.fault_id.clone())
        };
    }
    Report {
        outcome: ReportOutcome::NeedsHuman,
        root_cause: "No rule fits. The evidence has the last lines that were printed.".to_owned(),
        evidence: last_lines(&texts),
        ..empty_report(event.fault_id.clone())
    }
}

/// Takes a text in from outside: whole, for a secret may go over more than one line. A progress bar's carriage returns
/// end lines too, and would be gone after.
fn taken_in(text: &str) -> String {
    clean(&text.replace('\r', "\n")).into_owned()
}

fn told(finding: &Finding<'_>) -> String {
    let Finding { rule, others, .. } = finding;
    let others = if others.is_empty() { String::new() } else { format!(" Also seen: {}.", others.join(", ")) };
    format!("{} (rule {}){others}", rule.explanation, rule.name)
}

/// The pattern that a rule proposes, where it would have settled this very fault and its category is not known yet.
fn proposal(rule: &Rule, origin: Origin, texts: &Texts<'_>, known: &[String]) -> Option<PatternProposal> {
    let (matcher_kind, text) = match origin {
        Origin::Tail => ("stdout_regex", texts.tail),
        Origin::Reason => ("failureReason_regex", texts.reason),
        Origin::Message => return None,
    };
    let proposal = rule.proposal.as_ref().filter(|_| !known.contains(&rule.name))?;
    regex::Regex::new(&proposal.pattern).ok()?.is_match(text).then(|| PatternProposal {
        category: rule.name.clone(),
        matcher_kind: matcher_kind.to_owned(),
        pattern: proposal.pattern.clone(),
        severity: proposal.severity,
        description: proposal.description.clone(),
    })
}

fn empty_report(fault_id: FaultId) -> Report {
    Report {
        fault_id,
        outcome: ReportOutcome::NoContext,
        duplicate_of_path: None,
        root_cause: String::new(),
        evidence: Vec::new(),
        proposed_fix: None,
        learned_pattern_proposal: None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use haltline_protocol::{AttemptSlot, HaltEvent};
    use serde_json::json;

    use super::*;

    fn assignment(tail: &str, reason: &str) -> Assignment {
        let row = json!({
            "faultId": "K:all:1", "runId": "r", "stateSlug": "s", "kind": "K", "severity": "HIGH", "timestamp": "",
            "message": "phase 3 failed", "pointers": {}, "snapshot": {"stdoutTail": tail, "failureReason": reason},
        });
        Assignment {
            event: Arc::new(HaltEvent::parse(row.to_string().as_bytes()).unwrap()),
            occurrences: 1,
            slot: AttemptSlot {
                session: "drain".into(),
                seq: 1,
                number: 1,
                folder: "unused".into(),
                begun: jiff::Timestamp::UNIX_EPOCH,
            },
            pattern_categories: Arc::new([]),
        }
    }

    #[test]
    fn a_report_has_the_cause_the_lines_the_ways_to_mend_it_and_what_else_was_seen() {
        let tail =
            "building\nerror: could not compile `app`\nld: No space left on device\nnpm ERR! code 1\n\u{1b}[31mdone\n";
        let report = triage(&assignment(tail, ""));
        assert_eq!(report.outcome, ReportOutcome::RootCauseIdentified);
        assert!(
            report.root_cause.ends_with("(rule disk-full) Also seen: rust-compile, js-script-failed."),
            "{}",
            report.root_cause
        );
        assert_eq!(report.evidence, ["ld: No space left on device"]);
        assert!(report.proposed_fix.is_some_and(|fix| fix.options.len() == 2));
    }

    #[test]
    fn colours_and_progress_bars_hide_nothing() {
        let tail = "10%\r20%\r\u{1b}[1m\u{1b}[91merror[E0425]\u{1b}[0m\u{1b}[1m: cannot find value `x`\u{1b}[0m\r\n";
        let report = triage(&assignment(tail, ""));
        assert!(report.root_cause.contains("(rule rust-compile)"), "{}", report.root_cause);
        assert_eq!(report.evidence, ["error[E0425]: cannot find value `x`"]);
    }

    #[test]
    fn a_pattern_is_proposed_for_the_text_that_it_matches_and_only_while_it_is_not_known() {
        let kind = |assignment: &Assignment| {
            let proposal = triage(assignment).learned_pattern_proposal;
            proposal.map(|proposal| (proposal.category, proposal.matcher_kind))
        };
        let mut of_log = assignment("write: no space left on device\n", "");
        assert_eq!(kind(&of_log), Some(("disk-full".into(), "stdout_regex".into())));
        let of_reason = assignment("quiet\n", "write: no space left on device");
        assert_eq!(kind(&of_reason), Some(("disk-full".into(), "failureReason_regex".into())));
        of_log.pattern_categories = Arc::new(["disk-full".to_owned()]);
        assert_eq!(kind(&of_log), None);
        assert_eq!(kind(&assignment("error[E0382]: borrow of moved value\n", "")), None);
    }

    #[test]
    fn without_a_rule_a_person_is_asked_and_without_text_nobody() {
        let report = triage(&assignment("all quiet\n\nnothing to see\n", ""));
        assert_eq!(report.outcome, ReportOutcome::NeedsHuman);
        assert_eq!(report.evidence, ["all quiet", "nothing to see", "phase 3 failed"]);
        assert_eq!(triage(&assignment(" \n", "")).outcome, ReportOutcome::NoContext);
        assert_eq!(triage(&assignment("", "spawn docker ENOENT")).outcome, ReportOutcome::RootCauseIdentified);
    }
}
