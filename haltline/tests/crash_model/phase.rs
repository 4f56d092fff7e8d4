//! One phase of a history on a machine: its processes run side by side.

use std::sync::Arc;

use haltline_lab::{Process, Task};

use crate::actors::{drain, emit};
use crate::by_hand;
use crate::history::{Emission, Phase};
use crate::ledger::Occurrence;
use crate::machine::Machine;

/// Runs a phase and returns how many steps it took.
pub(crate) fn run(machine: &Machine, phase: &Phase) -> u64 {
    let number = |emission: &Emission| (*emission, machine.next_occurrence());
    let mut tasks: Vec<Task<'_>> = Vec::new();
    for emitter in &phase.emitters {
        let emissions: Vec<(Emission, Occurrence)> = emitter.emissions.iter().map(number).collect();
        tasks.push(Box::new(move |process: &Arc<Process>| emit(machine, process, &emissions, emitter.at_once)));
    }
    for _ in 0..phase.drains {
        tasks.push(Box::new(move |process: &Arc<Process>| drain(machine, process, phase.all_well)));
    }
    for _ in 0..phase.by_hand {
        tasks.push(Box::new(move |process: &Arc<Process>| by_hand::ask(machine, process)));
    }
    let steps = machine.world.run(phase.faults.clone(), tasks);
    if phase.power_cut {
        machine.world.cut_power();
    }
    if phase.time_passes {
        machine.pass_time();
    }
    steps
}

/// Runs one drain without a fault.
pub(crate) fn drain_well(machine: &Machine) {
    run(machine, &Phase { drains: 1, all_well: true, ..Phase::default() });
}
