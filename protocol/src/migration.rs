//! The door for migrations.

use thiserror::Error;

/// Brings what earlier releases wrote up to date. It runs only when the user says so, once.
pub trait Migration: Send + Sync {
    /// The version that it migrates to, as `1.40.5.0`; migrations run in its numeric order.
    fn version(&self) -> &'static str;

    /// What it does, in one line, for `upgrade --status`.
    fn summary(&self) -> &'static str;

    /// Runs it, or with `dry_run` only tells what it would do.
    ///
    /// # Errors
    /// The queue could not be read at all. What is wrong with single rows is told in the report.
    fn run(&self, dry_run: bool) -> Result<MigrationReport, MigrationError>;
}

/// What a migration did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MigrationReport {
    /// Rows that gained the field.
    pub flagged: u64,
    /// Rows that had it already.
    pub already_flagged: u64,
    /// Rows that it does not concern.
    pub untouched: u64,
    /// Rows that could not be read as what they should be, each with its reason.
    pub malformed: Vec<String>,
    /// Rows that could not be rewritten, each with its reason.
    pub failed: Vec<String>,
    /// Rows that came up during the run and want another.
    pub appeared: Vec<String>,
}

impl MigrationReport {
    /// Whether all is done, so that the marker may be written.
    pub fn is_complete(&self) -> bool {
        self.malformed.is_empty() && self.failed.is_empty() && self.appeared.is_empty()
    }
}

/// Why a migration could not run.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct MigrationError(pub String);
