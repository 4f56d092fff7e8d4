//! The kinds that anybody may emit: all but the audit kinds.

use std::str::FromStr;

use haltline_protocol::Kind;

use crate::EmitError;

/// The kind of a fault. It is never an audit kind: those come from [`crate::drain_queue`], [`crate::mark_shipped`]
/// and [`crate::mark_phase_committed`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultKind(Kind);

impl FaultKind {
    /// The kind as an event has it.
    pub fn kind(&self) -> &Kind {
        &self.0
    }
}

impl FromStr for FaultKind {
    type Err = EmitError;

    fn from_str(text: &str) -> Result<Self, EmitError> {
        let kind = Kind::new(text);
        if text.is_empty() {
            return Err(EmitError::Empty("kind"));
        }
        if kind.is_audit() {
            return Err(EmitError::AuditKind(text.to_owned()));
        }
        if text.chars().any(char::is_control) {
            return Err(EmitError::ControlInKind(text.to_owned()));
        }
        Ok(Self(kind))
    }
}

#[cfg(test)]
mod tests {
    use haltline_protocol::AUDIT_KINDS;

    use super::*;

    #[test]
    fn an_audit_kind_is_refused_as_wrong_usage() {
        for text in AUDIT_KINDS {
            let error = text.parse::<FaultKind>().unwrap_err();
            assert!(matches!(&error, EmitError::AuditKind(kind) if kind == text));
            assert!(error.is_usage());
        }
    }

    #[test]
    fn the_set_is_open_but_for_what_breaks_a_line() {
        assert_eq!("MY_OWN_KIND".parse::<FaultKind>().unwrap().kind().as_str(), "MY_OWN_KIND");
        assert!("".parse::<FaultKind>().is_err());
        assert!("PHASE_FAILED\nx".parse::<FaultKind>().is_err());
    }
}
