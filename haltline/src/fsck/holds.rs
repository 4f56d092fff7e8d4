//! What dead drains left, and what the next drain makes of it.

use haltline_files::FileError;
use haltline_protocol::Layout;
use haltline_spool::{HoldState, hold_states, remains};

use super::Findings;
use crate::folders::Advice;
use crate::output::visible;

const NEXT: &str = "nothing: the next `haltline drain-faults --queue` does it";

pub(super) fn look(layout: &Layout, findings: &mut Findings) -> Result<(), FileError> {
    // What a live drain has is on its way.
    for hold in hold_states(layout)?.into_iter().filter(|hold| !hold.is_live) {
        let path = layout.in_flight().join(&hold.drain_id);
        let path = visible(&path.display().to_string());
        if hold.unreadable > 0 {
            findings.problems.push(Advice::new(
                format!("{path}: a dead drain holds {} files that cannot be read", hold.unreadable),
                "check who owns them, their permissions, and the disk; until then they stay held",
            ));
        }
        findings.hints.push(Advice::new(format!("{path}: left by a dead drain: {}", plan(&hold)), NEXT));
    }
    for remains in remains(layout)?.into_iter().filter(|remains| !remains.is_busy) {
        let path = layout.in_flight().join(&remains.name);
        let what = "left by a drain that was killed as it began or ended, and holds nothing";
        findings.hints.push(Advice::new(format!("{}: {what}", visible(&path.display().to_string())), NEXT));
    }
    Ok(())
}

/// What the next drain makes of a hold.
fn plan(hold: &HoldState) -> String {
    let mut parts = Vec::new();
    let mut some = |count: u64, what: &str| {
        if count > 0 {
            parts.push(format!("{count} {what}"));
        }
    };
    some(hold.put_back, "events wait again, as they were");
    for attempt in &hold.attempts {
        let (number, seq) = (attempt.number, attempt.seq);
        let end = if attempt.has_result {
            "its report is complete, and is filed unpaid"
        } else {
            "what it printed is looked at for a report, and else it counts as interrupted"
        };
        some(attempt.events, &format!("events of attempt {number} (attempts/{seq}): {end}"));
    }
    some(hold.damaged, "files that are no readable events go into quarantine");
    some(hold.rows_due, "rows of moves that were made are recorded");
    some(hold.moves_forgotten, "moves that were planned and not made are forgotten");
    some(hold.torn_lines, "torn lines of the journal are passed over");
    if parts.is_empty() { "the folder is removed".to_owned() } else { parts.join("; ") }
}
