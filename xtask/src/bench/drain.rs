//! Measures a drain of audit events.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::benchmark::{Pair, Setting};
use super::events;
use crate::run::timed;

/// Events that the crash-safe floor makes durable at once.
const GROUP: &str = "1024";

/// The part of a drain's result that proves that it did the work.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DrainResult {
    short_circuited: u64,
    failed: u64,
}

pub(super) fn against_crash_safe_floor(setting: &Setting, folder: &Path) -> Result<Pair> {
    measure(setting, folder, &["--commit", GROUP])
}

pub(super) fn against_plain_floor(setting: &Setting, folder: &Path) -> Result<Pair> {
    measure(setting, folder, &[])
}

fn measure(setting: &Setting, folder: &Path, floor_flags: &[&str]) -> Result<Pair> {
    let haltline_home = fresh_home(folder, "haltline", setting.events)?;
    let floor_home = fresh_home(folder, "floor", setting.events)?;
    // What the generation left to write would be charged to whoever runs first.
    rustix::fs::syncfs(File::open(folder)?)?;
    Ok(Pair { haltline: run_haltline(setting, &haltline_home)?, floor: run_floor(setting, &floor_home, floor_flags)? })
}

fn fresh_home(folder: &Path, name: &str, count: u32) -> Result<PathBuf> {
    let home = folder.join(name);
    fs::create_dir(&home).with_context(|| format!("cannot make {}", home.display()))?;
    events::fill(&home, count)?;
    Ok(home)
}

fn run_haltline(setting: &Setting, home: &Path) -> Result<f64> {
    let arguments = ["drain-faults", "--queue", "--json", "--home"].map(OsStr::new);
    let arguments = [&arguments[..], &[home.as_os_str()]].concat();
    let finished = timed(&setting.haltline, &arguments, home)?;
    let result: DrainResult = serde_json::from_slice(&finished.stdout)
        .context("`haltline drain-faults --json` printed no result; does the binary know the command?")?;
    // The drain's own audit event comes on top.
    let expected = u64::from(setting.events) + 1;
    ensure!(
        result.short_circuited == expected && result.failed == 0,
        "haltline settled {} of {expected} events, {} failed",
        result.short_circuited,
        result.failed
    );
    demand_empty(home)?;
    Ok(finished.took.as_secs_f64())
}

fn run_floor(setting: &Setting, home: &Path, flags: &[&str]) -> Result<f64> {
    let arguments = [OsStr::new("floor"), OsStr::new("drain"), OsStr::new("--home"), home.as_os_str()];
    let flags: Vec<_> = flags.iter().map(OsStr::new).collect();
    let finished = timed(&setting.floor, &[&arguments[..], &flags].concat(), home)?;
    demand_empty(home)?;
    Ok(finished.took.as_secs_f64())
}

fn demand_empty(home: &Path) -> Result<()> {
    let left = fs::read_dir(events::pending_folder(home))?.count();
    ensure!(left == 0, "{left} events are left in {}", home.display());
    Ok(())
}
