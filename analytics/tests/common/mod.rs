//! The suite that every sink passes: it delivers, acknowledges only then, leaves nothing twice, never writes through a
//! symbolic link, tells what may pass from what stays, and delivers once it is repaired.
//!
//! It knows nothing of what a sink writes. It compares the files beneath a home with those of a home where nothing went
//! wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use haltline_analytics::{Analytics, OpenSinks, SinkFactory};
use haltline_files::Folder;
use haltline_protocol::{
    BlastRadius, Cost, CostSource, DrainCounts, DrainTotals, Filing, FitReport, FixOption, HaltEvent, Layout,
    MoveOutcome, PatternProposal, ProposedFix, Receipt, Record, RecordBatch, Report, ReportOutcome, Row, RowDraft,
    RowOutcome, Severity, Sink, SinkError, UpgradeSummary, Usage, Usd,
};
use tempfile::TempDir;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// The drain whose records these are.
pub(crate) const DRAIN: &str = "20260520T081500000Z-00000000000000ff";

/// Files beneath a folder by their path from it, with `$HOME` for the folder's own path in their text.
pub(crate) type Tree = BTreeMap<String, String>;

/// A severe fault, investigated twice, with a pattern proposed and rows of several outcomes; a migration; and the end
/// of the drain.
pub(crate) fn records() -> Vec<Record> {
    vec![
        reported(1, "No space left"),
        settled(2, RowOutcome::Investigated),
        settled(3, RowOutcome::AuditSkipped),
        reported(4, "disk quota exceeded"),
        settled(5, RowOutcome::Duplicate),
        upgraded(6),
        drained(7),
    ]
}

/// The end of a drain, so many seconds later.
pub(crate) fn drained(seconds: u64) -> Record {
    Record::Drained(Box::new(DrainTotals {
        ts: begun() + Duration::from_secs(seconds),
        drain_id: DRAIN.into(),
        run_id: Some("build-42".into()),
        state_slug: Some("checkout-flow".into()),
        duration_ms: 1200,
        counts: DrainCounts {
            processed: 2,
            short_circuited: 1,
            skipped: 0,
            failed: 0,
            deferred: 0,
            collapsed: 0,
            duplicates: 1,
            quarantined: 0,
            dispatched: 2,
            dead_lettered: 0,
            recovered: 0,
            avoided: 2,
            cost_usd: Usd::from_micros(240_000),
            ..DrainCounts::default()
        },
        filed: Receipt::default(),
        aborted: false,
    }))
}

pub(crate) fn upgraded(seq: u64) -> Record {
    Record::Upgraded(Box::new(UpgradeSummary {
        ts: begun(),
        upgrade_id: DRAIN.into(),
        seq,
        version: "1.40.5.0".into(),
        complete: true,
        duration_ms: 12,
        rewritten: 3,
        already_gone: 0,
        failed: 0,
        errnos: Vec::new(),
    }))
}

fn begun() -> jiff::Timestamp {
    "2026-05-20T08:20:00Z".parse().unwrap()
}

pub(crate) fn settled(seq: u64, outcome: RowOutcome) -> Record {
    let mut draft = RowDraft::new(outcome, format!("build-42-{seq}.json"));
    if outcome == RowOutcome::Investigated {
        draft.investigation = Some(Box::new(report("No space left")));
    }
    Record::Settled(Row::complete(begun(), DRAIN.into(), seq, draft, &MoveOutcome::Moved))
}

pub(crate) fn reported(seq: u64, pattern: &str) -> Record {
    let event = br#"{"faultId":"PHASE_FAILED:p3:302c3b29","runId":"build-42","stateSlug":"checkout-flow",
        "kind":"PHASE_FAILED","severity":"CRITICAL","timestamp":"2026-05-20T08:14:00.123Z","message":"tests red",
        "pointers":{},"snapshot":{}}"#;
    Record::Reported(Arc::new(Filing {
        ts: begun() + Duration::from_secs(seq),
        drain_id: DRAIN.into(),
        seq,
        event: Arc::new(HaltEvent::parse(event).unwrap()),
        occurrences: 2,
        report: report(pattern),
        usage: Usage {
            provider: "codex".into(),
            cost: Some(Cost { usd: Usd::from_micros(120_000), source: CostSource::Reported }),
            duration: Duration::from_secs(12),
            ..Usage::default()
        },
        citations: Vec::new(),
    }))
}

fn report(pattern: &str) -> FitReport {
    Report {
        fault_id: "PHASE_FAILED:p3:302c3b29".into(),
        outcome: ReportOutcome::RootCauseIdentified,
        duplicate_of_path: None,
        root_cause: "the disk is full".into(),
        evidence: vec!["E: No space left on device".into()],
        proposed_fix: Some(ProposedFix {
            options: vec![FixOption {
                label: "free some space".into(),
                description: "cargo clean".into(),
                blast_radius: BlastRadius::Narrow,
            }],
        }),
        learned_pattern_proposal: Some(PatternProposal {
            category: "disk-full".into(),
            matcher_kind: "stdout_contains".into(),
            pattern: pattern.into(),
            severity: Severity::High,
            description: "the disk is full".into(),
        }),
    }
    .into()
}

/// Every regular file beneath a folder. Symbolic links are not followed.
pub(crate) fn tree(root: &Path) -> Tree {
    let mut tree = Tree::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                let name = entry.path().strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                let text = fs::read_to_string(entry.path()).unwrap();
                tree.insert(name, text.replace(root.to_str().unwrap(), "$HOME"));
            }
        }
    }
    tree
}

/// Hands a batch to the actor as a drain does, and waits for the acknowledgement.
pub(crate) async fn acknowledged(
    sinks: impl Into<OpenSinks>,
    records: Vec<Record>,
    replay: bool,
) -> (Result<(), SinkError>, haltline_analytics::AnalyticsSummary) {
    let (sender, receiver) = mpsc::channel(1);
    let actor = tokio::spawn(Analytics::new(sinks.into()).run(receiver, CancellationToken::new()));
    let (acknowledge, answer) = oneshot::channel();
    sender.send(RecordBatch { records, replay, acknowledge }).await.unwrap();
    let answer = answer.await.unwrap();
    drop(sender);
    (answer, actor.await.unwrap())
}

/// A sink under test, with settings that it takes.
pub(crate) struct Suite<'a> {
    pub(crate) factory: &'a dyn SinkFactory,
    pub(crate) settings: toml::Table,
}

impl Suite<'_> {
    pub(crate) fn open(&self, home: &Path) -> Box<dyn Sink> {
        let layout = Layout::new(home);
        self.factory.open(&self.settings, &layout).unwrap()
    }

    /// What stands beneath a home when nothing goes wrong.
    pub(crate) async fn reference(&self) -> Tree {
        let home = TempDir::new().unwrap();
        self.open(home.path()).deliver(&records(), false).await.unwrap();
        tree(home.path())
    }

    /// Runs the whole suite.
    pub(crate) async fn run(&self) {
        self.acknowledges_after_delivery().await;
        self.leaves_nothing_twice().await;
        self.finishes_what_was_begun().await;
        self.writes_through_no_link().await;
        self.delivers_once_repaired().await;
    }

    async fn acknowledges_after_delivery(&self) {
        let home = TempDir::new().unwrap();
        let sink = self.open(home.path());
        assert!(tree(home.path()).is_empty(), "opening leaves no file");
        let (answer, _) = acknowledged(vec![sink], records(), false).await;
        answer.unwrap();
        let found = tree(home.path());
        assert!(!found.is_empty(), "acknowledged, and nothing is there");
        assert_eq!(found, self.reference().await);
    }

    async fn leaves_nothing_twice(&self) {
        let home = TempDir::new().unwrap();
        let mut sink = self.open(home.path());
        sink.deliver(&records(), false).await.unwrap();
        let once = tree(home.path());
        assert_eq!(sink.deliver(&records(), true).await.unwrap(), Receipt::default(), "nothing is made anew");
        assert_eq!(tree(home.path()), once, "by the same sink");
        self.open(home.path()).deliver(&records(), true).await.unwrap();
        assert_eq!(tree(home.path()), once, "by the next drain's");
    }

    async fn finishes_what_was_begun(&self) {
        let reference = self.reference().await;
        let records = records();
        for begun in 1..records.len() {
            let home = TempDir::new().unwrap();
            self.open(home.path()).deliver(&records[..begun], false).await.unwrap();
            self.open(home.path()).deliver(&records, true).await.unwrap();
            assert_eq!(tree(home.path()), reference, "after {begun} records");
        }
    }

    async fn writes_through_no_link(&self) {
        for name in self.reference().await.keys() {
            let home = TempDir::new().unwrap();
            let elsewhere = TempDir::new().unwrap();
            let mut sink = self.open(home.path());
            let place = home.path().join(name);
            fs::create_dir_all(place.parent().unwrap()).unwrap();
            symlink(elsewhere.path().join("victim"), &place).unwrap();
            let _refused_or_passed_over = sink.deliver(&records(), false).await.is_err();
            assert!(tree(elsewhere.path()).is_empty(), "written through {name}");
        }
    }

    async fn delivers_once_repaired(&self) {
        let reference = self.reference().await;
        let folders: BTreeSet<&Path> = reference.keys().filter_map(|name| Path::new(name).parent()).collect();
        for folder in folders {
            for obstacle in [Obstacle::File, Obstacle::Link] {
                let home = TempDir::new().unwrap();
                let mut sink = self.open(home.path());
                let place = home.path().join(folder);
                let parent = Folder::ensure(place.parent().unwrap()).unwrap();
                let name = place.file_name().unwrap().to_str().unwrap();
                let was_there = parent.move_to(name, &parent, "away").is_ok();
                match obstacle {
                    Obstacle::File => fs::write(&place, "").unwrap(),
                    Obstacle::Link => symlink("nowhere", &place).unwrap(),
                }
                let answer = sink.deliver(&records(), false).await;
                assert!(matches!(answer, Err(SinkError::Permanent { .. })), "{obstacle:?} as {place:?}: {answer:?}");

                parent.remove_own(name).unwrap();
                if was_there {
                    parent.move_to("away", &parent, name).unwrap();
                }
                sink.deliver(&records(), true).await.unwrap();
                assert_eq!(tree(home.path()), reference, "{obstacle:?} as {place:?}");
            }
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Obstacle {
    File,
    Link,
}
