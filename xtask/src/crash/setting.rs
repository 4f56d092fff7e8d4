//! What every layer needs to know.

use std::path::PathBuf;

use super::case::Tools;
use super::tally::Tally;

/// What every layer needs to know.
#[derive(Debug)]
pub(super) struct Setting {
    pub(super) tools: Tools,
    /// Whether the binary can kill itself at a step.
    pub(super) has_fault_points: bool,
    /// A folder on a disk.
    pub(super) disk: PathBuf,
    /// A folder in memory; none where there is no such file system.
    pub(super) memory: Option<PathBuf>,
    /// The number of the first history.
    pub(super) seed: u64,
    /// Whether a slice is enough.
    pub(super) is_slice: bool,
    /// How many histories to run; as many as the layer's goal needs without it.
    pub(super) count: Option<u64>,
    /// Whether the homes of histories that broke a promise stay.
    pub(super) keep: bool,
    /// How many histories run at a time.
    pub(super) workers: usize,
}

impl Setting {
    /// Whether a layer has done enough: as many histories as asked for, else as many faults.
    pub(super) fn is_enough(&self, tally: &Tally, faults: u64) -> bool {
        self.count.map_or(tally.faults >= faults, |count| tally.histories >= count)
    }

    /// The full figure, or the part of it that continuous integration has time for.
    pub(super) fn sized(&self, full: u64, slice: u64) -> u64 {
        if self.is_slice { slice } else { full }
    }

    /// The folder in memory, else the one on the disk.
    pub(super) fn fast(&self) -> &PathBuf {
        self.memory.as_ref().unwrap_or(&self.disk)
    }
}
