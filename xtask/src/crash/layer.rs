//! The layers: what each does, and the figure that is good enough.

use std::time::Instant;

use anyhow::Result;

use super::setting::Setting;
use super::tally::{Outcome, Tally};
use super::{contention, kills, power, syscalls};

/// Why steps cannot be counted.
const NO_FAULT_POINTS: &str = "haltline has no feature `faults`; kills come at random times only";

/// One layer.
pub(super) struct Layer {
    /// The name on the command line; two layers may share one.
    pub(super) name: &'static str,
    /// What it does.
    pub(super) what: &'static str,
    /// What its faults are called.
    pub(super) unit: &'static str,
    /// The faults that are to happen, all and in a slice.
    pub(super) goal: (u64, u64),
    run: fn(&Setting, u64) -> Result<Outcome>,
}

/// All layers, in the order in which they run.
pub(super) static LAYERS: [Layer; 6] = [
    Layer {
        name: "l2",
        what: "processes killed at every step, in memory",
        unit: "kills",
        goal: (10_000, 1_000),
        run: |setting, goal| match &setting.memory {
            Some(memory) if setting.has_fault_points => kills::run(setting, memory, goal).map(Outcome::Ran),
            Some(_) => Ok(Outcome::Skipped(NO_FAULT_POINTS.to_owned())),
            None => Ok(Outcome::Skipped("there is no /dev/shm to write to".to_owned())),
        },
    },
    Layer {
        name: "l2",
        what: "processes killed at every step, on a disk",
        unit: "kills",
        goal: (500, 60),
        run: |setting, goal| match setting.has_fault_points {
            true => kills::run(setting, &setting.disk, goal).map(Outcome::Ran),
            false => Ok(Outcome::Skipped(NO_FAULT_POINTS.to_owned())),
        },
    },
    Layer {
        name: "l2",
        what: "processes killed at random times, in memory",
        unit: "kills",
        goal: (1_000, 100),
        run: |setting, goal| kills::run_at_random_times(setting, setting.fast(), goal).map(Outcome::Ran),
    },
    Layer {
        name: "l3",
        what: "a kill or an error at every system call on files",
        unit: "points",
        goal: (1_500, 150),
        run: syscalls::run,
    },
    Layer { name: "l4", what: "power cuts at random instants on ext4", unit: "cuts", goal: (200, 10), run: power::run },
    Layer {
        name: "l5",
        what: "8 drains and 4 emitters at once, killed and stopped at random",
        unit: "events",
        goal: (5_000, 300),
        run: contention::run,
    },
];

/// What a layer says of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// No promise was broken, by as many faults as were to happen.
    Kept,
    /// A promise was broken, or too few faults happened.
    Missed,
    /// It cannot run here.
    Skipped,
}

impl Layer {
    /// Runs it and prints what came of it.
    pub(super) fn run(&self, setting: &Setting) -> Result<Verdict> {
        let goal = setting.sized(self.goal.0, self.goal.1);
        let start = Instant::now();
        let tally = match (self.run)(setting, goal)? {
            Outcome::Ran(tally) => tally,
            Outcome::Skipped(reason) => {
                println!("SKIP {}: {}: {reason}", self.name, self.what);
                return Ok(Verdict::Skipped);
            }
        };
        let seconds = start.elapsed().as_secs_f64();
        let Tally { histories, faults, violations } = tally;
        let is_kept = violations.is_empty() && (faults >= goal || setting.count.is_some());
        println!(
            "{}: {}\n  {faults} {unit} in {histories} histories ({seconds:.0} s, {:.1}/s), {} violations; goal {goal} \
             {unit}, 0 violations: {}",
            self.name,
            self.what,
            faults as f64 / seconds,
            violations.len(),
            if is_kept { "reached" } else { "MISSED" },
            unit = self.unit,
        );
        for violation in &violations {
            println!("VIOLATION --layer {} {violation}", self.name);
        }
        Ok(if is_kept { Verdict::Kept } else { Verdict::Missed })
    }
}
