//! A machine that processes run on, crash and recover.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use haltline_files::Vfs;
use haltline_lab::{Fault, Lie, LyingVfs, Process, World};
use haltline_protocol::Layout;
use haltline_spool::FileSession;

use crate::history::History;
use crate::ledger::{Ledger, Occurrence};

/// A machine with a queue.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) world: Arc<World>,
    pub(crate) layout: Layout,
    pub(crate) ledger: Ledger,
    pub(crate) lie: Option<Lie>,
    next: AtomicU32,
}

impl Machine {
    pub(crate) fn new(history: &History, lie: Option<Lie>) -> Self {
        Self {
            world: World::new(history.chance(), history.switches_one_in),
            layout: Layout::new("/home"),
            ledger: Ledger::default(),
            lie,
            next: AtomicU32::new(1),
        }
    }

    /// The number of the next event.
    pub(crate) fn next_occurrence(&self) -> Occurrence {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Lets every wait be over.
    pub(crate) fn pass_time(&self) {
        for (path, bytes) in self.world.files() {
            let text = String::from_utf8_lossy(&bytes);
            if let Some((before, wait)) = text.split_once("\"notBefore\": \"2")
                && path.contains("/pending-investigations/")
            {
                self.world.doctor(&path, format!("{before}\"notBefore\": \"1{wait}").into_bytes());
            }
        }
    }

    /// The file system of a process, with the lie of the machine.
    pub(crate) fn vfs(&self, process: &Arc<Process>) -> Arc<dyn Vfs> {
        match self.lie {
            Some(lie) => Arc::new(LyingVfs::new(process.vfs(), lie)),
            None => process.vfs(),
        }
    }

    /// Opens the queue for a new drain, which does all its file work on the thread of its process.
    pub(crate) fn open_queue(&self, process: &Arc<Process>) -> Option<FileSession> {
        let drain_id = process.drain_id().ok()?;
        FileSession::open_on(&self.vfs(process), &self.layout, Some(drain_id)).ok()
    }

    /// Why a drain ended early, for whoever looks into a failure.
    pub(crate) fn note(&self, what: &str) {
        if std::env::var_os("HALTLINE_MODEL_NOTES").is_some() {
            println!("{what}");
        }
    }
}

/// The number of the event in a file; none for what is no event.
pub(crate) fn occurrence_in(name: &str, bytes: &[u8]) -> Option<Occurrence> {
    if !name.ends_with(".json") || name.starts_with('.') {
        return None;
    }
    let text = std::str::from_utf8(bytes).ok()?;
    let (_, rest) = text.split_once("\"message\": \"m")?;
    rest.split_once('"')?.0.parse().ok()
}

/// Faults of one kind at one step.
pub(crate) fn fault_at(step: u64, fault: Fault) -> BTreeMap<u64, Fault> {
    BTreeMap::from([(step, fault)])
}
