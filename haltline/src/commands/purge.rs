//! `haltline purge`: takes away what is settled and old. Without `--yes` it only tells what would go.

use haltline_protocol::{Control, ControlError, Layout, PurgeTally};
use jiff::Timestamp;
use serde::Serialize;

use super::by_hand::control_exit;
use crate::cli::Purge;
use crate::exit::Exit;
use crate::output::{self, age, line};
use crate::queue;

/// What went, or would go.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Purged {
    /// Only told; nothing was changed.
    dry_run: bool,
    /// What has not changed since then.
    #[serde(serialize_with = "output::millis")]
    before: Timestamp,
    processed: Tally,
    reports: Tally,
    dead_letter: Tally,
    quarantine: Tally,
    /// Old files that stay: their fault waits or is in flight.
    still_needed: u64,
    /// Old files that stay: what became of them may not be recorded.
    unrecorded: u64,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct Tally {
    count: u64,
    bytes: u64,
    #[serde(serialize_with = "output::maybe_millis")]
    oldest: Option<Timestamp>,
    #[serde(serialize_with = "output::maybe_millis")]
    newest: Option<Timestamp>,
}

impl From<PurgeTally> for Tally {
    fn from(PurgeTally { count, bytes, oldest, newest }: PurgeTally) -> Self {
        Self { count, bytes, oldest, newest }
    }
}

pub(crate) fn run(layout: &Layout, args: &Purge) -> Exit {
    let now = Timestamp::now();
    // More than there is time for: nothing is that old.
    let before = now.checked_sub(args.older_than).unwrap_or(Timestamp::MIN);
    match purge(layout, before, args.yes) {
        Ok(purge) => {
            let purged = Purged {
                dry_run: !args.yes,
                before,
                processed: purge.processed.into(),
                reports: purge.reports.into(),
                dead_letter: purge.dead_letter.into(),
                quarantine: purge.quarantine.into(),
                still_needed: purge.still_needed,
                unrecorded: purge.unrecorded,
            };
            if args.json {
                output::json(&purged);
            } else {
                purged.print(now);
            }
            Exit::Done
        }
        Err(error) => {
            output::error(&error);
            control_exit(&error)
        }
    }
}

fn purge(layout: &Layout, before: Timestamp, yes: bool) -> Result<haltline_protocol::Purge, ControlError> {
    let control = queue::control(layout);
    let found = control.find_purgeable(before)?;
    if !yes || found.is_empty {
        return Ok(found);
    }
    control.purge(before)
}

impl Purged {
    fn print(&self, now: Timestamp) {
        let would = if self.dry_run { "would go" } else { "gone" };
        for (tally, what) in [
            (self.processed, "settled events and markers"),
            (self.reports, "files of reports"),
            (self.dead_letter, "events that were given up on"),
            (self.quarantine, "files in quarantine, with their reasons"),
        ] {
            let ages = match (tally.oldest, tally.newest) {
                (Some(oldest), Some(newest)) => {
                    let age = |time| age(now.duration_since(time));
                    format!(", unchanged for {} to {}", age(newest), age(oldest))
                }
                _ => String::new(),
            };
            line(format!("{:>7} {would}: {what}, {} bytes{ages}", tally.count, tally.bytes));
        }
        if self.still_needed > 0 {
            line(format!("{:>7} stay: their fault waits or is in flight", self.still_needed));
        }
        if self.unrecorded > 0 {
            line(format!("{:>7} stay: what became of them may not be recorded; drain first", self.unrecorded));
        }
        if self.dry_run {
            line("Nothing was changed; `--yes` does it.");
        }
    }
}
