//! Each known mistake is found: that proves the search.

use haltline_files::Mutant;

use crate::history::History;
use crate::random_histories;
use crate::search::{all_short_histories, shrink};

/// Random histories in which a mistake has to show.
const ENOUGH: u64 = 40_000;

fn is_found(mutant: Mutant, shape: fn(u64) -> History) {
    is_found_from(0, mutant, shape);
}

/// As [`is_found`], from a seed behind which it is known to show soon.
fn is_found_from(first: u64, mutant: Mutant, shape: fn(u64) -> History) {
    let failure = random_histories(shape, first, ENOUGH, Some(mutant));
    let failure = failure.unwrap_or_else(|| panic!("{} was not found", mutant.name()));
    println!("{}: seed {}: {:?}", mutant.name(), failure.history.seed, failure.violations);
}

fn is_found_in_short_histories(mutant: Mutant) {
    let failure = all_short_histories(Some(mutant)).err();
    let failure = failure.unwrap_or_else(|| panic!("{} was not found", mutant.name()));
    println!("{}: {}", mutant.name(), shrink(*failure, Some(mutant)));
}

#[test]
fn a_folder_that_is_not_flushed_is_found() {
    is_found_in_short_histories(Mutant::DropDirFsync);
}

#[test]
fn a_file_that_is_not_flushed_is_found() {
    is_found_in_short_histories(Mutant::DropFileFsync);
}

#[test]
fn a_rename_that_replaces_is_found() {
    is_found(Mutant::PlainRename, History::wide);
}

#[test]
fn a_rescue_from_a_live_drain_is_found() {
    is_found(Mutant::AgeBasedRescue, History::wide);
}

#[test]
fn moves_without_a_journal_are_found() {
    is_found_in_short_histories(Mutant::NoJournal);
}

#[test]
fn an_acknowledgement_before_the_rows_is_found() {
    is_found_in_short_histories(Mutant::AckBeforeRows);
}

#[test]
fn a_claim_that_keeps_the_file_is_found() {
    is_found_from(10_400, Mutant::ClaimWithoutRenew, History::in_doubt);
}

#[test]
fn a_target_that_is_not_flushed_is_found() {
    is_found(Mutant::TargetUnsynced, History::wide);
}

#[test]
fn recovery_without_the_settle_lock_is_found() {
    is_found(Mutant::RecoveryWithoutSettleLock, History::wide);
}

#[test]
fn a_look_before_the_fault_is_shown_is_found() {
    is_found(Mutant::LookBeforeShown, History::at_once);
}

#[test]
fn numbers_that_begin_anew_are_found() {
    is_found(Mutant::ReusedNumbers, History::wide);
}

#[test]
fn a_torn_line_that_is_continued_is_found() {
    is_found(Mutant::TornLineContinued, History::of_two_crashes);
}

#[test]
fn an_intent_that_is_not_durable_when_the_attempt_begins_is_found() {
    is_found_in_short_histories(Mutant::IntentAfterSpawn);
}
