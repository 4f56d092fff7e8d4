//! Each way in which a file system can lie is found: that proves the search. Most lies do what a mistake in the queue
//! would do, as a flush that is left out or a move that the journal does not know.

use haltline_lab::Lie;

use crate::history::History;
use crate::random_histories;
use crate::search::{all_short_histories, shrink};

/// Random histories in which a lie has to show.
const ENOUGH: u64 = 40_000;
/// The journal's name in the folder of a drain.
const JOURNAL: &str = "journal";

fn is_found(lie: Lie, shape: fn(u64) -> History) {
    is_found_from(0, lie, shape);
}

/// As [`is_found`], from a seed behind which it is known to show soon.
fn is_found_from(first: u64, lie: Lie, shape: fn(u64) -> History) {
    let failure = random_histories(shape, first, ENOUGH, Some(lie));
    let failure = failure.unwrap_or_else(|| panic!("{lie:?} was not found"));
    println!("{lie:?}: seed {}: {:?}", failure.history.seed, failure.violations);
}

fn is_found_in_short_histories(lie: Lie) {
    let failure = all_short_histories(Some(lie)).err();
    let failure = failure.unwrap_or_else(|| panic!("{lie:?} was not found"));
    println!("{lie:?}: {}", shrink(*failure, Some(lie)));
}

#[test]
fn a_folder_that_is_not_flushed_is_found() {
    is_found_in_short_histories(Lie::FolderUnflushed(|_| true));
}

#[test]
fn a_file_that_is_not_flushed_is_found() {
    is_found_in_short_histories(Lie::FileUnflushed(|_, _| true));
}

#[test]
fn a_rename_that_replaces_is_found() {
    is_found(Lie::RenameReplaces, History::wide);
}

#[test]
fn a_rescue_from_a_live_drain_is_found() {
    is_found(Lie::LockIgnored("lock"), History::wide);
}

#[test]
fn moves_without_a_journal_are_found() {
    is_found_in_short_histories(Lie::WriteChanged(JOURNAL, |_| Vec::new()));
}

#[test]
fn an_acknowledgement_before_the_rows_is_found() {
    is_found_in_short_histories(Lie::WriteChanged(JOURNAL, acknowledged_at_once));
}

/// The lines of a journal, and that the rows which they plan are recorded.
fn acknowledged_at_once(lines: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(lines);
    let planned = text.lines().filter_map(|line| line.strip_prefix("{\"settle\":{\"seq\":")?.split_once(','));
    let last_row = planned.filter_map(|(number, _)| number.parse().ok()).max();
    let acknowledged = |last: u64| format!("{text}{{\"acknowledged\":{last}}}\n").into_bytes();
    last_row.map_or_else(|| lines.to_vec(), acknowledged)
}

#[test]
fn a_claim_that_keeps_the_file_is_found() {
    is_found(Lie::EqualFileKept, History::in_doubt);
}

#[test]
fn a_target_that_is_not_flushed_is_found() {
    is_found(Lie::FolderUnflushed(|name| ["processed", "dead-letter", "quarantine"].contains(&name)), History::wide);
}

#[test]
fn recovery_without_the_settle_lock_is_found() {
    is_found(Lie::LockIgnored("settle.lock"), History::wide);
}

#[test]
fn a_look_before_the_fault_is_shown_is_found() {
    is_found(Lie::StaleNames("in-flight"), History::at_once);
}

#[test]
fn a_torn_line_that_is_continued_is_found() {
    let continued = |lines: &[u8]| lines.strip_prefix(b"\n").unwrap_or(lines).to_vec();
    is_found(Lie::WriteChanged(JOURNAL, continued), History::of_two_crashes);
}

#[test]
fn an_intent_that_is_not_durable_when_the_attempt_begins_is_found() {
    let is_intent =
        |name: &str, written: &[u8]| name == JOURNAL && written.trim_ascii_start().starts_with(b"{\"attempt\"");
    is_found_in_short_histories(Lie::FileUnflushed(is_intent));
}
