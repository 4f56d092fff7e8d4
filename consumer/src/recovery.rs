//! Finishing what dead drains left, under their own ids: rows that were due, reports that were paid for, attempts that
//! were cut off.

use std::collections::HashMap;
use std::sync::Arc;

use haltline_protocol::{
    Assignment, AttemptSlot, DispatchFailure, DispatchRequest, DrainCounts, Failure, FreeSettles, Orphan,
    OrphanedAttempt, Record, Session, Usage,
};
use tokio::sync::{mpsc, oneshot};

use crate::claimed::{Claimed, filing, next_deliveries};
use crate::error::DrainError;
use crate::progress::ProgressSender;
use crate::records::Recorder;
use crate::settle::{Order, Settle, SettleRequest};

/// Finishes what dead drains left.
#[derive(Debug)]
pub(crate) struct Recovery {
    pub(crate) session: Arc<dyn Session>,
    pub(crate) right: Arc<FreeSettles>,
    pub(crate) dispatcher: mpsc::Sender<DispatchRequest>,
    pub(crate) recorder: Recorder,
    pub(crate) max_attempts: u32,
}

impl Recovery {
    /// Finishes what all dead drains left.
    pub(crate) async fn run(self) -> Result<DrainCounts, DrainError> {
        let mut counts = DrainCounts::default();
        for orphan in self.session.recover(&self.right).await? {
            counts += &self.finish(orphan).await?;
        }
        Ok(counts)
    }

    /// Finishes what one dead drain left, and closes its session.
    async fn finish(&self, orphan: Orphan) -> Result<DrainCounts, DrainError> {
        let Orphan { session, rows, last_planned, attempts, put_back } = orphan;
        let mut counts = DrainCounts { recovered: u64::from(put_back), ..DrainCounts::default() };
        if !rows.is_empty() {
            self.recorder.deliver(rows.into_iter().map(Record::Settled).collect(), true).await?;
        }
        // A plan that was not carried out is forgotten from here on: this drain may carry it out itself.
        self.session.acknowledge(&session, last_planned).await?;
        for attempt in attempts {
            counts.recovered += attempt.events.len() as u64;
            let slot = attempt.slot.clone();
            let orders = self.finish_attempt(attempt).await?;
            counts += &self.settle(slot, orders).await?;
        }
        self.session.close(&session).await?;
        Ok(counts)
    }

    async fn finish_attempt(&self, attempt: OrphanedAttempt) -> Result<Vec<Order>, DrainError> {
        let OrphanedAttempt { slot, lead, is_lead_held, occurrences, events } = attempt;
        let attempts = slot.number;
        let assignment = Assignment { event: Arc::new(lead), occurrences, slot, pattern_categories: Arc::from([]) };
        let claimed = Claimed {
            lead: assignment.event.key(),
            is_lead_held,
            occurrences,
            events: events.into_iter().map(|(ticket, event)| (ticket, Arc::new(event))).collect(),
        };
        let (reply, answer) = oneshot::channel();
        self.dispatcher
            .send(DispatchRequest::Salvage { assignment: assignment.clone(), reply })
            .await
            .map_err(|_| DrainError::ActorGone("dispatcher"))?;
        if let Some(investigation) = answer.await.map_err(|_| DrainError::ActorGone("dispatcher"))? {
            let filing = filing(&assignment, &investigation);
            self.recorder.deliver(vec![Record::Reported(Arc::new(filing))], true).await?;
            return Ok(claimed.after_report(investigation));
        }
        // The count in an event wins where the dead drain had written it before it died.
        let mut counts = HashMap::from([(claimed.lead.clone(), attempts)]);
        for (_, event) in &claimed.events {
            let fault = event.key();
            let before = event.delivery.attempts;
            // How often another fault was tried that shared the attempt, only its events say.
            let known = if fault == claimed.lead { before } else { before.saturating_add(1) };
            let most = counts.entry(fault).or_insert(known);
            *most = known.max(*most);
        }
        let failure = DispatchFailure {
            class: Failure::Interrupted,
            detail: "the drain ended while the investigation ran".to_owned(),
            usage: Box::new(Usage::default()),
            retry_after: None,
        };
        Ok(claimed.after_failure(&failure, &next_deliveries(counts, &failure), self.max_attempts))
    }

    async fn settle(&self, attempt: AttemptSlot, orders: Vec<Order>) -> Result<DrainCounts, DrainError> {
        let settle = Settle {
            session: self.session.clone(),
            recorder: self.recorder.clone(),
            progress: ProgressSender(None),
            right: Some(self.right.clone()),
        };
        let (requests, inbox) = mpsc::channel(1);
        let (tell, _told) = oneshot::channel();
        let finish = SettleRequest::Finish(attempt, orders, tell);
        requests.send(finish).await.map_err(|_| DrainError::ActorGone("settle"))?;
        drop(requests);
        let mut counts = settle.run(inbox).await?.counts;
        // What went back into the queue is seen, and counted, by the scan that follows.
        counts.deferred = 0;
        counts.failed = counts.dead_lettered;
        Ok(counts)
    }
}
