//! A report that is fit to be shown.

use std::borrow::Cow;
use std::ops::Deref;

use haltline_evidence::display;
use serde::{Deserialize, Serialize};

use crate::{FixOption, PatternProposal, Report};

/// The longest cause that is kept, in bytes: far more than anybody reads.
const CAUSE_BYTES: usize = 32 << 10;
/// The longest entry of evidence or of a fix that is kept, in bytes: some 50 log lines.
const ENTRY_BYTES: usize = 8 << 10;
/// The longest short text that is kept, as a label or a path, in bytes.
const LABEL_BYTES: usize = 1 << 10;
/// The longest note on what was cut, in bytes. A text that is longer than its bound by less is kept: a cut would not
/// make it shorter, and so a report that was made fit stays as it is when it is read again.
const LONGEST_NOTE: usize = 40;
/// The most ways to mend a fault that are kept.
const FIX_OPTIONS: usize = 10;

/// A report without secrets and without what acts on a terminal or hides, each of its texts and lists cut to a bound.
///
/// It can be made from a [`Report`] in one way only, and is not changed afterwards. So a sink shows it as it is, and
/// cleans nothing. Only the fault's id, which others go by, is what it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Report")]
pub struct FitReport(Report);

impl FitReport {
    /// The most entries of evidence that are kept. With the bounds of each a report stays below 600 KiB.
    pub const EVIDENCE_ENTRIES: usize = 50;
}

impl Deref for FitReport {
    type Target = Report;

    fn deref(&self) -> &Report {
        &self.0
    }
}

/// Takes out what must not be shown, then cuts every text and list to its bound. What is cut says so, and how much is
/// gone.
impl From<Report> for FitReport {
    fn from(mut report: Report) -> Self {
        fit(&mut report.root_cause, CAUSE_BYTES);
        if let Some(path) = &mut report.duplicate_of_path {
            fit(path, LABEL_BYTES);
        }
        cut_evidence(&mut report.evidence);
        for entry in &mut report.evidence {
            fit(entry, ENTRY_BYTES);
        }
        if let Some(fix) = &mut report.proposed_fix {
            fix.options.truncate(FIX_OPTIONS);
            for FixOption { label, description, .. } in &mut fix.options {
                fit(label, LABEL_BYTES);
                fit(description, ENTRY_BYTES);
            }
        }
        if let Some(proposal) = &mut report.learned_pattern_proposal {
            let PatternProposal { category, matcher_kind, pattern, description, .. } = proposal;
            for text in [category, matcher_kind, pattern, description] {
                fit(text, ENTRY_BYTES);
            }
        }
        Self(report)
    }
}

fn fit(text: &mut String, bytes: usize) {
    if let Cow::Owned(shown) = display(text) {
        *text = shown;
    }
    if text.len() > bytes + LONGEST_NOTE {
        let end = text.floor_char_boundary(bytes);
        let gone = text.len() - end;
        text.truncate(end);
        text.push_str(&format!(" [cut: {gone} more bytes]"));
    }
}

fn cut_evidence(evidence: &mut Vec<String>) {
    const NOTE: (&str, &str) = ("[cut: ", " more entries]");
    let is_note = |entry: &String| entry.starts_with(NOTE.0) && entry.ends_with(NOTE.1);
    let left_out = evidence.len().saturating_sub(FitReport::EVIDENCE_ENTRIES);
    if left_out > 1 || (left_out == 1 && !evidence.last().is_some_and(is_note)) {
        evidence.truncate(FitReport::EVIDENCE_ENTRIES);
        evidence.push(format!("{}{left_out}{}", NOTE.0, NOTE.1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ReportOutcome;

    #[test]
    fn a_report_of_megabytes_is_cut_and_says_so() {
        let report = Report {
            fault_id: "f".into(),
            outcome: ReportOutcome::NeedsHuman,
            duplicate_of_path: None,
            root_cause: "é".repeat(5 << 20),
            evidence: vec!["x".repeat(1 << 20); 100],
            proposed_fix: None,
            learned_pattern_proposal: None,
        };
        let capped = FitReport::from(report);
        assert!(serde_json::to_vec(&capped).unwrap().len() < 600 << 10);
        assert!(capped.root_cause.ends_with("é [cut: 10452992 more bytes]"), "{}", capped.root_cause.len());
        assert_eq!(capped.evidence.last().unwrap(), "[cut: 50 more entries]");
        let read: FitReport = serde_json::from_slice(&serde_json::to_vec(&capped).unwrap()).unwrap();
        assert_eq!(read, capped);
    }

    #[test]
    fn an_ordinary_report_is_left_as_it_is() {
        let text = r#"{"faultId":"f","outcome":"no-context","rootCause":"c","evidence":["e"],"proposedFix":null,
            "learnedPatternProposal":null}"#;
        let report: Report = serde_json::from_str(text).unwrap();
        assert_eq!(*FitReport::from(report.clone()), report);
    }

    #[test]
    fn no_text_of_a_report_is_passed_over() {
        let secret = format!("ghp_{}", "aB3".repeat(12));
        let text = r#"{"faultId":"K:all:1","outcome":"duplicate-of","duplicateOfPath":"a S","rootCause":"b S",
            "evidence":["c S","d"],"proposedFix":{"options":[{"label":"e S","description":"f S",
            "blast_radius":"narrow"}]},"learnedPatternProposal":{"category":"g S","matcherKind":"h S","pattern":"i S",
            "severity":"HIGH","description":"j S"}}"#;
        let hostile = format!("{secret}\\u001b[31m\\u202e");
        let report: FitReport = serde_json::from_str(&text.replace('S', &hostile)).unwrap();
        let written = serde_json::to_string(&report).unwrap();
        assert!(!written.contains(&secret), "{written}");
        assert_eq!(written.matches("[REDACTED:github]\"").count(), 9, "{written}");
    }
}
