//! Builds what is measured, measures it, and prints the outcomes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use clap::builder::PossibleValuesParser;
use serde::Serialize;

use super::benchmark::{Benchmark, Kind, Measured, Setting};
use super::benchmarks::BENCHMARKS;
use super::machine::Machine;
use super::outcome::Outcome;
use crate::run::{cargo, shown};
use crate::workspace::Workspace;

/// The flags of `cargo xtask bench`.
#[derive(Debug, Args)]
pub struct Options {
    /// What to measure; everything that is not slow without it
    #[arg(value_parser = PossibleValuesParser::new(BENCHMARKS.iter().map(|benchmark| benchmark.name)))]
    names: Vec<String>,
    /// Print one JSON object on stdout
    #[arg(long)]
    json: bool,
    /// Measure also what takes minutes
    #[arg(long)]
    slow: bool,
    /// Measure only what comes out the same each time, and fail where it is worse than it was
    #[arg(long, conflicts_with_all = ["slow", "names"])]
    gate: bool,
    /// Events of one measurement [default: each its own]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    events: Option<u32>,
    /// Pairs of measurements; the median counts
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pairs: u32,
    /// Where the temporary homes are made; it decides which disk is measured [default: the target folder]
    #[arg(long)]
    dir: Option<PathBuf>,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Printed<'a> {
    machine: &'a Machine,
    outcomes: &'a [Outcome],
}

impl Options {
    fn wants(&self, benchmark: &Benchmark) -> bool {
        match benchmark.kind {
            kind if self.gate => matches!(kind, Kind::Count { .. }),
            Kind::Slow if self.names.is_empty() => self.slow,
            _ => self.names.is_empty() || self.names.iter().any(|name| name == benchmark.name),
        }
    }
}

/// Measures what was asked for.
///
/// # Errors
/// The release build fails, a temporary home cannot be made, or a program did not do its work.
pub fn run(options: &Options) -> Result<ExitCode> {
    let workspace = Workspace::load()?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace.root().join("target"), PathBuf::from);
    build(workspace.root(), &target, !options.gate)?;
    let parent = options.dir.as_ref().unwrap_or(&target);
    fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
    let machine = Machine::of(parent)?;
    if !options.json {
        println!("{}", machine.line());
    }

    let mut outcomes = Vec::new();
    let mut ended = ExitCode::SUCCESS;
    for benchmark in BENCHMARKS.iter().filter(|benchmark| options.wants(benchmark)) {
        let setting = Setting {
            haltline: target.join("release/haltline"),
            floor: target.join("release/floor"),
            emits: target.join("release/examples/emits"),
            events: options.events.unwrap_or(benchmark.events),
        };
        let pairs = if matches!(benchmark.kind, Kind::Count { .. }) { 1 } else { options.pairs };
        eprintln!("measuring {}: {pairs} times {} events", benchmark.name, setting.events);
        let measured = measure(benchmark, &setting, pairs, parent).with_context(|| benchmark.name)?;
        let outcome = Outcome::of(benchmark, setting.events, &measured);
        if !options.json {
            println!("{outcome}");
        }
        if let Kind::Count { guard } = benchmark.kind
            && options.gate
            && outcome.haltline.is_some_and(|found| found > guard)
        {
            eprintln!("{} is above {guard} {}", benchmark.name, benchmark.unit);
            ended = ExitCode::FAILURE;
        }
        outcomes.push(outcome);
    }
    if options.json {
        println!("{}", serde_json::to_string_pretty(&Printed { machine: &machine, outcomes: &outcomes })?);
    }
    Ok(ended)
}

fn measure(benchmark: &Benchmark, setting: &Setting, pairs: u32, parent: &Path) -> Result<Vec<Measured>> {
    // Removed at the end only: what is deleted between two runs slows the later one.
    let homes = tempfile::Builder::new().prefix("haltline-bench-").tempdir_in(parent)?;
    let mut measured = Vec::new();
    for number in 0..pairs {
        let folder = homes.path().join(number.to_string());
        fs::create_dir(&folder)?;
        measured.push((benchmark.measure)(setting, &folder)?);
        if matches!(measured.last(), Some(Measured::Skipped(_))) {
            break;
        }
    }
    Ok(measured)
}

/// Builds what is measured. After a change it takes minutes, and cargo says on stderr how far it is. The example is
/// built apart: beside it, the programs would be built with what only tests turn on. The gate has no use for it.
fn build(root: &Path, target: &Path, with_example: bool) -> Result<()> {
    let target = target.to_str().context("the target folder's path is no UTF-8")?;
    let build = ["build", "--release", "--locked", "--target-dir", target];
    let packages = ["--package", "haltline", "--package", "xtask", "--bins"];
    shown(root, &cargo(), &[&build[..], &packages].concat())?;
    if with_example {
        shown(root, &cargo(), &[&build[..], &["--package", "haltline", "--example", "emits"]].concat())?;
    }
    Ok(())
}
