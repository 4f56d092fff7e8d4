//! The table of what is measured, and against which goal.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{counts, drain, emit, investigate, migrate, status};

/// One piece of work and its goal. A new one is one row of [`BENCHMARKS`].
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
const EACH: &str = "s each";

pub(super) const BENCHMARKS: &[Benchmark] = &[
    Benchmark {
        name: "drain",
        what: "settle audit events, against the floor made durable in groups of 1024",
        unit: TOGETHER,
        goal: Goal::Ratio(1.2),
        events: 10_000,
        kind: Kind::Noisy,
        measure: drain::against_durable_floor,
    },
    Benchmark {
        name: "drain-plain",
        what: "settle audit events, against a floor that flushes nothing",
        unit: TOGETHER,
        goal: Goal::Ratio(0.9),
        events: 10_000,
        kind: Kind::Noisy,
        measure: drain::against_plain_floor,
    },
    Benchmark {
        name: "drain-node",
        what: "settle audit events, against two passes, a rename and an append each on node (4x)",
        unit: TOGETHER,
        goal: Goal::Ratio(0.25),
        events: 10_000,
        kind: Kind::Noisy,
        measure: drain::against_node,
    },
    Benchmark {
        name: "drain-node-1k",
        what: "the same with 1,000 events (5x)",
        unit: TOGETHER,
        goal: Goal::Ratio(0.2),
        events: 1_000,
        kind: Kind::Noisy,
        measure: drain::against_node,
    },
    Benchmark {
        name: "drain-bun",
        what: "settle audit events, against the same program on bun (2.5x)",
        unit: TOGETHER,
        goal: Goal::Ratio(0.4),
        events: 10_000,
        kind: Kind::Noisy,
        measure: drain::against_bun,
    },
    Benchmark {
        name: "syscalls",
        what: "system calls of a drain for each audit event, its start and end included",
        unit: "calls",
        goal: Goal::Most(5.5),
        events: 10_000,
        kind: Kind::Count { guard: 5.5 },
        measure: counts::system_calls,
    },
    Benchmark {
        name: "memory",
        what: "peak memory of a drain of audit events",
        unit: "MiB",
        goal: Goal::Most(12.0),
        events: 100_000,
        kind: Kind::Count { guard: 12.0 },
        measure: counts::memory_of_drain,
    },
    Benchmark {
        name: "memory-million",
        what: "peak memory of a drain of 1,000,000 audit events",
        unit: "MiB",
        goal: Goal::Most(12.0),
        events: 1_000_000,
        kind: Kind::Slow,
        measure: counts::memory_of_drain,
    },
    Benchmark {
        name: "growth",
        what: "one audit event of a drain of 1,000,000, against one of a drain of 10,000",
        unit: EACH,
        goal: Goal::Ratio(1.35),
        events: 1_000_000,
        kind: Kind::Slow,
        measure: drain::against_small_queue,
    },
    Benchmark {
        name: "emit",
        what: "one durable emit, the whole process, against a bare program that flushes the file and the folder",
        unit: EACH,
        goal: Goal::Ratio(1.3),
        events: 40,
        kind: Kind::Noisy,
        measure: emit::against_floor,
    },
    Benchmark {
        name: "emit-memory",
        what: "peak memory of one emit",
        unit: "MiB",
        goal: Goal::Most(6.0),
        events: 1,
        kind: Kind::Count { guard: 6.6 },
        measure: counts::memory_of_emit,
    },
    Benchmark {
        name: "start",
        what: "the start of haltline, against that of `true`",
        unit: EACH,
        goal: Goal::Ratio(2.0),
        events: 40,
        kind: Kind::Noisy,
        measure: emit::start,
    },
    Benchmark {
        name: "emit-loop",
        what: "durable emits from the library in a loop, against the floor",
        unit: TOGETHER,
        goal: Goal::Ratio(1.0),
        events: 1_000,
        kind: Kind::Noisy,
        measure: emit::in_a_loop,
    },
    Benchmark {
        name: "emit-batch",
        what: "durable emits from the library in batches of 64, against the floor in groups of 64 (1.5x)",
        unit: TOGETHER,
        goal: Goal::Ratio(1.0 / 1.5),
        events: 6_400,
        kind: Kind::Noisy,
        measure: emit::in_batches,
    },
    Benchmark {
        name: "emit-threads",
        what: "durable emits from the library, 32 at once, against one at a time (3x)",
        unit: TOGETHER,
        goal: Goal::Ratio(1.0 / 3.0),
        events: 3_200,
        kind: Kind::Noisy,
        measure: emit::many_at_once,
    },
    Benchmark {
        name: "migrate",
        what: "flag rows of an earlier release durably, against the floor that flushes each",
        unit: TOGETHER,
        goal: Goal::Ratio(1.25),
        events: 1_000,
        kind: Kind::Noisy,
        measure: migrate::against_floor,
    },
    Benchmark {
        name: "migrate-jq",
        what: "flag rows of an earlier release, against a loop of bash and jq (100x)",
        unit: TOGETHER,
        goal: Goal::Ratio(0.01),
        events: 1_000,
        kind: Kind::Slow,
        measure: migrate::against_jq,
    },
    Benchmark {
        name: "investigate-cpu",
        what: "haltline's own processor time for one investigation, by an investigator that answers at once",
        unit: "ms",
        goal: Goal::Most(3.0),
        events: 200,
        kind: Kind::Noisy,
        measure: investigate::own_time,
    },
    Benchmark {
        name: "investigate-jobs",
        what: "how idle --jobs 4 leaves four places, by an investigator that takes half a second",
        unit: "%",
        goal: Goal::Most(5.0),
        events: 40,
        kind: Kind::Noisy,
        measure: investigate::idle_places,
    },
    Benchmark {
        name: "status",
        what: "status over 100,000 waiting events, against a bare listing",
        unit: TOGETHER,
        goal: Goal::Ratio(1.5),
        events: 100_000,
        kind: Kind::Noisy,
        measure: status::against_listing,
    },
    Benchmark {
        name: "watch",
        what: "wake-ups of an idle watch in a minute",
        unit: "wake-ups",
        goal: Goal::Most(0.0),
        events: 1,
        kind: Kind::Count { guard: 0.0 },
        measure: status::watch,
    },
];
