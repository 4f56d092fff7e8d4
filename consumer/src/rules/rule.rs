//! What a rule is.

use std::fmt;

use super::{Context, Decision};
use crate::candidate::Candidate;

/// One rule of the order of decision: a pure function of an event and what the drain knows.
pub(crate) trait Rule: Sync + fmt::Debug {
    /// Where the rule is asked.
    fn stage(&self) -> Stage;

    /// What becomes of the event, as far as this rule says.
    fn decide(&self, candidate: &Candidate, context: &Context) -> Decision;
}

/// Where a rule is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// By the scan itself: what the rule knows grows while the queue is read.
    Scan,
    /// By an actor of its own ahead of the ranking.
    Filter,
}
