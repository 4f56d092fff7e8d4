//! Takes what an attempt of a dead drain left. Nothing is ever started here.

use std::time::Duration;

use haltline_process::{Exit, Limits, end_leftover};
use haltline_protocol::{Assignment, AttemptSlot, Investigation, Usage};
use jiff::Timestamp;

use crate::attempt::{Attempt, STDOUT, later_folders};
use crate::charges::Charges;
use crate::conclusion::{conclude, keep, settle_usage};
use crate::cost::ReportedCost;
use crate::provider::Captured;
use crate::providers::find_provider;
use crate::report_check::{Expected, quoted_reports};
use crate::verdict::last_report;

/// Ends what still runs of an attempt, and takes its report: the checked one, else a complete one from its output.
/// Where several investigators of a chain were asked, the last one that left a report counts.
pub(crate) async fn salvage(assignment: &Assignment, limits: Limits, charges: &Charges) -> Option<Investigation> {
    let mut found = None;
    for asked in all_asked(assignment) {
        let attempt = Attempt::at(&asked.slot.folder);
        end_left_process(&attempt, limits.grace).await;
        let left = read(&asked, limits, charges);
        if let Some(Left { investigation, is_kept: false }) = &left {
            keep(&attempt, investigation);
        }
        found = found.or(left);
    }
    found.map(|left| left.investigation)
}

/// Ends what still runs of an attempt whose drain died.
async fn end_left_process(attempt: &Attempt, grace: Duration) {
    let folder = attempt.folder();
    let Some(swept) = end_leftover(folder, attempt.left_streams(), attempt.process().as_ref(), grace).await else {
        return;
    };
    let folder = folder.display();
    if swept.survivors > 0 {
        tracing::error!(%folder, survivors = swept.survivors, "processes of a dead drain cannot be ended");
    } else {
        tracing::warn!(%folder, ended = swept.killed, "ended what a dead drain left running");
    }
}

/// The report that [`salvage`] would take from what is there now. Nothing is ended, and nothing written.
pub(crate) fn preview_salvage(assignment: &Assignment, limits: Limits, charges: &Charges) -> Option<Investigation> {
    all_asked(assignment).find_map(|asked| read(&asked, limits, charges)).map(|left| left.investigation)
}

/// The assignment as each investigator had it that was asked, the last one first.
fn all_asked(assignment: &Assignment) -> impl Iterator<Item = Assignment> {
    let first = &assignment.slot.folder;
    later_folders(first).into_iter().rev().chain([first.clone()]).map(|folder| {
        let slot = AttemptSlot { folder, ..assignment.slot.clone() };
        Assignment { slot, ..assignment.clone() }
    })
}

/// A report that an attempt left.
struct Left {
    investigation: Investigation,
    /// Whether it had been taken before.
    is_kept: bool,
}

fn read(assignment: &Assignment, limits: Limits, charges: &Charges) -> Option<Left> {
    let attempt = Attempt::at(&assignment.slot.folder);
    let note = attempt.note();
    let nonce = note.as_ref().map(|note| note.nonce.as_str());
    let fault_id = &assignment.event.fault_id;
    if let Some(kept) = attempt.result() {
        // The process could write to the same folder, so the report is checked as if it had printed it. The word is not
        // kept with it: it was there when the report was taken.
        let text = serde_json::to_string(&kept.report).ok()?;
        match (Expected { fault_id, nonce, needs_nonce: false, quoted: &[] }).check(&text) {
            Ok(checked) => {
                return Some(Left { investigation: conclude(assignment, checked, kept.usage), is_kept: true });
            }
            Err(error) => tracing::warn!(%error, "passed over a kept report that is not this fault's"),
        }
    }
    let note = note.as_ref()?;
    let provider = find_provider(&note.provider)?;
    let output = attempt.left_output(limits.output)?;
    let captured =
        Captured { stdout: &output.stdout, stderr: &output.stderr, exit: Exit::Unknown, ended: assignment.slot.begun };
    let reading = provider.read(&captured);
    let quoted = quoted_reports(&assignment.event);
    let expected = Expected { fault_id, nonce, needs_nonce: provider.repeats_nonce(), quoted: &quoted };
    let checked = last_report(&reading, &expected).ok()?;
    let duration = lasted(&attempt, assignment.slot.begun);
    let usage = Usage { provider: note.name.clone(), duration, ..Usage::default() };
    let said: ReportedCost = checked.cost;
    let usage = settle_usage(usage, note.model.as_deref(), reading.tokens, said, provider.is_paid(), charges);
    Some(Left { investigation: conclude(assignment, checked, usage), is_kept: false })
}

/// From the attempt's begin to the last word that was printed; nothing where a clock went back.
fn lasted(attempt: &Attempt, begun: Timestamp) -> Duration {
    let ended = attempt.open(STDOUT).and_then(|file| file.metadata()?.modified()).ok();
    let ended = ended.and_then(|time| Timestamp::try_from(time).ok());
    ended.and_then(|ended| Duration::try_from(ended.duration_since(begun)).ok()).unwrap_or_default()
}
