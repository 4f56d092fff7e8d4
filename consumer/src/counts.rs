//! What a drain did, counted: each event file in exactly one of the first eight.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use haltline_protocol::Usd;
use serde::Serialize;

/// The counts of one drain.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DrainCounts {
    /// Investigated, leaders only; in a dry run, what would be.
    pub processed: u64,
    /// Settled as audit events or by a known pattern.
    pub short_circuited: u64,
    /// Held back by a filter or by back-off.
    pub skipped: u64,
    /// Moves or investigations that failed.
    pub failed: u64,
    /// Eligible and left for later.
    pub deferred: u64,
    /// Settled because their fault went away.
    pub collapsed: u64,
    /// Settled by another event's investigation.
    pub duplicates: u64,
    /// No readable events.
    pub quarantined: u64,
    /// Investigations that were started.
    pub dispatched: u64,
    /// Given up on; part of `failed`.
    pub dead_lettered: u64,
    /// Taken back from dead drains.
    pub recovered: u64,
    /// What the investigations cost as far as it is known, in US dollars.
    pub cost_usd: Usd,
    /// Events that would have been dispatched but for the filters and the sharing.
    pub avoided: u64,
    /// Whether its own audit event is among the short-circuited; 0 or 1.
    #[serde(skip)]
    pub own_settled: u64,
    /// Whether its own audit event is among the avoided; 0 or 1.
    #[serde(skip)]
    pub own_avoided: u64,
    /// Investigations that brought a report and do not say what they cost.
    #[serde(skip)]
    pub unpriced: u64,
    /// Events that a RESOLVED marker covers and that could not be moved: it is needed once more.
    #[serde(skip)]
    pub(crate) uncollapsed: u64,
    /// How often each known pattern settled an event, by the pattern's place in its file.
    #[serde(skip)]
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

impl DrainCounts {
    pub(crate) fn add(&mut self, tally: Tally) {
        match tally {
            Tally::Processed => self.processed += 1,
            Tally::ShortCircuited => self.short_circuited += 1,
            Tally::OwnAudit => {
                self.short_circuited += 1;
                self.own_settled += 1;
            }
            Tally::KnownPattern(place) => {
                self.short_circuited += 1;
                *self.hits.entry(place).or_default() += 1;
            }
            Tally::Collapsed => self.collapsed += 1,
            Tally::Duplicate => self.duplicates += 1,
            Tally::Quarantined => self.quarantined += 1,
            Tally::Deferred => self.deferred += 1,
            Tally::Failed => self.failed += 1,
            Tally::DeadLettered => {
                self.failed += 1;
                self.dead_lettered += 1;
            }
        }
    }

    /// Whether anything was done that somebody may want to hear of.
    pub fn is_idle(&self) -> bool {
        *self == Self { skipped: self.skipped, ..Self::default() }
    }
}

impl AddAssign<&Self> for DrainCounts {
    fn add_assign(&mut self, other: &Self) {
        self.processed += other.processed;
        self.short_circuited += other.short_circuited;
        self.skipped += other.skipped;
        self.failed += other.failed;
        self.deferred += other.deferred;
        self.collapsed += other.collapsed;
        self.duplicates += other.duplicates;
        self.quarantined += other.quarantined;
        self.dispatched += other.dispatched;
        self.dead_lettered += other.dead_lettered;
        self.recovered += other.recovered;
        self.cost_usd += other.cost_usd;
        self.avoided += other.avoided;
        self.own_settled += other.own_settled;
        self.own_avoided += other.own_avoided;
        self.unpriced += other.unpriced;
        self.uncollapsed += other.uncollapsed;
        for (place, count) in &other.hits {
            *self.hits.entry(*place).or_default() += count;
        }
    }
}
