//! Measures a drain of audit events.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::benchmark::{Measured, Pair, Setting};
use super::events::Sample;
use super::homes::{demand_waiting, filled, settle};
use crate::run::{succeeds, timed};

/// Events that the durable floor flushes at once.
const GROUP: &str = "1024";

/// Events of a small queue.
const FEW: u32 = 10_000;

/// What a drain of another house does: two passes, and a folder, a rename and an append for each event; no flush.
const INCUMBENT: &str = include_str!("incumbent.mjs");

/// The part of a drain's result that proves that it did the work.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DrainResult {
    short_circuited: u64,
    failed: u64,
}

pub(super) fn against_durable_floor(setting: &Setting, folder: &Path) -> Result<Measured> {
    against_floor(setting, folder, &[GROUP])
}

pub(super) fn against_plain_floor(setting: &Setting, folder: &Path) -> Result<Measured> {
    against_floor(setting, folder, &[])
}

pub(super) fn against_node(setting: &Setting, folder: &Path) -> Result<Measured> {
    against_incumbent(setting, folder, "node")
}

pub(super) fn against_bun(setting: &Setting, folder: &Path) -> Result<Measured> {
    against_incumbent(setting, folder, "bun")
}

/// One event of a large queue against one of a small queue.
pub(super) fn against_small_queue(setting: &Setting, folder: &Path) -> Result<Measured> {
    let few = Setting { events: FEW, ..setting.clone() };
    let small = filled(folder, "small", FEW, Sample::Audit)?;
    let large = filled(folder, "large", setting.events, Sample::Audit)?;
    settle(folder)?;
    let other = run_haltline(&few, &small)? / f64::from(FEW);
    Ok(Measured::Pair(Pair { haltline: run_haltline(setting, &large)? / f64::from(setting.events), other }))
}

fn against_floor(setting: &Setting, folder: &Path, group: &[&str]) -> Result<Measured> {
    let ours = filled(folder, "haltline", setting.events, Sample::Audit)?;
    let home = filled(folder, "floor", setting.events, Sample::Audit)?;
    settle(folder)?;
    let haltline = run_haltline(setting, &ours)?;
    let words: Vec<_> = group.iter().map(OsStr::new).collect();
    let other = run_other(&setting.floor, &[&["drain".as_ref(), home.as_os_str()], &words[..]].concat(), &home)?;
    Ok(Measured::Pair(Pair { haltline, other }))
}

fn against_incumbent(setting: &Setting, folder: &Path, runtime: &str) -> Result<Measured> {
    if !succeeds(runtime, &["--version"]) {
        return Ok(Measured::Skipped(format!("{runtime} is not on PATH")));
    }
    let script = folder.join("incumbent.mjs");
    fs::write(&script, INCUMBENT)?;
    let ours = filled(folder, "haltline", setting.events, Sample::Audit)?;
    let home = filled(folder, "incumbent", setting.events, Sample::Audit)?;
    settle(folder)?;
    let haltline = run_haltline(setting, &ours)?;
    let other = run_other(Path::new(runtime), &[script.as_os_str(), home.as_os_str()], &home)?;
    Ok(Measured::Pair(Pair { haltline, other }))
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
    demand_waiting(home, 0)?;
    Ok(finished.took.as_secs_f64())
}

fn run_other(program: &Path, arguments: &[&OsStr], home: &Path) -> Result<f64> {
    let finished = timed(program, arguments, home)?;
    demand_waiting(home, 0)?;
    Ok(finished.took.as_secs_f64())
}
