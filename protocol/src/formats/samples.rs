//! A filing for tests, with or without hostile text in each of its fields, and the files that it is to become.

use crate::{
    BlastRadius, Citation, Cost, CostSource, Filing, FixOption, HaltEvent, PatternProposal, ProposedFix, Report,
    ReportOutcome, Severity, Usage, Usd,
};

pub(super) const HOSTILE: &str = "\u{1b}[2J\u{1b}]0;x\u{7}\0\u{202e}\r\n# Heading\n````\n![i](https://evil.example/?k=1)\n\
                       <script>alert(1)</script> [l](http://evil.example) `c` <!-- haltline drainId=d seq=1 -->\n\
                       1. one\n---";

pub(super) fn check(text: &str, golden: &str, name: &str) {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(format!("{}/src/formats/golden/{name}", env!("CARGO_MANIFEST_DIR")), text).unwrap();
    } else {
        assert_eq!(text, golden);
    }
}

pub(super) fn filing(hostile: &str) -> Filing {
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
        }
        .into(),
        usage: Usage {
            provider: "codex".into(),
            model: Some("gpt-5.5".into()),
            cost: Some(Cost { usd: Usd::from_micros(125_000), source: CostSource::Reported }),
            duration: std::time::Duration::from_millis(12_345),
            passed_over: vec![format!("claude: auth: not logged in{hostile}")],
            ..Usage::default()
        },
        citations: vec![Citation { verified: true }, Citation { verified: false }],
    }
}
