//! What analytics is told, and hands to every sink.

use std::sync::Arc;

use jiff::Timestamp;

use crate::{
    Assignment, Citation, DrainId, DrainTotals, FitReport, HaltEvent, Investigation, Row, UpgradeSummary, Usage,
};

/// One thing that happened. A sink takes what concerns it and ignores the rest.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "rows are the many: a box would cost an allocation an event")]
pub enum Record {
    /// An outcome is known: one analytics row.
    Settled(Row),
    /// An investigator's checked report is to be filed, before its event leaves the queue.
    Reported(Arc<Filing>),
    /// A drain has ended. It is the last record of its drain, and the last of its batch.
    Drained(Box<DrainTotals>),
    /// A migration has ended.
    Upgraded(Box<UpgradeSummary>),
}

impl Record {
    /// Returns the pair that is unique over all drains and upgrades for ever.
    pub fn pair(&self) -> (&DrainId, u64) {
        match self {
            Self::Settled(row) => (&row.drain_id, row.seq),
            Self::Reported(filing) => (&filing.drain_id, filing.seq),
            // Rows and attempts count from 1.
            Self::Drained(totals) => (&totals.drain_id, 0),
            Self::Upgraded(summary) => (&summary.upgrade_id, summary.seq),
        }
    }
}

/// A checked report with what its readers need beside it.
#[derive(Debug)]
pub struct Filing {
    /// When the report came; a replay after a crash carries the same time.
    pub ts: Timestamp,
    /// The drain that asked for it.
    pub drain_id: DrainId,
    /// The number of the attempt within its drain.
    pub seq: u64,
    /// The event that led the investigation.
    pub event: Arc<HaltEvent>,
    /// How many event files it covers, the leader included.
    pub occurrences: u32,
    /// The report.
    pub report: FitReport,
    /// Who answered, and what it cost.
    pub usage: Usage,
    /// Whether each entry of the report's evidence was found, in the same order; empty where nobody looked.
    pub citations: Vec<Citation>,
}

impl Filing {
    /// Puts a report together with what its readers need beside it; `ts` is when the report came.
    pub fn new(ts: Timestamp, assignment: &Assignment, investigation: &Investigation) -> Self {
        Self {
            ts,
            drain_id: assignment.slot.session.clone(),
            seq: assignment.slot.seq,
            event: assignment.event.clone(),
            occurrences: assignment.occurrences,
            report: investigation.report.clone(),
            usage: investigation.usage.clone(),
            citations: investigation.citations.clone(),
        }
    }
}
