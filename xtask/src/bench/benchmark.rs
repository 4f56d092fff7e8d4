//! The table of what is measured, and against which goal.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::drain;

/// One piece of work that haltline and the floor both do. A new one is one row of [`BENCHMARKS`].
pub(super) struct Benchmark {
    /// The name on the command line.
    pub(super) name: &'static str,
    /// What is done, and what the floor does.
    pub(super) what: &'static str,
    /// The unit of both numbers of a pair; more is worse.
    pub(super) unit: &'static str,
    /// The ratio of haltline to the floor that is good enough.
    pub(super) goal: f64,
    /// Whether both numbers are seconds for all events, so that events per second can be told.
    pub(super) rate: bool,
    /// Measures both once, in fresh homes below a folder of their own.
    pub(super) measure: fn(&Setting, &Path) -> Result<Pair>,
}

/// What every measurement shares.
pub(super) struct Setting {
    /// The release build of haltline.
    pub(super) haltline: PathBuf,
    /// The release build of xtask, whose `floor` command is the measuring stick.
    pub(super) floor: PathBuf,
    /// How many events one measurement works on.
    pub(super) events: u32,
}

/// One measurement of both.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair {
    /// What haltline took.
    pub(super) haltline: f64,
    /// What the floor took.
    pub(super) floor: f64,
}

pub(super) const BENCHMARKS: &[Benchmark] = &[
    Benchmark {
        name: "drain",
        what: "settle audit events, against the crash-safe floor in groups of 1024",
        unit: "s",
        goal: 1.2,
        rate: true,
        measure: drain::against_crash_safe_floor,
    },
    Benchmark {
        name: "drain-plain",
        what: "settle audit events, against a floor that flushes nothing",
        unit: "s",
        goal: 0.9,
        rate: true,
        measure: drain::against_plain_floor,
    },
];
