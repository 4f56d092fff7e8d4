//! Finishing what dead drains left, under their own ids: rows that were due, reports that were paid for, attempts that
//! were cut off.

use std::sync::Arc;

use haltline_protocol::{
    Assignment, Destination, DispatchFailure, DispatchRequest, Failure, LeftAttempt, Leftover, Queue, Record, RowOutcome,
    Usage,
};
use tokio::sync::{mpsc, oneshot};

use crate::candidate::draft;
use crate::counts::{DrainCounts, Tally};
use crate::desk::{add_usage, after_report, filing, next_delivery, order};
use crate::error::DrainError;
use crate::progress::Teller;
use crate::records::Recorder;
use crate::settle::{Order, Settle, SettleRequest};

/// Finishes what dead drains left.
#[derive(Debug)]
pub(crate) struct Recovery {
    pub(crate) dispatcher: mpsc::Sender<DispatchRequest>,
    pub(crate) recorder: Recorder,
    pub(crate) max_attempts: u32,
}

impl Recovery {
    /// Finishes one dead drain's hold and closes it.
    pub(crate) async fn finish(&self, leftover: Leftover) -> Result<DrainCounts, DrainError> {
        let Leftover { hold, rows, attempts, put_back } = leftover;
        let mut counts = DrainCounts { recovered: u64::from(put_back), ..DrainCounts::default() };
        let last = rows.iter().map(|row| row.seq).max();
        if let Some(last) = last {
            self.recorder.deliver(rows.into_iter().map(Record::Settled).collect(), true).await?;
            hold.acknowledge(last).await?;
        }
        for attempt in attempts {
            counts.recovered += attempt.events.len() as u64;
            let orders = self.finish_attempt(hold.as_ref(), attempt).await?;
            counts += &self.settle(hold.clone(), orders).await?;
        }
        hold.close().await?;
        Ok(counts)
    }

    async fn finish_attempt(&self, hold: &dyn Queue, attempt: LeftAttempt) -> Result<Vec<Order>, DrainError> {
        let claimed: Vec<_> =
            attempt.events.into_iter().map(|(ticket, event)| (ticket, Arc::new(event))).collect();
        let Some((_, lead)) = claimed.first() else { return Ok(Vec::new()) };
        let assignment = Assignment {
            event: lead.clone(),
            occurrences: u32::try_from(claimed.len()).unwrap_or(u32::MAX),
            slot: attempt.slot,
            pattern_categories: Arc::from([]),
        };
        let (reply, answer) = oneshot::channel();
        self.dispatcher
            .send(DispatchRequest::Salvage { assignment: assignment.clone(), reply })
            .await
            .map_err(|_| DrainError::ActorGone("dispatcher"))?;
        if let Some(investigation) = answer.await.map_err(|_| DrainError::ActorGone("dispatcher"))? {
            let filing = filing(hold, &assignment, &investigation);
            self.recorder.deliver(vec![Record::Reported(Arc::new(filing))], true).await?;
            return Ok(after_report(claimed, investigation));
        }
        let failure = DispatchFailure {
            class: Failure::Interrupted,
            detail: "the drain ended while the investigation ran".to_owned(),
            usage: Box::new(Usage::default()),
        };
        // The count in the event wins where a dead drain had written it before it died.
        let attempts = claimed
            .iter()
            .map(|(_, event)| event.delivery.attempts)
            .fold(assignment.slot.number, u32::max);
        let delivery = next_delivery(attempts, &failure);
        let cut_off = |(ticket, event): (_, Arc<_>)| {
            let is_last = attempts >= self.max_attempts;
            let outcome = if is_last { RowOutcome::DeadLettered } else { RowOutcome::DispatchFailed };
            let mut row = draft(&event, &ticket, outcome);
            row.failure = Some(failure.class);
            row.occurrences = Some(assignment.occurrences);
            add_usage(&mut row, &failure.usage);
            row.provider = None;
            row.duration_ms = None;
            if is_last {
                order(ticket, Destination::DeadLetter(delivery.clone()), row, Tally::DeadLettered)
            } else {
                order(ticket, Destination::Pending(Some(delivery.clone())), row, Tally::Deferred)
            }
        };
        Ok(claimed.into_iter().map(cut_off).collect())
    }

    async fn settle(&self, hold: Arc<dyn Queue>, orders: Vec<Order>) -> Result<DrainCounts, DrainError> {
        let settle = Settle { queue: hold, recorder: self.recorder.clone(), teller: Teller(None), settles_free: true };
        let (requests, inbox) = mpsc::channel(1);
        requests.send(SettleRequest::Settle(orders)).await.map_err(|_| DrainError::ActorGone("settle"))?;
        drop(requests);
        let mut counts = settle.run(inbox).await?;
        // What went back into the queue is seen, and counted, by the scan that follows.
        counts.deferred = 0;
        Ok(counts)
    }
}
