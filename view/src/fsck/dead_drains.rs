//! What dead drains left, and what the next drain makes of it.

use haltline_protocol::{Left, Survey};

use crate::advice::Advice;
use crate::error::ViewError;
use crate::text::visible;

const NEXT: &str = "nothing: the next `haltline drain-faults --queue` does it";

/// Adds what was found to the problems and the hints.
pub(super) fn look(survey: &dyn Survey, problems: &mut Vec<Advice>, hints: &mut Vec<Advice>) -> Result<(), ViewError> {
    for drain in survey.leftovers()? {
        let place = visible(&drain.place);
        let Some(left) = &drain.left else {
            let what = "left by a drain that was killed as it began or ended, and holds nothing";
            hints.push(Advice::new(format!("{place}: {what}"), NEXT));
            continue;
        };
        if left.unreadable > 0 {
            problems.push(Advice::new(
                format!("{place}: a dead drain holds {} files that cannot be read", left.unreadable),
                "check who owns them, their permissions, and the disk; until then they stay held",
            ));
        }
        hints.push(Advice::new(format!("{place}: left by a dead drain: {}", plan(left)), NEXT));
    }
    Ok(())
}

/// What the next drain makes of a left.
fn plan(left: &Left) -> String {
    let mut parts = Vec::new();
    let mut some = |count: u64, what: &str| {
        if count > 0 {
            parts.push(format!("{count} {what}"));
        }
    };
    some(left.put_back, "events wait again, as they were");
    for attempt in &left.attempts {
        let (number, seq) = (attempt.number, attempt.seq);
        let end = if attempt.has_result {
            "its report is complete, and is filed unpaid"
        } else {
            "what it printed is looked at for a report, and else it counts as interrupted"
        };
        some(attempt.events, &format!("events of attempt {number} (attempts/{seq}): {end}"));
    }
    some(left.damaged, "files that are no readable events go into quarantine");
    some(left.rows_due, "rows of moves that were made are recorded");
    some(left.moves_forgotten, "moves that were planned and not made are forgotten");
    some(left.torn_lines, "torn lines of the journal are passed over");
    if parts.is_empty() { "the folder is removed".to_owned() } else { parts.join("; ") }
}
