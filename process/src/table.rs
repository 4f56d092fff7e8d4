//! The process table as plain data, and who descends from whom in it.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

/// Which process it is, so that a later process can tell. A pid alone says nothing: pids come again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProcessId {
    /// The process. Its process group and its session have the same number where it leads them.
    pub pid: i32,
    /// When it started, in clock ticks since the boot (proc_pid_stat(5), field 22).
    pub start_ticks: u64,
    /// The boot that the ticks count from.
    pub boot_id: String,
}

/// One row of the process table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: i32,
    pub(crate) state: State,
    pub(crate) parent: i32,
    pub(crate) session: i32,
    pub(crate) start_ticks: u64,
}

/// What a process does just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// It runs, or waits for something.
    Running,
    /// It was stopped by a signal or by a tracer.
    Stopped,
    /// It has ended, and nobody has waited for it yet.
    Dead,
}

/// The children of each process.
pub(crate) fn children_of(table: &[Process]) -> HashMap<i32, Vec<Process>> {
    let mut children: HashMap<i32, Vec<Process>> = HashMap::new();
    for process in table {
        children.entry(process.parent).or_default().push(*process);
    }
    children
}

/// The descendants of some processes, without those, and without what `enter` refuses and what is below it.
pub(crate) fn descendants_of(
    children: &HashMap<i32, Vec<Process>>,
    from: &[i32],
    enter: impl Fn(&Process) -> bool,
) -> Vec<Process> {
    let mut found = Vec::new();
    let mut waiting = from.to_vec();
    let mut seen: HashSet<i32> = waiting.iter().copied().collect();
    while let Some(pid) = waiting.pop() {
        for child in children.get(&pid).into_iter().flatten() {
            if enter(child) && seen.insert(child.pid) {
                found.push(*child);
                waiting.push(child.pid);
            }
        }
    }
    found
}

/// Those that live, each once, in the order of their numbers.
pub(crate) fn alive_once(mut processes: Vec<Process>) -> Vec<Process> {
    processes.retain(|process| process.state != State::Dead);
    processes.sort_unstable_by_key(|process| process.pid);
    processes.dedup_by_key(|process| process.pid);
    processes
}
