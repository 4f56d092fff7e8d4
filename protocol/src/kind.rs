//! What kind of halt an event tells of. The set is open: an unknown kind is a fault like any other.

use crate::Severity;

/// The audit kind that the recovery commands emit.
pub const MANUAL_RECOVERY_INVOKED: &str = "MANUAL_RECOVERY_INVOKED";

/// The kinds that may be audit only: the one that is emitted, and its later name.
pub const AUDIT_KINDS: [&str; 2] = [MANUAL_RECOVERY_INVOKED, "RECOVERY_BOUNDARY"];

const KNOWN: [(&str, Severity); 19] = [
    ("PHASE_FAILED", Severity::Critical),
    ("FEATURE_FAILED", Severity::Critical),
    ("RETRY_CAP_HIT", Severity::High),
    (MANUAL_RECOVERY_INVOKED, Severity::High),
    ("RECOVERY_BOUNDARY", Severity::High),
    ("SILENT_STATE_MUTATION", Severity::High),
    ("STALL_KILLED", Severity::High),
    ("PROVIDER_TIMEOUT", Severity::High),
    ("PROVIDER_QUOTA_EXHAUSTED", Severity::High),
    ("PROVIDER_OVERLOADED", Severity::High),
    ("PROVIDER_TRANSPORT_ERROR", Severity::High),
    ("PROVIDER_AUTH_REQUIRED", Severity::High),
    ("HYGIENE_FAIL", Severity::High),
    ("RED_GATE_ZERO_TESTS_COLLECTED", Severity::High),
    ("RED_SPEC_EXHAUSTED", Severity::High),
    ("PHASE_REWIND", Severity::Medium),
    ("DUAL_IMPL_SWAP", Severity::Medium),
    ("SOFT_HALT_ERROR", Severity::Medium),
    ("SOFT_HALT_WARN", Severity::Low),
];

/// The kind of a halt event.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Kind(Box<str>);

impl Kind {
    /// Takes the kind as it stands in the event.
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// The kind as it stands in the event.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether an event of this kind may be audit only.
    pub fn is_audit(&self) -> bool {
        AUDIT_KINDS.contains(&self.as_str())
    }

    /// Whether the event tells of the model's provider, so that all of one run share a cause.
    pub fn is_provider(&self) -> bool {
        self.0.starts_with("PROVIDER_")
    }

    /// The severity of a known kind; none for an unknown one, whose emitter has to say it.
    pub fn default_severity(&self) -> Option<Severity> {
        KNOWN.iter().find(|(name, _)| *name == self.as_str()).map(|(_, severity)| *severity)
    }

    /// The kinds that haltline knows, in the order of their severity.
    pub fn known() -> impl Iterator<Item = &'static str> {
        KNOWN.iter().map(|(name, _)| *name)
    }
}
