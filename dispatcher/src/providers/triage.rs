//! `triage`: built in, offline and free. Rules over the log's end, from `rules/triage.toml`.

use std::ffi::OsString;
use std::sync::LazyLock;

use haltline_protocol::{BlastRadius, FaultId, FixOption, HaltEvent, ProposedFix, Report, ReportOutcome};
use regex::{RegexSet, RegexSetBuilder};
use serde::Deserialize;

use crate::clean::{from_outside, head};
use crate::provider::{Brief, Captured, Plan, Provider, Reading, Setting};

/// How many lines are quoted.
const MOST_EVIDENCE: usize = 8;
/// The longest line that is quoted, in bytes.
const LONGEST_LINE: usize = 500;

static RULES: LazyLock<Result<Pack, String>> = LazyLock::new(|| Pack::parse(include_str!("../../rules/triage.toml")));

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
        Plan::Answer(Box::new(triage(&brief.assignment.event)))
    }

    fn read(&self, _captured: &Captured<'_>) -> Reading {
        Reading::default()
    }
}

fn triage(event: &HaltEvent) -> Report {
    let (tail, reason) = (event.stdout_tail(), event.failure_reason());
    let lines = || [tail.as_str(), &reason, &event.message].into_iter().flat_map(str::lines);
    let best = RULES.as_ref().ok().and_then(|pack| pack.first_that_fits(lines()));
    if let Some((rule, evidence)) = best {
        return Report {
            outcome: ReportOutcome::RootCauseIdentified,
            root_cause: format!("{} (rule {})", rule.explanation, rule.name),
            evidence,
            proposed_fix: Some(ProposedFix { options: rule.fix.iter().map(Fix::to_option).collect() }),
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
    let mut last: Vec<String> = lines().filter(|line| !line.trim().is_empty()).map(quote).collect();
    let last = last.split_off(last.len().saturating_sub(MOST_EVIDENCE));
    Report {
        outcome: ReportOutcome::NeedsHuman,
        root_cause: "No rule fits. The evidence has the last lines that were printed.".to_owned(),
        evidence: last,
        ..empty_report(event.fault_id.clone())
    }
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

fn quote(line: &str) -> String {
    head(from_outside(line).trim_end(), LONGEST_LINE).into_owned()
}

/// The rules, in the order in which they count.
#[derive(Debug)]
struct Pack {
    rules: Vec<Rule>,
    patterns: RegexSet,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    name: String,
    pattern: String,
    explanation: String,
    fix: Vec<Fix>,
    /// Lines on which it is the first rule that fits. Held against it by a test.
    #[cfg_attr(not(test), expect(dead_code, reason = "read by the test that holds each rule against its samples"))]
    fits: Vec<String>,
    /// Lines that look like it, and that no rule may fit.
    #[cfg_attr(not(test), expect(dead_code, reason = "read by the test that holds each rule against its samples"))]
    passes: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fix {
    label: String,
    description: String,
    blast_radius: BlastRadius,
}

impl Fix {
    fn to_option(&self) -> FixOption {
        FixOption { label: self.label.clone(), description: self.description.clone(), blast_radius: self.blast_radius }
    }
}

impl Pack {
    fn parse(text: &str) -> Result<Self, String> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct File {
            rule: Vec<Rule>,
        }

        let File { rule: rules } = toml::from_str(text).map_err(|error| error.to_string())?;
        let patterns = RegexSetBuilder::new(rules.iter().map(|rule| &rule.pattern)).build();
        let patterns = patterns.map_err(|error| error.to_string())?;
        Ok(Self { rules, patterns })
    }

    /// The first rule in the pack's order that fits a line, with the lines that it fits, the last ones if they are many.
    fn first_that_fits<'a>(&self, lines: impl Iterator<Item = &'a str>) -> Option<(&Rule, Vec<String>)> {
        let mut found: Vec<Vec<&str>> = vec![Vec::new(); self.rules.len()];
        for line in lines {
            for place in self.patterns.matches(line) {
                found[place].push(line);
            }
        }
        let (rule, lines) = self.rules.iter().zip(found).find(|(_, lines)| !lines.is_empty())?;
        // The first line tells where it began, the last ones where it ended.
        let skipped = lines.len().saturating_sub(MOST_EVIDENCE).min(lines.len() - 1);
        let quoted = lines.iter().take(1).chain(lines.iter().skip(1 + skipped));
        Some((rule, quoted.map(|line| quote(line)).collect()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::json;

    use super::*;

    fn event(tail: &str, reason: &str) -> HaltEvent {
        let row = json!({
            "faultId": "K:all:1", "runId": "r", "stateSlug": "s", "kind": "K", "severity": "HIGH", "timestamp": "",
            "message": "phase 3 failed", "pointers": {}, "snapshot": {"stdoutTail": tail, "failureReason": reason},
        });
        HaltEvent::parse(row.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn every_rule_fits_its_own_samples_and_passes_over_the_others() {
        let pack = RULES.as_ref().unwrap();
        let mut names = HashSet::new();
        for rule in &pack.rules {
            let name = &rule.name;
            assert!(names.insert(name), "{name} stands twice");
            assert!(!rule.explanation.is_empty() && !rule.fix.is_empty(), "{name}");
            assert!(!rule.fits.is_empty() && !rule.passes.is_empty(), "{name} has no samples");
            for line in &rule.fits {
                let first = pack.first_that_fits([line.as_str()].into_iter()).map(|(rule, _)| &rule.name);
                assert_eq!(first, Some(name), "{line}");
            }
            for line in &rule.passes {
                let first = pack.first_that_fits([line.as_str()].into_iter()).map(|(rule, _)| &rule.name);
                assert_eq!(first, None, "{name}: {line}");
            }
        }
    }

    #[test]
    fn the_cause_is_reported_before_what_follows_from_it() {
        let tail =
            "building\nerror: could not compile `app`\nld: No space left on device\nnpm ERR! code 1\n\u{1b}[31mdone\n";
        let report = triage(&event(tail, ""));
        assert_eq!(report.outcome, ReportOutcome::RootCauseIdentified);
        assert!(report.root_cause.contains("(rule disk-full)"), "{}", report.root_cause);
        assert_eq!(report.evidence, ["ld: No space left on device"]);
        assert!(report.proposed_fix.is_some_and(|fix| fix.options.len() == 2));
    }

    #[test]
    fn many_matching_lines_are_quoted_from_both_ends() {
        let tail: String = (0..100).map(|number| format!("npm ERR! line {number}\n")).collect();
        let evidence = triage(&event(&tail, "")).evidence;
        assert_eq!(evidence.len(), MOST_EVIDENCE);
        assert_eq!((evidence[0].as_str(), evidence[7].as_str()), ("npm ERR! line 0", "npm ERR! line 99"));
    }

    #[test]
    fn without_a_rule_a_person_is_asked_and_without_text_nobody() {
        let report = triage(&event("all quiet\n\nnothing to see\n", ""));
        assert_eq!(report.outcome, ReportOutcome::NeedsHuman);
        assert_eq!(report.evidence, ["all quiet", "nothing to see", "phase 3 failed"]);
        assert_eq!(triage(&event(" \n", "")).outcome, ReportOutcome::NoContext);
        assert_eq!(triage(&event("", "spawn docker ENOENT")).outcome, ReportOutcome::RootCauseIdentified);
    }
}
