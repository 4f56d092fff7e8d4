//! Takes what an attempt of a dead drain left. Nothing is ever started here.

use std::time::Duration;

use haltline_protocol::{Assignment, AttemptSlot, Investigation, Usage};
use jiff::Timestamp;

use crate::Charges;
use crate::attempt::{Attempt, STDOUT};
use crate::cost::SaidCost;
use crate::investigate::{conclude, keep, settle_usage};
use crate::lineup::later_folders;
use crate::process::{Limits, end_left_process, left_output};
use crate::provider::{Captured, ExitState};
use crate::providers::find_provider;
use crate::report_check::{Expected, quoted_reports};
use crate::verdict::last_report;

/// Ends what still runs of an attempt, and takes its report: the checked one, else a complete one from its output.
/// Where several investigators of a chain were asked, the last one that left a report counts.
pub(crate) async fn salvage(assignment: &Assignment, limits: Limits, charges: &Charges) -> Option<Investigation> {
    let mut found = None;
    for folder in later_folders(&assignment.slot.folder).into_iter().rev().chain([assignment.slot.folder.clone()]) {
        let slot = AttemptSlot { folder, ..assignment.slot.clone() };
        let left = salvage_one(&Assignment { slot, ..assignment.clone() }, limits, charges).await;
        found = found.or(left);
    }
    found
}

async fn salvage_one(assignment: &Assignment, limits: Limits, charges: &Charges) -> Option<Investigation> {
    let attempt = Attempt::at(&assignment.slot.folder);
    end_left_process(&attempt, attempt.process().as_ref(), limits.grace).await;
    let note = attempt.note();
    let nonce = note.as_ref().map(|note| note.nonce.as_str());
    let fault_id = &assignment.event.fault_id;
    if let Some(kept) = attempt.result() {
        // The process could write to the same folder, so the report is checked as if it had printed it. The word is not
        // kept with it: it was there when the report was taken.
        let text = serde_json::to_string(&kept.report).ok()?;
        match (Expected { fault_id, nonce, needs_nonce: false, quoted: &[] }).check(&text) {
            Ok(checked) => return Some(conclude(assignment, checked, kept.usage)),
            Err(error) => tracing::warn!(%error, "passed over a kept report that is not this fault's"),
        }
    }
    let note = note.as_ref()?;
    let provider = find_provider(&note.provider)?;
    let output = left_output(&attempt, limits.output)?;
    let captured = Captured {
        stdout: &output.stdout,
        stderr: &output.stderr,
        exit: ExitState::Unknown,
        ended: assignment.slot.begun,
    };
    let reading = provider.read(&captured);
    let quoted = quoted_reports(&assignment.event);
    let expected = Expected { fault_id, nonce, needs_nonce: provider.repeats_nonce(), quoted: &quoted };
    let checked = last_report(&reading, &expected).ok()?;
    let duration = lasted(&attempt, assignment.slot.begun);
    let usage = Usage { provider: note.name.clone(), duration, ..Usage::default() };
    let said: SaidCost = checked.cost;
    let usage = settle_usage(usage, note.model.as_deref(), reading.tokens, said, provider.is_paid(), charges);
    let investigation = conclude(assignment, checked, usage);
    keep(&attempt, &investigation);
    Some(investigation)
}

/// From the attempt's begin to the last word that was printed; nothing where a clock went back.
fn lasted(attempt: &Attempt, begun: Timestamp) -> Duration {
    let ended = attempt.open(STDOUT).and_then(|file| file.metadata()?.modified()).ok();
    let ended = ended.and_then(|time| Timestamp::try_from(time).ok());
    ended.and_then(|ended| Duration::try_from(ended.duration_since(begun)).ok()).unwrap_or_default()
}
