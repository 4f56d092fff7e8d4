//! What becomes of a checked report: its evidence is looked up, its cost is settled, and it is put on disk.

use haltline_protocol::{Assignment, FitReport, Investigation, Usage};

use crate::attempt::Attempt;
use crate::charges::Charges;
use crate::citations::verify;
use crate::cost::{ModelTokens, ReportedCost, add_tokens};
use crate::report_check::Checked;

/// Completes a usage: tokens, model and cost. `model` is the one that was asked for.
pub(crate) fn settle_usage(
    mut usage: Usage,
    model: Option<&str>,
    mut tokens: Vec<ModelTokens>,
    said: ReportedCost,
    was_billed: bool,
    charges: &Charges,
) -> Usage {
    usage.model = model.map(str::to_owned);
    for used in &mut tokens {
        used.model = used.model.take().or_else(|| usage.model.clone());
    }
    add_tokens(&mut usage, &tokens);
    usage.cost = charges.charge(said, &tokens, was_billed);
    usage
}

/// Looks the report's evidence up, makes the report fit to be shown, and puts what it took beside it.
pub(crate) fn conclude(assignment: &Assignment, checked: Checked, usage: Usage) -> Investigation {
    let mut report = checked.report;
    let mut citations = verify(&mut report, &assignment.event);
    citations.truncate(FitReport::EVIDENCE_ENTRIES);
    Investigation { report: report.into(), usage, citations }
}

/// Puts a checked report on disk before anybody hears of it. Where that fails the report still counts: what was
/// printed is on disk too, and a later drain can take it from there.
pub(crate) fn keep(attempt: &Attempt, investigation: &Investigation) {
    if let Err(error) = attempt.write_result(investigation) {
        tracing::warn!(error, "a report could not be kept beside what was printed");
    }
}
