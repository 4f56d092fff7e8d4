//! An event that is not severe enough for this drain, or backs off after a failed attempt, stays where it is.

use super::{Context, Decision, Rule, Stage};
use crate::candidate::Candidate;

/// Holds back what is not due. Back-off belongs to the fault: the ranking applies it to the other occurrences.
#[derive(Debug)]
pub(crate) struct Due;

impl Rule for Due {
    fn stage(&self) -> Stage {
        Stage::Scan
    }

    fn decide(&self, candidate: &Candidate, _: &Context) -> Decision {
        if candidate.is_due { Decision::Pass } else { Decision::HoldBack }
    }
}

#[cfg(test)]
mod tests {
    use haltline_protocol::{HaltEvent, Severity};

    use super::*;
    use crate::rules::ResolvedFaults;
    use crate::testing::{candidate, context};

    #[test]
    fn severity_and_back_off_hold_an_event_back() {
        let context = Context { severity_min: Severity::High, ..context(ResolvedFaults::default()) };
        let mut given = candidate("PHASE_FAILED", "a", None);
        let mut decide = |change: &dyn Fn(&mut HaltEvent)| {
            change(&mut given.event);
            given.is_due = context.is_due(&given.event);
            Due.decide(&given, &context)
        };
        assert_eq!(decide(&|event| event.delivery.attempts = 2), Decision::Pass);
        let unknown = |event: &mut HaltEvent| event.severity_text = "nobody knows".to_owned();
        assert_eq!(decide(&unknown), Decision::Pass, "an unknown severity ranks HIGH");
        assert_eq!(decide(&|event| event.severity_text = "MEDIUM".to_owned()), Decision::HoldBack);
        let back_off = |event: &mut HaltEvent| {
            event.severity_text = "HIGH".to_owned();
            event.delivery.not_before = Some("2026-06-01T00:00:01Z".parse().unwrap());
        };
        assert_eq!(decide(&back_off), Decision::HoldBack);
    }
}
