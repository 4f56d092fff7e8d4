//! What comes out the same each time: system calls and peak memory.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::benchmark::{Measured, Setting};
use super::events::Sample;
use super::homes::{demand_waiting, filled};
use crate::run::{succeeds, timed};

/// The system calls of a drain for each event.
pub(super) fn system_calls(setting: &Setting, folder: &Path) -> Result<Measured> {
    if !succeeds("strace", &["-V"]) {
        return Ok(Measured::Skipped("strace is not on PATH".into()));
    }
    let home = filled(folder, "haltline", setting.events, Sample::Audit)?;
    let counts = folder.join("strace");
    let strace = ["-f", "-c", "-U", "calls,name", "-o"].map(OsStr::new);
    let haltline = [setting.haltline.as_os_str(), "drain-faults".as_ref(), "--queue".as_ref(), "--home".as_ref()];
    let words = [&strace[..], &[counts.as_os_str()], &haltline, &[home.as_os_str()]].concat();
    timed(Path::new("strace"), &words, &home)?;
    demand_waiting(&home, 0)?;
    let counts = fs::read_to_string(counts)?;
    Ok(Measured::Value(total(&counts)? / f64::from(setting.events)))
}

/// The peak memory of a drain.
pub(super) fn memory_of_drain(setting: &Setting, folder: &Path) -> Result<Measured> {
    let home = filled(folder, "haltline", setting.events, Sample::Audit)?;
    let measured = memory(setting, &home, &["drain-faults", "--queue"])?;
    if !matches!(measured, Measured::Skipped(_)) {
        demand_waiting(&home, 0)?;
    }
    Ok(measured)
}

/// The peak memory of an emit.
pub(super) fn memory_of_emit(setting: &Setting, folder: &Path) -> Result<Measured> {
    let words = ["emit", "--kind", "PHASE_FAILED", "--run-id", "build-1", "--message", "tests exited 1"];
    memory(setting, folder, &words)
}

/// The peak of a process, as GNU time says it. A process that is started from a large one begins with its peak, so
/// xtask does not start it itself.
fn memory(setting: &Setting, home: &Path, words: &[&str]) -> Result<Measured> {
    if !succeeds("time", &["--version"]) {
        return Ok(Measured::Skipped("GNU time is not on PATH".into()));
    }
    let peak = home.join("peak");
    let time = ["-q", "-f", "%M", "-o"].map(OsStr::new);
    let words: Vec<_> = words.iter().map(OsStr::new).collect();
    let haltline = [peak.as_os_str(), setting.haltline.as_os_str()];
    let words = [&time[..], &haltline, &words, &["--home".as_ref(), home.as_os_str()]].concat();
    timed(Path::new("time"), &words, home)?;
    let peak = fs::read_to_string(&peak)?;
    let kibibytes: f64 = peak.trim().parse().with_context(|| format!("`time` printed {peak:?}"))?;
    Ok(Measured::Value(kibibytes / 1024.0))
}

/// The last row of what strace counted.
fn total(counts: &str) -> Result<f64> {
    let last = counts.lines().rev().find_map(|line| line.trim().strip_suffix("total"));
    let last = last.with_context(|| format!("strace counted no total: {counts}"))?;
    Ok(last.trim().parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_found_below_the_calls() {
        let counts = "    calls syscall\n--------- -----------\n       12 read\n        3 openat\n       15 total\n";
        assert!((total(counts).unwrap() - 15.0).abs() < f64::EPSILON);
        assert!(total("strace: no such process").is_err());
    }
}
