//! The scheduler: processes take turns, one call of the file system at a time, and chance says whose turn it is.
//!
//! A process is a thread that may lose its turn before every call, and runs on alone until its next one: so a seed
//! stands for one history. A killed process unwinds at its call; its locks are gone at once, and what it wrote stays.
//! After a power cut only the durable half of the disk is left.

use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use rustix::io::Errno;

use crate::chance::Chance;
use crate::disk::Disk;

/// What happens at a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The process that is about to make the step is killed.
    Kill,
    /// The machine loses power before the step.
    PowerCut,
    /// The step fails and changes nothing.
    Error(Errno),
}

/// A machine with its disk and its processes.
#[derive(Debug)]
pub struct World {
    state: Mutex<State>,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) disk: Disk,
    pub(crate) chance: Chance,
    seats: Vec<Seat>,
    turn: usize,
    /// A turn goes to somebody else with one chance in so many.
    switches_one_in: usize,
    steps: u64,
    faults: BTreeMap<u64, Fault>,
    pub(crate) drains: i64,
}

#[derive(Debug)]
struct Seat {
    is_dead: bool,
    is_done: bool,
    called: Arc<Condvar>,
}

/// What a process sees of the machine while it acts.
#[derive(Debug)]
pub struct Scene<'state>(pub(crate) &'state mut State);

impl Scene<'_> {
    /// Every file by its path, as the processes see it.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        self.0.disk.files()
    }

    /// Every file that is sure to survive a power cut, with the bytes that are.
    pub fn durable_files(&self) -> BTreeMap<String, Vec<u8>> {
        self.0.disk.durable_files()
    }

    /// The chance of the machine.
    pub fn chance(&mut self) -> &mut Chance {
        &mut self.0.chance
    }
}

/// How a thread ends whose process was killed.
pub(crate) struct Killed;

impl World {
    /// An empty machine.
    pub fn new(chance: Chance, switches_one_in: usize) -> Arc<Self> {
        let state = State {
            disk: Disk::new(),
            chance,
            seats: Vec::new(),
            turn: 0,
            switches_one_in,
            steps: 0,
            faults: BTreeMap::new(),
            drains: 0,
        };
        Arc::new(Self { state: Mutex::new(state) })
    }

    /// Cuts the power while nothing runs.
    pub fn cut_power(&self) {
        self.state().cut_power();
    }

    /// Every file by its path, as the processes see it.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        self.state().disk.files()
    }

    /// The files, as `folder/name`, whose name a rename gave to another file.
    pub fn overwritten(&self) -> Vec<String> {
        self.state().disk.overwritten.clone()
    }

    /// Changes a file's bytes where it lies, as no process could.
    pub fn doctor(&self, path: &str, bytes: Vec<u8>) {
        self.state().disk.doctor(path, bytes);
    }

    /// Perhaps passes the turn on, waits until it is the process's again, and does one thing. A thing that changes
    /// something is a step, at which a fault may happen; `tear` does a part of it then, where there are parts.
    pub(crate) fn take_turn<T>(
        &self,
        seat: usize,
        is_step: bool,
        tear: impl FnOnce(&mut State),
        act: impl FnOnce(&mut State) -> Result<T, Errno>,
    ) -> Result<T, Errno> {
        let mut state = self.state();
        let switches = state.switches_one_in;
        if state.turn == seat && state.chance.one_in(switches) {
            state.pass_turn();
        }
        while state.turn != seat && !state.seats[seat].is_dead {
            let called = state.seats[seat].called.clone();
            state = called.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let mut fault = None;
        if is_step && !state.seats[seat].is_dead {
            state.steps += 1;
            let step = state.steps;
            fault = state.faults.remove(&step);
        }
        if fault.is_some() {
            tear(&mut state);
        }
        match fault {
            Some(Fault::Kill) => state.kill(seat),
            Some(Fault::PowerCut) => state.cut_power(),
            _ => {}
        }
        if state.seats[seat].is_dead {
            drop(state);
            resume_unwind(Box::new(Killed));
        }
        if let Some(Fault::Error(errno)) = fault { Err(errno) } else { act(&mut state) }
    }

    pub(crate) fn is_alive(&self, seat: usize) -> bool {
        let seat = &self.state().seats[seat];
        !seat.is_dead && !seat.is_done
    }

    pub(crate) fn close(&self, handle: u64) {
        self.state().disk.close(handle);
    }

    pub(crate) fn leave(&self, seat: usize) {
        let mut state = self.state();
        state.disk.kill(seat);
        state.seats[seat].is_done = true;
        if state.turn == seat {
            state.pass_turn();
        }
    }

    /// Gives so many processes their seats for a run; the number of the first.
    pub(crate) fn seat(&self, faults: BTreeMap<u64, Fault>, count: usize) -> usize {
        let mut state = self.state();
        let first = state.seats.len();
        for _ in 0..count {
            state.seats.push(Seat { is_dead: false, is_done: false, called: Arc::new(Condvar::new()) });
        }
        state.steps = 0;
        state.faults = faults;
        state.pass_turn();
        first
    }

    /// How many steps the run had so far.
    pub(crate) fn steps(&self) -> u64 {
        self.state().steps
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn pass_turn(&mut self) {
        let ready: Vec<usize> =
            (0..self.seats.len()).filter(|seat| !self.seats[*seat].is_done && !self.seats[*seat].is_dead).collect();
        if !ready.is_empty() {
            self.turn = ready[self.chance.below(ready.len())];
            self.seats[self.turn].called.notify_one();
        }
    }

    fn kill(&mut self, seat: usize) {
        self.disk.kill(seat);
        self.seats[seat].is_dead = true;
        self.seats[seat].called.notify_one();
        if self.turn == seat {
            self.pass_turn();
        }
    }

    fn cut_power(&mut self) {
        for seat in &mut self.seats {
            seat.is_dead = true;
            seat.called.notify_one();
        }
        self.disk.cut_power(&mut self.chance);
    }
}
