//! What analytics is told, and hands to every sink.

use std::sync::Arc;

use jiff::Timestamp;

use crate::{Citation, DrainId, HaltEvent, Report, Row, Usage};

/// One thing that happened. A sink takes what concerns it and passes over the rest.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "rows are the many: a box would cost an allocation an event")]
pub enum Record {
    /// An outcome is known: one analytics row.
    Settled(Row),
    /// An investigator's checked report is to be filed, before its event leaves the queue.
    Reported(Arc<Filing>),
}

impl Record {
    /// The pair that is unique over all drains for ever.
    pub fn pair(&self) -> (&DrainId, u64) {
        match self {
            Self::Settled(row) => (&row.drain_id, row.seq),
            Self::Reported(filing) => (&filing.drain_id, filing.seq),
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
    pub report: Report,
    /// Who answered, and what it cost.
    pub usage: Usage,
    /// Whether each entry of the report's evidence was found, in the same order; empty where nobody looked.
    pub citations: Vec<Citation>,
}
