//! The desk: claims what wants an investigation, hands it to the dispatcher, and sees to what comes back.

use std::sync::Arc;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use haltline_protocol::{
    Assignment, Claim, Delivery, Destination, DispatchFailure, DispatchRequest, Failure, Filing, HaltEvent,
    Investigation, MoveOutcome, Queue, Record, RowDraft, RowOutcome, Settlement, Ticket, Usage, Verdict,
};
use haltline_spool::Layout;
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::backoff::delivery_after;
use crate::candidate::draft;
use crate::counts::{DrainCounts, Tally};
use crate::error::{DispatchEnd, DrainError};
use crate::progress::{Progress, Teller};
use crate::ranking::Group;
use crate::records::Recorder;
use crate::settle::{Order, SettleRequest};

/// Has claimed faults investigated.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) queue: Arc<dyn Queue>,
    pub(crate) dispatcher: mpsc::Sender<DispatchRequest>,
    pub(crate) recorder: Recorder,
    pub(crate) settle: mpsc::Sender<SettleRequest>,
    pub(crate) teller: Teller,
    pub(crate) pattern_categories: Arc<[String]>,
    pub(crate) max: u32,
    pub(crate) jobs: usize,
    pub(crate) max_attempts: u32,
    pub(crate) stop: CancellationToken,
}

/// What came of the desk's work besides what settle counts.
#[derive(Debug, Default)]
pub(crate) struct DeskReport {
    pub(crate) counts: DrainCounts,
    /// Why it stopped dispatching, if not because all was done.
    pub(crate) end: Option<DispatchEnd>,
    /// Whether a stop left work undone.
    pub(crate) stopped: bool,
}

/// What came of one group.
#[derive(Debug, Default)]
struct GroupReport {
    dispatched: bool,
    cost_usd: f64,
    unfit: Option<String>,
}

impl Desk {
    pub(crate) async fn run(self, groups: Vec<Group>) -> Result<DeskReport, DrainError> {
        let mut report = DeskReport::default();
        if groups.is_empty() {
            return Ok(report);
        }
        let planned = groups.len().min(self.max as usize) as u64;
        self.teller.tell(Progress::InvestigationsPlanned { count: planned });
        let mut waiting = groups.into_iter();
        let mut running = FuturesUnordered::new();
        let mut started = 0;
        let mut prepared = false;
        loop {
            while running.len() < self.jobs && started < self.max && report.end.is_none() && !self.stop.is_cancelled() {
                let Some(group) = waiting.next() else { break };
                if let Some(given_up) = self.join_given_up(&group).await? {
                    self.settle_claimed(given_up).await?;
                    continue;
                }
                if !prepared {
                    if let Some(end) = self.prepare().await? {
                        report.end = Some(end);
                        report.counts.deferred += group.waiters.len() as u64;
                        break;
                    }
                    prepared = true;
                }
                started += 1;
                running.push(self.investigate(group));
            }
            let Some(done) = running.next().await else { break };
            let done = done?;
            report.counts.dispatched += u64::from(done.dispatched);
            report.counts.cost_usd += done.cost_usd;
            if !done.dispatched {
                started -= 1;
            }
            if let Some(reason) = done.unfit {
                report.end.get_or_insert(DispatchEnd::Unfit(reason));
            }
        }
        report.stopped = self.stop.is_cancelled();
        report.counts.deferred += waiting.map(|group| group.waiters.len() as u64).sum::<u64>();
        Ok(report)
    }

    async fn prepare(&self) -> Result<Option<DispatchEnd>, DrainError> {
        let (reply, answer) = oneshot::channel();
        self.ask(DispatchRequest::Prepare { reply }).await?;
        match answer.await.map_err(|_| DrainError::ActorGone("dispatcher"))? {
            Ok(_) => Ok(None),
            Err(none) => Ok(Some(DispatchEnd::NoInvestigator(none))),
        }
    }

    async fn ask(&self, request: DispatchRequest) -> Result<(), DrainError> {
        self.dispatcher.send(request).await.map_err(|_| DrainError::ActorGone("dispatcher"))
    }

    /// An occurrence of a fault that was given up on joins it, unpaid. None where the fault was not.
    async fn join_given_up(&self, group: &Group) -> Result<Option<Vec<Order>>, DrainError> {
        let lead = &group.waiters[0];
        if !self.queue.is_given_up(&lead.key).await? {
            return Ok(None);
        }
        let tickets: Vec<_> = group.waiters.iter().map(|waiter| waiter.ticket.clone()).collect();
        let claims = self.queue.claim(&tickets).await?;
        let orders = tickets.into_iter().zip(claims).filter_map(|(ticket, claim)| match claim {
            Ok((ticket, event)) => {
                let delivery = event.delivery.clone();
                let draft = draft(&event, &ticket, RowOutcome::DeadLettered);
                Some(order(ticket, Destination::DeadLetter(delivery), draft, Tally::DeadLettered))
            }
            Err(outcome) => could_not_claim(ticket, outcome),
        });
        Ok(Some(orders.collect()))
    }

    async fn investigate(&self, group: Group) -> Result<GroupReport, DrainError> {
        let Some(claimed) = self.claim(&group).await? else { return Ok(GroupReport::default()) };
        let attempts = group.deliveries.values().map(|delivery| delivery.attempts).max().unwrap_or(0);
        let [(lead_ticket, _), followers @ ..] = claimed.as_slice() else { return Ok(GroupReport::default()) };
        let follower_tickets: Vec<_> = followers.iter().map(|(ticket, _)| ticket.clone()).collect();
        let slot = self.queue.begin_attempt(attempts + 1, lead_ticket, &follower_tickets).await?;
        let assignment = Assignment {
            event: claimed[0].1.clone(),
            occurrences: u32::try_from(claimed.len()).unwrap_or(u32::MAX),
            slot,
            pattern_categories: self.pattern_categories.clone(),
        };
        let verdict = self.dispatch(&assignment).await?;
        let usage = match &verdict {
            Ok(investigation) => &investigation.usage,
            Err(failure) => &failure.usage,
        };
        let mut report =
            GroupReport { dispatched: true, cost_usd: usage.cost.map_or(0.0, |cost| cost.usd), unfit: None };
        match verdict {
            Ok(investigation) => self.conclude(&assignment, claimed, investigation).await?,
            Err(failure) => {
                if matches!(failure.class, Failure::Auth | Failure::Quota | Failure::MissingProgram) {
                    report.unfit = Some(failure.to_string());
                }
                self.settle_claimed(after_failure(claimed, &group, attempts, &failure, self.max_attempts)).await?;
            }
        }
        Ok(report)
    }

    /// Claims a group, the leader first. Where another drain was quicker with the leader, the whole group is its.
    async fn claim(&self, group: &Group) -> Result<Option<Vec<(Ticket, Arc<HaltEvent>)>>, DrainError> {
        let tickets: Vec<_> = group.waiters.iter().map(|waiter| waiter.ticket.clone()).collect();
        let mut claims = self.queue.claim(&tickets[..1]).await?;
        if matches!(claims[0], Err(MoveOutcome::AlreadyGone)) {
            tracing::debug!(file = %tickets[0].name, "another drain has the event");
            return Ok(None);
        }
        claims.extend(self.queue.claim(&tickets[1..]).await?);
        let mut claimed = Vec::with_capacity(claims.len());
        let mut aside = Vec::new();
        for (ticket, claim) in tickets.into_iter().zip(claims) {
            match sort_out(claim) {
                Ok((ticket, event)) => claimed.push((ticket, Arc::new(event))),
                Err(Aside::Audit(order)) => aside.push(*order),
                Err(Aside::Unclaimed(outcome)) => aside.extend(could_not_claim(ticket, outcome)),
            }
        }
        self.settle_claimed(aside).await?;
        Ok((!claimed.is_empty()).then_some(claimed))
    }

    async fn dispatch(&self, assignment: &Assignment) -> Result<Verdict, DrainError> {
        let fault_id = assignment.event.fault_id.to_string();
        let message = assignment.event.message.clone();
        self.teller.tell(Progress::InvestigationStarted { fault_id: fault_id.clone(), message });
        let (reply, answer) = oneshot::channel();
        self.ask(DispatchRequest::Investigate { assignment: assignment.clone(), reply }).await?;
        let verdict = answer.await.map_err(|_| DrainError::ActorGone("dispatcher"))?;
        let summary = match &verdict {
            Ok(investigation) => investigation.report.outcome.as_str().to_owned(),
            Err(failure) => {
                tracing::warn!(fault = fault_id, error = %failure, "no report");
                failure.to_string()
            }
        };
        self.teller.tell(Progress::InvestigationFinished { fault_id, summary });
        Ok(verdict)
    }

    /// Files the report, and only then lets the events go.
    async fn conclude(
        &self,
        assignment: &Assignment,
        claimed: Vec<(Ticket, Arc<HaltEvent>)>,
        investigation: Investigation,
    ) -> Result<(), DrainError> {
        let filing = filing(self.queue.as_ref(), assignment, &investigation);
        self.recorder.deliver(vec![Record::Reported(Arc::new(filing))], false).await?;
        self.settle_claimed(after_report(claimed, investigation)).await
    }

    async fn settle_claimed(&self, orders: Vec<Order>) -> Result<(), DrainError> {
        if orders.is_empty() {
            return Ok(());
        }
        let (tell, told) = oneshot::channel();
        self.settle
            .send(SettleRequest::SettleAndTell(orders, tell))
            .await
            .map_err(|_| DrainError::ActorGone("settle"))?;
        told.await.map_err(|_| DrainError::ActorGone("settle"))
    }
}

/// Why a claimed ticket is not investigated.
enum Aside {
    /// It became an audit event between the scan and the claim.
    Audit(Box<Order>),
    /// It could not be claimed.
    Unclaimed(MoveOutcome),
}

/// What was claimed is looked at once more: a migration may have flagged it since the scan.
fn sort_out(claim: Claim) -> Result<(Ticket, HaltEvent), Aside> {
    let (ticket, event) = claim.map_err(Aside::Unclaimed)?;
    if !event.is_audit_only() {
        return Ok((ticket, event));
    }
    let draft = draft(&event, &ticket, RowOutcome::AuditSkipped);
    let mut order = order(ticket, Destination::Processed, draft, Tally::ShortCircuited);
    order.is_avoided = true;
    Err(Aside::Audit(Box::new(order)))
}

/// The row of an event that could not be claimed; none where another drain has it.
fn could_not_claim(ticket: Ticket, outcome: MoveOutcome) -> Option<Order> {
    if outcome == MoveOutcome::AlreadyGone {
        return None;
    }
    let draft = RowDraft::new(RowOutcome::MoveFailed, ticket.name.to_string());
    Some(order(ticket, Destination::Stay(outcome), draft, Tally::Failed))
}

/// What is filed of an investigation.
pub(crate) fn filing(queue: &dyn Queue, assignment: &Assignment, investigation: &Investigation) -> Filing {
    let ts = assignment.slot.begun.checked_add(investigation.usage.duration).unwrap_or(assignment.slot.begun);
    Filing {
        ts,
        drain_id: queue.drain_id().clone(),
        seq: assignment.slot.seq,
        event: assignment.event.clone(),
        occurrences: assignment.occurrences,
        report: investigation.report.clone(),
        usage: investigation.usage.clone(),
    }
}

/// The orders for events whose investigation brought a report: the leader's row carries it, the others point to it.
pub(crate) fn after_report(claimed: Vec<(Ticket, Arc<HaltEvent>)>, investigation: Investigation) -> Vec<Order> {
    let occurrences = u32::try_from(claimed.len()).unwrap_or(u32::MAX);
    let report_path = claimed.first().map(|(_, lead)| Layout::report_in_queue(&lead.key()));
    let mut report = Some(Box::new(investigation.report));
    let settle = |(ticket, event): (Ticket, Arc<HaltEvent>)| match report.take() {
        Some(report) => {
            let mut row = draft(&event, &ticket, RowOutcome::Investigated);
            add_usage(&mut row, &investigation.usage);
            row.occurrences = Some(occurrences);
            row.investigation = Some(report);
            order(ticket, Destination::Processed, row, Tally::Processed)
        }
        None => {
            let mut row = draft(&event, &ticket, RowOutcome::Duplicate);
            row.duplicate_of.clone_from(&report_path);
            let mut order = order(ticket, Destination::Processed, row, Tally::Duplicate);
            order.is_avoided = true;
            order
        }
    };
    claimed.into_iter().map(settle).collect()
}

/// The orders for events whose investigation brought none: back into the queue for later, or given up on. The leader's
/// row carries what it took.
fn after_failure(
    claimed: Vec<(Ticket, Arc<HaltEvent>)>,
    group: &Group,
    attempts: u32,
    failure: &DispatchFailure,
    max_attempts: u32,
) -> Vec<Order> {
    let counts_as_attempt = !matches!(
        failure.class,
        Failure::Interrupted | Failure::Auth | Failure::Quota | Failure::MissingProgram
    );
    let delivery = counts_as_attempt.then(|| next_delivery(attempts + 1, failure));
    let is_last = delivery.as_ref().is_some_and(|delivery| delivery.attempts >= max_attempts);
    let lead = claimed.first().map(|(ticket, _)| ticket.name.clone());
    let settle = |(ticket, event): (Ticket, Arc<HaltEvent>)| {
        let outcome = if is_last { RowOutcome::DeadLettered } else { RowOutcome::DispatchFailed };
        let mut row = draft(&event, &ticket, outcome);
        row.failure = Some(failure.class);
        if Some(&ticket.name) == lead.as_ref() {
            add_usage(&mut row, &failure.usage);
            row.occurrences = Some(u32::try_from(group.waiters.len()).unwrap_or(u32::MAX));
        }
        let (to, tally) = match delivery.clone() {
            Some(delivery) if is_last => (Destination::DeadLetter(delivery), Tally::DeadLettered),
            Some(delivery) => (Destination::Pending(Some(delivery)), Tally::Failed),
            None if failure.class == Failure::Interrupted => (Destination::Pending(None), Tally::Deferred),
            None => (Destination::Pending(None), Tally::Failed),
        };
        order(ticket, to, row, tally)
    };
    claimed.into_iter().map(settle).collect()
}

/// What an event keeps of a failed attempt.
pub(crate) fn next_delivery(attempts: u32, failure: &DispatchFailure) -> Delivery {
    let mut random = [0];
    // Without randomness the wait is the shortest of its range, which is no harm.
    getrandom::fill(&mut random).ok();
    delivery_after(attempts, &failure.to_string(), Timestamp::now(), random[0])
}

pub(crate) fn add_usage(row: &mut RowDraft, usage: &Usage) {
    row.duration_ms = Some(u64::try_from(usage.duration.as_millis()).unwrap_or(u64::MAX));
    row.cost_usd = usage.cost.map(|cost| cost.usd);
    row.cost_source = usage.cost.map(|cost| cost.source);
    row.provider = Some(usage.provider.clone());
    row.model.clone_from(&usage.model);
}

pub(crate) fn order(ticket: Ticket, to: Destination, draft: RowDraft, tally: Tally) -> Order {
    Order { settlement: Settlement { ticket, to, draft: Some(draft) }, tally, is_avoided: false }
}
