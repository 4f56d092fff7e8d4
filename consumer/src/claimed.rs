//! Events that share an investigation, and what becomes of each when it has ended.

use std::collections::HashMap;
use std::sync::Arc;

use haltline_protocol::{
    Assignment, Delivery, Destination, DispatchFailure, Failure, FaultKey, Filing, HaltEvent, Investigation, Layout,
    RowDraft, RowOutcome, Settlement, Ticket, Usage,
};
use jiff::Timestamp;

use crate::backoff::delivery_after;
use crate::candidate::draft;
use crate::counts::Tally;
use crate::settle::Order;

/// Claimed events that share an investigation.
#[derive(Debug)]
pub(crate) struct Claimed {
    /// The fault that led.
    pub(crate) lead: FaultKey,
    /// Whether the leader is the first of the events; after a crash it may have left already.
    pub(crate) is_lead_held: bool,
    /// How many events the investigation covers.
    pub(crate) occurrences: u32,
    pub(crate) events: Vec<(Ticket, Arc<HaltEvent>)>,
}

impl Claimed {
    /// The orders where the investigation brought a report: the leader's row carries it, the others point to it.
    pub(crate) fn after_report(self, investigation: Investigation) -> Vec<Order> {
        let report_path = Layout::report_in_queue(&self.lead);
        let mut report = self.is_lead_held.then(|| Box::new(investigation.report));
        let settle = |(ticket, event): (Ticket, Arc<HaltEvent>)| match report.take() {
            Some(report) => {
                let mut row = draft(&event, &ticket, RowOutcome::Investigated);
                add_usage(&mut row, &investigation.usage);
                row.occurrences = Some(self.occurrences);
                row.investigation = Some(report);
                order(ticket, Destination::Processed, row, Tally::Processed)
            }
            None => duplicate(ticket, &event, &report_path),
        };
        self.events.into_iter().map(settle).collect()
    }

    /// The orders where it brought none: back into the queue, with what is in `deliveries` of the fault where it counts
    /// as an attempt, or dead-lettered. The leader's row carries what it took.
    pub(crate) fn after_failure(
        self,
        failure: &DispatchFailure,
        deliveries: &HashMap<FaultKey, Delivery>,
        max_attempts: u32,
    ) -> Vec<Order> {
        let mut is_lead = self.is_lead_held;
        let settle = |(ticket, event): (Ticket, Arc<HaltEvent>)| {
            let delivery = deliveries.get(&event.key()).cloned();
            let is_last = delivery.as_ref().is_some_and(|delivery| delivery.attempts >= max_attempts);
            let outcome = if is_last { RowOutcome::DeadLettered } else { RowOutcome::DispatchFailed };
            let mut row = draft(&event, &ticket, outcome);
            row.failure = Some(failure.class);
            if std::mem::take(&mut is_lead) {
                add_usage(&mut row, &failure.usage);
                row.occurrences = Some(self.occurrences);
            }
            let (to, tally) = match delivery {
                Some(delivery) if is_last => (Destination::DeadLetter(delivery), Tally::DeadLettered),
                Some(delivery) => (Destination::Pending(Some(delivery)), Tally::Failed),
                None if failure.class == Failure::Interrupted => (Destination::Pending(None), Tally::Deferred),
                None => (Destination::Pending(None), Tally::Failed),
            };
            order(ticket, to, row, tally)
        };
        self.events.into_iter().map(settle).collect()
    }

    /// The orders where the cause has an answer already.
    pub(crate) fn after_duplicate(self, report: &str) -> Vec<Order> {
        self.events.into_iter().map(|(ticket, event)| duplicate(ticket, &event, report)).collect()
    }

    /// The orders where nobody was asked: back as they were, without a row.
    pub(crate) fn put_back(self) -> Vec<Order> {
        let put_back = |(ticket, _)| {
            let settlement = Settlement { ticket, to: Destination::Pending(None), draft: None };
            Order { settlement, tally: Tally::Deferred, is_avoided: false }
        };
        self.events.into_iter().map(put_back).collect()
    }
}

/// The order for an event whose cause a report covers already.
fn duplicate(ticket: Ticket, event: &HaltEvent, report: &str) -> Order {
    let mut row = draft(event, &ticket, RowOutcome::Duplicate);
    row.duplicate_of = Some(report.to_owned());
    Order { is_avoided: true, ..order(ticket, Destination::Processed, row, Tally::Duplicate) }
}

/// What is filed of an investigation. A replay after a crash carries the same time.
pub(crate) fn filing(assignment: &Assignment, investigation: &Investigation) -> Filing {
    let ts = assignment.slot.begun.checked_add(investigation.usage.duration).unwrap_or(assignment.slot.begun);
    Filing::new(ts, assignment, investigation)
}

/// What events keep of a failed attempt, by the attempts at each fault, this one included.
pub(crate) fn next_deliveries(
    attempts: HashMap<FaultKey, u32>,
    failure: &DispatchFailure,
) -> HashMap<FaultKey, Delivery> {
    attempts.into_iter().map(|(fault, attempts)| (fault, next_delivery(attempts, failure))).collect()
}

fn next_delivery(attempts: u32, failure: &DispatchFailure) -> Delivery {
    let mut random = [0];
    // Without randomness the wait is the shortest of its range, which is no harm.
    getrandom::fill(&mut random).ok();
    let delivery = delivery_after(attempts, &failure.to_string(), Timestamp::now(), random[0]);
    Delivery { not_before: delivery.not_before.max(failure.retry_after), ..delivery }
}

pub(crate) fn order(ticket: Ticket, to: Destination, draft: RowDraft, tally: Tally) -> Order {
    Order { settlement: Settlement { ticket, to, draft: Some(draft) }, tally, is_avoided: false }
}

/// Writes what an investigation took into a row; nothing is known of one that a dead drain began.
fn add_usage(row: &mut RowDraft, usage: &Usage) {
    if usage.provider.is_empty() {
        return;
    }
    row.duration_ms = Some(u64::try_from(usage.duration.as_millis()).unwrap_or(u64::MAX));
    row.cost_usd = usage.cost.map(|cost| cost.usd);
    row.cost_source = usage.cost.map(|cost| cost.source);
    row.provider = Some(usage.provider.clone());
    row.model.clone_from(&usage.model);
    row.passed_over.clone_from(&usage.passed_over);
}
