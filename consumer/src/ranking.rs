//! Ranking: gathers what wants an investigation, joins what shares one, and puts it in order: the most severe first,
//! then the oldest.

use std::collections::HashMap;

use haltline_protocol::{Delivery, FaultKey, HaltEvent, Kind, RowDraft, RowOutcome, RunId, Severity, Ticket};
use jiff::Timestamp;
use tokio::sync::mpsc;

use crate::candidate::Candidate;
use crate::collapse::{Markers, collapse};
use crate::gate::HeldBack;
use crate::settle::Order;

/// What is kept of an event while it waits for its turn: its row is read again under the claim.
#[derive(Debug)]
pub(crate) struct Waiter {
    pub(crate) ticket: Ticket,
    pub(crate) key: FaultKey,
    severity: Severity,
    time: Timestamp,
    kind: Kind,
    /// The severity as the row says it.
    severity_text: Box<str>,
}

/// What events have in common that share an investigation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Share {
    /// The fault.
    Fault(FaultKey),
    /// The run's trouble with its provider.
    Provider(RunId, Box<str>),
}

/// Events that share an investigation; the first leads.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) waiters: Vec<Waiter>,
    /// What earlier attempts at each fault left; nothing of most.
    deliveries: HashMap<FaultKey, Delivery>,
}

/// Gathers what wants an investigation.
#[derive(Debug, Default)]
pub(crate) struct Ranking {
    waiters: Vec<(Waiter, Option<Box<Delivery>>)>,
}

/// What the scan left over for the desk.
#[derive(Debug, Default)]
pub(crate) struct Ranked {
    /// In the order of dispatch.
    pub(crate) groups: Vec<Group>,
    /// Occurrences of faults that have to wait.
    pub(crate) skipped: u64,
    /// Events that a marker covers which was read late.
    pub(crate) collapsed: Vec<Order>,
}

impl Ranking {
    /// Gathers until the scan is over.
    pub(crate) async fn run(mut self, mut batches: mpsc::Receiver<Vec<Candidate>>) -> Self {
        while let Some(batch) = batches.recv().await {
            self.waiters.extend(batch.into_iter().map(Waiter::of));
        }
        self
    }

    /// Joins and orders what was gathered.
    pub(crate) fn finish(self, held_back: &HeldBack, late_markers: &Markers) -> Ranked {
        let mut ranked = Ranked::default();
        let mut groups: HashMap<Share, Group> = HashMap::new();
        for (waiter, delivery) in self.waiters {
            if late_markers.covers(&waiter.key, waiter.time) {
                let resolved = waiter.draft(RowOutcome::Resolved);
                ranked.collapsed.push(collapse(waiter.ticket, resolved, true));
            } else if held_back.contains(&waiter.key) {
                ranked.skipped += 1;
            } else {
                let group = groups.entry(waiter.share()).or_insert_with(|| Group {
                    // Most groups have one event, and there may be very many.
                    waiters: Vec::with_capacity(1),
                    deliveries: HashMap::new(),
                });
                group.add(waiter, delivery.as_deref());
            }
        }
        ranked.groups = groups.into_values().map(Group::sorted).collect();
        ranked.groups.sort_by(|one, other| one.waiters[0].order().cmp(&other.waiters[0].order()));
        ranked
    }
}

impl Waiter {
    fn of(candidate: Candidate) -> (Self, Option<Box<Delivery>>) {
        let Candidate { ticket, event, time, .. } = candidate;
        let (key, severity) = (event.key(), event.severity());
        let HaltEvent { kind, severity_text, delivery, .. } = *event;
        let delivery = (delivery != Delivery::default()).then(|| Box::new(delivery));
        (Self { ticket, key, severity, time, kind, severity_text: severity_text.into() }, delivery)
    }

    fn share(&self) -> Share {
        match self.kind.is_provider() {
            true => Share::Provider(self.key.run_id.clone(), self.kind.as_str().into()),
            false => Share::Fault(self.key.clone()),
        }
    }

    /// Its row as far as it is known before its move.
    pub(crate) fn draft(&self, outcome: RowOutcome) -> RowDraft {
        RowDraft {
            fault_id: Some(self.key.fault_id.clone()),
            run_id: Some(self.key.run_id.clone()),
            kind: Some(self.kind.as_str().to_owned()),
            severity: Some(self.severity_text.to_string()),
            ..RowDraft::new(outcome, self.ticket.name.to_string())
        }
    }

    /// The most severe first, then the oldest; the name settles what is left open.
    fn order(&self) -> (std::cmp::Reverse<Severity>, Timestamp, &str) {
        (std::cmp::Reverse(self.severity), self.time, &self.ticket.name)
    }
}

impl Group {
    fn add(&mut self, waiter: Waiter, delivery: Option<&Delivery>) {
        if let Some(delivery) = delivery {
            let joined = self.deliveries.remove(&waiter.key).unwrap_or_default().merge(delivery);
            self.deliveries.insert(waiter.key.clone(), joined);
        }
        self.waiters.push(waiter);
    }

    /// The failed attempts at its faults so far.
    pub(crate) fn attempts(&self) -> u32 {
        self.deliveries.values().map(|delivery| delivery.attempts).max().unwrap_or(0)
    }

    fn sorted(mut self) -> Self {
        self.waiters.sort_by(|one, other| one.order().cmp(&other.order()));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::candidate_at;

    fn ranking(candidates: Vec<Candidate>) -> Ranking {
        Ranking { waiters: candidates.into_iter().map(Waiter::of).collect() }
    }

    fn rank(candidates: Vec<Candidate>) -> Vec<Vec<String>> {
        let ranked = ranking(candidates).finish(&HeldBack::default(), &Markers::default());
        let names = |group: Group| group.waiters.iter().map(|waiter| waiter.ticket.name.to_string()).collect();
        ranked.groups.into_iter().map(names).collect()
    }

    #[test]
    fn the_most_severe_goes_first_then_the_oldest() {
        let order = rank(vec![
            candidate_at("PHASE_REWIND", "young-medium", "MEDIUM", 9),
            candidate_at("PHASE_FAILED", "young-critical", "CRITICAL", 8),
            candidate_at("PHASE_REWIND", "old-medium", "MEDIUM", 1),
            candidate_at("PHASE_FAILED", "old-critical", "CRITICAL", 5),
            candidate_at("NEW_KIND", "unknown", "BLUE", 7),
        ]);
        assert_eq!(order.concat(), ["old-critical", "young-critical", "unknown", "old-medium", "young-medium"]);
    }

    #[test]
    fn occurrences_and_provider_troubles_share_and_the_first_in_order_leads() {
        let mut again = candidate_at("PHASE_FAILED", "fault", "HIGH", 1);
        again.ticket.name = "earlier".into();
        let order = rank(vec![
            candidate_at("PHASE_FAILED", "fault", "HIGH", 2),
            again,
            candidate_at("PROVIDER_TIMEOUT", "one", "HIGH", 4),
            candidate_at("PROVIDER_TIMEOUT", "two", "CRITICAL", 6),
            candidate_at("PROVIDER_OVERLOADED", "three", "HIGH", 3),
        ]);
        assert_eq!(order, [vec!["two", "one"], vec!["earlier", "fault"], vec!["three"]]);
    }

    #[test]
    fn attempts_belong_to_the_fault_and_so_does_back_off() {
        let mut tried = candidate_at("PHASE_FAILED", "fault", "HIGH", 1);
        tried.event.delivery.attempts = 2;
        let fresh = candidate_at("PHASE_FAILED", "fault", "HIGH", 2);
        let key = fresh.event.key();
        let ranked = ranking(vec![fresh, tried]).finish(&HeldBack::default(), &Markers::default());
        assert_eq!(ranked.groups[0].deliveries[&key].attempts, 2);

        let held_back = HeldBack::default();
        held_back.insert(key);
        let sibling = candidate_at("PHASE_FAILED", "fault", "HIGH", 2);
        let ranked = ranking(vec![sibling]).finish(&held_back, &Markers::default());
        assert_eq!((ranked.groups.len(), ranked.skipped), (0, 1));
    }
}
