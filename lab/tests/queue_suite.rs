//! The suite over the queue in memory, which is no file.

use haltline_lab::MemoryQueue;
use haltline_lab::suite::{QueueBench, Running};
use std::sync::Arc;

fn in_memory(case: fn(QueueBench) -> Running) {
    let folder = tempfile::tempdir().expect("a folder");
    let queue = MemoryQueue::new(folder.path());
    let bench = QueueBench { queue: Arc::new(queue.clone()), intake: Box::new(queue), keep: Box::new(folder) };
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(case(bench));
}

haltline_lab::queue_suite!(in_memory);

mod by_hand {
    use haltline_lab::control_suite::ControlBench;

    use super::*;

    fn in_memory(case: fn(ControlBench) -> Running) {
        let queue = MemoryQueue::default();
        let (survey, control) = (Box::new(queue.clone()), Box::new(queue.clone()));
        let bench = QueueBench { queue: Arc::new(queue.clone()), intake: Box::new(queue), keep: Box::new(()) };
        let case = case(ControlBench { bench, survey, control });
        tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(case);
    }

    haltline_lab::control_suite!(in_memory);
}
