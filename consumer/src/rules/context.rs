//! What the rules know besides the event.

use dashmap::DashMap;
use haltline_protocol::{FaultKey, HaltEvent, ResolvedMarker, Severity};
use jiff::Timestamp;

use crate::patterns::PatternBook;

/// What the rules know besides the event.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) severity_min: Severity,
    /// When the drain began.
    pub(crate) now: Timestamp,
    pub(crate) resolved: ResolvedFaults,
    pub(crate) patterns: PatternBook,
}

impl Context {
    /// Whether an event would be dispatched if no other rule closed it.
    pub(crate) fn is_due(&self, event: &HaltEvent) -> bool {
        !event.delivery.holds_back_at(self.now) && event.severity() >= self.severity_min
    }
}

/// The faults that went away by themselves, each with the latest time that a marker says. The scan adds markers to it
/// that it finds under other names.
#[derive(Debug)]
pub(crate) struct ResolvedFaults(DashMap<FaultKey, Timestamp>);

/// The fewest that a map can have. Whether it is empty is asked for every event, and takes the lock of each shard.
const SHARDS: usize = 2;

impl Default for ResolvedFaults {
    fn default() -> Self {
        Self(DashMap::with_shard_amount(SHARDS))
    }
}

impl ResolvedFaults {
    /// Adds what a marker says. One without a time covers nothing.
    pub(crate) fn add(&self, marker: &ResolvedMarker) {
        let Some(time) = marker.timestamp else { return };
        let mut latest = self.0.entry(marker.key.clone()).or_insert(time);
        *latest = time.max(*latest);
    }

    /// Whether a fault went away no earlier than `time`.
    pub(crate) fn covers(&self, fault: &FaultKey, time: Timestamp) -> bool {
        self.0.get(fault).is_some_and(|latest| *latest >= time)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_covers_what_is_not_younger_than_the_latest_one() {
        let key = |run: &str, fault: &str| FaultKey { run_id: run.into(), fault_id: fault.into() };
        let at = |second| Timestamp::from_second(second).unwrap();
        let resolved = ResolvedFaults::default();
        for second in [200, 100] {
            resolved.add(&ResolvedMarker { key: key("r", "f"), timestamp: Some(at(second)) });
        }
        let nanosecond = jiff::SignedDuration::from_nanos(1);
        assert!(resolved.covers(&key("r", "f"), at(200)));
        assert!(!resolved.covers(&key("r", "f"), at(200) + nanosecond));
        assert!(!resolved.covers(&key("r", "other"), at(1)));
        assert!(!resolved.covers(&key("other", "f"), at(1)));
    }
}
