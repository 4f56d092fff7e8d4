//! The door for migrations.

use std::path::Path;

use serde::Serialize;

/// Brings what earlier releases wrote up to date. It runs only when the user says so, once.
pub trait Migration: Send + Sync {
    /// The version that it migrates to, as `1.40.5.0`; migrations run in its numeric order.
    fn version(&self) -> &'static str;

    /// What it does, in one line, for `upgrade --status`.
    fn summary(&self) -> &'static str;

    /// Runs it on a home, or with `dry_run` only tells what it would do.
    ///
    /// What it did is durable when it returns. Whatever goes wrong is told in the report, so that one bad row holds
    /// up no other. But for a dry run, the caller holds the queue's settle lock.
    fn run(&self, home: &Path, dry_run: bool) -> MigrationReport;
}

/// What a migration did, or in a dry run would do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MigrationReport {
    /// Rows that gained what the migration adds.
    pub flagged: u64,
    /// Rows that it concerns and that had it already.
    pub already_flagged: u64,
    /// Rows that it does not concern.
    pub untouched: u64,
    /// Files that could not be read as what they should be; their bytes are as they were.
    pub malformed: Vec<RowTrouble>,
    /// Files and folders that could not be read or rewritten.
    pub failed: Vec<RowTrouble>,
    /// Rows that came up during the run, or that a drain holds, and want another run.
    pub appeared: Vec<RowTrouble>,
}

/// One file that keeps a migration from being complete.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct RowTrouble {
    /// The file's path, for messages.
    pub file: String,
    /// What was found, and what to do.
    pub reason: String,
}

impl MigrationReport {
    /// Whether all is done, so that the marker may be written.
    pub fn is_complete(&self) -> bool {
        self.malformed.is_empty() && self.failed.is_empty() && self.appeared.is_empty()
    }
}
