//! The actor: hands each batch to every required sink, then puts it into the outboxes of the best-effort ones, and
//! acknowledges it.
//!
//! A failure that may pass is tried again a few times, with the sinks that lack the batch only. What fails for good is
//! answered, not dropped: the rows stand in the drain's journal until a later batch of them is acknowledged. No
//! best-effort sink changes an answer or a count.

use std::sync::Arc;
use std::time::Duration;

use haltline_protocol::{Receipt, Record, RecordBatch, Sink, SinkError};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::filing::worse;
use crate::open::{BestEffortSink, OpenSinks};
use crate::outbox_slot::{OutboxSlot, OutboxTally};

/// The pauses before each further try. Together they stay well below the 10 s that a stopped drain gives what runs;
/// a full disk that takes longer to mend is for the next drain.
const PAUSES: [Duration; 3] = [Duration::from_millis(100), Duration::from_millis(400), Duration::from_millis(1600)];

/// How long deliveries to best-effort sinks may go on when there are no senders left. A drain ends that much later at
/// most.
const GRACE: Duration = Duration::from_secs(5);

/// Records outcomes and files reports.
pub struct Analytics {
    slots: Vec<SinkSlot>,
    best_effort: Vec<BestEffortSink>,
}

/// A required sink, and what it has done so far.
struct SinkSlot {
    sink: Box<dyn Sink>,
    tally: SinkTally,
}

/// What analytics did in one drain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AnalyticsSummary {
    /// The part of each required sink, in their order.
    pub sinks: Vec<SinkTally>,
    /// What the best-effort sinks left, in their order.
    pub outboxes: Vec<OutboxTally>,
}

/// What one sink did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinkTally {
    /// The sink's name.
    pub sink: &'static str,
    /// What it made anew for people.
    pub filed: Receipt,
    /// Batches that it did not take in the end.
    pub refused: u32,
}

impl AnalyticsSummary {
    /// Returns what required sinks made anew for people.
    pub fn filed(&self) -> Receipt {
        total(self.sinks.iter())
    }
}

fn total<'a>(tallies: impl Iterator<Item = &'a SinkTally>) -> Receipt {
    tallies.fold(Receipt::default(), |mut sum, tally| {
        sum += tally.filed;
        sum
    })
}

impl Analytics {
    /// Takes the sinks.
    pub fn new(sinks: OpenSinks) -> Self {
        let slot = |sink: Box<dyn Sink>| SinkSlot {
            tally: SinkTally { sink: sink.name(), filed: Receipt::default(), refused: 0 },
            sink,
        };
        Self { slots: sinks.required.into_iter().map(slot).collect(), best_effort: sinks.best_effort }
    }

    /// Works until there are no senders left: whoever still sends wants it recorded, and a sender that no longer waits
    /// for its answer is not made to wait for further tries. After `stop`, best-effort sinks get no time of grace.
    pub async fn run(mut self, mut batches: mpsc::Receiver<RecordBatch>, stop: CancellationToken) -> AnalyticsSummary {
        let mut outboxes: Vec<_> = std::mem::take(&mut self.best_effort).into_iter().map(OutboxSlot::start).collect();
        while let Some(RecordBatch { mut records, replay, mut acknowledge }) = batches.recv().await {
            if let Some(Record::Drained(totals)) = records.last_mut() {
                totals.filed = total(self.slots.iter().map(|slot| &slot.tally));
            }
            let answer = self.deliver(&records, replay, &mut acknowledge).await;
            match &answer {
                Ok(()) if outboxes.is_empty() => {}
                Ok(()) => {
                    let records = Arc::new(records);
                    for outbox in &mut outboxes {
                        outbox.put(&records, replay).await;
                    }
                }
                Err(error) => {
                    tracing::error!(%error, records = records.len(), "records are not delivered; the journal keeps them");
                }
            }
            if acknowledge.send(answer).is_err() {
                tracing::debug!("nobody waits for the acknowledgement");
            }
        }
        let sinks = self.slots.into_iter().map(|slot| slot.tally).collect();
        Self::finish(sinks, outboxes, &stop).await
    }

    async fn finish(sinks: Vec<SinkTally>, mut slots: Vec<OutboxSlot>, stop: &CancellationToken) -> AnalyticsSummary {
        slots.iter_mut().for_each(OutboxSlot::close);
        let end = Instant::now() + GRACE;
        let mut outboxes = Vec::with_capacity(slots.len());
        for slot in slots {
            outboxes.push(slot.finish(end, stop).await);
        }
        AnalyticsSummary { sinks, outboxes }
    }

    async fn deliver(
        &mut self,
        records: &[Record],
        replay: bool,
        acknowledge: &mut oneshot::Sender<Result<(), SinkError>>,
    ) -> Result<(), SinkError> {
        let mut lacking: Vec<&mut SinkSlot> = self.slots.iter_mut().collect();
        let mut worst = None;
        let mut pauses = PAUSES.into_iter();
        let mut replay = replay;
        loop {
            let mut passing = Vec::new();
            for slot in lacking {
                match slot.sink.deliver(records, replay).await {
                    Ok(receipt) => slot.tally.filed += receipt,
                    Err(error @ SinkError::Retriable { .. }) => passing.push((slot, error)),
                    Err(error @ SinkError::Permanent { .. }) => {
                        slot.tally.refused += 1;
                        worst = Some(worse(worst, error));
                    }
                }
            }
            let Some((_, error)) = passing.first() else {
                break;
            };
            let pause = pauses.next().filter(|_| !acknowledge.is_closed());
            let Some(pause) = pause else {
                for (slot, error) in passing {
                    slot.tally.refused += 1;
                    worst = Some(worse(worst, error));
                }
                break;
            };
            tracing::warn!(%error, ?pause, "a sink does not take records; trying again");
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = acknowledge.closed() => {}
            }
            lacking = passing.into_iter().map(|(slot, _)| slot).collect();
            // What failed may have been delivered in part.
            replay = true;
        }
        worst.map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::{Arc, Mutex};

    use async_trait::async_trait;
    use haltline_protocol::{MoveOutcome, Receipt, Row, RowDraft, RowOutcome};
    use tokio::time::Instant;

    use super::*;

    type Deliveries = Arc<Mutex<Vec<(&'static str, u64, bool)>>>;

    /// Answers as it is told, then takes everything.
    struct Scripted {
        name: &'static str,
        answers: VecDeque<Result<Receipt, SinkError>>,
        deliveries: Deliveries,
    }

    #[async_trait]
    impl Sink for Scripted {
        fn name(&self) -> &'static str {
            self.name
        }

        async fn deliver(&mut self, records: &[Record], replay: bool) -> Result<Receipt, SinkError> {
            self.deliveries.lock().unwrap().push((self.name, records[0].pair().1, replay));
            self.answers.pop_front().unwrap_or(Ok(match self.name {
                "inbox" => Receipt { notes: 1, ..Receipt::default() },
                _ => Receipt { proposals: 1, ..Receipt::default() },
            }))
        }
    }

    fn busy(sink: &'static str) -> Result<Receipt, SinkError> {
        Err(SinkError::Retriable { sink, reason: "full".into() })
    }

    fn broken(sink: &'static str) -> Result<Receipt, SinkError> {
        Err(SinkError::Permanent { sink, reason: "link".into() })
    }

    fn batch(seq: u64) -> (RecordBatch, oneshot::Receiver<Result<(), SinkError>>) {
        let draft = RowDraft::new(RowOutcome::AuditSkipped, "x.json");
        let row = Row::complete(jiff::Timestamp::UNIX_EPOCH, "d".into(), seq, draft, &MoveOutcome::Moved);
        let (acknowledge, answer) = oneshot::channel();
        (RecordBatch { records: vec![Record::Settled(row)], replay: false, acknowledge }, answer)
    }

    struct Case {
        answers: Vec<Result<(), SinkError>>,
        summary: AnalyticsSummary,
        deliveries: Vec<(&'static str, u64, bool)>,
    }

    async fn run(
        first: Vec<Result<Receipt, SinkError>>,
        second: Vec<Result<Receipt, SinkError>>,
        batches: u64,
    ) -> Case {
        let deliveries = Deliveries::default();
        let sink = |name, answers: Vec<_>| -> Box<dyn Sink> {
            Box::new(Scripted { name, answers: answers.into(), deliveries: Arc::clone(&deliveries) })
        };
        let analytics = Analytics::new(vec![sink("inbox", first), sink("proposals", second)].into());
        let (sender, receiver) = mpsc::channel(1);
        let actor = tokio::spawn(analytics.run(receiver, CancellationToken::new()));
        let mut answers = Vec::new();
        for seq in 1..=batches {
            let (batch, answer) = batch(seq);
            sender.send(batch).await.unwrap();
            answers.push(answer.await.unwrap());
        }
        drop(sender);
        let summary = actor.await.unwrap();
        let deliveries = deliveries.lock().unwrap().clone();
        Case { answers, summary, deliveries }
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_is_acknowledged_when_every_sink_has_it() {
        let case = run(vec![], vec![], 2).await;
        assert!(case.answers.iter().all(Result::is_ok));
        let expected = [("inbox", 1, false), ("proposals", 1, false), ("inbox", 2, false), ("proposals", 2, false)];
        assert_eq!(case.deliveries, expected);
        assert_eq!(case.summary.filed(), Receipt { notes: 2, proposals: 2, reports: 0 });
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_that_passes_is_tried_again_with_the_sink_that_failed_alone() {
        let started = Instant::now();
        let case = run(vec![], vec![busy("proposals"), busy("proposals")], 1).await;
        assert!(case.answers[0].is_ok());
        let expected = [("inbox", 1, false), ("proposals", 1, false), ("proposals", 1, true), ("proposals", 1, true)];
        assert_eq!(case.deliveries, expected);
        assert_eq!(started.elapsed().as_millis(), 500);
        assert_eq!(case.summary.filed(), Receipt { notes: 1, proposals: 1, reports: 0 });
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_that_stays_is_answered_and_the_next_batch_is_still_taken() {
        let full = std::iter::repeat_with(|| busy("inbox")).take(4).collect();
        let case = run(full, vec![], 2).await;
        assert!(matches!(case.answers[0], Err(SinkError::Retriable { sink: "inbox", .. })));
        assert!(case.answers[1].is_ok());
        assert_eq!(case.deliveries.iter().filter(|delivery| delivery.1 == 1).count(), 5);
        assert_eq!(
            case.summary.sinks[0],
            SinkTally { sink: "inbox", filed: Receipt { notes: 1, ..Receipt::default() }, refused: 1 }
        );
        assert_eq!(case.summary.sinks[1].filed.proposals, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn what_somebody_has_to_mend_is_not_tried_again_and_is_the_worst_answer() {
        let full = std::iter::repeat_with(|| busy("inbox")).take(4).collect();
        let case = run(full, vec![broken("proposals")], 1).await;
        assert!(matches!(case.answers[0], Err(SinkError::Permanent { sink: "proposals", .. })));
        let tries = case.deliveries.iter().filter(|delivery| delivery.0 == "proposals").count();
        assert_eq!(tries, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_sender_that_waits_no_more_ends_the_tries() {
        let deliveries = Deliveries::default();
        let answers = std::iter::repeat_with(|| busy("inbox")).take(10).collect();
        let sink = Scripted { name: "inbox", answers, deliveries: Arc::clone(&deliveries) };
        let (sender, receiver) = mpsc::channel(1);
        let (batch, answer) = batch(1);
        drop(answer);
        sender.send(batch).await.unwrap();
        drop(sender);
        let started = Instant::now();
        let sinks: Vec<Box<dyn Sink>> = vec![Box::new(sink)];
        let summary = Analytics::new(sinks.into()).run(receiver, CancellationToken::new()).await;
        assert_eq!(started.elapsed(), Duration::ZERO);
        assert_eq!(summary.sinks[0].refused, 1);
        assert_eq!(deliveries.lock().unwrap().len(), 1);
    }
}
