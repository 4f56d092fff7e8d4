//! Ranking: keeps the best of what wants an investigation, joins what shares one, and puts it in order: the most severe
//! first, then the oldest.
//!
//! Memory is bounded. Only as many groups are kept as may be dispatched, and some more; what falls out behind the worst
//! of them is counted and remembered by hashes. Where that turns out not to be enough, one more pass over the queue
//! makes it exact (see `docs/design/scan.md`).

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::mem;
use std::sync::Arc;

use haltline_protocol::{FaultKey, HaltEvent, Kind, Queue, QueueError, RowDraft, RowOutcome, RunId, Severity, Ticket};
use jiff::Timestamp;
use tokio::sync::mpsc;

use crate::candidate::{Batch, Candidate};
use crate::collapse::{Markers, collapse};
use crate::keys::{Hasher, HeldBack, Seen};
use crate::settle::Order;

/// Groups that are kept beyond those that may be dispatched: some fall away when their turn comes, being held back,
/// given up on or in another drain's hands.
pub(crate) const SPARE_GROUPS: usize = 256;
/// Events that are kept before groups beyond those that may be dispatched have to make room.
const ROOM: usize = 4096;
/// The most events that are kept. What more there is of the faults to dispatch is left for the next drain.
const MOST_WAITERS: usize = 100_000;
/// The faults that fell out of which each is remembered, so that those which have to wait are counted as such.
const MOST_REJECTED: usize = 100_000;

/// What is kept of an event while it waits for its turn: its row is read again under the claim.
#[derive(Debug)]
pub(crate) struct Waiter {
    pub(crate) ticket: Ticket,
    pub(crate) key: FaultKey,
    severity: Severity,
    time: Timestamp,
    attempts: u32,
    kind: Kind,
    severity_text: String,
}

/// The place of an event in the order: the most severe first, then the oldest; the name settles what is left open.
type Rank = (Reverse<Severity>, Timestamp, Box<str>);

/// What events have in common that share an investigation.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Share {
    /// The fault.
    Fault(FaultKey),
    /// The run's trouble with its provider.
    Provider(RunId, Box<str>),
}

/// Events that share an investigation; the first leads.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) waiters: Vec<Waiter>,
    /// Whether none of its events can have fallen out before it was kept.
    is_whole: bool,
    lead: Rank,
}

/// What fell out, behind the worst that is kept.
#[derive(Debug, Default)]
struct Rejected {
    count: u64,
    shares: Seen,
    faults: Vec<u64>,
    /// The best of it.
    first: Option<Rank>,
}

/// Keeps the best of what wants an investigation.
#[derive(Debug)]
pub(crate) struct Ranking {
    bounds: Bounds,
    held_back: HeldBack,
    /// What is kept, whatever its rank; all else is left for the next drain.
    only: Option<Arc<HashSet<Share>>>,
    hasher: Hasher,
    groups: HashMap<Share, Group>,
    order: BTreeSet<(Rank, Share)>,
    waiters: usize,
    rejected: Rejected,
    skipped: u64,
    deferred: u64,
}

/// How much is kept.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    /// The groups that may be dispatched.
    max: usize,
    groups: usize,
    room: usize,
    waiters: usize,
}

/// What the scan left over for the desk.
#[derive(Debug, Default)]
pub(crate) struct Ranked {
    /// In the order of dispatch.
    pub(crate) groups: Vec<Group>,
    /// Occurrences of faults that have to wait.
    pub(crate) skipped: u64,
    /// What is left for the next drain.
    pub(crate) deferred: u64,
    /// Events that a marker covers which was read late.
    pub(crate) collapsed: Vec<Order>,
    /// Whether something fell out.
    pub(crate) is_cut: bool,
    /// What one more pass has to look for.
    pub(crate) again: Option<Again>,
}

/// Why the queue has to be read once more.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// So much of what was kept has to wait that something that fell out may be dispatched.
    Refill,
    /// These may have events that fell out.
    Complete(HashSet<Share>),
}

impl Ranking {
    /// Keeps what `max` investigations may need.
    pub(crate) fn new(max: u32, spare_groups: usize, held_back: HeldBack) -> Self {
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        let groups = max.saturating_add(spare_groups);
        Self::within(Bounds { max, groups, room: ROOM, waiters: MOST_WAITERS }, held_back)
    }

    /// Keeps these alone, whatever their rank.
    pub(crate) fn only(self, only: Option<Arc<HashSet<Share>>>) -> Self {
        Self { only, ..self }
    }

    fn within(bounds: Bounds, held_back: HeldBack) -> Self {
        Self {
            bounds,
            held_back,
            only: None,
            hasher: Hasher::default(),
            groups: HashMap::new(),
            order: BTreeSet::new(),
            waiters: 0,
            rejected: Rejected::default(),
            skipped: 0,
            deferred: 0,
        }
    }

    /// Takes in what comes until the scan is over.
    pub(crate) async fn run(mut self, mut batches: mpsc::Receiver<Batch>) -> Self {
        while let Some(batch) = batches.recv().await {
            batch.candidates.into_iter().for_each(|candidate| self.add(candidate));
        }
        self
    }

    /// Takes one event in.
    pub(crate) fn add(&mut self, candidate: Candidate) {
        if self.held_back.contains(self.held_back.hash(&candidate.event.key())) {
            self.skipped += 1;
            return;
        }
        let share = Share::of(&candidate.event);
        if self.waiters >= self.bounds.waiters || self.only.as_ref().is_some_and(|only| !only.contains(&share)) {
            self.deferred += 1;
            return;
        }
        let waiter = Waiter::of(candidate);
        let rank = waiter.rank();
        if let Some(group) = self.groups.get_mut(&share) {
            if rank < group.lead {
                self.order.remove(&(mem::replace(&mut group.lead, rank.clone()), share.clone()));
                self.order.insert((rank, share));
            }
            group.waiters.push(waiter);
        } else if self.groups.len() >= self.bounds.groups && self.order.last().is_some_and(|(last, _)| *last < rank) {
            self.rejected.add(self.hasher.hash(&share), self.held_back.hash(&waiter.key));
            self.rejected.note_first(rank);
            return;
        } else {
            let is_whole = !self.rejected.shares.may_contain(self.hasher.hash(&share));
            self.order.insert((rank.clone(), share.clone()));
            self.groups.insert(share, Group { waiters: vec![waiter], is_whole, lead: rank });
        }
        self.waiters += 1;
        while self.groups.len() > self.bounds.groups
            || (self.waiters > self.bounds.room && self.groups.len() > self.bounds.max)
        {
            self.let_last_go();
        }
    }

    fn let_last_go(&mut self) {
        let Some((rank, share)) = self.order.pop_last() else { return };
        let Some(group) = self.groups.remove(&share) else { return };
        self.waiters -= group.waiters.len();
        let hash = self.hasher.hash(&share);
        for waiter in group.waiters {
            self.rejected.add(hash, self.held_back.hash(&waiter.key));
        }
        self.rejected.note_first(rank);
    }

    /// Orders what was kept, and says whether that is exact.
    pub(crate) fn finish(self, late_markers: &Markers) -> Ranked {
        let waiting = self.rejected.faults.iter().filter(|hash| self.held_back.contains(**hash)).count() as u64;
        let mut ranked = Ranked {
            skipped: self.skipped + waiting,
            deferred: self.deferred + self.rejected.count - waiting,
            is_cut: self.rejected.count > 0,
            ..Ranked::default()
        };
        let mut groups = Vec::with_capacity(self.groups.len());
        for mut group in self.groups.into_values() {
            for waiter in mem::take(&mut group.waiters) {
                if late_markers.covers(&waiter.key, waiter.time) {
                    let resolved = waiter.draft(RowOutcome::Resolved);
                    ranked.collapsed.push(collapse(waiter.ticket, resolved, true));
                } else if self.held_back.contains(self.held_back.hash(&waiter.key)) {
                    ranked.skipped += 1;
                } else {
                    let attempts = waiter.attempts.max(self.held_back.attempts(self.held_back.hash(&waiter.key)));
                    group.waiters.push(Waiter { attempts, ..waiter });
                }
            }
            if !group.waiters.is_empty() {
                groups.push(group.sorted());
            }
        }
        groups.sort_by(|one, other| one.lead.cmp(&other.lead));
        // Behind the first that fell out the order is not known.
        let known = self.rejected.first.as_ref().map(|first| groups.partition_point(|group| group.lead < *first));
        let max = self.bounds.max;
        // Nor is it worth a pass to complete a group that is only kept to spare.
        let spare_part = groups.iter().skip(max).position(|group| !group.is_whole).map(|place| max + place);
        ranked.deferred += cut(&mut groups, known.into_iter().chain(spare_part).min());
        let is_full = self.held_back.is_full();
        let is_sure = groups.iter().all(|group| group.is_whole) && !is_full;
        let is_short = groups.len() < max && self.rejected.count > waiting;
        match self.only {
            // Of faults without number that have to wait, it cannot be told which.
            Some(_) if is_full => ranked.deferred += cut(&mut groups, Some(0)),
            Some(_) => {}
            None if is_short && !is_full => ranked.again = Some(Again::Refill),
            None if is_sure || groups.is_empty() => {}
            None => {
                // None of these can have to make room for another while they are completed.
                let shares = groups.iter().take(max).map(|group| group.waiters[0].share());
                ranked.again = Some(Again::Complete(shares.collect()));
            }
        }
        ranked.groups = groups;
        ranked
    }
}

/// Leaves the groups from a place on; how many events that are.
fn cut(groups: &mut Vec<Group>, place: Option<usize>) -> u64 {
    place.map_or(0, |place| groups.drain(place..).map(|group| group.waiters.len() as u64).sum())
}

/// Parts the occurrences of faults that were given up on from the others. Provider troubles share an investigation, but
/// each fault has its own dead letters.
///
/// # Errors
/// The dead letters cannot be read.
pub(crate) async fn part_given_up(
    queue: &dyn Queue,
    groups: Vec<Group>,
) -> Result<(Vec<Group>, Vec<Waiter>), QueueError> {
    let faults: Vec<_> = groups.iter().flat_map(|group| &group.waiters).map(|waiter| waiter.key.clone()).collect();
    let mut are_given_up = queue.are_given_up(&faults).await?.into_iter();
    let mut given_up = Vec::new();
    let mut others = Vec::with_capacity(groups.len());
    for mut group in groups {
        for (waiter, is_given_up) in mem::take(&mut group.waiters).into_iter().zip(are_given_up.by_ref()) {
            if is_given_up { given_up.push(waiter) } else { group.waiters.push(waiter) }
        }
        if !group.waiters.is_empty() {
            others.push(group);
        }
    }
    Ok((others, given_up))
}

/// Whether somebody else has one of these faults.
///
/// # Errors
/// What others hold cannot be read.
pub(crate) async fn is_held_elsewhere(queue: &dyn Queue, faults: &[FaultKey]) -> Result<bool, QueueError> {
    Ok(queue.are_held_elsewhere(faults).await?.contains(&true))
}

impl Ranked {
    /// Leaves everything for the next drain.
    pub(crate) fn defer_all(&mut self) {
        self.deferred += cut(&mut self.groups, Some(0));
    }
}

impl Rejected {
    fn add(&mut self, share: u64, fault: u64) {
        self.count += 1;
        self.shares.insert(share);
        if self.faults.len() < MOST_REJECTED {
            // At once, since a vector that grows leaves holes behind.
            self.faults.reserve_exact(MOST_REJECTED - self.faults.len());
            self.faults.push(fault);
        }
    }

    fn note_first(&mut self, rank: Rank) {
        if self.first.as_ref().is_none_or(|first| rank < *first) {
            self.first = Some(rank);
        }
    }
}

impl Share {
    pub(crate) fn of(event: &HaltEvent) -> Self {
        Self::by(event.key(), &event.kind)
    }

    fn by(key: FaultKey, kind: &Kind) -> Self {
        if kind.is_provider() { Self::Provider(key.run_id, kind.as_str().into()) } else { Self::Fault(key) }
    }
}

impl Waiter {
    fn of(candidate: Candidate) -> Self {
        let Candidate { ticket, event, time, .. } = candidate;
        let severity = event.severity();
        let HaltEvent { fault_id, run_id, kind, severity_text, delivery, .. } = *event;
        let key = FaultKey { run_id, fault_id };
        Self { ticket, key, severity, time, attempts: delivery.attempts, kind, severity_text }
    }

    fn rank(&self) -> Rank {
        (Reverse(self.severity), self.time, self.ticket.name.clone())
    }

    fn share(&self) -> Share {
        Share::by(self.key.clone(), &self.kind)
    }

    /// Its row, should it end before it is claimed.
    pub(crate) fn draft(&self, outcome: RowOutcome) -> RowDraft {
        RowDraft {
            fault_id: Some(self.key.fault_id.clone()),
            run_id: Some(self.key.run_id.clone()),
            kind: Some(self.kind.as_str().to_owned()),
            severity: Some(self.severity_text.clone()),
            ..RowDraft::new(outcome, self.ticket.name.to_string())
        }
    }
}

impl Group {
    /// The failed attempts at each of its faults so far.
    pub(crate) fn attempts(&self) -> HashMap<FaultKey, u32> {
        let mut attempts = HashMap::new();
        for waiter in &self.waiters {
            let most = attempts.entry(waiter.key.clone()).or_insert(0);
            *most = waiter.attempts.max(*most);
        }
        attempts
    }

    fn sorted(mut self) -> Self {
        self.waiters.sort_by_cached_key(Waiter::rank);
        if let Some(lead) = self.waiters.first() {
            self.lead = lead.rank();
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::candidate_at;

    fn ranking(candidates: Vec<Candidate>) -> Ranking {
        let mut ranking = Ranking::new(20, SPARE_GROUPS, HeldBack::default());
        candidates.into_iter().for_each(|candidate| ranking.add(candidate));
        ranking
    }

    fn names(groups: &[Group]) -> Vec<Vec<String>> {
        let names = |group: &Group| group.waiters.iter().map(|waiter| waiter.ticket.name.to_string()).collect();
        groups.iter().map(names).collect()
    }

    fn rank(candidates: Vec<Candidate>) -> Vec<Vec<String>> {
        names(&ranking(candidates).finish(&Markers::all()).groups)
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
        let ranked = ranking(vec![fresh, tried]).finish(&Markers::all());
        assert_eq!(ranked.groups[0].attempts().into_values().collect::<Vec<_>>(), [2]);

        let fresh = candidate_at("PHASE_FAILED", "fault", "HIGH", 2);
        let key = fresh.event.key();
        let ranking = ranking(vec![fresh]);
        ranking.held_back.note_attempts(&key, 1);
        assert_eq!(ranking.finish(&Markers::all()).groups[0].attempts(), HashMap::from([(key, 1)]));

        for is_known_before in [true, false] {
            let sibling = candidate_at("PHASE_FAILED", "fault", "HIGH", 2);
            let key = sibling.event.key();
            let held_back = HeldBack::default();
            let mut ranking = Ranking::new(20, SPARE_GROUPS, held_back.clone());
            if is_known_before {
                held_back.insert(&key);
            }
            ranking.add(sibling);
            held_back.insert(&key);
            let ranked = ranking.finish(&Markers::all());
            assert_eq!((ranked.groups.len(), ranked.skipped, ranked.deferred), (0, 1, 0));
        }
    }

    /// One event of a generated queue.
    #[derive(Debug, Clone)]
    struct Given {
        fault: u8,
        severity: u8,
        second: i64,
        is_provider: bool,
        has_to_wait: bool,
    }

    fn given() -> impl Strategy<Value = Vec<Given>> {
        let event = (0..40_u8, 0..4_u8, 0..50_i64, prop::bool::weighted(0.2), prop::bool::weighted(0.1)).prop_map(
            |(fault, severity, second, is_provider, has_to_wait)| Given {
                fault,
                severity,
                second,
                is_provider,
                has_to_wait,
            },
        );
        prop::collection::vec(event, 0..120)
    }

    fn candidate_of(place: usize, given: &Given) -> Candidate {
        let severity = ["LOW", "MEDIUM", "HIGH", "CRITICAL"][usize::from(given.severity)];
        let kind = match (given.is_provider, given.fault % 2) {
            (false, _) => "PHASE_FAILED",
            (true, 0) => "PROVIDER_TIMEOUT",
            (true, _) => "PROVIDER_OVERLOADED",
        };
        let mut candidate = candidate_at(kind, &format!("{kind}-{}", given.fault), severity, given.second);
        candidate.ticket.name = format!("{place}.json").into();
        candidate
    }

    /// One pass over a queue as the actors make it: an event that has to wait is noted and goes no further.
    fn pass(queue: &[Given], mut ranking: Ranking) -> (Ranked, u64) {
        let mut passed_by = 0;
        for (place, given) in queue.iter().enumerate() {
            let candidate = candidate_of(place, given);
            if given.has_to_wait {
                let is_wanted = ranking.only.as_ref().is_none_or(|only| only.contains(&Share::of(&candidate.event)));
                if is_wanted {
                    ranking.held_back.insert(&candidate.event.key());
                }
                passed_by += 1;
            } else {
                ranking.add(candidate);
            }
        }
        (ranking.finish(&Markers::all()), passed_by)
    }

    /// The same without bounds, in the plainest way: groups in order, and how many events have to wait.
    fn naive(queue: &[Given]) -> (Vec<Vec<String>>, u64) {
        let all: Vec<_> = queue.iter().enumerate().map(|(place, given)| candidate_of(place, given)).collect();
        let waits: HashSet<_> =
            all.iter().zip(queue).filter(|(_, g)| g.has_to_wait).map(|(c, _)| c.event.key()).collect();
        let mut due: Vec<_> = all.iter().filter(|candidate| !waits.contains(&candidate.event.key())).collect();
        due.sort_by_key(|c| (Reverse(c.event.severity()), c.time, c.ticket.name.clone()));
        let mut groups: Vec<(Share, Vec<String>)> = Vec::new();
        for candidate in due {
            let (share, name) = (Share::of(&candidate.event), candidate.ticket.name.to_string());
            match groups.iter_mut().find(|(of, _)| *of == share) {
                Some((_, names)) => names.push(name),
                None => groups.push((share, vec![name])),
            }
        }
        let due = groups.iter().map(|(_, names)| names.len() as u64).sum::<u64>();
        (groups.into_iter().map(|(_, names)| names).collect(), queue.len() as u64 - due)
    }

    proptest! {
        #[test]
        fn what_is_dispatched_is_the_same_with_bounds_and_without(queue in given(), max in 1..6_usize, spare in 0..3_usize) {
            let bounds = Bounds { max, groups: max + spare, room: 12, waiters: 1000 };
            let held_back = HeldBack::default();
            let (mut ranked, passed_by) = pass(&queue, Ranking::within(bounds, held_back.clone()));
            let mut passes = 1;
            while let Some(again) = ranked.again.take() {
                let only = match again {
                    Again::Refill => None,
                    Again::Complete(only) => Some(Arc::new(only)),
                };
                ranked = pass(&queue, Ranking::within(bounds, held_back.clone()).only(only)).0;
                passes += 1;
            }
            prop_assert!(passes <= 3);
            let (expected, waiting) = naive(&queue);
            let dispatched = names(&ranked.groups[..ranked.groups.len().min(max)]);
            prop_assert_eq!(&dispatched, &expected[..expected.len().min(max)]);
            prop_assert_eq!(ranked.skipped + passed_by, waiting);
            let kept: usize = ranked.groups.iter().map(|group| group.waiters.len()).sum();
            let all = ranked.deferred + ranked.skipped + passed_by + kept as u64;
            prop_assert_eq!(all, queue.len() as u64);
        }
    }

    #[test]
    fn events_beyond_the_bound_are_left_and_counted() {
        let bounds = Bounds { max: 2, groups: 3, room: 4, waiters: 5 };
        let mut ranking = Ranking::within(bounds, HeldBack::default());
        for second in 0..9 {
            let mut candidate = candidate_at("PHASE_FAILED", "fault", "HIGH", second);
            candidate.ticket.name = second.to_string().into();
            ranking.add(candidate);
        }
        let ranked = ranking.finish(&Markers::all());
        assert_eq!((ranked.groups[0].waiters.len(), ranked.deferred), (5, 4));
    }
}
