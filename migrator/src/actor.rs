//! The actor: runs upgrades off the runtime's threads, and has analytics record what each migration did.

use haltline_protocol::{Layout, Record, RecordBatch, SinkError};
use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_blocking;

use crate::{MigrationRun, UpgradeError, UpgradeEvent, upgrade};

/// Asks for an upgrade.
#[derive(Debug)]
pub struct UpgradeRequest {
    /// Only tell what would be done.
    pub dry_run: bool,
    /// Hears how far it is, where somebody watches. What is not taken in time is dropped, since the next event says more.
    pub progress: Option<mpsc::Sender<UpgradeEvent>>,
    /// Answered when it has ended.
    pub reply: oneshot::Sender<Result<Upgraded, UpgradeError>>,
}

/// What an upgrade did.
#[derive(Debug)]
pub struct Upgraded {
    /// The migrations, in version order, up to the first that is not complete.
    pub runs: Vec<MigrationRun>,
    /// Why analytics could not record them.
    pub unrecorded: Option<SinkError>,
}

/// Runs upgrades.
#[derive(Debug)]
pub struct Migrator {
    layout: Layout,
    analytics: mpsc::Sender<RecordBatch>,
}

impl Migrator {
    /// Makes the migrator of a home.
    pub fn new(layout: Layout, analytics: mpsc::Sender<RecordBatch>) -> Self {
        Self { layout, analytics }
    }

    /// Works until there are no senders left. An upgrade that runs is never cut short by that.
    pub async fn run(self, mut requests: mpsc::Receiver<UpgradeRequest>) {
        while let Some(UpgradeRequest { dry_run, progress, reply }) = requests.recv().await {
            let layout = self.layout.clone();
            // Where it panics, the reply is dropped unanswered.
            let Ok((ended, records)) = spawn_blocking(move || upgrade_and_note(&layout, dry_run, progress)).await
            else {
                continue;
            };
            let unrecorded = self.record(records).await;
            // Nobody waits where the caller is gone; what was done is recorded all the same.
            reply.send(ended.map(|runs| Upgraded { runs, unrecorded })).ok();
        }
    }

    async fn record(&self, records: Vec<Record>) -> Option<SinkError> {
        if records.is_empty() {
            return None;
        }
        let (acknowledge, answer) = oneshot::channel();
        self.analytics.send(RecordBatch { records, replay: false, acknowledge }).await.ok();
        let gone = SinkError::Permanent { sink: "upgrades", reason: "the analytics actor is gone".to_owned() };
        answer.await.unwrap_or(Err(gone)).err()
    }
}

/// Runs an upgrade. Returns how it ended, and what is to be recorded of it, which is there even where it failed.
fn upgrade_and_note(
    layout: &Layout,
    dry_run: bool,
    progress: Option<mpsc::Sender<UpgradeEvent>>,
) -> (Result<Vec<MigrationRun>, UpgradeError>, Vec<Record>) {
    let mut records = Vec::new();
    let ended = upgrade(layout, dry_run, &mut |event| match event {
        UpgradeEvent::MigrationEnded(summary) => records.push(Record::Upgraded(summary)),
        event => {
            if let Some(progress) = &progress {
                progress.try_send(event).ok();
            }
        }
    });
    (ended, records)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RunState;

    const ROW: &str = r#"{"faultId":"f","runId":"r","stateSlug":"s","kind":"PHASE_FAILED","severity":"HIGH",
        "timestamp":"2026-05-20T08:14:00.123Z","message":"m","pointers":{},"snapshot":{}}"#;

    /// Upgrades twice; what was answered, and what analytics was told.
    async fn upgrade_twice(dry_run: bool) -> (Vec<Upgraded>, Vec<Record>, Vec<UpgradeEvent>) {
        let home = tempfile::tempdir().unwrap();
        let layout = Layout::new(home.path());
        std::fs::create_dir_all(layout.processed()).unwrap();
        std::fs::write(layout.processed().join("a.json"), ROW).unwrap();
        let (analytics, mut batches) = mpsc::channel(1);
        let (sender, requests) = mpsc::channel(1);
        let running = tokio::spawn(Migrator::new(layout, analytics).run(requests));
        let recording = tokio::spawn(async move {
            let mut told = Vec::new();
            while let Some(RecordBatch { records, acknowledge, .. }) = batches.recv().await {
                told.extend(records);
                let full = SinkError::Retriable { sink: "upgrades", reason: "full".to_owned() };
                acknowledge.send(Err(full)).unwrap();
            }
            told
        });
        let (progress, mut steps) = mpsc::channel(64);
        let mut answers = Vec::new();
        for _ in 0..2 {
            let (reply, answer) = oneshot::channel();
            sender.send(UpgradeRequest { dry_run, progress: Some(progress.clone()), reply }).await.unwrap();
            answers.push(answer.await.unwrap().unwrap());
        }
        drop((sender, progress));
        running.await.unwrap();
        let mut heard = Vec::new();
        while let Some(step) = steps.recv().await {
            heard.push(step);
        }
        (answers, recording.await.unwrap(), heard)
    }

    #[tokio::test]
    async fn what_a_migration_did_is_recorded_once_and_a_sink_that_fails_is_told() {
        let (answers, told, heard) = upgrade_twice(false).await;
        let states: Vec<_> = answers.iter().map(|answer| (answer.runs[0].state, answer.unrecorded.is_some())).collect();
        assert_eq!(states, [(RunState::Completed, true), (RunState::DoneBefore, false)]);
        let [Record::Upgraded(summary)] = told.as_slice() else { panic!("{told:?}") };
        assert_eq!((summary.seq, summary.complete, summary.rewritten), (1, true, 0));
        assert_eq!(summary.version, answers[0].runs[0].version);
        assert!(matches!(heard.last(), Some(UpgradeEvent::FilesChecked { checked: 2, found: 2, .. })), "{heard:?}");
    }

    #[tokio::test]
    async fn a_dry_run_records_nothing() {
        let (answers, told, heard) = upgrade_twice(true).await;
        assert!(answers.iter().all(|answer| answer.runs[0].state == RunState::WouldComplete));
        assert!(told.is_empty() && !heard.is_empty());
    }
}
