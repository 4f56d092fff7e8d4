//! Measures a drain whose investigator is a stub.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};

use super::benchmark::{Measured, Setting};
use super::events::Sample;
use super::homes::{demand_waiting, filled, settle};
use crate::run::own_seconds;

/// A report, at once.
const ANSWER: &str = r#"printf '{"faultId":"%s","outcome":"root-cause-identified","rootCause":"a stub knows","evidence":[],"proposedFix":null,"costUsd":0,"learnedPatternProposal":null}\n' "$HALTLINE_FAULT_ID""#;

/// Investigations at once.
const JOBS: u32 = 4;

/// What the slow stub takes, in seconds.
const PAUSE: f64 = 0.5;

/// Milliseconds of processor that haltline itself takes for one investigation.
pub(super) fn own_time(setting: &Setting, folder: &Path) -> Result<Measured> {
    let (own, _) = run(setting, folder, ANSWER)?;
    Ok(Measured::Value(own * 1000.0 / f64::from(setting.events)))
}

/// The share of the time of all places in which no stub sleeps in them, in percent.
pub(super) fn idle_places(setting: &Setting, folder: &Path) -> Result<Measured> {
    let (_, took) = run(setting, folder, &format!("sleep {PAUSE}; {ANSWER}"))?;
    let busy = PAUSE * f64::from(setting.events) / (f64::from(JOBS) * took);
    Ok(Measured::Value((1.0 - busy) * 100.0))
}

fn run(setting: &Setting, folder: &Path, stub: &str) -> Result<(f64, f64)> {
    let home = filled(folder, "haltline", setting.events, Sample::Fault)?;
    settle(folder)?;
    let (jobs, most) = (JOBS.to_string(), setting.events.to_string());
    let words = ["drain-faults", "--queue", "--json", "--investigator", "command", "--command", stub, "--jobs", &jobs];
    let words = [&words[..], &["--max", &most, "--home"]].concat();
    let mut words: Vec<_> = words.into_iter().map(OsStr::new).collect();
    words.push(home.as_os_str());
    let seconds = own_seconds(&setting.haltline, &words, folder)?;
    demand_waiting(&home, 0)?;
    let rows = fs::read_to_string(home.join("analytics/skill-faults.jsonl"))?;
    let investigated = rows.matches(r#""outcome":"investigated""#).count();
    ensure!(investigated == setting.events as usize, "{investigated} of {} faults were investigated", setting.events);
    Ok(seconds)
}
