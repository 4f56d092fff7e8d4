//! Bounds what an investigator's report may take in a file: a report of megabytes is data, and still no sink chokes.

use haltline_evidence::Redactor;

use crate::report_secrets::redact_report;
use crate::{FixOption, PatternProposal, Report};

/// The longest cause that is kept, in bytes: far more than anybody reads.
const CAUSE_BYTES: usize = 32 << 10;
/// The longest entry of evidence or of a fix that is kept, in bytes: some 50 log lines.
const ENTRY_BYTES: usize = 8 << 10;
/// The longest short text that is kept, as a label or a path, in bytes.
const LABEL_BYTES: usize = 1 << 10;
/// The most ways to mend a fault that are kept.
const FIX_OPTIONS: usize = 10;

impl Report {
    /// The most entries of evidence that are kept. With the bounds of each a report stays below 600 KiB.
    pub const EVIDENCE_ENTRIES: usize = 50;

    /// Takes secrets out, then cuts every text and list to its bound. What is cut says so, and how much is gone.
    #[must_use]
    pub fn made_fit(mut self) -> Self {
        redact_report(Redactor::in_force(), &mut self);
        bound(&mut self);
        self
    }
}

fn bound(report: &mut Report) {
    cut(&mut report.root_cause, CAUSE_BYTES);
    if let Some(path) = &mut report.duplicate_of_path {
        cut(path, LABEL_BYTES);
    }
    let left_out = report.evidence.len().saturating_sub(Report::EVIDENCE_ENTRIES);
    report.evidence.truncate(Report::EVIDENCE_ENTRIES);
    for entry in &mut report.evidence {
        cut(entry, ENTRY_BYTES);
    }
    if left_out > 0 {
        report.evidence.push(format!("[cut: {left_out} more entries]"));
    }
    if let Some(fix) = &mut report.proposed_fix {
        fix.options.truncate(FIX_OPTIONS);
        for FixOption { label, description, .. } in &mut fix.options {
            cut(label, LABEL_BYTES);
            cut(description, ENTRY_BYTES);
        }
    }
    if let Some(proposal) = &mut report.learned_pattern_proposal {
        let PatternProposal { category, matcher_kind, pattern, description, .. } = proposal;
        for text in [category, matcher_kind, pattern, description] {
            cut(text, ENTRY_BYTES);
        }
    }
}

fn cut(text: &mut String, bytes: usize) {
    if text.len() > bytes {
        let end = text.floor_char_boundary(bytes);
        let gone = text.len() - end;
        text.truncate(end);
        text.push_str(&format!(" [cut: {gone} more bytes]"));
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
        let capped = report.clone().made_fit();
        assert!(serde_json::to_vec(&capped).unwrap().len() < 600 << 10);
        assert!(capped.root_cause.ends_with("é [cut: 10452992 more bytes]"), "{}", capped.root_cause.len());
        assert_eq!(capped.evidence.last().unwrap(), "[cut: 50 more entries]");
    }

    #[test]
    fn an_ordinary_report_is_left_as_it_is() {
        let text = r#"{"faultId":"f","outcome":"no-context","rootCause":"c","evidence":["e"],"proposedFix":null,
            "learnedPatternProposal":null}"#;
        let report: Report = serde_json::from_str(text).unwrap();
        assert_eq!(report.clone().made_fit(), report);
    }
}
