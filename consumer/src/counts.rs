//! What settle counts: each event file in exactly one of the counts of its drain.

use std::collections::BTreeMap;

use haltline_protocol::DrainCounts;

/// What settle counted, with what the drain has to know besides.
#[derive(Debug, Default)]
pub(crate) struct SettleCounts {
    pub(crate) counts: DrainCounts,
    /// Events that a RESOLVED marker covers and that could not be moved: it is needed once more.
    pub(crate) uncollapsed: u64,
    /// How often each known pattern settled an event, by the pattern's place in its file.
    pub(crate) hits: BTreeMap<usize, u64>,
}

/// The count that an event file goes into once its move has succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tally {
    Processed,
    ShortCircuited,
    /// Short-circuited as the drain's own audit event.
    OwnAudit,
    /// Short-circuited by the known pattern at this place in its file.
    KnownPattern(usize),
    Collapsed,
    Duplicate,
    Quarantined,
    Deferred,
    Failed,
    DeadLettered,
}

impl SettleCounts {
    pub(crate) fn add(&mut self, tally: Tally) {
        let counts = &mut self.counts;
        match tally {
            Tally::Processed => counts.processed += 1,
            Tally::ShortCircuited => counts.short_circuited += 1,
            Tally::OwnAudit => {
                counts.short_circuited += 1;
                counts.own_settled += 1;
            }
            Tally::KnownPattern(place) => {
                counts.short_circuited += 1;
                *self.hits.entry(place).or_default() += 1;
            }
            Tally::Collapsed => counts.collapsed += 1,
            Tally::Duplicate => counts.duplicates += 1,
            Tally::Quarantined => counts.quarantined += 1,
            Tally::Deferred => counts.deferred += 1,
            Tally::Failed => counts.failed += 1,
            Tally::DeadLettered => {
                counts.failed += 1;
                counts.dead_lettered += 1;
            }
        }
    }
}
