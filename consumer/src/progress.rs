//! What a drain tells while it works, for a person who watches. Nothing depends on it: what nobody takes is dropped.

use tokio::sync::mpsc;

/// One step that a person may want to see.
#[derive(Debug, Clone)]
pub enum Progress {
    /// Events were settled.
    Settled {
        /// How many since the last time.
        events: u64,
    },
    /// Investigations are about to be made, at most this many.
    InvestigationsPlanned {
        /// How many.
        count: u64,
    },
    /// An investigation began.
    InvestigationStarted {
        /// The fault.
        fault_id: String,
        /// What the event says happened.
        message: String,
    },
    /// An investigation ended.
    InvestigationFinished {
        /// The fault.
        fault_id: String,
        /// How, in a few words.
        summary: String,
    },
}

/// Sends progress to whoever watches.
#[derive(Debug, Clone)]
pub(crate) struct ProgressSender(pub(crate) Option<mpsc::Sender<Progress>>);

impl ProgressSender {
    pub(crate) fn send(&self, progress: Progress) {
        if let Some(watcher) = &self.0 {
            watcher.try_send(progress).ok();
        }
    }
}
