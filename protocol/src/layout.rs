//! Where everything lies beneath a home.

use std::path::{Path, PathBuf};

use crate::names::{fault_part, run_part};
use crate::{DrainId, FaultKey, PatternFile};

/// The paths beneath one home.
#[derive(Debug, Clone)]
pub struct Layout {
    home: PathBuf,
    queue: PathBuf,
}

impl Layout {
    /// The folder of events that wait.
    pub const PENDING: &str = "pending-investigations";
    /// The folder of what drains hold.
    pub const IN_FLIGHT: &str = "in-flight";
    /// The folder of settled events.
    pub const PROCESSED: &str = "processed";
    /// The folder of events that were given up on.
    pub const DEAD_LETTER: &str = "dead-letter";
    /// The folder of files that are no readable events.
    pub const QUARANTINE: &str = "quarantine";
    /// The folder of reports.
    pub const REPORTS: &str = "reports";
    /// The file that stops all dispatching while it is there, whatever it is.
    pub const STOP: &str = "STOP";

    /// The layout of a home.
    pub fn new(home: impl Into<PathBuf>) -> Self {
        let home = home.into();
        let queue = home.join("skill-faults");
        Self { home, queue }
    }

    /// The home itself.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// The queue root.
    pub fn queue(&self) -> &Path {
        &self.queue
    }

    /// The file that stops all dispatching while it is there.
    pub fn stop(&self) -> PathBuf {
        self.queue.join(Self::STOP)
    }

    /// Events that wait.
    pub fn pending(&self) -> PathBuf {
        self.queue.join(Self::PENDING)
    }

    /// What drains hold.
    pub fn in_flight(&self) -> PathBuf {
        self.queue.join(Self::IN_FLIGHT)
    }

    /// What one drain holds.
    pub fn hold(&self, drain_id: &DrainId) -> PathBuf {
        self.in_flight().join(drain_id.as_str())
    }

    /// Settled events.
    pub fn processed(&self) -> PathBuf {
        self.queue.join(Self::PROCESSED)
    }

    /// Events that were given up on.
    pub fn dead_letter(&self) -> PathBuf {
        self.queue.join(Self::DEAD_LETTER)
    }

    /// Files that are no readable events.
    pub fn quarantine(&self) -> PathBuf {
        self.queue.join(Self::QUARANTINE)
    }

    /// The reports of one run.
    pub fn reports_of(&self, key: &FaultKey) -> PathBuf {
        self.queue.join(Self::REPORTS).join(run_part(&key.run_id))
    }

    /// The stem of a fault's report files: `.md` and `.json` are added to it.
    pub fn report_stem(key: &FaultKey) -> String {
        fault_part(&key.fault_id)
    }

    /// The path of a fault's report for people, relative to the queue root.
    pub fn report_in_queue(key: &FaultKey) -> String {
        format!("{}/{}/{}.md", Self::REPORTS, run_part(&key.run_id), fault_part(&key.fault_id))
    }

    /// Notes for people, unless the user keeps them elsewhere.
    pub fn inbox(&self) -> PathBuf {
        self.queue.join("inbox")
    }

    /// The patterns in force.
    pub fn learned_patterns(&self) -> PathBuf {
        self.queue.join(PatternFile::NAME)
    }

    /// The markers of completed migrations.
    pub fn migrations(&self) -> PathBuf {
        self.queue.join(".migrations")
    }

    /// The analytics folder.
    pub fn analytics(&self) -> PathBuf {
        self.home.join("analytics")
    }

    /// The folder of outboxes, one for each best-effort sink.
    pub fn outboxes(&self) -> PathBuf {
        self.home.join("outbox")
    }
}
