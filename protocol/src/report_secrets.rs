//! Takes secrets out of a report: an investigator reads files, and quotes what it saw.

use std::borrow::Cow;

use haltline_evidence::Redactor;

use crate::{FixOption, PatternProposal, Report};

/// Takes secrets out of every text of a report but the fault's id.
pub(crate) fn redact_report(redactor: &Redactor, report: &mut Report) {
    let redact_in_place = |text: &mut String| {
        if let Cow::Owned(redacted) = redactor.redact(text) {
            *text = redacted;
        }
    };
    redact_in_place(&mut report.root_cause);
    if let Some(path) = &mut report.duplicate_of_path {
        redact_in_place(path);
    }
    report.evidence.iter_mut().for_each(redact_in_place);
    for FixOption { label, description, .. } in report.proposed_fix.iter_mut().flat_map(|fix| &mut fix.options) {
        redact_in_place(label);
        redact_in_place(description);
    }
    if let Some(proposal) = &mut report.learned_pattern_proposal {
        let PatternProposal { category, matcher_kind, pattern, description, .. } = proposal;
        for text in [category, matcher_kind, pattern, description] {
            redact_in_place(text);
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
        redact_report(&Redactor::default(), &mut report);
        let written = serde_json::to_string(&report).unwrap();
        assert!(!written.contains(&secret), "{written}");
        assert_eq!(written.matches("[REDACTED:github]").count(), 9, "{written}");
    }
}
