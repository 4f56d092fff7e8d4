//! Ways through the histories: all of the short ones, and from a failure to a shorter one.

use std::fmt;
use std::num::NonZero;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use haltline_lab::{Fault, Lie};

use crate::check;
use crate::history::{Emission, Emitter, History, Phase};
use crate::machine::fault_at;

/// A history after which something does not hold.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) history: History,
    pub(crate) violations: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "seed {}: {:#?}", self.history.seed, self.violations)?;
        writeln!(formatter, "in this history: {:#?}", self.history)
    }
}

/// What one process does in a short history.
const OPERATIONS: [fn() -> Phase; 5] = [
    || emit(Emitter::of(Emission::Fault(0))),
    || emit(Emitter::of(Emission::Audit)),
    || emit(Emitter::of(Emission::Resolved)),
    || emit(Emitter::of_a_batch(&[Emission::Audit, Emission::Fault(0)])),
    || Phase { drains: 1, time_passes: true, ..Phase::default() },
];

fn emit(emitter: Emitter) -> Phase {
    Phase { emitters: vec![emitter], ..Phase::default() }
}

/// Runs every sequence of up to three operations, with a kill or a power cut at every step of every operation. Power
/// cuts are tried with several choices of what they keep. Returns how many histories there were.
pub(crate) fn all_short_histories(lie: Option<Lie>) -> Result<u64, Box<Failure>> {
    let mut sequences: Vec<Vec<Phase>> = Vec::new();
    for first in OPERATIONS {
        sequences.push(vec![first()]);
        for second in OPERATIONS {
            sequences.push(vec![first(), second()]);
            sequences.extend(OPERATIONS.map(|third| vec![first(), second(), third()]));
        }
    }
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(None);
    let workers = std::thread::available_parallelism().map_or(1, NonZero::get);
    let work = || {
        let mut count = 0;
        while let Some(phases) = sequences.get(next.fetch_add(1, Ordering::Relaxed)) {
            match crash_everywhere(phases, lie) {
                Ok(tried) => count += tried,
                Err(failure) => {
                    next.store(sequences.len(), Ordering::Relaxed);
                    *failed.lock().expect("no worker panics") = Some(failure);
                }
            }
        }
        count
    };
    let counts: u64 = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|thread| thread.join().expect("a history panicked")).sum()
    });
    match failed.into_inner().expect("no worker panics") {
        Some(failure) => Err(failure),
        None => Ok(counts),
    }
}

fn crash_everywhere(phases: &[Phase], lie: Option<Lie>) -> Result<u64, Box<Failure>> {
    let run = |seed: u64, phases: Vec<Phase>| {
        let history = History { seed, switches_one_in: 1, phases };
        check::run(&history, lie).map_err(|violations| Box::new(Failure { history, violations }))
    };
    let mut count = 1;
    let steps = run(0, phases.to_vec())?;
    for (place, steps) in steps.into_iter().enumerate() {
        for step in 1..=steps {
            for fault in [Fault::Kill, Fault::PowerCut] {
                let mut phases = phases.to_vec();
                phases[place].faults = fault_at(step, fault);
                run(step, phases)?;
                count += 1;
            }
        }
    }
    Ok(count)
}

/// A history with the same seed that has less in it and still fails.
pub(crate) fn shrink(mut failure: Failure, lie: Option<Lie>) -> Failure {
    while let Some(smaller) = smaller_histories(&failure.history)
        .into_iter()
        .find_map(|history| Some(Failure { violations: check::run(&history, lie).err()?, history }))
    {
        failure = smaller;
    }
    failure
}

fn smaller_histories(history: &History) -> Vec<History> {
    let mut smaller = Vec::new();
    for place in 0..history.phases.len() {
        let mut with = |change: &dyn Fn(&mut Vec<Phase>)| {
            let mut history = history.clone();
            change(&mut history.phases);
            smaller.push(history);
        };
        with(&|phases| drop(phases.remove(place)));
        let phase = &history.phases[place];
        for emitter in 0..phase.emitters.len() {
            with(&|phases| drop(phases[place].emitters.remove(emitter)));
            if phase.emitters[emitter].emissions.len() > 1 {
                with(&|phases| phases[place].emitters[emitter].emissions.truncate(1));
            }
        }
        if phase.by_hand > 0 {
            with(&|phases| phases[place].by_hand -= 1);
        }
        if phase.drains > 0 {
            with(&|phases| phases[place].drains -= 1);
        }
        for step in phase.faults.keys() {
            with(&|phases| phases[place].faults.retain(|at, _| at != step));
        }
        if phase.power_cut {
            with(&|phases| phases[place].power_cut = false);
        }
        if phase.time_passes {
            with(&|phases| phases[place].time_passes = false);
        }
    }
    smaller
}
