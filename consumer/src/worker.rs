//! The worker: claims what wants an investigation, hands it to the dispatcher, and settles what comes back.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use haltline_protocol::{
    Assignment, AttemptGrant, AttemptRequest, AttemptSlot, Claim, Destination, DispatchRequest, DrainCounts, Failure,
    HaltEvent, Investigation, MoveOutcome, Record, RowOutcome, Session, Ticket, Usd, Verdict,
};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::candidate::{Candidate, draft};
use crate::claimed::{Claimed, filing, next_deliveries, order};
use crate::counts::Tally;
use crate::error::{DispatchEnd, DrainError};
use crate::filter::close;
use crate::group::{Group, Waiter};
use crate::progress::{Progress, ProgressSender};
use crate::records::Recorder;
use crate::rules::{Context, Decision, Stage, decide};
use crate::settle::{Order, SettleRequest};
use crate::waiting::WaitingFaults;

/// Events that join their dead letters at once: each is claimed and read, so that more would only cost memory.
const JOINED_AT_ONCE: usize = 256;

/// Has claimed faults investigated.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) session: Arc<dyn Session>,
    pub(crate) dispatcher: mpsc::Sender<DispatchRequest>,
    pub(crate) recorder: Recorder,
    pub(crate) settle: mpsc::Sender<SettleRequest>,
    pub(crate) progress: ProgressSender,
    pub(crate) context: Arc<Context>,
    pub(crate) pattern_categories: Arc<[String]>,
    pub(crate) max: u32,
    pub(crate) jobs: usize,
    pub(crate) max_attempts: u32,
    pub(crate) stop: CancellationToken,
}

/// What came of the worker's investigations besides what settle counts.
#[derive(Debug, Default)]
pub(crate) struct WorkerReport {
    pub(crate) counts: DrainCounts,
    /// Why it stopped dispatching, if not because all was done.
    pub(crate) end: Option<DispatchEnd>,
    /// The investigators that were asked and could not work, each reason once.
    pub(crate) passed_over: BTreeSet<String>,
}

/// What came of one group.
#[derive(Debug, Default)]
struct GroupReport {
    dispatched: bool,
    cost_usd: Usd,
    is_unpriced: bool,
    /// Why no other group is to be dispatched.
    end: Option<DispatchEnd>,
    /// Events that stay claimed for a later session.
    left_claimed: u64,
    passed_over: Vec<String>,
}

impl Worker {
    pub(crate) async fn run(self, mut waiting: WaitingFaults) -> Result<WorkerReport, DrainError> {
        let mut report = WorkerReport::default();
        if waiting.is_empty() {
            return Ok(report);
        }
        if !self.stop.is_cancelled() && !self.session.is_stopped().await? {
            let dead_letters = self.session.dead_letters().await?.into_iter().collect();
            self.join_dead_letters(waiting.take(&dead_letters)).await?;
        }
        let mut groups = waiting.into_groups();
        let planned = groups.len().min(self.max as usize) as u64;
        self.progress.send(Progress::InvestigationsPlanned { count: planned });
        let mut running = FuturesUnordered::new();
        let mut started = 0;
        let mut prepared = false;
        loop {
            while running.len() < self.jobs && started < self.max && report.end.is_none() && !self.stop.is_cancelled() {
                let Some(group) = groups.next() else { break };
                let events = group.waiters.len() as u64;
                if self.session.is_stopped().await? {
                    report.end = Some(DispatchEnd::Stopped);
                    report.counts.deferred += events;
                    break;
                }
                if self.session.is_held_elsewhere(&group.faults()).await? {
                    tracing::debug!(fault = %group.waiters[0].key.fault_id, "somebody else has the fault");
                    report.counts.deferred += events;
                    continue;
                }
                if !prepared {
                    if let Some(end) = self.prepare().await? {
                        report.end = Some(end);
                        report.counts.deferred += events;
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
            report.counts.unpriced += u64::from(done.is_unpriced);
            report.passed_over.extend(done.passed_over);
            if !done.dispatched {
                started -= 1;
            }
            report.counts.deferred += done.left_claimed;
            report.end = report.end.or(done.end);
        }
        report.counts.deferred += groups.events_left();
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

    /// Occurrences of faults that are dead letters join them, unpaid, whatever they would share an investigation with.
    async fn join_dead_letters(&self, mut waiters: Vec<Waiter>) -> Result<(), DrainError> {
        while !waiters.is_empty() {
            let part: Vec<_> = waiters.drain(..waiters.len().min(JOINED_AT_ONCE)).collect();
            let tickets: Vec<_> = part.iter().map(|waiter| waiter.ticket.clone()).collect();
            let claims = self.session.claim(&tickets).await?;
            let orders = part.into_iter().zip(claims).filter_map(|(waiter, claim)| match claim {
                Ok((ticket, event)) => {
                    let draft = draft(&event, &ticket, RowOutcome::DeadLettered);
                    let to = Destination::DeadLetter(event.delivery.clone());
                    Some(order(ticket, to, draft, Tally::DeadLettered))
                }
                Err(outcome) => could_not_claim(waiter, outcome),
            });
            self.settle_claimed(orders.collect()).await?;
        }
        Ok(())
    }

    async fn investigate(&self, group: Group) -> Result<GroupReport, DrainError> {
        let mut attempts = group.attempts();
        let Some(claimed) = self.claim(group).await? else { return Ok(GroupReport::default()) };
        let faults: Vec<_> = claimed.events.iter().map(|(_, event)| event.key()).collect();
        // Somebody may have begun since the last look; now one of the two sees the other for sure.
        if self.session.is_held_elsewhere(&faults).await? {
            tracing::debug!(fault = %claimed.lead.fault_id, "gave way to somebody else who has the fault");
            self.settle_claimed(claimed.put_back()).await?;
            return Ok(GroupReport::default());
        }
        let [(lead_ticket, lead), followers @ ..] = claimed.events.as_slice() else {
            return Ok(GroupReport::default());
        };
        // What was read under the claim counts: somebody may have written to a file since the scan.
        for (_, event) in &claimed.events {
            attempts.entry(event.key()).or_insert(event.delivery.attempts);
        }
        attempts.values_mut().for_each(|attempts| *attempts = attempts.saturating_add(1));
        let request = AttemptRequest {
            number: attempts[&claimed.lead],
            lead: lead_ticket.clone(),
            followers: followers.iter().map(|(ticket, _)| ticket.clone()).collect(),
        };
        let event = lead.clone();
        let slot = match self.session.begin_attempt(request).await? {
            AttemptGrant::Granted(slot) => slot,
            AttemptGrant::Duplicate(report) => {
                self.settle_claimed(claimed.after_duplicate(&report)).await?;
                return Ok(GroupReport::default());
            }
            AttemptGrant::Refused(cap) => {
                self.settle_claimed(claimed.put_back()).await?;
                return Ok(GroupReport { end: Some(DispatchEnd::Refused(cap)), ..GroupReport::default() });
            }
            AttemptGrant::Unknown(reason) => {
                tracing::error!(fault = %claimed.lead.fault_id, reason, "whether an attempt began is unknown; it stays claimed");
                return Ok(GroupReport { left_claimed: u64::from(claimed.occurrences), ..GroupReport::default() });
            }
        };
        let assignment = Assignment {
            event,
            occurrences: claimed.occurrences,
            slot,
            pattern_categories: self.pattern_categories.clone(),
        };
        let verdict = self.dispatch(&assignment).await?;
        let usage = match &verdict {
            Ok(investigation) => &investigation.usage,
            Err(failure) => &failure.usage,
        };
        let mut report = GroupReport {
            dispatched: true,
            cost_usd: usage.cost.map_or(Usd::ZERO, |cost| cost.usd),
            is_unpriced: verdict.is_ok() && usage.cost.is_none(),
            passed_over: usage.passed_over.clone(),
            ..GroupReport::default()
        };
        match verdict {
            Ok(investigation) => self.conclude(&assignment, claimed, investigation).await?,
            Err(failure) => {
                if failure.class.blames_provider() {
                    report.end = Some(DispatchEnd::Unfit(failure.to_string()));
                }
                let deliveries = match failure.class {
                    class if class == Failure::Interrupted || class.blames_provider() => HashMap::new(),
                    _ => next_deliveries(attempts, &failure),
                };
                let orders = claimed.after_failure(&failure, &deliveries, self.max_attempts);
                self.finish(assignment.slot, orders).await?;
            }
        }
        Ok(report)
    }

    /// Claims a group, the leader first. Where another drain was quicker with the leader, the whole group is its.
    async fn claim(&self, group: Group) -> Result<Option<Claimed>, DrainError> {
        let tickets: Vec<_> = group.waiters.iter().map(|waiter| waiter.ticket.clone()).collect();
        let mut claims = self.session.claim(&tickets[..1]).await?;
        if matches!(claims[0], Err(MoveOutcome::AlreadyGone)) {
            tracing::debug!(file = %tickets[0].name, "another drain has the event");
            return Ok(None);
        }
        claims.extend(self.session.claim(&tickets[1..]).await?);
        let mut events = Vec::with_capacity(claims.len());
        let mut aside = Vec::new();
        for (waiter, claim) in group.waiters.into_iter().zip(claims) {
            match sort_out(claim, &self.context) {
                Ok((ticket, event)) => events.push((ticket, Arc::new(event))),
                Err(Aside::Closed(order)) => aside.push(*order),
                Err(Aside::Unclaimed(outcome)) => aside.extend(could_not_claim(waiter, outcome)),
            }
        }
        self.settle_claimed(aside).await?;
        let Some((_, lead)) = events.first() else { return Ok(None) };
        let occurrences = u32::try_from(events.len()).unwrap_or(u32::MAX);
        Ok(Some(Claimed { lead: lead.key(), is_lead_held: true, occurrences, events }))
    }

    async fn dispatch(&self, assignment: &Assignment) -> Result<Verdict, DrainError> {
        let fault_id = assignment.event.fault_id.to_string();
        let message = assignment.event.message.clone();
        self.progress.send(Progress::InvestigationStarted { fault_id: fault_id.clone(), message });
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
        self.progress.send(Progress::InvestigationFinished { fault_id, summary });
        Ok(verdict)
    }

    /// Files the report, and only then lets the events go.
    async fn conclude(
        &self,
        assignment: &Assignment,
        claimed: Claimed,
        investigation: Investigation,
    ) -> Result<(), DrainError> {
        let filing = filing(assignment, &investigation);
        self.recorder.deliver(vec![Record::Reported(Arc::new(filing))], false).await?;
        self.finish(assignment.slot.clone(), claimed.after_report(investigation)).await
    }

    async fn finish(&self, attempt: AttemptSlot, orders: Vec<Order>) -> Result<(), DrainError> {
        let (tell, told) = oneshot::channel();
        self.settle_and_wait(SettleRequest::Finish(attempt, orders, tell), told).await
    }

    async fn settle_claimed(&self, orders: Vec<Order>) -> Result<(), DrainError> {
        if orders.is_empty() {
            return Ok(());
        }
        let (tell, told) = oneshot::channel();
        self.settle_and_wait(SettleRequest::SettleAndTell(orders, tell), told).await
    }

    async fn settle_and_wait(&self, request: SettleRequest, told: oneshot::Receiver<()>) -> Result<(), DrainError> {
        self.settle.send(request).await.map_err(|_| DrainError::ActorGone("settle"))?;
        told.await.map_err(|_| DrainError::ActorGone("settle"))
    }
}

/// Why a claimed ticket is not investigated.
enum Aside {
    /// A filter closes it since its row was rewritten.
    Closed(Box<Order>),
    /// It could not be claimed.
    Unclaimed(MoveOutcome),
}

/// Asks the filters about what was claimed once more: its row may have been rewritten since the scan.
fn sort_out(claim: Claim, context: &Context) -> Result<(Ticket, HaltEvent), Aside> {
    let (ticket, event) = claim.map_err(Aside::Unclaimed)?;
    let candidate = Candidate { ticket, event: Box::new(event), time: context.now, is_due: true, is_own: false };
    match decide(Stage::Filter, &candidate, context) {
        Decision::Close(closing) => Err(Aside::Closed(Box::new(close(candidate, closing)))),
        Decision::Pass | Decision::HoldBack => Ok((candidate.ticket, *candidate.event)),
    }
}

/// The order for an event that could not be claimed; none where another drain has it.
fn could_not_claim(waiter: Waiter, outcome: MoveOutcome) -> Option<Order> {
    if outcome == MoveOutcome::AlreadyGone {
        return None;
    }
    let draft = waiter.draft(RowOutcome::MoveFailed);
    Some(order(waiter.ticket, Destination::Stay(outcome), draft, Tally::Failed))
}
