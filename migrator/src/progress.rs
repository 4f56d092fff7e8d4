//! What an upgrade tells while it runs.

use std::time::Instant;

use haltline_protocol::{DrainId, Migration, MigrationStep, UpgradeSummary};
use jiff::Timestamp;

/// A step of an upgrade.
#[derive(Debug)]
pub enum UpgradeEvent {
    /// A migration has looked at some of the files that it knows of.
    FilesChecked {
        /// The version that it migrates to.
        version: &'static str,
        /// The files that it has looked at.
        checked: u64,
        /// The files that it has found so far.
        found: u64,
    },
    /// A migration has run, and this is what analytics is to record. A dry run has none.
    MigrationEnded(Box<UpgradeSummary>),
}

/// Counts the steps of one migration.
pub(crate) struct Tally<'a> {
    version: &'static str,
    checked: u64,
    found: u64,
    begun: Instant,
    summary: UpgradeSummary,
    tell: &'a mut dyn FnMut(UpgradeEvent),
}

impl<'a> Tally<'a> {
    pub(crate) fn new(
        migration: &dyn Migration,
        upgrade_id: &DrainId,
        seq: u64,
        tell: &'a mut dyn FnMut(UpgradeEvent),
    ) -> Self {
        let summary = UpgradeSummary {
            ts: Timestamp::UNIX_EPOCH,
            upgrade_id: upgrade_id.clone(),
            seq,
            version: migration.version().to_owned(),
            complete: false,
            duration_ms: 0,
            rewritten: 0,
            already_gone: 0,
            failed: 0,
            errnos: Vec::new(),
        };
        Self { version: migration.version(), checked: 0, found: 0, begun: Instant::now(), summary, tell }
    }

    pub(crate) fn count(&mut self, step: &MigrationStep) {
        match step {
            MigrationStep::FilesFound(files) => self.found += files,
            MigrationStep::FileChecked => self.checked += 1,
            MigrationStep::RewriteEnded(outcome) => return self.summary.count(outcome),
        }
        (self.tell)(UpgradeEvent::FilesChecked { version: self.version, checked: self.checked, found: self.found });
    }

    /// Tells that the migration has run.
    pub(crate) fn end(mut self, complete: bool) {
        self.summary.ts = Timestamp::now();
        self.summary.complete = complete;
        self.summary.duration_ms = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        (self.tell)(UpgradeEvent::MigrationEnded(Box::new(self.summary)));
    }
}
