//! Manual recovery: the three places where a person steps in, and the one constructor behind them. It pins severity
//! HIGH and `"investigate": false`, so that no drain pays to learn that somebody ran a drain.

use haltline_protocol::{Kind, MANUAL_RECOVERY_INVOKED, Pointers, Severity};
use jiff::Timestamp;

use crate::fault::Row;
use crate::{Emission, EmitError, Snapshot};

/// A feature that a person marks as shipped.
#[derive(Debug, Clone, Default)]
pub struct MarkShipped<'a> {
    /// The feature's number.
    pub feature: &'a str,
    /// The number of its pull request.
    pub pr: Option<&'a str>,
    /// The run; `mark-shipped` where there is none.
    pub run_id: Option<&'a str>,
    /// The plan's slug; `mark-shipped-no-plan` where there is none.
    pub slug: Option<&'a str>,
    /// The plan and the state file.
    pub pointers: Pointers,
}

/// A phase that a person marks as committed.
#[derive(Debug, Clone, Default)]
pub struct MarkPhaseCommitted<'a> {
    /// The phase's number as it was typed.
    pub phase: &'a str,
    /// The run.
    pub run_id: &'a str,
    /// The state's slug; `mark-phase-committed-no-plan` where there is none.
    pub slug: Option<&'a str>,
    /// The state file.
    pub pointers: Pointers,
}

/// The event of a drain that a person started.
///
/// # Errors
/// None in practice: all of it is fixed.
pub fn drain_queue(now: Timestamp) -> Result<Emission, EmitError> {
    manual_recovery(
        "drain-faults",
        "drain-faults-no-plan",
        "drain-faults subcommand invoked (queue)",
        &Pointers::default(),
        now,
    )
}

/// The event of a feature marked as shipped.
///
/// # Errors
/// The feature, the pull request or the run's id is empty, or the row would be too large.
pub fn mark_shipped(site: &MarkShipped<'_>, now: Timestamp) -> Result<Emission, EmitError> {
    if site.feature.is_empty() {
        return Err(EmitError::Empty("feature"));
    }
    if site.pr == Some("") {
        return Err(EmitError::Empty("pr"));
    }
    let pull_request = site.pr.map(|number| format!(" (PR #{number})")).unwrap_or_default();
    manual_recovery(
        site.run_id.unwrap_or("mark-shipped"),
        site.slug.unwrap_or("mark-shipped-no-plan"),
        &format!("mark-shipped subcommand invoked for feature {}{pull_request}", site.feature),
        &site.pointers,
        now,
    )
}

/// The event of a phase marked as committed.
///
/// # Errors
/// The phase or the run's id is empty, or the row would be too large.
pub fn mark_phase_committed(site: &MarkPhaseCommitted<'_>, now: Timestamp) -> Result<Emission, EmitError> {
    if site.phase.is_empty() {
        return Err(EmitError::Empty("phase"));
    }
    manual_recovery(
        site.run_id,
        site.slug.unwrap_or("mark-phase-committed-no-plan"),
        &format!("--mark-phase-committed invoked for phase {}", site.phase),
        &site.pointers,
        now,
    )
}

/// The only place that makes an event of an audit kind. The snapshot names no phase and no feature: earlier releases
/// computed the id so.
fn manual_recovery(
    run_id: &str,
    state_slug: &str,
    message: &str,
    pointers: &Pointers,
    now: Timestamp,
) -> Result<Emission, EmitError> {
    let row = Row {
        kind: &Kind::new(MANUAL_RECOVERY_INVOKED),
        severity: Severity::High,
        run_id,
        state_slug,
        message,
        investigate: false,
        pointers,
        snapshot: &Snapshot::default(),
    };
    Emission::seal(&row.document(now)?, now)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(emission: &Emission, run_id: &str, slug: &str, message: &str, hash: &str) {
        let event = emission.event();
        assert!(event.is_audit_only());
        assert_eq!(event.kind.as_str(), "MANUAL_RECOVERY_INVOKED");
        assert_eq!(event.severity_text, "HIGH");
        assert_eq!((event.run_id.as_str(), event.state_slug.as_str()), (run_id, slug));
        assert_eq!(event.message, message);
        assert_eq!(event.fault_id.as_str(), format!("MANUAL_RECOVERY_INVOKED:all:{hash}"));
        assert!(str::from_utf8(emission.row()).unwrap().contains("\n  \"investigate\": false,\n"));
    }

    #[test]
    fn all_three_sites_make_what_the_contract_pins() {
        let now = Timestamp::UNIX_EPOCH;
        check(
            &drain_queue(now).unwrap(),
            "drain-faults",
            "drain-faults-no-plan",
            "drain-faults subcommand invoked (queue)",
            "276ba8b1",
        );
        check(
            &mark_shipped(&MarkShipped { feature: "3", pr: Some("42"), ..MarkShipped::default() }, now).unwrap(),
            "mark-shipped",
            "mark-shipped-no-plan",
            "mark-shipped subcommand invoked for feature 3 (PR #42)",
            "6d6e6a14",
        );
        let site = MarkPhaseCommitted { phase: "2.1", run_id: "r", slug: Some("s"), ..MarkPhaseCommitted::default() };
        let message = "--mark-phase-committed invoked for phase 2.1";
        check(&mark_phase_committed(&site, now).unwrap(), "r", "s", message, "e0792c37");
        let site = MarkPhaseCommitted { slug: None, ..site };
        let slug = "mark-phase-committed-no-plan";
        check(&mark_phase_committed(&site, now).unwrap(), "r", slug, message, "e0792c37");
    }

    #[test]
    fn the_plan_and_the_run_of_a_shipped_feature_are_kept() {
        let pointers = Pointers { living_plan: "/p/plan.md".into(), ..Pointers::default() };
        let site = MarkShipped { feature: "3", pr: None, run_id: Some("r"), slug: Some("plan"), pointers };
        let emission = mark_shipped(&site, Timestamp::UNIX_EPOCH).unwrap();
        let event = emission.event();
        assert_eq!(event.message, "mark-shipped subcommand invoked for feature 3");
        assert_eq!((event.run_id.as_str(), event.state_slug.as_str()), ("r", "plan"));
        assert_eq!(event.pointers.living_plan, "/p/plan.md");
    }

    #[test]
    fn an_empty_argument_is_wrong_usage() {
        let now = Timestamp::UNIX_EPOCH;
        assert!(mark_shipped(&MarkShipped::default(), now).unwrap_err().is_usage());
        let site = MarkPhaseCommitted { phase: "1", ..MarkPhaseCommitted::default() };
        assert!(matches!(mark_phase_committed(&site, now), Err(EmitError::Empty("runId"))));
        let site = MarkPhaseCommitted { run_id: "r", ..MarkPhaseCommitted::default() };
        assert!(matches!(mark_phase_committed(&site, now), Err(EmitError::Empty("phase"))));
    }
}
