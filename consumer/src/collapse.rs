//! Collapse: an event whose fault went away by itself, as a RESOLVED marker says, needs nobody.

use std::cmp::Reverse;
use std::sync::Arc;

use haltline_protocol::{Destination, FaultKey, ResolvedMarker, RowDraft, RowOutcome, Settlement, Ticket};
use jiff::Timestamp;
use tokio::sync::mpsc;

use crate::candidate::{Batch, Candidate, draft};
use crate::counts::Tally;
use crate::keys::Hasher;
use crate::settle::{Order, SettleRequest};

/// The most faults with a marker that are looked at in one pass over the events, at 16 bytes each.
const MOST_MARKERS: usize = 50_000;
/// The most markers that may come to light while the events are read. Each has to be moved by its own name.
const MOST_LATE: usize = 8192;

/// For each fault with a marker the time when it last went away; of all such faults, or of one part of them.
#[derive(Debug)]
pub(crate) struct Markers {
    hasher: Hasher,
    part: u64,
    parts: u64,
    /// Whether there may be more parts than are known yet.
    may_split: bool,
    /// In order once they are sealed.
    resolved: Vec<(u64, i64)>,
}

impl Markers {
    /// For all markers, or where they are too many for the first of as many parts as it takes.
    pub(crate) fn first_part() -> Self {
        Self { may_split: true, ..Self::all() }
    }

    /// For all markers, however many there are.
    pub(crate) fn all() -> Self {
        Self { hasher: Hasher::default(), part: 0, parts: 1, may_split: false, resolved: Vec::new() }
    }

    /// Empty, for another part of the same markers.
    pub(crate) fn of_part(&self, part: u64) -> Self {
        Self { hasher: self.hasher.clone(), part, parts: self.parts, may_split: false, resolved: Vec::new() }
    }

    /// How many parts there are.
    pub(crate) fn parts(&self) -> u64 {
        self.parts
    }

    /// Takes a marker in, if it is of this part.
    pub(crate) fn add(&mut self, marker: &ResolvedMarker) {
        let hash = self.hasher.hash(&marker.key);
        if hash % self.parts != self.part {
            return;
        }
        if self.resolved.len() == self.resolved.capacity() && self.resolved.len() >= MOST_MARKERS / 2 {
            self.seal();
        }
        self.resolved.push((hash, nanoseconds(marker.timestamp.unwrap_or(Timestamp::MIN))));
        if self.may_split && self.resolved.len() >= MOST_MARKERS {
            self.seal();
            while self.resolved.len() > MOST_MARKERS / 2 {
                self.parts *= 2;
                self.resolved.retain(|(hash, _)| hash % self.parts == self.part);
            }
        }
    }

    /// Puts in order what was taken in, and keeps the latest time of each fault.
    pub(crate) fn seal(&mut self) {
        self.resolved.sort_unstable_by_key(|(hash, time)| (*hash, Reverse(*time)));
        self.resolved.dedup_by_key(|(hash, _)| *hash);
    }

    /// Whether the fault went away no earlier than `time`, as far as this part knows.
    pub(crate) fn covers(&self, key: &FaultKey, time: Timestamp) -> bool {
        if self.resolved.is_empty() {
            return false;
        }
        let hash = self.hasher.hash(key);
        let place = self.resolved.binary_search_by_key(&hash, |(hash, _)| *hash);
        place.is_ok_and(|place| self.resolved[place].1 >= nanoseconds(time))
    }

    /// As [`covers`](Self::covers), of an event as it was read.
    pub(crate) fn cover(&self, candidate: &Candidate) -> bool {
        !self.is_empty() && self.covers(&candidate.event.key(), candidate.time)
    }

    /// Whether what a marker says is known.
    pub(crate) fn knows(&self, marker: &ResolvedMarker) -> bool {
        self.covers(&marker.key, marker.timestamp.unwrap_or(Timestamp::MIN))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.resolved.is_empty()
    }
}

/// Nanoseconds since 1970; a time before 1677 or after 2262 counts as that.
fn nanoseconds(time: Timestamp) -> i64 {
    let nanoseconds = time.as_nanosecond();
    i64::try_from(nanoseconds).unwrap_or(if nanoseconds < 0 { i64::MIN } else { i64::MAX })
}

/// Markers that came to light while the events were read, by a name that did not say so or too late.
#[derive(Debug)]
pub(crate) struct LateMarkers {
    markers: Markers,
    tickets: Vec<(Ticket, FaultKey)>,
    is_full: bool,
}

impl Default for LateMarkers {
    fn default() -> Self {
        Self { markers: Markers::all(), tickets: Vec::new(), is_full: false }
    }
}

impl LateMarkers {
    pub(crate) fn add(&mut self, ticket: Ticket, marker: ResolvedMarker) {
        if self.tickets.len() < MOST_LATE {
            self.markers.add(&marker);
            self.tickets.push((ticket, marker.key));
        } else {
            self.is_full = true;
        }
    }

    /// Parts them into what they say, and their files, to be moved away once their events are.
    pub(crate) fn part(mut self) -> (Markers, Vec<(Ticket, FaultKey)>) {
        self.markers.seal();
        (self.markers, self.tickets)
    }

    /// Whether there are more than could be remembered.
    pub(crate) fn is_full(&self) -> bool {
        self.is_full
    }
}

/// Takes events out of the line whose fault has a marker.
#[derive(Debug)]
pub(crate) struct Collapse {
    pub(crate) markers: Arc<Markers>,
}

impl Collapse {
    pub(crate) async fn run(
        self,
        mut batches: mpsc::Receiver<Batch>,
        onward: mpsc::Sender<Batch>,
        settle: mpsc::Sender<SettleRequest>,
    ) {
        while let Some(mut batch) = batches.recv().await {
            let gone = batch.candidates.extract_if(.., |candidate| self.markers.cover(candidate));
            let collapsed: Vec<_> = gone.map(collapse_candidate).collect();
            if !collapsed.is_empty() && settle.send(SettleRequest::Settle(collapsed)).await.is_err() {
                return;
            }
            if !batch.candidates.is_empty() && onward.send(batch).await.is_err() {
                return;
            }
        }
    }
}

/// The order that settles an event as it was read.
pub(crate) fn collapse_candidate(candidate: Candidate) -> Order {
    let resolved = draft(&candidate.event, &candidate.ticket, RowOutcome::Resolved);
    collapse(candidate.ticket, resolved, candidate.is_due)
}

/// The order that settles an event whose fault went away.
pub(crate) fn collapse(ticket: Ticket, resolved: RowDraft, is_avoided: bool) -> Order {
    Order {
        settlement: Settlement { ticket, to: Destination::Processed, draft: Some(resolved) },
        tally: Tally::Collapsed,
        is_avoided,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(fault_id: &str) -> FaultKey {
        FaultKey { run_id: "r".into(), fault_id: fault_id.into() }
    }

    fn marker(fault_id: &str, second: i64) -> ResolvedMarker {
        ResolvedMarker { key: key(fault_id), timestamp: Some(at(second)) }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_marker_covers_what_is_not_younger_than_the_latest_one() {
        let mut markers = Markers::all();
        for second in [200, 100] {
            markers.add(&marker("f", second));
        }
        markers.seal();
        let nanosecond = jiff::SignedDuration::from_nanos(1);
        assert!(markers.covers(&key("f"), at(200)));
        assert!(!markers.covers(&key("f"), at(200) + nanosecond));
        assert!(!markers.covers(&key("other"), at(1)));
        assert!(!markers.covers(&FaultKey { run_id: "other".into(), ..key("f") }, at(1)));
    }

    #[test]
    fn too_many_markers_are_parted_and_each_is_in_one_part() {
        let count = 3 * MOST_MARKERS;
        let names: Vec<_> = (0..count).map(|number| number.to_string()).collect();
        let mut markers = Markers::first_part();
        names.iter().for_each(|name| markers.add(&marker(name, 1)));
        let parts = markers.parts();
        assert!(parts > 1);
        let mut covered = vec![0; count];
        for part in 0..parts {
            let mut markers = markers.of_part(part);
            names.iter().for_each(|name| markers.add(&marker(name, 1)));
            markers.seal();
            assert!(markers.resolved.len() < MOST_MARKERS + MOST_MARKERS / 10);
            (0..count).for_each(|number| covered[number] += u8::from(markers.covers(&key(&names[number]), at(1))));
        }
        assert!(covered.iter().all(|count| *count == 1));
    }

    #[test]
    fn many_markers_of_one_fault_take_the_room_of_one() {
        let mut markers = Markers::first_part();
        (0..3 * MOST_MARKERS as i64).for_each(|second| markers.add(&marker("f", second)));
        markers.seal();
        assert_eq!((markers.parts(), markers.resolved.len()), (1, 1));
        assert!(markers.covers(&key("f"), at(3 * MOST_MARKERS as i64 - 1)));
        assert!(markers.resolved.capacity() <= 2 * MOST_MARKERS);
    }
}
