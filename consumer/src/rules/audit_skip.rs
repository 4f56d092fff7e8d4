//! The audit-skip rule: an event that is kept for the audit only is closed here, and nothing behind this rule ever
//! hears of it. It ends the loop in which a drain paid for an investigation of its own audit event.

use super::{Closing, Context, Decision, Rule, Stage};
use crate::candidate::Candidate;

/// Closes audit-only events.
#[derive(Debug)]
pub(crate) struct AuditSkip;

impl Rule for AuditSkip {
    fn stage(&self) -> Stage {
        Stage::Filter
    }

    fn decide(&self, candidate: &Candidate, _: &Context) -> Decision {
        if candidate.event.is_audit_only() { Decision::Close(Closing::AuditSkipped) } else { Decision::Pass }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::ResolvedFaults;
    use crate::testing::{candidate, context};

    #[test]
    fn only_the_flag_on_an_audit_kind_takes_an_event_out() {
        let context = context(ResolvedFaults::default());
        for (kind, investigate, is_closed) in [
            ("MANUAL_RECOVERY_INVOKED", Some("false"), true),
            ("MANUAL_RECOVERY_INVOKED", None, false),
            ("MANUAL_RECOVERY_INVOKED", Some("null"), false),
            ("PHASE_FAILED", Some("false"), false),
            ("RECOVERY_BOUNDARY", Some("false"), true),
        ] {
            let decision = AuditSkip.decide(&candidate(kind, "f", investigate), &context);
            let closed = Decision::Close(Closing::AuditSkipped);
            assert_eq!(decision == closed, is_closed, "{kind} with {investigate:?}");
        }
    }
}
