//! The order of decision: what becomes of an event that waits, before anybody is paid to look at it.

mod context;
mod decision;
mod order;
mod rule;

pub(crate) use context::{Context, ResolvedFaults};
pub(crate) use decision::{Closing, Decision};
pub(crate) use order::{decide, filters};
pub(crate) use rule::{Rule, Stage};

haltline_protocol::registry! {
    /// The rules in their order. The first that does not pass an event decides.
    pub(crate) static RULES: Rule = {
        resolved => Resolved,
        due => Due,
        audit_skip => AuditSkip,
        known_pattern => KnownPattern,
    }
}
