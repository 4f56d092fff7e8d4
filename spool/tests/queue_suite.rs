//! The suite over the queue of files: on a real disk, and on the model disk.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use haltline_lab::suite::{QueueBench, Running};
use haltline_lab::{Chance, Process, World};
use haltline_protocol::{Layout, Queue, QueueError, Session};
use haltline_spool::{FileQueue, FileSession, SpoolIntake};

fn run(case: Running) {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(case);
}

mod on_disk {
    use super::*;

    fn on_disk(case: fn(QueueBench) -> Running) {
        let home = tempfile::tempdir().expect("a folder");
        let layout = Layout::new(home.path());
        let intake = SpoolIntake::open(&layout, true).expect("a queue");
        let queue = Arc::new(FileQueue::new(layout));
        run(case(QueueBench { queue, intake: Box::new(intake), keep: Box::new(home) }));
    }

    haltline_lab::queue_suite!(on_disk);
}

mod on_model {
    use super::*;

    /// The queue of files as one process of the model sees it.
    #[derive(Debug)]
    struct ModelQueue {
        process: Arc<Process>,
        layout: Layout,
    }

    #[async_trait]
    impl Queue for ModelQueue {
        async fn open(&self) -> Result<Arc<dyn Session>, QueueError> {
            let id = self.process.drain_id().expect("nothing is killed here");
            Ok(Arc::new(FileSession::open_on(&self.process.vfs(), &self.layout, Some(id))?))
        }

        async fn open_preview(&self) -> Result<Arc<dyn Session>, QueueError> {
            FileQueue::preview_on(&self.process.vfs(), &self.layout)
        }
    }

    fn on_model(case: fn(QueueBench) -> Running) {
        let world = World::new(Chance::new(1), 1);
        let task = move |process: &Arc<Process>| {
            let layout = Layout::new("/home");
            let intake = SpoolIntake::open_on(&process.vfs(), &layout, true).expect("a queue");
            let queue = Arc::new(ModelQueue { process: process.clone(), layout });
            run(case(QueueBench { queue, intake: Box::new(intake), keep: Box::new(()) }));
        };
        world.run(BTreeMap::new(), vec![Box::new(task)]);
    }

    haltline_lab::queue_suite!(on_model);
}

mod by_hand {
    use haltline_lab::control_suite::ControlBench;
    use haltline_spool::{FileControl, FileSurvey};

    use super::*;

    fn on_disk(case: fn(ControlBench) -> Running) {
        let home = tempfile::tempdir().expect("a folder");
        let layout = Layout::new(home.path());
        let (survey, control) = (FileSurvey::new(layout.clone()), FileControl::new(layout.clone()));
        let intake = Box::new(SpoolIntake::open(&layout, true).expect("a queue"));
        let bench = QueueBench { queue: Arc::new(FileQueue::new(layout)), intake, keep: Box::new(home) };
        run(case(ControlBench { bench, survey: Box::new(survey), control: Box::new(control) }));
    }

    haltline_lab::control_suite!(on_disk);
}
