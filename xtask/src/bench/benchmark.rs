//! What a measurement is: its work, its goal, its figures.

use std::path::{Path, PathBuf};

use anyhow::Result;

/// One piece of work and its goal. A new one is one row of `BENCHMARKS`.
pub(super) struct Benchmark {
    /// The name on the command line.
    pub(super) name: &'static str,
    /// What is done, and against what.
    pub(super) what: &'static str,
    /// The unit of the figures; more is worse.
    pub(super) unit: &'static str,
    /// What is good enough.
    pub(super) goal: Goal,
    /// How many events one measurement works on, where `--events` says nothing.
    pub(super) events: u32,
    /// When it runs without being named.
    pub(super) kind: Kind,
    /// Measures once, in fresh homes below a folder of its own.
    pub(super) measure: fn(&Setting, &Path) -> Result<Measured>,
}

/// When a measurement is good enough.
#[derive(Debug, Clone, Copy)]
pub(super) enum Goal {
    /// Haltline takes at most so many times what the other side takes.
    Ratio(f64),
    /// Haltline takes at most so much.
    Most(f64),
}

/// What kind of a measurement it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    /// It needs several pairs, of which the median counts.
    Noisy,
    /// It comes out the same each time: one measurement says it. Above `guard`, in its unit, `--gate` fails: the goal, or
    /// a tenth above what is reached.
    Count { guard: f64 },
    /// It takes minutes, and runs with `--slow` or by its name.
    Slow,
}

/// What every measurement shares.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    /// The release build of haltline.
    pub(super) haltline: PathBuf,
    /// The release build of the floor.
    pub(super) floor: PathBuf,
    /// The release build of the example that emits by the library.
    pub(super) emits: PathBuf,
    /// How many events one measurement works on.
    pub(super) events: u32,
}

/// What one measurement brought.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Measured {
    /// Both sides.
    Pair(Pair),
    /// Haltline alone.
    Value(f64),
    /// It cannot be measured here, and why.
    Skipped(String),
}

/// One measurement of both.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pair {
    /// What haltline took.
    pub(super) haltline: f64,
    /// What the other side took.
    pub(super) other: f64,
}

/// Seconds for all events together.
pub(super) const TOGETHER: &str = "s";
/// Seconds for one event.
pub(super) const EACH: &str = "s each";
