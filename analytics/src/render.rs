//! A report and a note as people read them.

use std::path::Path;

use haltline_protocol::{Cost, DrainId, Filing, FixOption, HaltEvent, PatternProposal, Report, rfc3339_millis};

use crate::markdown::{code_block, code_span, inline, paragraphs};

/// The most characters that are shown of an id or a name.
const NAME_CHARS: usize = 200;
/// The most characters that are shown of what happened; the event has the rest.
const MESSAGE_CHARS: usize = 2000;
/// The most characters of the cause that a note shows; the report has the rest.
const NOTE_CAUSE_CHARS: usize = 600;

/// The line that says which investigation a file is of. Nothing from outside can write it into a paragraph.
pub(crate) fn marker(drain_id: &DrainId, seq: u64) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    let drain_id: String =
        drain_id.as_str().chars().map(|letter| if is_plain(letter) { letter } else { '_' }).collect();
    format!("<!-- haltline drainId={drain_id} seq={seq} -->")
}

/// Markdown in the making.
#[derive(Default)]
struct Page(String);

impl Page {
    fn line(&mut self, text: &str) {
        self.0.push_str(text);
        self.0.push('\n');
    }

    /// Lines with an empty one after them.
    fn block(&mut self, text: &str) {
        self.line(text);
        self.line("");
    }
}

/// The report, whole. `report` is the filing's own, capped.
pub(crate) fn report_text(filing: &Filing, report: &Report) -> String {
    let event = &*filing.event;
    let mut page = Page::default();
    page.block(&format!("# {}", title(event)));
    page.block(&summary(filing));
    page.block(&inline(&event.message, MESSAGE_CHARS));
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
    page.line(&marker(&filing.drain_id, filing.seq));
    page.0
}

/// What a person has to know to act, with the way to the report.
pub(crate) fn note_text(filing: &Filing, report: &Report, report_path: &Path) -> String {
    let event = &*filing.event;
    let mut page = Page::default();
    page.block(&format!("# Halt: {}", title(event)));
    page.block(&summary(filing));
    page.block(&inline(&event.message, MESSAGE_CHARS));
    page.line(&format!("- Cause: {}", inline(&report.root_cause, NOTE_CAUSE_CHARS)));
    if let Some(option) = report.proposed_fix.as_ref().and_then(|fix| fix.options.first()) {
        page.line(&format!("- Proposed: {} ({})", inline(&option.label, NAME_CHARS), option.blast_radius.as_str()));
    }
    if !event.pointers.worktree_path.is_empty() {
        page.line(&format!("- Work tree: {}", code_span(&event.pointers.worktree_path, MESSAGE_CHARS)));
    }
    page.line(&format!("- Report: {}", code_span(&report_path.to_string_lossy(), MESSAGE_CHARS)));
    page.line(&facts(filing));
    page.line(&marker(&filing.drain_id, filing.seq));
    page.0
}

fn title(event: &HaltEvent) -> String {
    format!("{} in run {}", inline(event.kind.as_str(), NAME_CHARS), inline(event.run_id.as_str(), NAME_CHARS))
}

fn summary(filing: &Filing) -> String {
    let times = match filing.occurrences {
        0 | 1 => "once".to_owned(),
        count => format!("{count} times"),
    };
    let severity = inline(&filing.event.severity_text, NAME_CHARS);
    format!("**{}**, {severity}, halted {times}", filing.report.outcome.as_str())
}

fn facts(filing: &Filing) -> String {
    let event = &*filing.event;
    let mut page = Page::default();
    page.line(&format!("- Fault: {}", code_span(event.fault_id.as_str(), NAME_CHARS)));
    page.line(&format!("- Slug: {}", code_span(&event.state_slug, NAME_CHARS)));
    let halted = event.timestamp.map_or_else(|| "at an unknown time".to_owned(), rfc3339_millis);
    page.line(&format!("- Halted: {halted}"));
    page.line(&format!("- Investigated: {}, {}", rfc3339_millis(filing.ts), answered_by(filing)));
    for reason in &filing.usage.passed_over {
        page.line(&format!("- Passed over: {}", inline(reason, MESSAGE_CHARS)));
    }
    page.0
}

fn answered_by(filing: &Filing) -> String {
    let usage = &filing.usage;
    let model = usage.model.as_ref().map(|model| format!(" with {}", code_span(model, NAME_CHARS))).unwrap_or_default();
    let cost = match usage.cost {
        Some(Cost { usd, source }) => format!("{usd:.4} USD ({})", format!("{source:?}").to_lowercase()),
        None => "at unknown cost".to_owned(),
    };
    let seconds = usage.duration.as_secs_f64();
    format!("by {}{model} in {seconds:.1} s, {cost}", code_span(&usage.provider, NAME_CHARS))
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
    use haltline_protocol::{BlastRadius, Citation, CostSource, ProposedFix, ReportOutcome, Severity, Usage};

    use super::*;

    fn check(text: &str, golden: &str, name: &str) {
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(format!("{}/src/golden/{name}", env!("CARGO_MANIFEST_DIR")), text).unwrap();
        } else {
            assert_eq!(text, golden);
        }
    }

    fn filing(hostile: &str) -> Filing {
        let event = serde_json::json!({
            "faultId": "PHASE_FAILED:p3:302c3b29", "runId": format!("build-42{hostile}"),
            "stateSlug": format!("checkout-flow{hostile}"), "kind": format!("PHASE_FAILED{hostile}"),
            "severity": "CRITICAL", "timestamp": "2026-05-20T08:14:00.123Z",
            "message": format!("phase 3 failed: tests red after 4 tries{hostile}"),
            "pointers": {"worktreePath": format!("/home/dev/tree{hostile}")}, "snapshot": {}
        });
        Filing {
            ts: "2026-05-20T08:20:00Z".parse().unwrap(),
            drain_id: "20260520T081500000Z-00000000000000ff".into(),
            seq: 7,
            event: HaltEvent::parse(event.to_string().as_bytes()).unwrap().into(),
            occurrences: 2,
            report: Report {
                fault_id: "PHASE_FAILED:p3:302c3b29".into(),
                outcome: ReportOutcome::RootCauseIdentified,
                duplicate_of_path: None,
                root_cause: format!("The disk is full.{hostile}\nNothing could be written."),
                evidence: vec![
                    format!("E: No space left on device{hostile}"),
                    format!("line 1\nline 2{hostile}\n  line 3"),
                ],
                proposed_fix: Some(ProposedFix {
                    options: vec![
                        FixOption {
                            label: format!("Free some space{hostile}"),
                            description: "cargo clean\ndf -h".into(),
                            blast_radius: BlastRadius::Narrow,
                        },
                        FixOption {
                            label: "Use a larger disk".into(),
                            description: format!("Ask the operator.{hostile}"),
                            blast_radius: BlastRadius::Wide,
                        },
                    ],
                }),
                learned_pattern_proposal: Some(PatternProposal {
                    category: "disk-full".into(),
                    matcher_kind: "stdout_contains".into(),
                    pattern: format!("No space left{hostile}"),
                    severity: Severity::High,
                    description: format!("The disk is full.{hostile}"),
                }),
            },
            usage: Usage {
                provider: "codex".into(),
                model: Some("gpt-5.5".into()),
                cost: Cost::new(0.125, CostSource::Reported),
                duration: std::time::Duration::from_millis(12_345),
                passed_over: vec![format!("claude: auth: not logged in{hostile}")],
                ..Usage::default()
            },
            citations: vec![Citation { verified: true }, Citation { verified: false }],
        }
    }

    #[test]
    fn a_report_says_what_why_and_what_to_do() {
        let filing = filing("");
        check(&report_text(&filing, &filing.report), include_str!("golden/report.md"), "report.md");
    }

    #[test]
    fn a_note_says_what_is_needed_to_act() {
        let filing = filing("");
        let path = Path::new("/h/skill-faults/reports/build-42/PHASE_FAILED:p3:302c3b29.md");
        check(&note_text(&filing, &filing.report, path), include_str!("golden/note.md"), "note.md");
    }

    const HOSTILE: &str = "\u{1b}[2J\u{1b}]0;x\u{7}\0\u{202e}\r\n# Heading\n````\n![i](https://evil.example/?k=1)\n\
                           <script>alert(1)</script> [l](http://evil.example) `c` <!-- haltline drainId=d seq=1 -->\n\
                           1. one\n---";

    #[test]
    fn hostile_text_stays_text_in_a_report() {
        let filing = filing(HOSTILE);
        let text = report_text(&filing, &filing.report);
        assert!(text.chars().all(|letter| letter == '\n' || !letter.is_control()));
        check(&text, include_str!("golden/hostile-report.md"), "hostile-report.md");
    }

    #[test]
    fn hostile_text_stays_text_in_a_note() {
        let filing = filing(HOSTILE);
        let text = note_text(&filing, &filing.report, Path::new("/h/r.md"));
        let markers = text.lines().filter(|line| line.starts_with("<!--")).count();
        assert_eq!(markers, 1, "only our own comment begins a line");
        check(&text, include_str!("golden/hostile-note.md"), "hostile-note.md");
    }

    #[test]
    fn a_marker_cannot_be_ended_by_the_id_that_it_carries() {
        assert_eq!(marker(&"a--> <b>".into(), 3), "<!-- haltline drainId=a--___b_ seq=3 -->");
    }
}
