//! The door for investigators.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use crate::{AttemptSlot, Cost, Failure, FitReport, HaltEvent, rfc3339_millis};

/// Finds out why a run halted.
#[async_trait]
pub trait Investigator: Send + Sync + fmt::Debug {
    /// The name in rows and reports.
    fn name(&self) -> &str;

    /// Investigates one fault and answers with a checked report, or with why there is none.
    /// It ends soon after `cut` is cancelled, with [`Failure::Interrupted`], and leaves no process behind.
    async fn investigate(
        &self,
        assignment: &Assignment,
        cut: CancellationToken,
    ) -> Result<Investigation, DispatchFailure>;

    /// Ends what still runs of an attempt whose drain died, and takes its report if that is complete.
    /// Never starts anything.
    async fn salvage(&self, assignment: &Assignment) -> Option<Investigation>;
}

/// One fault to be investigated.
#[derive(Debug, Clone)]
pub struct Assignment {
    /// The event that leads: the most severe, then the oldest of those that share the investigation.
    pub event: Arc<HaltEvent>,
    /// How many event files share it, the leader included.
    pub occurrences: u32,
    /// Where the attempt lives.
    pub slot: AttemptSlot,
    /// The categories of the patterns in force, so that a proposal can use one that is there.
    pub pattern_categories: Arc<[String]>,
}

/// A checked report, with what it took.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Investigation {
    /// The report, checked against the event.
    pub report: FitReport,
    /// Who answered, and what it cost.
    pub usage: Usage,
    /// Whether each entry of the report's evidence was found, in the same order: a log line in the event, `path:line`
    /// in the work tree. Empty where nobody looked.
    #[serde(default)]
    pub citations: Vec<Citation>,
}

/// Whether an entry of a report's evidence was found where it says that it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Citation {
    /// It was found. What was not may still be true; nobody has seen it.
    pub verified: bool,
}

/// What an investigation took, whether or not it brought a report.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// The investigator by name.
    pub provider: String,
    /// The model, where one is known.
    pub model: Option<String>,
    /// Tokens that were sent and not cached.
    pub tokens_in: Option<u64>,
    /// Tokens that were sent and cached.
    pub tokens_cached: Option<u64>,
    /// Tokens that came back.
    pub tokens_out: Option<u64>,
    /// What it cost; none where nothing is known.
    pub cost: Option<Cost>,
    /// Wall time.
    pub duration: Duration,
    /// The investigators of the chain that were asked or looked at before and could not work, with the reason of each,
    /// as `codex: auth: not logged in`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passed_over: Vec<String>,
}

/// Why an investigation brought no report.
#[derive(Debug, Clone, Error)]
#[error("{class}: {detail}{}", until(*retry_after))]
pub struct DispatchFailure {
    /// The class that decides what follows.
    pub class: Failure,
    /// What happened, in one line, for people.
    pub detail: String,
    /// What it took all the same.
    pub usage: Box<Usage>,
    /// When it may work again, where the investigator says so: the end of a plan's limit.
    pub retry_after: Option<Timestamp>,
}

impl DispatchFailure {
    /// A failure that took nothing and says no time.
    pub fn new(class: Failure, detail: impl Into<String>) -> Self {
        Self { class, detail: detail.into(), usage: Box::default(), retry_after: None }
    }
}

/// A program may name a time of day without its zone, so the moment is said once more.
fn until(retry_after: Option<Timestamp>) -> String {
    retry_after.map(|time| format!("; until {}", rfc3339_millis(time))).unwrap_or_default()
}

/// No investigator can be started at all. The text says what to do.
#[derive(Debug, Clone, Error)]
#[error("{0}")]
pub struct NoInvestigator(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_until_when_it_lasts_where_that_is_known() {
        let detail = "try again at 2:45 AM".to_owned();
        let usage = Box::new(Usage::default());
        let failure = DispatchFailure { class: Failure::Quota, detail, usage, retry_after: None };
        assert_eq!(failure.to_string(), "quota: try again at 2:45 AM");
        let failure = DispatchFailure { retry_after: "2026-11-26T02:45:00Z".parse().ok(), ..failure };
        assert_eq!(failure.to_string(), "quota: try again at 2:45 AM; until 2026-11-26T02:45:00.000Z");
    }
}
