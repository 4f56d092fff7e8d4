//! Takes what an attempt of a dead drain left. Nothing is ever started here.

use std::time::Duration;

use haltline_protocol::{Assignment, Investigation, Usage};
use jiff::Timestamp;

use crate::attempt::{Attempt, STDOUT};
use crate::investigate::keep;
use crate::process::{Limits, end_left_process, left_output};
use crate::provider::{Captured, ExitState};
use crate::providers::find_provider;
use crate::report_check::Expected;
use crate::verdict::last_report;

/// Ends what still runs of an attempt, and takes its report: the checked one, else a complete one from its output.
pub(crate) async fn salvage(assignment: &Assignment, limits: Limits) -> Option<Investigation> {
    let attempt = Attempt::at(&assignment.slot.folder);
    end_left_process(&attempt, attempt.process().as_ref(), limits.grace).await;
    let note = attempt.note();
    let nonce = note.as_ref().map(|note| note.nonce.as_str());
    let expected = Expected { fault_id: &assignment.event.fault_id, nonce };
    if let Some(kept) = attempt.result() {
        // The process could write to the same folder, so the report is checked as if it had printed it.
        let text = serde_json::to_string(&kept.report).ok()?;
        match expected.check(&text) {
            Ok(_) => return Some(kept),
            Err(error) => tracing::warn!(%error, "passed over a kept report that is not this fault's"),
        }
    }
    let note = note.as_ref()?;
    let provider = find_provider(&note.provider)?;
    let output = left_output(&attempt, limits.output)?;
    let reading = provider.read(&Captured { stdout: &output.stdout, stderr: &output.stderr, exit: ExitState::Unknown });
    let checked = last_report(&reading, &expected).ok()?;
    let usage = Usage {
        provider: note.name.clone(),
        model: reading.usage.model.clone().or_else(|| note.model.clone()),
        cost: checked.cost,
        duration: lasted(&attempt, assignment.slot.begun),
        ..reading.usage
    };
    let investigation = Investigation { report: checked.report, usage };
    keep(&attempt, &investigation);
    Some(investigation)
}

/// From the attempt's begin to the last word that was printed; nothing where a clock went back.
fn lasted(attempt: &Attempt, begun: Timestamp) -> Duration {
    let ended = attempt.open(STDOUT).and_then(|file| file.metadata()?.modified()).ok();
    let ended = ended.and_then(|time| Timestamp::try_from(time).ok());
    ended.and_then(|ended| Duration::try_from(ended.duration_since(begun)).ok()).unwrap_or_default()
}
