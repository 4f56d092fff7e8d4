//! The upgrades: `H/analytics/upgrades.jsonl`, one line for each migration that ran.

use haltline_protocol::{Layout, Record, Sink};

use crate::factory::{Activity, SinkDeclaration, SinkFactory, SinkOpenError};
use crate::lines::{LineFormat, LineSink};

/// Opens the sink of upgrades.
pub(super) struct Upgrades;

impl SinkFactory for Upgrades {
    fn declaration(&self) -> &SinkDeclaration {
        &SinkDeclaration {
            name: Summaries::SINK,
            docs: "one row per migration that ran in analytics/upgrades.jsonl",
            writes: &["analytics/upgrades.jsonl"],
            opens_for: |activity| activity == Activity::Upgrade,
            ..SinkDeclaration::DEFAULT
        }
    }

    fn open(&self, settings: &toml::Table, layout: &Layout) -> Result<Box<dyn Sink>, SinkOpenError> {
        self.check(settings)?;
        LineSink::<Summaries>::open(layout)
    }
}

struct Summaries;

impl LineFormat for Summaries {
    const SINK: &'static str = "upgrades";
    const FILE: &'static str = "upgrades.jsonl";
    /// The whole line.
    type Key = Box<[u8]>;

    fn write(record: &Record, line: &mut Vec<u8>) -> Result<bool, serde_json::Error> {
        let Record::Upgraded(summary) = record else { return Ok(false) };
        serde_json::to_writer(line, summary)?;
        Ok(true)
    }

    fn key(line: &[u8]) -> Option<Self::Key> {
        Some(line.into())
    }
}
