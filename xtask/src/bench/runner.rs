//! Builds what is measured, measures it, and prints the outcomes.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;
use clap::builder::PossibleValuesParser;

use super::benchmark::{BENCHMARKS, Setting};
use super::outcome::Outcome;
use crate::run::{cargo, shown};
use crate::workspace::Workspace;

/// The flags of `cargo xtask bench`.
#[derive(Debug, Args)]
pub struct Options {
    /// What to measure; everything without it
    #[arg(value_parser = PossibleValuesParser::new(BENCHMARKS.iter().map(|benchmark| benchmark.name)))]
    names: Vec<String>,
    /// Print one JSON array on stdout
    #[arg(long)]
    json: bool,
    /// Events of one measurement
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
    events: u32,
    /// Pairs of measurements; the median counts
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pairs: u32,
    /// Where the temporary homes are made; it decides which disk is measured [default: the target folder]
    #[arg(long)]
    dir: Option<PathBuf>,
}

/// Measures what was asked for.
///
/// # Errors
/// The release build fails, a temporary home cannot be made, or a program did not do its work.
pub fn run(options: &Options) -> Result<()> {
    let workspace = Workspace::load()?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace.root().join("target"), PathBuf::from);
    build(workspace.root(), &target)?;
    let setting = Setting {
        haltline: target.join("release/haltline"),
        floor: target.join("release/xtask"),
        events: options.events,
    };
    let parent = options.dir.as_ref().unwrap_or(&target);
    fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;

    let wanted = |name: &str| options.names.is_empty() || options.names.iter().any(|asked| asked == name);
    let mut outcomes = Vec::new();
    for benchmark in BENCHMARKS.iter().filter(|benchmark| wanted(benchmark.name)) {
        // Removed at the end only: what is deleted between two runs slows the later one.
        let homes = tempfile::Builder::new().prefix("haltline-bench-").tempdir_in(parent)?;
        let mut pairs = Vec::new();
        for number in 0..options.pairs {
            let folder = homes.path().join(number.to_string());
            fs::create_dir(&folder)?;
            pairs.push((benchmark.measure)(&setting, &folder)?);
        }
        let outcome = Outcome::of(benchmark, options.events, &pairs);
        if !options.json {
            println!("{outcome}");
        }
        outcomes.push(outcome);
    }
    if options.json {
        println!("{}", serde_json::to_string_pretty(&outcomes)?);
    }
    Ok(())
}

fn build(root: &Path, target: &Path) -> Result<()> {
    let target = target.to_str().context("the target folder's path is no UTF-8")?;
    let packages = ["--package", "haltline", "--package", "xtask"];
    let arguments = [&["build", "--quiet", "--release", "--locked", "--target-dir", target][..], &packages].concat();
    shown(root, &cargo(), &arguments)
}
