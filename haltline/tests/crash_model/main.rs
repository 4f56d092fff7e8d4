//! Drains and emitters on a machine in memory that kills them and loses power at any call of the file system. After
//! each history nothing may be lost, and nothing may have happened twice.
//!
//! `HALTLINE_MODEL_HISTORIES` says how many random histories are tried, `HALTLINE_MODEL_SEED` which is the first.

#![expect(clippy::print_stdout, reason = "the tests say how many histories were tried, and what was found")]

mod actors;
mod by_hand;
mod check;
mod history;
mod ledger;
mod machine;
mod mutants;
mod phase;
mod search;

use std::num::NonZero;
use std::sync::atomic::{AtomicU64, Ordering};

use haltline_lab::Lie;

use crate::history::History;
use crate::search::{Failure, shrink};

/// Random histories where nothing else is asked for: some seconds.
const HISTORIES: u64 = 1000;

#[test]
fn every_short_history_loses_nothing_and_does_nothing_twice_wherever_it_crashes() {
    let counts = search::all_short_histories(None).unwrap_or_else(|failure| panic!("{failure}"));
    println!("{counts} short histories, each with a crash at another step");
    assert!(counts > 1000, "only {counts} were tried");
}

#[test]
fn random_histories_lose_nothing_and_do_nothing_twice() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let first = number("HALTLINE_MODEL_SEED").unwrap_or(0);
    let count = number("HALTLINE_MODEL_HISTORIES").unwrap_or(HISTORIES);
    if let Some(failure) = random_histories(History::random, first, count, None) {
        panic!("{}", shrink(failure, None));
    }
    println!("{count} random histories from seed {first}");
}

/// Tries seeds on all processors; the first failure.
fn random_histories(shape: fn(u64) -> History, first: u64, count: u64, lie: Option<Lie>) -> Option<Failure> {
    let next = AtomicU64::new(first);
    let workers = std::thread::available_parallelism().map_or(1, NonZero::get);
    let work = || loop {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= first + count {
            return None;
        }
        let history = shape(seed);
        if let Err(violations) = check::run(&history, lie) {
            next.store(first + count, Ordering::Relaxed);
            return Some(Failure { history, violations });
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        threads.into_iter().find_map(|thread| thread.join().expect("a history panicked"))
    })
}
