//! Asks the rules in turn.

use super::{Context, Decision, RULES, Rule, Stage};
use crate::candidate::Candidate;

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
