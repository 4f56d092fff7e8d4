//! The report as people read it, `<faultId>.md`.

use haltline_evidence::display;

use crate::{DrainId, Filing, FixOption, PatternProposal};

use super::markdown::{code_block, code_span, inline, paragraphs};
use super::page::{MESSAGE_CHARS, NAME_CHARS, Page, facts, marker, summary, title};

/// Writes the report for people.
pub fn report_text(filing: &Filing) -> String {
    let (event, report) = (&*filing.event, &*filing.report);
    let mut page = Page::default();
    page.block(&format!("# {}", title(event)));
    page.block(&summary(filing));
    page.block(&inline(&display(&event.message), MESSAGE_CHARS));
    page.line(&facts(filing));
    page.block(&format!("## Root cause\n\n{}", paragraphs(&report.root_cause)));
    if let Some(path) = &report.duplicate_of_path {
        page.block(&format!("An earlier report covers it: {}", code_span(path, NAME_CHARS)));
    }
    page.block("## Evidence");
    if report.evidence.is_empty() {
        page.block("None.");
    }
    for (place, entry) in report.evidence.iter().enumerate() {
        page.block(&code_block(entry));
        if filing.citations.get(place).is_some_and(|citation| !citation.verified) {
            page.block("Not found in the log or the work tree.");
        }
    }
    if let Some(fix) = &report.proposed_fix {
        page.block("## Ways to mend it");
        for (place, option) in fix.options.iter().enumerate() {
            page.block(&fix_option(place + 1, option));
        }
    }
    if let Some(proposal) = &report.learned_pattern_proposal {
        page.block(&proposed_pattern(proposal));
    }
    page.finish(filing)
}

/// Tells whether a file is the complete report of an investigation: its last line says so.
pub fn report_tells_of(file: &[u8], drain_id: &DrainId, seq: u64) -> bool {
    file.ends_with(format!("{}\n", marker(drain_id, seq)).as_bytes())
}

fn fix_option(number: usize, option: &FixOption) -> String {
    let FixOption { label, description, blast_radius } = option;
    // Several lines are most often commands, which a person copies: as code they stay what they are.
    let body = if description.trim().contains('\n') { code_block(description) } else { paragraphs(description) };
    format!("### {number}. {}\n\nTouches: {}\n\n{body}", inline(label, NAME_CHARS), blast_radius.as_str())
}

fn proposed_pattern(proposal: &PatternProposal) -> String {
    let PatternProposal { category, matcher_kind, pattern, severity, description } = proposal;
    format!(
        "## Proposed pattern\n\n{}\n\n- Category: {}\n- Matcher: {}\n- Pattern: {}\n- Severity: {}",
        paragraphs(description),
        code_span(category, NAME_CHARS),
        code_span(matcher_kind, NAME_CHARS),
        code_span(pattern, MESSAGE_CHARS),
        severity.as_str(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::samples::{HOSTILE, check, filing};

    #[test]
    fn a_report_says_what_why_and_what_to_do() {
        let filing = filing("");
        let text = report_text(&filing);
        check(&text, include_str!("golden/report.md"), "report.md");
        assert!(report_tells_of(text.as_bytes(), &filing.drain_id, filing.seq));
        assert!(!report_tells_of(text.as_bytes(), &filing.drain_id, filing.seq + 1));
        assert!(!report_tells_of(&text.as_bytes()[..text.len() - 1], &filing.drain_id, filing.seq));
    }

    #[test]
    fn hostile_text_stays_text_in_a_report() {
        let filing = filing(HOSTILE);
        let text = report_text(&filing);
        assert!(text.chars().all(|letter| letter == '\n' || !letter.is_control()));
        check(&text, include_str!("golden/hostile-report.md"), "hostile-report.md");
    }
}
