//! Takes secrets out of a report: an investigator reads files, and quotes what it saw.

use std::borrow::Cow;

use super::redactor::Redactor;
use crate::{FixOption, PatternProposal, Report};

impl Redactor {
    /// Takes secrets out of every text of a report but the fault's id.
    pub fn redact_report(&self, report: &mut Report) {
        self.redact_in_place(&mut report.root_cause);
        if let Some(path) = &mut report.duplicate_of_path {
            self.redact_in_place(path);
        }
        report.evidence.iter_mut().for_each(|entry| self.redact_in_place(entry));
        for FixOption { label, description, .. } in report.proposed_fix.iter_mut().flat_map(|fix| &mut fix.options) {
            self.redact_in_place(label);
            self.redact_in_place(description);
        }
        if let Some(proposal) = &mut report.learned_pattern_proposal {
            let PatternProposal { category, matcher_kind, pattern, description, .. } = proposal;
            for text in [category, matcher_kind, pattern, description] {
                self.redact_in_place(text);
            }
        }
    }

    fn redact_in_place(&self, text: &mut String) {
        if let Cow::Owned(redacted) = self.redact(text) {
            *text = redacted;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_of_a_report_is_passed_over() {
        let secret = format!("ghp_{}", "aB3".repeat(12));
        let text = r#"{"faultId":"K:all:1","outcome":"duplicate-of","duplicateOfPath":"a S","rootCause":"b S",
            "evidence":["c S","d"],"proposedFix":{"options":[{"label":"e S","description":"f S",
            "blast_radius":"narrow"}]},"learnedPatternProposal":{"category":"g S","matcherKind":"h S","pattern":"i S",
            "severity":"HIGH","description":"j S"}}"#;
        let mut report: Report = serde_json::from_str(&text.replace('S', &secret)).unwrap();
        Redactor::default().redact_report(&mut report);
        let written = serde_json::to_string(&report).unwrap();
        assert!(!written.contains(&secret), "{written}");
        assert_eq!(written.matches("[REDACTED:github]").count(), 9, "{written}");
    }
}
