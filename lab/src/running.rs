//! Running processes on a machine.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use crate::process::Process;
use crate::world::{Fault, Killed, World};

/// What one process does.
pub type Task<'task> = Box<dyn FnOnce(&Arc<Process>) + Send + 'task>;

impl World {
    /// Runs processes until each has ended or was killed. Steps are counted from 1 in each run, over all processes;
    /// returns how many there were.
    ///
    /// # Panics
    /// Where a process panics for any other reason than its kill.
    pub fn run(self: &Arc<Self>, faults: BTreeMap<u64, Fault>, tasks: Vec<Task<'_>>) -> u64 {
        let first = self.seat(faults, tasks.len());
        let run = |(place, task): (usize, Task<'_>)| {
            let process = Arc::new(Process::new(self.clone(), first + place));
            let ended = catch_unwind(AssertUnwindSafe(|| task(&process)));
            self.leave(first + place);
            ended.or_else(|panic| if panic.is::<Killed>() { Ok(()) } else { Err(panic) })
        };
        let mut tasks = tasks.into_iter().enumerate();
        let outcomes: Vec<Result<(), Box<dyn Any + Send>>> = if tasks.len() == 1 {
            tasks.by_ref().map(run).collect()
        } else {
            std::thread::scope(|scope| {
                let run = &run;
                let threads: Vec<_> = tasks.map(|task| scope.spawn(move || run(task))).collect();
                threads.into_iter().map(|thread| thread.join().and_then(|outcome| outcome)).collect()
            })
        };
        for outcome in outcomes {
            if let Err(panic) = outcome {
                resume_unwind(panic);
            }
        }
        self.steps()
    }
}
