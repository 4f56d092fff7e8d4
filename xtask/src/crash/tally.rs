//! What many histories came to, and how they are run side by side.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use anyhow::Result;

use super::case::Case;

/// The most violations that are printed of a layer: the first tell the bug.
const MOST_VIOLATIONS: usize = 10;

/// What some histories came to.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) histories: u64,
    /// Faults that did happen: kills, errors, power cuts.
    pub(super) faults: u64,
    pub(super) violations: Vec<String>,
}

/// What came of a layer.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It ran.
    Ran(Tally),
    /// It cannot run here, and why.
    Skipped(String),
}

impl Tally {
    /// One history: the faults in it, and what its case found wrong. `point` is what brings it back.
    pub(super) fn of(case: Case, faults: u64, point: &str, keep: bool) -> Self {
        let steps = case.history.steps.join("; ");
        let violations = case.violations.iter().map(|violation| format!("{point}: {violation}\n    after {steps}"));
        let violations: Vec<_> = violations.collect();
        if keep && !violations.is_empty() {
            case.keep();
        }
        Self { histories: 1, faults, violations }
    }

    fn add(&mut self, other: Self) {
        self.histories += other.histories;
        self.faults += other.faults;
        self.violations.extend(other.violations);
    }
}

/// Runs numbered histories, as many at a time as there are workers, from `first` on until enough faults happened or
/// there are more violations than anybody reads.
///
/// # Errors
/// The harness itself failed.
pub(super) fn run_side_by_side(
    workers: usize,
    first: u64,
    is_enough: impl Fn(&Tally) -> bool + Sync,
    history: impl Fn(u64) -> Result<Tally> + Sync,
) -> Result<Tally> {
    let tally = Mutex::new(Tally::default());
    let next = AtomicU64::new(first);
    let work = || -> Result<()> {
        loop {
            {
                let tally = tally.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                if is_enough(&tally) || tally.violations.len() >= MOST_VIOLATIONS {
                    return Ok(());
                }
            }
            let found = history(next.fetch_add(1, Ordering::Relaxed))?;
            tally.lock().unwrap_or_else(std::sync::PoisonError::into_inner).add(found);
        }
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|thread| match thread.join() {
            Ok(ended) => ended,
            Err(panic) => std::panic::resume_unwind(panic),
        })
    })?;
    Ok(tally.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner))
}
