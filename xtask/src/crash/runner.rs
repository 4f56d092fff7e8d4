//! Builds the binary, makes the folders, runs the layers that were asked for.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use cargo_metadata::MetadataCommand;
use clap::Args;
use clap::builder::PossibleValuesParser;

use super::case::Tools;
use super::layer::{LAYERS, Verdict};
use super::setting::Setting;
use super::stub;
use crate::run::{cargo, shown};
use crate::workspace::Workspace;

/// The feature by which the binary can kill itself at a step.
const FAULTS: &str = "faults";

/// A file system in memory.
const MEMORY: &str = "/dev/shm";

/// The most histories at a time. More than that only wait for each other's disk.
const MOST_WORKERS: usize = 8;

/// The flags of `cargo xtask crash`.
#[derive(Debug, Args)]
pub struct Options {
    /// Which layer of faults
    #[arg(long, default_value = "all", value_parser = PossibleValuesParser::new(["l2", "l3", "l4", "l5", "all"]))]
    layer: String,
    /// A slice of each, as continuous integration has time for, with a debug build
    #[arg(long)]
    slice: bool,
    /// The number of the first history; the same number gives the same history
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// How many histories [default: as many as the goal needs]
    #[arg(long)]
    count: Option<u64>,
    /// Leave the homes of histories that broke a promise where they are
    #[arg(long)]
    keep: bool,
    /// Let the file system lie, by the name of the lie in files/src/fail_points.rs: the run has to fail, which proves the
    /// checker
    #[arg(long)]
    lie: Option<String>,
    /// Where homes on a disk are made [default: crash/ in the target folder]
    #[arg(long)]
    dir: Option<PathBuf>,
}

/// Runs the layers; fails where one found a violation, or could not make as many faults as it should.
///
/// # Errors
/// The build fails, or the harness itself does.
pub fn run(options: &Options) -> Result<ExitCode> {
    let workspace = Workspace::load()?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace.root().join("target"), PathBuf::from);
    let has_fault_points = has_feature(workspace.root())?;
    let built = build(workspace.root(), &target, options.slice, has_fault_points)?;

    let parent = options.dir.clone().unwrap_or_else(|| target.join("crash"));
    fs::create_dir_all(&parent).with_context(|| format!("cannot make {}", parent.display()))?;
    let parent = parent.canonicalize()?;
    let folder = tempfile::Builder::new().prefix("haltline-crash-").tempdir_in(&parent)?;
    let memory = tempfile::Builder::new().prefix("haltline-crash-").tempdir_in(MEMORY).ok();
    // A copy: a build beside it would take the binary away in the middle.
    let haltline = folder.path().join("haltline");
    fs::copy(&built, &haltline).with_context(|| format!("cannot copy {}", built.display()))?;
    let setting = Setting {
        tools: Tools { haltline, stub: stub::write(folder.path())?, lie: options.lie.clone() },
        has_fault_points,
        disk: folder.path().to_owned(),
        memory: memory.as_ref().map(|folder| folder.path().to_owned()),
        seed: options.seed,
        is_slice: options.slice,
        count: options.count,
        keep: options.keep,
        workers: workers(options.count),
    };
    let layers = LAYERS.iter().filter(|layer| options.layer == "all" || options.layer == layer.name);
    let verdicts = layers.map(|layer| layer.run(&setting)).collect::<Result<Vec<_>>>()?;
    let count = |wanted| verdicts.iter().filter(|verdict| **verdict == wanted).count();
    let (kept, missed, skipped) = (count(Verdict::Kept), count(Verdict::Missed), count(Verdict::Skipped));
    println!("crash: {kept} layers reached their goal, {missed} missed it, {skipped} were skipped");
    if options.keep && missed > 0 {
        for folder in [Some(folder), memory].into_iter().flatten() {
            println!("kept {}", folder.keep().display());
        }
    }
    Ok(if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Two for each processor, since a history waits half of its time, and no more than histories.
fn workers(count: Option<u64>) -> usize {
    let processors = std::thread::available_parallelism().map_or(2, |found| 2 * usize::from(found)).min(MOST_WORKERS);
    count.map_or(processors, |count| processors.min(usize::try_from(count).unwrap_or(usize::MAX)))
}

fn has_feature(root: &Path) -> Result<bool> {
    let metadata = MetadataCommand::new().manifest_path(root.join("Cargo.toml")).no_deps().exec()?;
    let mut features =
        metadata.packages.iter().filter(|package| package.name == "haltline").map(|found| &found.features);
    Ok(features.any(|features| features.contains_key(FAULTS)))
}

fn build(root: &Path, target: &Path, is_slice: bool, has_fault_points: bool) -> Result<PathBuf> {
    let folder = target.to_str().context("the target folder's path is no UTF-8")?;
    let mut arguments = vec!["build", "--quiet", "--locked", "--target-dir", folder, "--package", "haltline"];
    if !is_slice {
        arguments.push("--release");
    }
    if has_fault_points {
        arguments.extend(["--features", FAULTS]);
    }
    shown(root, &cargo(), &arguments)?;
    Ok(target.join(if is_slice { "debug/haltline" } else { "release/haltline" }))
}
