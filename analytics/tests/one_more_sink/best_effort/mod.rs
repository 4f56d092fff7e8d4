//! A best-effort sink changes no answer and no count, whatever it does, and what it could not deliver comes later.

use std::path::Path;
use std::time::Duration;

use haltline_analytics::{
    Activity, Analytics, AnalyticsSummary, OutboxTally, SINKS, SinkEntry, SinkFactory, open_sinks,
};
use haltline_protocol::{Layout, Record, RecordBatch, RowOutcome, SinkError, pattern_has_file};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::common::{Tree, records, settled, tree};

haltline_protocol::registry! {
    /// A registry with one row.
    pub static BEST_EFFORT: SinkFactory = { moody => Moody }
}

/// What one drain's analytics did.
struct Ran {
    answers: Vec<Result<(), SinkError>>,
    summary: AnalyticsSummary,
    elapsed: Duration,
}

impl Ran {
    fn outbox(&self, waiting: u64, dropped: u64) {
        assert!(self.answers.iter().all(Result::is_ok), "{:?}", self.answers);
        let expected = OutboxTally { sink: "moody".to_owned(), waiting, dropped };
        assert_eq!(self.summary.outboxes, [expected]);
    }
}

/// Runs analytics with the built-in sinks and sinks of these moods.
async fn run(home: &Path, moods: &[&str], batches: Vec<(Vec<Record>, bool)>, stop: &CancellationToken) -> Ran {
    let registry: Vec<&dyn SinkFactory> = BEST_EFFORT.iter().chain(SINKS).copied().collect();
    let entry = |mood: &&str| -> SinkEntry { toml::from_str(&format!("kind = \"moody\"\nmood = \"{mood}\"")).unwrap() };
    let entries: Vec<_> = moods.iter().map(entry).collect();
    let sinks = open_sinks(&registry, Activity::Drain, &entries, &Layout::new(home)).unwrap();
    let (sender, receiver) = mpsc::channel(1);
    let started = Instant::now();
    let actor = tokio::spawn(Analytics::new(sinks).run(receiver, stop.clone()));
    let mut answers = Vec::new();
    for (records, replay) in batches {
        let (acknowledge, answer) = oneshot::channel();
        sender.send(RecordBatch { records, replay, acknowledge }).await.unwrap();
        answers.push(answer.await.unwrap());
    }
    drop(sender);
    let summary = actor.await.unwrap();
    Ran { answers, summary, elapsed: started.elapsed() }
}

fn rows(seqs: std::ops::Range<u64>) -> (Vec<Record>, bool) {
    (seqs.map(|seq| settled(seq, RowOutcome::AuditSkipped)).collect(), false)
}

/// What the sink took, in its order.
fn taken(home: &Path) -> Vec<u64> {
    let text = std::fs::read_to_string(home.join("moody.txt")).unwrap_or_default();
    text.lines().map(|line| line.parse().unwrap()).collect()
}

fn without_outbox(home: &Path) -> Tree {
    let ours = |name: &str| name == "moody.txt" || name.starts_with("outbox/");
    tree(home).into_iter().filter(|(name, _)| !ours(name)).collect()
}

#[tokio::test(start_paused = true)]
async fn whatever_it_does_no_answer_and_no_count_changes() {
    let calm = tempfile::tempdir().unwrap();
    let expected = run(calm.path(), &[], vec![(records(), false)], &CancellationToken::new()).await;
    for (mood, waiting, longest) in
        [("works", 0, 0), ("fails", 6, 0), ("hangs", 6, 5), ("panics", 6, 0), ("closed", 6, 0)]
    {
        let home = tempfile::tempdir().unwrap();
        let ran = run(home.path(), &[mood], vec![(records(), false)], &CancellationToken::new()).await;
        ran.outbox(waiting, 0);
        assert_eq!(ran.summary.sinks, expected.summary.sinks, "{mood}");
        assert_eq!(without_outbox(home.path()), without_outbox(calm.path()), "{mood}");
        assert!(ran.elapsed <= Duration::from_secs(longest), "{mood}: {:?}", ran.elapsed);
        for name in tree(home.path()).keys().filter(|name| name.starts_with("outbox/")) {
            let patterns = haltline_analytics::OUTBOX_FILES;
            assert!(patterns.iter().any(|pattern| pattern_has_file(pattern, name)), "{name}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn later_drains_deliver_what_waits_in_order_and_once() {
    let home = tempfile::tempdir().unwrap();
    let stop = CancellationToken::new();
    run(home.path(), &["fails"], vec![rows(1..3), rows(3..4)], &stop).await.outbox(3, 0);
    run(home.path(), &["closed"], vec![rows(4..6)], &stop).await.outbox(5, 0);
    run(home.path(), &["hangs"], vec![], &stop).await.outbox(5, 0);
    // The drain that was killed before its journal was acknowledged is recovered.
    let replay = (rows(4..7).0, true);
    run(home.path(), &["works"], vec![replay, rows(7..8)], &stop).await.outbox(0, 0);
    assert_eq!(taken(home.path()), (1..8).collect::<Vec<_>>());
    run(home.path(), &["works"], vec![], &stop).await.outbox(0, 0);
    assert_eq!(taken(home.path()).len(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_stop_grants_no_time() {
    let home = tempfile::tempdir().unwrap();
    let stop = CancellationToken::new();
    stop.cancel();
    let ran = run(home.path(), &["hangs"], vec![rows(1..3)], &stop).await;
    ran.outbox(2, 0);
    assert_eq!(ran.elapsed, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_a_required_sink_refuses_is_put_into_no_outbox() {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(home.path().join("analytics/skill-faults.jsonl")).unwrap();
    let registry: Vec<&dyn SinkFactory> = BEST_EFFORT.iter().chain(SINKS).copied().collect();
    let opened = open_sinks(&registry, Activity::Drain, &[], &Layout::new(home.path()));
    assert!(opened.is_err(), "a required sink that cannot be opened ends the drain");

    std::fs::remove_dir(home.path().join("analytics/skill-faults.jsonl")).unwrap();
    let entry: SinkEntry = toml::from_str("kind = \"moody\"\nmood = \"works\"").unwrap();
    let sinks = open_sinks(&registry, Activity::Drain, &[entry], &Layout::new(home.path())).unwrap();
    std::fs::create_dir_all(home.path().join("analytics/skill-faults.jsonl")).unwrap();
    let (answer, summary) = crate::common::acknowledged(sinks, rows(1..3).0, false).await;
    assert!(matches!(answer, Err(SinkError::Permanent { sink: "jsonl", .. })), "{answer:?}");
    assert_eq!((taken(home.path()), summary.outboxes[0].waiting), (vec![], 0));
}

#[tokio::test(start_paused = true)]
async fn each_entry_has_an_outbox_of_its_own() {
    let home = tempfile::tempdir().unwrap();
    let ran = run(home.path(), &["works", "fails"], vec![rows(1..3)], &CancellationToken::new()).await;
    let waiting: Vec<_> = ran.summary.outboxes.iter().map(|tally| (tally.sink.as_str(), tally.waiting)).collect();
    assert_eq!(waiting, [("moody", 0), ("moody-2", 2)]);
}
