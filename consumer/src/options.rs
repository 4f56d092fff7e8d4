//! What one drain is asked to do.

use std::path::PathBuf;

use haltline_protocol::{HaltEvent, RunId, Severity};

/// What one drain is asked to do.
#[derive(Debug, Clone)]
pub struct DrainOptions {
    /// Only tell what would be done.
    pub dry_run: bool,
    /// The most investigations to start.
    pub max: u32,
    /// Investigations at a time; at least one.
    pub jobs: usize,
    /// Less severe faults stay where they are.
    pub severity_min: Severity,
    /// Only this run's events are looked at.
    pub run_id: Option<RunId>,
    /// Failed investigations of one fault after which it is dead-lettered.
    pub max_attempts: u32,
    /// The audit event that tells of this drain itself; it never leaves the drain's own folder unsettled.
    pub own_audit: Option<HaltEvent>,
    /// The file of patterns in force; none where the path is empty.
    pub learned_patterns: PathBuf,
}

impl Default for DrainOptions {
    /// What a drain is asked to do where nothing is configured: at most 20 investigations, two at a time, of faults that
    /// are MEDIUM at least, and three attempts at each.
    fn default() -> Self {
        Self {
            dry_run: false,
            max: 20,
            jobs: 2,
            severity_min: Severity::Medium,
            run_id: None,
            max_attempts: 3,
            own_audit: None,
            learned_patterns: PathBuf::new(),
        }
    }
}
