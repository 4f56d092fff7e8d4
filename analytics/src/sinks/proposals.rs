//! The proposed patterns: `Q/pending-patterns.jsonl` for a person to put in force, and `Q/rejected-patterns.jsonl` for
//! those that never can be, each with its reason.
//!
//! A line begins with the report's time, the fault and the proposal. That beginning is what a replay looks for, in both
//! files: what was proposed before a crash may be in force since then, and is not to be refused on top.

use haltline_files::{AppendFile, FileError, Folder};
use haltline_protocol::{
    Filing, Layout, Matcher, PatternFile, PatternProposal, Receipt, Severity, Sink, rfc3339_millis,
};
use serde::Serialize;
use serde::de::IgnoredAny;

use crate::factory::{Activity, SinkDeclaration, SinkFactory, SinkOpenError};
use crate::filing::{Filer, FilingSink};

/// The name of the sink.
const SINK: &str = "proposals";
/// The proposals to be put in force.
const PENDING: &str = "pending-patterns.jsonl";
/// The proposals that never can be.
const REJECTED: &str = "rejected-patterns.jsonl";
/// The longest text of a proposal, in bytes: a pattern that needs more describes one fault, not a family.
const LONGEST_TEXT: usize = 1 << 10;

/// Opens the sink of proposed patterns.
pub(super) struct Proposals;

impl SinkFactory for Proposals {
    fn declaration(&self) -> &SinkDeclaration {
        &SinkDeclaration {
            name: SINK,
            docs: "proposed patterns in skill-faults/pending-patterns.jsonl, refused ones in rejected-patterns.jsonl",
            writes: &["skill-faults/pending-patterns.jsonl", "skill-faults/rejected-patterns.jsonl"],
            opens_for: Activity::has_events,
            ..SinkDeclaration::DEFAULT
        }
    }

    fn open(&self, settings: &toml::Table, layout: &Layout) -> Result<Box<dyn Sink>, SinkOpenError> {
        self.check(settings)?;
        ProposalFiler::open(layout.clone())
            .map(|filer| Box::new(FilingSink::new(filer)) as Box<dyn Sink>)
            .map_err(|problem| SinkOpenError::Unusable { sink: SINK, problem })
    }
}

struct ProposalFiler {
    layout: Layout,
    pending: AppendFile,
    rejected: AppendFile,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ProposalLine<'a> {
    /// When the report came.
    ts: String,
    /// The fault that it is of.
    fault_id: &'a str,
    /// The proposal as the investigator made it.
    proposal: &'a PatternProposal,
    /// Why it cannot be in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl ProposalFiler {
    fn open(layout: Layout) -> Result<Self, FileError> {
        let pending = AppendFile::open(layout.queue().to_owned(), PENDING)?;
        let rejected = AppendFile::open(layout.queue().to_owned(), REJECTED)?;
        Ok(Self { layout, pending, rejected })
    }

    /// Why a proposal cannot be in force; `None` where it can.
    fn reason_against(&self, proposal: &PatternProposal) -> Option<String> {
        let PatternProposal { category, matcher_kind, pattern, severity, description } = proposal;
        let texts = [("category", category), ("pattern", pattern), ("description", description)];
        if let Some((name, text)) = texts.into_iter().find(|(_, text)| text.len() > LONGEST_TEXT) {
            return Some(format!("the {name} has {} bytes; {LONGEST_TEXT} are the most", text.len()));
        }
        if category.trim().is_empty() {
            return Some("the category is empty".to_owned());
        }
        if *severity == Severity::Low {
            return Some("the severity is LOW; CRITICAL, HIGH or MEDIUM are worth a pattern".to_owned());
        }
        if let Err(error) = Matcher::compile(matcher_kind, pattern) {
            return Some(error.to_string());
        }
        let in_force = self.patterns_in_force();
        let mut readable = in_force.patterns().flatten();
        let same = readable.find(|learned| learned.matcher_kind == *matcher_kind && learned.pattern == *pattern)?;
        Some(format!("it is in force already, as `{}`", same.category))
    }

    /// None where the file cannot be read or understood: whoever puts the proposal in force looks at it again.
    fn patterns_in_force(&self) -> PatternFile {
        let file =
            Folder::open(self.layout.queue()).and_then(|folder| folder.read(PatternFile::NAME, PatternFile::LARGEST));
        match file {
            Ok(file) => file.and_then(|file| PatternFile::parse(&file).ok()).unwrap_or_default(),
            Err(error) => {
                tracing::warn!(%error, "cannot tell which patterns are in force");
                PatternFile::default()
            }
        }
    }
}

impl Filer for ProposalFiler {
    const SINK: &'static str = SINK;

    fn file(&self, filing: &Filing) -> Result<bool, FileError> {
        let Some(proposal) = &filing.report.learned_pattern_proposal else {
            return Ok(false);
        };
        let mut line = ProposalLine {
            ts: rfc3339_millis(filing.ts),
            fault_id: filing.event.fault_id.as_str(),
            proposal,
            reason: None,
        };
        let broken = |error| FileError::new("write a line for", self.layout.queue().join(PENDING), error);
        let accepted = serde_json::to_vec(&line).map_err(broken)?;
        let was_rejected = |line: &[u8]| {
            line.starts_with(&accepted[..accepted.len() - 1]) && serde_json::from_slice::<IgnoredAny>(line).is_ok()
        };
        if self.pending.has_line(|line| line == accepted)? || self.rejected.has_line(was_rejected)? {
            return Ok(false);
        }
        line.reason = self.reason_against(proposal);
        if line.reason.is_none() {
            self.pending.lock()?.append(&[&accepted, b"\n".as_slice()].concat())?;
            return Ok(true);
        }
        let rejected = serde_json::to_vec(&line).map_err(broken)?;
        self.rejected.lock()?.append(&[&rejected, b"\n".as_slice()].concat())?;
        Ok(false)
    }

    fn receipt(count: u32) -> Receipt {
        Receipt { proposals: count, ..Receipt::default() }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use haltline_protocol::{HaltEvent, Report, ReportOutcome, Usage};

    use super::*;

    fn proposal(matcher_kind: &str, pattern: &str) -> PatternProposal {
        PatternProposal {
            category: "disk-full".into(),
            matcher_kind: matcher_kind.into(),
            pattern: pattern.into(),
            severity: Severity::High,
            description: "d".into(),
        }
    }

    fn filing(proposal: PatternProposal) -> Filing {
        let event = br#"{"faultId":"F:all:1","runId":"r","stateSlug":"s","kind":"F","severity":"HIGH",
            "timestamp":"2026-05-20T08:14:00.123Z","message":"m","pointers":{},"snapshot":{}}"#;
        Filing {
            ts: "2026-05-20T09:00:00Z".parse().unwrap(),
            drain_id: "d".into(),
            seq: 1,
            event: HaltEvent::parse(event).unwrap().into(),
            occurrences: 1,
            report: Report {
                fault_id: "F:all:1".into(),
                outcome: ReportOutcome::NeedsHuman,
                duplicate_of_path: None,
                root_cause: "c".into(),
                evidence: Vec::new(),
                proposed_fix: None,
                learned_pattern_proposal: Some(proposal),
            }
            .into(),
            usage: Usage::default(),
            citations: Vec::new(),
        }
    }

    fn setup() -> (tempfile::TempDir, ProposalFiler) {
        let home = tempfile::tempdir().unwrap();
        let filer = ProposalFiler::open(Layout::new(home.path())).unwrap();
        (home, filer)
    }

    fn content(home: &tempfile::TempDir, name: &str) -> String {
        fs::read_to_string(home.path().join("skill-faults").join(name)).unwrap_or_default()
    }

    #[test]
    fn a_proposal_waits_for_a_person_once() {
        let (home, filer) = setup();
        let filing = filing(proposal("stdout_contains", "No space left"));
        assert!(filer.file(&filing).unwrap());
        let line = concat!(
            r#"{"ts":"2026-05-20T09:00:00.000Z","faultId":"F:all:1","proposal":{"category":"disk-full","#,
            r#""matcherKind":"stdout_contains","pattern":"No space left","severity":"HIGH","description":"d"}}"#
        );
        assert_eq!(content(&home, PENDING), format!("{line}\n"));

        // It is put in force before the drain's replay.
        let learned = r#"[{"category":"disk-full","matcherKind":"stdout_contains","pattern":"No space left"}]"#;
        fs::write(home.path().join("skill-faults/learned-patterns.json"), learned).unwrap();
        assert!(!filer.file(&filing).unwrap());
        assert_eq!(content(&home, PENDING), format!("{line}\n"));
        assert_eq!(content(&home, REJECTED), "");
    }

    #[test]
    fn what_cannot_be_in_force_is_refused_with_its_reason_and_once() {
        let learned = r#"[{"category":"full","matcherKind":"stdout_contains","pattern":"known","hitCount":3}]"#;
        let long = "x".repeat(LONGEST_TEXT + 1);
        let table = [
            (proposal("stderr_contains", "x"), "unknown matcherKind"),
            (proposal("stdout_regex", "(?=x)"), "no regular expression"),
            (proposal("stdout_regex", ".*"), "matches an empty text"),
            (proposal("stdout_contains", ""), "matches an empty text"),
            (proposal("stdout_contains", "known"), "in force already, as `full`"),
            (proposal("stdout_contains", &long), "the pattern has 1025 bytes"),
            (
                PatternProposal { description: "x".repeat(8 << 20), ..proposal("stdout_contains", "x") },
                "the description has 8218 bytes",
            ),
            (PatternProposal { category: " ".into(), ..proposal("stdout_contains", "x") }, "category is empty"),
            (PatternProposal { severity: Severity::Low, ..proposal("stdout_contains", "x") }, "LOW"),
        ];
        for (proposal, reason) in table {
            let (home, filer) = setup();
            fs::write(home.path().join("skill-faults/learned-patterns.json"), learned).unwrap();
            let filing = filing(proposal);
            assert!(!filer.file(&filing).unwrap());
            assert!(!filer.file(&filing).unwrap());
            let refused = content(&home, REJECTED);
            assert_eq!(refused.lines().count(), 1, "{reason}");
            assert!(refused.len() < 16 << 10, "{reason}");
            let line: serde_json::Value = serde_json::from_str(&refused).unwrap();
            assert!(line["reason"].as_str().unwrap().contains(reason), "{}", line["reason"]);
            assert_eq!(content(&home, PENDING), "");
        }
    }

    #[test]
    fn a_line_that_a_crash_tore_is_written_again() {
        let (home, filer) = setup();
        for (name, proposal) in [(PENDING, proposal("stdout_contains", "x")), (REJECTED, proposal("odd", "x"))] {
            let filing = filing(proposal);
            filer.file(&filing).unwrap();
            let whole = content(&home, name);
            let torn = &whole[..whole.len() - 3];
            fs::write(home.path().join("skill-faults").join(name), torn).unwrap();
            filer.file(&filing).unwrap();
            assert_eq!(content(&home, name), format!("{torn}\n{whole}"));
        }
    }

    #[test]
    fn corrupt_patterns_in_force_hold_no_proposal_up() {
        let (home, filer) = setup();
        fs::write(home.path().join("skill-faults/learned-patterns.json"), "[{").unwrap();
        assert!(filer.file(&filing(proposal("stdout_contains", "x"))).unwrap());
    }
}
