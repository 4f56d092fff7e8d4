//! What a rule is, and how the rules are asked in turn.

use std::fmt;

use super::{Context, Decision, RULES};
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

/// The rules that are actors of their own, in their order.
pub(crate) fn filters() -> impl Iterator<Item = &'static dyn Rule> {
    of_stage(Stage::Filter)
}

/// Asks the rules of a stage in turn.
pub(crate) fn decide(stage: Stage, candidate: &Candidate, context: &Context) -> Decision {
    let decisions = of_stage(stage).map(|rule| rule.decide(candidate, context));
    decisions.into_iter().find(|decision| *decision != Decision::Pass).unwrap_or(Decision::Pass)
}

fn of_stage(stage: Stage) -> impl Iterator<Item = &'static dyn Rule> {
    RULES.iter().copied().filter(move |rule| rule.stage() == stage)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_decision_is_resolved_due_audit_skip_known_pattern() {
        let order: Vec<_> = RULES.iter().map(|rule| format!("{rule:?}")).collect();
        assert_eq!(order, ["Resolved", "Due", "AuditSkip", "KnownPattern"]);
        let first_filter = RULES.iter().position(|rule| rule.stage() == Stage::Filter);
        let last_step = RULES.iter().rposition(|rule| rule.stage() == Stage::Scan);
        assert!(last_step < first_filter, "the scan asks its rules before any actor sees an event");
    }
}
