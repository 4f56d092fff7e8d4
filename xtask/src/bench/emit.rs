//! Measures emitting: the whole program, and the library.

use std::ffi::OsStr;
use std::path::Path;

use anyhow::{Context, Result};

use super::benchmark::{Measured, Pair, Setting};
use super::homes::{demand_waiting, settle};
use crate::run::timed;

/// One emit after the other, each a process, and in turn the floor's; seconds of one.
pub(super) fn against_floor(setting: &Setting, folder: &Path) -> Result<Measured> {
    let home = folder.join("haltline");
    let (mut haltline, mut other) = (0.0, 0.0);
    // The folders of both are there before the clock runs.
    emit(setting, &home, 0)?;
    settle(folder)?;
    for number in 1..=setting.events {
        let floor = folder.join(format!("floor-{number}"));
        std::fs::create_dir_all(super::events::pending_folder(&floor))?;
        haltline += emit(setting, &home, number)?;
        let words = [OsStr::new("emit"), floor.as_os_str(), OsStr::new("1"), OsStr::new("1")];
        other += timed(&setting.floor, &words, folder)?.took.as_secs_f64();
    }
    demand_waiting(&home, setting.events + 1)?;
    let count = f64::from(setting.events);
    Ok(Measured::Pair(Pair { haltline: haltline / count, other: other / count }))
}

fn emit(setting: &Setting, home: &Path, number: u32) -> Result<f64> {
    let run = format!("build-{number}");
    let words = ["emit", "--kind", "PHASE_FAILED", "--message", "tests exited 1", "--run-id", &run, "--home"];
    let words = words.map(OsStr::new);
    let words = [&words[..], &[home.as_os_str()]].concat();
    Ok(timed(&setting.haltline, &words, home.parent().unwrap_or(home))?.took.as_secs_f64())
}

/// The program's start and end, and in turn those of `true`; seconds of one.
pub(super) fn start(setting: &Setting, folder: &Path) -> Result<Measured> {
    let (mut haltline, mut other) = (0.0, 0.0);
    for _ in 0..setting.events {
        haltline += timed(&setting.haltline, &["--version".as_ref()], folder)?.took.as_secs_f64();
        other += timed(Path::new("true"), &[], folder)?.took.as_secs_f64();
    }
    let count = f64::from(setting.events);
    Ok(Measured::Pair(Pair { haltline: haltline / count, other: other / count }))
}

pub(super) fn in_a_loop(setting: &Setting, folder: &Path) -> Result<Measured> {
    let haltline = library(setting, folder, 1, 1)?;
    Ok(Measured::Pair(Pair { haltline, other: floor(setting, folder, 1)? }))
}

pub(super) fn in_batches(setting: &Setting, folder: &Path) -> Result<Measured> {
    let haltline = library(setting, folder, 64, 1)?;
    Ok(Measured::Pair(Pair { haltline, other: floor(setting, folder, 64)? }))
}

pub(super) fn many_at_once(setting: &Setting, folder: &Path) -> Result<Measured> {
    let haltline = library(setting, folder, 1, 32)?;
    Ok(Measured::Pair(Pair { haltline, other: library(setting, folder, 1, 1)? }))
}

/// Seconds of all emits by the library.
fn library(setting: &Setting, folder: &Path, batch: u32, threads: u32) -> Result<f64> {
    let home = folder.join(format!("library-{batch}-{threads}"));
    let numbers = [setting.events, batch, threads].map(|number| number.to_string());
    let words: Vec<_> = std::iter::once(home.as_os_str()).chain(numbers.iter().map(OsStr::new)).collect();
    let seconds = seconds(&timed(&setting.emits, &words, folder)?.stdout)?;
    demand_waiting(&home, setting.events)?;
    Ok(seconds)
}

/// Seconds of all emits by the floor.
fn floor(setting: &Setting, folder: &Path, group: u32) -> Result<f64> {
    let home = folder.join("floor");
    let numbers = [setting.events, group].map(|number| number.to_string());
    let words = [OsStr::new("emit"), home.as_os_str(), numbers[0].as_ref(), numbers[1].as_ref()];
    let seconds = seconds(&timed(&setting.floor, &words, folder)?.stdout)?;
    demand_waiting(&home, setting.events)?;
    Ok(seconds)
}

fn seconds(printed: &[u8]) -> Result<f64> {
    let text = String::from_utf8_lossy(printed);
    text.trim().parse().with_context(|| format!("{text:?} is no number of seconds"))
}
