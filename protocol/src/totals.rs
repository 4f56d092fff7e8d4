//! What a drain and an upgrade tell sinks when they end.

use std::ops::AddAssign;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{DrainId, MoveOutcome, MoveState, RunId, Usd};

/// What deliveries made anew for people. What was there already is not counted again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Reports that were filed.
    pub reports: u32,
    /// Notes that ask a person to act.
    pub notes: u32,
    /// Patterns that were proposed.
    pub proposals: u32,
}

impl AddAssign for Receipt {
    fn add_assign(&mut self, other: Self) {
        self.reports += other.reports;
        self.notes += other.notes;
        self.proposals += other.proposals;
    }
}

/// The counts of one drain: each event file in exactly one of `processed` to `quarantined`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DrainCounts {
    /// Events that were investigated, leaders only; in a dry run, what would be.
    pub processed: u64,
    /// Events that were settled as audit events or by a known pattern.
    pub short_circuited: u64,
    /// Events that a filter or a back-off held back.
    pub skipped: u64,
    /// Events whose investigation or move failed.
    pub failed: u64,
    /// Events that were eligible and left for later.
    pub deferred: u64,
    /// Events that were settled because their fault went away.
    pub collapsed: u64,
    /// Events that were settled by another event's investigation.
    pub duplicates: u64,
    /// Files that are no readable events.
    pub quarantined: u64,
    /// Investigations that were started.
    pub dispatched: u64,
    /// Events that were dead-lettered; part of `failed`.
    pub dead_lettered: u64,
    /// Events that were taken back from dead drains.
    pub recovered: u64,
    /// What the investigations cost as far as it is known, in US dollars.
    pub cost_usd: Usd,
    /// Events that would have been dispatched but for the filters and the sharing.
    pub avoided: u64,
    /// Whether the drain's own audit event is among the short-circuited; 0 or 1.
    #[serde(skip)]
    pub own_settled: u64,
    /// Whether the drain's own audit event is among the avoided; 0 or 1.
    #[serde(skip)]
    pub own_avoided: u64,
    /// Investigations that brought a report and do not say what they cost.
    #[serde(skip)]
    pub unpriced: u64,
}

impl DrainCounts {
    /// Tells whether the drain did nothing that somebody may want to hear of.
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
    }
}

/// The totals of one drain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DrainTotals {
    /// When the drain ended.
    pub ts: Timestamp,
    /// The drain.
    pub drain_id: DrainId,
    /// The only run whose events were looked at; none where all were.
    pub run_id: Option<RunId>,
    /// The orchestrator's slug, as the first event that was looked at says it.
    pub state_slug: Option<String>,
    /// Wall time, in milliseconds.
    pub duration_ms: u64,
    /// What became of the events.
    #[serde(flatten)]
    pub counts: DrainCounts,
    /// What required sinks filed. Analytics fills it in.
    pub filed: Receipt,
    /// Whether a stop left work undone.
    pub aborted: bool,
}

/// What one migration did in one upgrade: one line of `analytics/upgrades.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UpgradeSummary {
    /// When the migration ended.
    #[serde(serialize_with = "crate::time::millis")]
    pub ts: Timestamp,
    /// Names the upgrade for ever, in the form of a drain's id.
    pub upgrade_id: DrainId,
    /// The number of the migration within its upgrade, from 1.
    pub seq: u64,
    /// The version that it migrates to.
    pub version: String,
    /// Whether nothing is left to do, so that it never runs again.
    pub complete: bool,
    /// Wall time, in milliseconds.
    pub duration_ms: u64,
    /// Files that were rewritten.
    pub rewritten: u64,
    /// Files that another process had moved away meanwhile.
    pub already_gone: u64,
    /// Files that could not be rewritten.
    pub failed: u64,
    /// Why files could not be rewritten: each errno's name once, in alphabetical order.
    pub errnos: Vec<String>,
}

impl UpgradeSummary {
    /// Counts the outcome of one rewrite.
    pub fn count(&mut self, outcome: &MoveOutcome) {
        match outcome.state() {
            MoveState::Moved => self.rewritten += 1,
            MoveState::AlreadyGone => self.already_gone += 1,
            MoveState::None => {}
            MoveState::Failed => {
                self.failed += 1;
                let errno = outcome.errno().unwrap_or_default();
                if let Err(place) = self.errnos.binary_search_by(|known| known.as_str().cmp(errno)) {
                    self.errnos.insert(place, errno.to_owned());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rewrite_counts_once_and_an_errno_is_named_once() {
        let mut summary = UpgradeSummary {
            ts: Timestamp::UNIX_EPOCH,
            upgrade_id: "u".into(),
            seq: 1,
            version: "1.40.5.0".into(),
            complete: false,
            duration_ms: 12,
            rewritten: 0,
            already_gone: 0,
            failed: 0,
            errnos: Vec::new(),
        };
        let denied = |errno: &str| MoveOutcome::Denied { errno: errno.into() };
        for outcome in
            [MoveOutcome::Moved, MoveOutcome::AlreadyGone, denied("EROFS"), denied("EACCES"), denied("EROFS")]
        {
            summary.count(&outcome);
        }
        assert_eq!(
            serde_json::to_string(&summary).unwrap(),
            concat!(
                r#"{"ts":"1970-01-01T00:00:00.000Z","upgradeId":"u","seq":1,"version":"1.40.5.0","complete":false,"#,
                r#""durationMs":12,"rewritten":1,"alreadyGone":1,"failed":3,"errnos":["EACCES","EROFS"]}"#
            )
        );
    }
}
