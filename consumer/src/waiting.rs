//! What a drain remembers of the faults that wait: a compact entry of each event, and decisions by plain code over all
//! of them. So order, counts and who is dispatched are exact, however the queue was read.

use std::cmp::Ordering;
use std::collections::HashSet;

use haltline_protocol::{FaultId, FaultKey, HaltEvent, Kind, RunId, Severity, Ticket, event_name};
use indexmap::IndexSet;
use jiff::Timestamp;

use crate::candidate::Candidate;
use crate::group::{Group, Waiter};
use crate::rules::{Closing, ResolvedFaults};
use crate::settle::Order;

/// The events that no rule closed.
#[derive(Debug, Default)]
pub(crate) struct WaitingFaults {
    runs: IndexSet<RunId>,
    classes: IndexSet<Class>,
    entries: Vec<Entry>,
}

/// What many events have in common.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Class {
    kind: Kind,
    severity_text: String,
}

/// One event that waits. There may be a million: the size of an entry is the memory of a drain.
#[derive(Debug)]
struct Entry {
    fault_id: FaultId,
    /// None where it is the name that the fault's first event gets.
    name: Option<Box<str>>,
    version: u64,
    time: Timestamp,
    /// The place in `runs`.
    run: u32,
    /// The place in `classes`.
    class: u32,
    attempts: u32,
    severity: Severity,
    /// Whether the row has a readable time of its own.
    is_dated: bool,
    hold: Hold,
}

/// Whether an event may be dispatched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hold {
    None,
    /// The event itself is not severe enough.
    Event,
    /// The fault backs off, with all its occurrences.
    Fault,
}

impl WaitingFaults {
    /// Adds an event that no rule closed; `is_held_back` where it is not due at `now`.
    pub(crate) fn add(&mut self, candidate: Candidate, is_held_back: bool, now: Timestamp) {
        let Candidate { ticket, event, time, .. } = candidate;
        let severity = event.severity();
        let hold = match (event.delivery.holds_back_at(now), is_held_back) {
            (true, _) => Hold::Fault,
            (false, true) => Hold::Event,
            (false, false) => Hold::None,
        };
        let key = event.key();
        let name = (*ticket.name != *event_name(&key)).then_some(ticket.name);
        let HaltEvent { kind, severity_text, timestamp, delivery, .. } = *event;
        self.entries.push(Entry {
            fault_id: key.fault_id,
            name,
            version: ticket.version,
            time,
            run: place(&mut self.runs, key.run_id),
            class: place(&mut self.classes, Class { kind, severity_text }),
            attempts: delivery.attempts,
            severity,
            is_dated: timestamp.is_some(),
            hold,
        });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Takes out what a RESOLVED marker covers that was found after the event.
    pub(crate) fn take_resolved(&mut self, resolved: &ResolvedFaults) -> Vec<Order> {
        let (covered, others) = self.part(|waiting, entry| resolved.covers(&waiting.key(entry), entry.time));
        self.entries = others;
        let close = |entry: Entry| {
            let is_avoided = entry.hold == Hold::None;
            let waiter = self.waiter(&entry);
            let draft = waiter.draft(Closing::Resolved.outcome());
            Closing::Resolved.order(waiter.ticket, draft, is_avoided)
        };
        covered.into_iter().map(close).collect()
    }

    /// Takes out what is not due, and returns how many events that are. Attempts and back-off belong to the fault: one
    /// occurrence holds the others back, or says how often they were tried.
    pub(crate) fn hold_back(&mut self) -> u64 {
        self.entries.sort_unstable_by(|one, other| one.fault().cmp(&other.fault()));
        for occurrences in self.entries.chunk_by_mut(|one, other| one.fault() == other.fault()) {
            let attempts = occurrences.iter().map(|entry| entry.attempts).max().unwrap_or(0);
            let backs_off = occurrences.iter().any(|entry| entry.hold == Hold::Fault);
            for entry in occurrences {
                entry.attempts = attempts;
                entry.hold = if backs_off { Hold::Fault } else { entry.hold };
            }
        }
        let before = self.entries.len();
        self.entries.retain(|entry| entry.hold == Hold::None);
        (before - self.entries.len()) as u64
    }

    /// Takes out the occurrences of some faults.
    pub(crate) fn take(&mut self, faults: &HashSet<FaultKey>) -> Vec<Waiter> {
        if faults.is_empty() {
            return Vec::new();
        }
        let (taken, others) = self.part(|waiting, entry| faults.contains(&waiting.key(entry)));
        self.entries = others;
        taken.iter().map(|entry| self.waiter(entry)).collect()
    }

    /// Joins what shares an investigation, and puts it in order: the most severe first, then the oldest.
    pub(crate) fn into_groups(mut self) -> Groups {
        let mut entries = std::mem::take(&mut self.entries);
        entries.sort_unstable_by(|one, other| {
            self.group_key(one).cmp(&self.group_key(other)).then_with(|| self.rank(one, other))
        });
        let mut starts = Vec::new();
        let mut start = 0;
        for group in entries.chunk_by(|one, other| self.group_key(one) == self.group_key(other)) {
            starts.push(start);
            start += group.len();
        }
        starts.sort_unstable_by(|one, other| self.rank(&entries[*one], &entries[*other]));
        self.entries = entries;
        Groups { left: self.entries.len(), waiting: self, starts: starts.into_iter() }
    }

    /// Parts the entries into those that are wanted and the others.
    fn part(&mut self, is_wanted: impl Fn(&Self, &Entry) -> bool) -> (Vec<Entry>, Vec<Entry>) {
        let entries = std::mem::take(&mut self.entries);
        entries.into_iter().partition(|entry| is_wanted(self, entry))
    }

    fn run(&self, entry: &Entry) -> &RunId {
        &self.runs[entry.run as usize]
    }

    fn class(&self, entry: &Entry) -> &Class {
        &self.classes[entry.class as usize]
    }

    fn key(&self, entry: &Entry) -> FaultKey {
        FaultKey { run_id: self.run(entry).clone(), fault_id: entry.fault_id.clone() }
    }

    /// What events have in common that share an investigation: the fault, or the run's trouble with its provider.
    fn group_key<'a>(&'a self, entry: &'a Entry) -> (u32, Option<&'a str>, Option<&'a FaultId>) {
        let kind = &self.class(entry).kind;
        if kind.is_provider() {
            (entry.run, Some(kind.as_str()), None)
        } else {
            (entry.run, None, Some(&entry.fault_id))
        }
    }

    /// The order of dispatch. Run, fault and name settle what severity and time leave open.
    fn rank(&self, one: &Entry, other: &Entry) -> Ordering {
        let first = other.severity.cmp(&one.severity).then_with(|| one.time.cmp(&other.time));
        first
            .then_with(|| self.run(one).cmp(self.run(other)))
            .then_with(|| (&one.fault_id, &one.name).cmp(&(&other.fault_id, &other.name)))
    }

    fn waiter(&self, entry: &Entry) -> Waiter {
        let key = self.key(entry);
        let class = self.class(entry);
        let ticket = Ticket {
            name: entry.name.clone().unwrap_or_else(|| event_name(&key).into()),
            version: entry.version,
            stamp: if entry.is_dated { entry.time } else { Timestamp::now() },
            claimed: false,
        };
        Waiter {
            ticket,
            key,
            kind: class.kind.clone(),
            severity_text: class.severity_text.clone(),
            attempts: entry.attempts,
        }
    }
}

impl Entry {
    fn fault(&self) -> (u32, &FaultId) {
        (self.run, &self.fault_id)
    }
}

/// The place of a value in a set.
fn place<T: std::hash::Hash + Eq>(set: &mut IndexSet<T>, value: T) -> u32 {
    // As many different values would need more memory than there is.
    u32::try_from(set.insert_full(value).0).unwrap_or(u32::MAX)
}

/// Groups in the order of dispatch.
#[derive(Debug)]
pub(crate) struct Groups {
    waiting: WaitingFaults,
    /// Where each group begins among the entries.
    starts: std::vec::IntoIter<usize>,
    /// The events of the groups that are not taken yet.
    left: usize,
}

impl Groups {
    /// The events of the groups that are not taken yet.
    pub(crate) fn events_left(&self) -> u64 {
        self.left as u64
    }
}

impl Iterator for Groups {
    type Item = Group;

    fn next(&mut self) -> Option<Group> {
        let waiting = &self.waiting;
        let entries = &waiting.entries[self.starts.next()?..];
        let lead = waiting.group_key(&entries[0]);
        let group = entries.iter().take_while(|entry| waiting.group_key(entry) == lead);
        let waiters: Vec<_> = group.map(|entry| waiting.waiter(entry)).collect();
        self.left -= waiters.len();
        Some(Group { waiters })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.starts.size_hint()
    }
}

impl ExactSizeIterator for Groups {}

#[cfg(test)]
mod tests {
    use std::cmp::Reverse;
    use std::collections::HashMap;

    use haltline_protocol::ResolvedMarker;
    use proptest::prelude::*;

    use super::*;
    use crate::testing::candidate_at;

    const NOW: Timestamp = Timestamp::constant(1000, 0);

    fn waiting(candidates: Vec<Candidate>) -> WaitingFaults {
        let mut waiting = WaitingFaults::default();
        candidates.into_iter().for_each(|candidate| waiting.add(candidate, false, NOW));
        waiting
    }

    fn names(groups: Groups) -> Vec<Vec<String>> {
        groups.map(|group| group.waiters.iter().map(|waiter| waiter.ticket.name.to_string()).collect()).collect()
    }

    fn rank(candidates: Vec<Candidate>) -> Vec<Vec<String>> {
        names(waiting(candidates).into_groups())
    }

    #[test]
    fn an_entry_takes_little_memory() {
        assert_eq!(size_of::<Entry>(), 72);
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
    fn the_usual_name_of_a_file_is_not_kept_and_comes_back() {
        let mut usual = candidate_at("PHASE_FAILED", "f", "HIGH", 1);
        usual.ticket.name = "r-f.json".into();
        let waiting = waiting(vec![usual]);
        assert_eq!(waiting.entries[0].name, None);
        assert_eq!(names(waiting.into_groups()), [["r-f.json"]]);
    }

    #[test]
    fn attempts_belong_to_the_fault_and_so_does_back_off() {
        let mut tried = candidate_at("PHASE_FAILED", "fault", "HIGH", 1);
        tried.event.delivery.attempts = 2;
        let fresh = candidate_at("PHASE_FAILED", "fault", "HIGH", 2);
        let mut both = waiting(vec![fresh, tried]);
        assert_eq!(both.hold_back(), 0);
        let group = both.into_groups().next().unwrap();
        assert_eq!(group.attempts().into_values().collect::<Vec<_>>(), [2]);

        let fresh = candidate_at("PHASE_FAILED", "fault", "HIGH", 2);
        let key = fresh.event.key();
        let mut mild = candidate_at("PHASE_FAILED", "fault", "LOW", 3);
        mild.event.delivery.attempts = 1;
        let mut both = waiting(vec![fresh]);
        both.add(mild, true, NOW);
        assert_eq!(both.hold_back(), 1);
        assert_eq!(both.into_groups().next().unwrap().attempts(), HashMap::from([(key, 1)]));

        for backs_off_first in [true, false] {
            let sibling = candidate_at("PHASE_FAILED", "fault", "HIGH", 2);
            let mut backs_off = candidate_at("PHASE_FAILED", "fault", "HIGH", 3);
            backs_off.event.delivery.not_before = Some(Timestamp::constant(1001, 0));
            let mut both = WaitingFaults::default();
            let order = if backs_off_first {
                [(backs_off, true), (sibling, false)]
            } else {
                [(sibling, false), (backs_off, true)]
            };
            order.into_iter().for_each(|(candidate, is_held_back)| both.add(candidate, is_held_back, NOW));
            assert_eq!((both.hold_back(), both.into_groups().events_left()), (2, 0));
        }
    }

    #[test]
    fn a_marker_that_is_found_late_closes_what_is_due_and_what_is_not() {
        let mut held_back = candidate_at("PHASE_FAILED", "gone", "LOW", 1);
        held_back.ticket.name = "mild".into();
        let mut faults = waiting(vec![
            candidate_at("PHASE_FAILED", "gone", "HIGH", 2),
            candidate_at("PHASE_FAILED", "stays", "HIGH", 3),
        ]);
        faults.add(held_back, true, NOW);
        let resolved = ResolvedFaults::default();
        let key = FaultKey { run_id: "r".into(), fault_id: "gone".into() };
        resolved.add(&ResolvedMarker { key, timestamp: Some(Timestamp::constant(2, 0)) });
        let closed: Vec<_> = faults.take_resolved(&resolved).into_iter().map(|order| order.is_avoided).collect();
        assert_eq!(closed, [true, false]);
        assert_eq!(names(faults.into_groups()), [["stays"]]);
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
        let mut candidate = candidate_at(kind, &format!("{kind}-{:02}", given.fault), severity, given.second);
        candidate.ticket.name = format!("{place:03}.json").into();
        if given.has_to_wait {
            candidate.event.delivery.not_before = Some(Timestamp::MAX);
        }
        candidate
    }

    /// The same in the plainest way: groups in order, and how many events have to wait.
    fn naive(queue: &[Given]) -> (Vec<Vec<String>>, u64) {
        let all: Vec<_> = queue.iter().enumerate().map(|(place, given)| candidate_of(place, given)).collect();
        let waits: HashSet<_> =
            all.iter().zip(queue).filter(|(_, given)| given.has_to_wait).map(|(one, _)| one.event.key()).collect();
        let mut due: Vec<_> = all.iter().filter(|candidate| !waits.contains(&candidate.event.key())).collect();
        due.sort_by_key(|one| {
            (Reverse(one.event.severity()), one.time, one.event.fault_id.clone(), one.ticket.name.clone())
        });
        let mut groups: Vec<(String, Vec<String>)> = Vec::new();
        for candidate in due {
            let event = &candidate.event;
            let shares = if event.kind.is_provider() { event.kind.as_str() } else { event.fault_id.as_str() };
            match groups.iter_mut().find(|(of, _)| *of == shares) {
                Some((_, names)) => names.push(candidate.ticket.name.to_string()),
                None => groups.push((shares.to_owned(), vec![candidate.ticket.name.to_string()])),
            }
        }
        let due = groups.iter().map(|(_, names)| names.len() as u64).sum::<u64>();
        (groups.into_iter().map(|(_, names)| names).collect(), queue.len() as u64 - due)
    }

    proptest! {
        #[test]
        fn what_is_dispatched_is_what_a_naive_model_says(queue in given()) {
            let mut faults = WaitingFaults::default();
            for (place, given) in queue.iter().enumerate() {
                faults.add(candidate_of(place, given), given.has_to_wait, NOW);
            }
            let (expected, waits) = naive(&queue);
            prop_assert_eq!(faults.hold_back(), waits);
            let groups = faults.into_groups();
            prop_assert_eq!(groups.events_left(), queue.len() as u64 - waits);
            prop_assert_eq!(names(groups), expected);
        }
    }
}
