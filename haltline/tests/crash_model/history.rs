//! What happens in a history: phases of processes that run at once, with faults at some of their steps.

use std::collections::BTreeMap;

use haltline_lab::{Chance, Fault};
use rustix::io::Errno;

/// What an emitter puts into the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Emission {
    /// A fault, one of two.
    Fault(u8),
    /// An event for the audit only.
    Audit,
    /// The first fault went away.
    Resolved,
}

/// A process that puts events into the queue.
#[derive(Debug, Clone)]
pub(crate) struct Emitter {
    pub(crate) emissions: Vec<Emission>,
    /// All in one batch, not one after the other.
    pub(crate) at_once: bool,
}

/// Processes that run at once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Phase {
    pub(crate) emitters: Vec<Emitter>,
    pub(crate) drains: usize,
    /// How many ask about the first fault by hand.
    pub(crate) by_hand: usize,
    /// How the investigators fare: all well, or as chance has it.
    pub(crate) all_well: bool,
    pub(crate) faults: BTreeMap<u64, Fault>,
    /// The power is cut when all have ended.
    pub(crate) power_cut: bool,
    /// Waits are over when all have ended.
    pub(crate) time_passes: bool,
}

/// A history from an empty machine on.
#[derive(Debug, Clone)]
pub(crate) struct History {
    pub(crate) seed: u64,
    pub(crate) switches_one_in: usize,
    pub(crate) phases: Vec<Phase>,
}

impl History {
    /// The history of any shape that a seed stands for.
    pub(crate) fn random(seed: u64) -> Self {
        match Chance::new(seed).below(6) {
            0 | 1 => Self::wide(seed),
            2 => Self::deep(seed),
            3 => Self::of_two_crashes(seed),
            4 => Self::at_once(seed),
            _ => Self::in_doubt(seed),
        }
    }

    /// Many processes at once.
    pub(crate) fn wide(seed: u64) -> Self {
        Self::of(seed, |chance| (0..=chance.below(3)).map(|_| Phase::random(chance)).collect())
    }

    /// A crash in each of many drains.
    pub(crate) fn deep(seed: u64) -> Self {
        Self::of(seed, |chance| (0..2 + chance.below(4)).map(|_| Phase::with_a_crash(chance)).collect())
    }

    /// One event, and two drains in turn that are killed.
    pub(crate) fn of_two_crashes(seed: u64) -> Self {
        Self::of(seed, |chance| {
            let emitted = Phase { emitters: vec![Emitter::of(Emission::Fault(0))], ..Phase::default() };
            let mut killed = || {
                let faults = BTreeMap::from([(20 + chance.below(60) as u64, Fault::Kill)]);
                Phase { drains: 1, all_well: true, faults, ..Phase::default() }
            };
            vec![emitted, killed(), killed()]
        })
    }

    /// Two drains of which one may have seen that the fault went away, and one is killed.
    pub(crate) fn in_doubt(seed: u64) -> Self {
        Self::of(seed, |chance| {
            let emitted = Phase { emitters: vec![Emitter::of(Emission::Fault(0))], ..Phase::default() };
            vec![emitted, Phase::in_doubt(chance)]
        })
    }

    /// Drains and people who want the same fault at once, which may have one more occurrence by then.
    pub(crate) fn at_once(seed: u64) -> Self {
        Self::of(seed, |chance| {
            let emitted = Phase { emitters: vec![Emitter::of(Emission::Fault(0))], ..Phase::default() };
            vec![emitted, Phase::at_once(chance), Phase::at_once(chance)]
        })
    }

    fn of(seed: u64, phases: impl FnOnce(&mut Chance) -> Vec<Phase>) -> Self {
        let mut chance = Chance::new(!seed);
        let switches_one_in = [2, 6, 20][chance.below(3)];
        Self { seed, switches_one_in, phases: phases(&mut chance) }
    }

    pub(crate) fn chance(&self) -> Chance {
        Chance::new(self.seed ^ 0x5eed)
    }
}

impl Phase {
    fn random(chance: &mut Chance) -> Self {
        let emitters: Vec<_> = (0..chance.below(5)).map(|_| Emitter::random(chance)).collect();
        let drains = if chance.one_in(12) { 1 + chance.below(8) } else { 1 + chance.below(3) };
        let steps = 12 * emitters.len() + 110 * drains;
        let faults = (0..chance.below(4)).map(|_| (1 + chance.below(steps) as u64, random_fault(chance))).collect();
        let (power_cut, time_passes) = (chance.one_in(4), chance.one_in(2));
        Self { emitters, drains, faults, power_cut, time_passes, ..Self::default() }
    }
}

impl Phase {
    fn with_a_crash(chance: &mut Chance) -> Self {
        let emitters: Vec<_> = (0..chance.below(2)).map(|_| Emitter::of(Emission::random(chance))).collect();
        let drains = 1 + chance.below(2);
        let steps = 12 * emitters.len() + 60 * drains;
        let faults = BTreeMap::from([(1 + chance.below(steps) as u64, random_fault(chance))]);
        let (power_cut, time_passes) = (chance.one_in(8), chance.one_in(2));
        Self { emitters, drains, faults, power_cut, time_passes, ..Self::default() }
    }
}

impl Phase {
    fn at_once(chance: &mut Chance) -> Self {
        let emitters = vec![Emitter::of(Emission::Fault(0)); chance.below(2)];
        let (drains, by_hand) = (chance.below(3), 1 + chance.below(2));
        let step = 1 + chance.below(60 * (drains + by_hand)) as u64;
        let faults = if chance.one_in(2) { BTreeMap::from([(step, random_fault(chance))]) } else { BTreeMap::new() };
        Self { emitters, drains, by_hand, faults, power_cut: chance.one_in(8), time_passes: true, ..Self::default() }
    }

    fn in_doubt(chance: &mut Chance) -> Self {
        let faults = BTreeMap::from([(20 + chance.below(110) as u64, Fault::Kill)]);
        Self { emitters: vec![Emitter::of(Emission::Resolved)], drains: 2, all_well: true, faults, ..Self::default() }
    }
}

impl Emitter {
    pub(crate) fn of(emission: Emission) -> Self {
        Self { emissions: vec![emission], at_once: false }
    }

    pub(crate) fn of_a_batch(emissions: &[Emission]) -> Self {
        Self { emissions: emissions.to_vec(), at_once: true }
    }

    fn random(chance: &mut Chance) -> Self {
        if chance.one_in(4) {
            let batch: Vec<_> = (0..2 + chance.below(2)).map(|_| Emission::random(chance)).collect();
            return Self::of_a_batch(&batch);
        }
        Self { emissions: (0..=chance.below(2)).map(|_| Emission::random(chance)).collect(), at_once: false }
    }
}

impl Emission {
    fn random(chance: &mut Chance) -> Self {
        match chance.below(8) {
            0..=3 => Self::Fault(0),
            4 => Self::Fault(1),
            5 | 6 => Self::Audit,
            _ => Self::Resolved,
        }
    }
}

fn random_fault(chance: &mut Chance) -> Fault {
    match chance.below(10) {
        0..=5 => Fault::Kill,
        6 | 7 => Fault::PowerCut,
        8 => Fault::Error(Errno::IO),
        _ => Fault::Error(Errno::NOSPC),
    }
}
